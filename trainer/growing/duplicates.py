"""Which conversations were there before, word for word or nearly, among millions, in little memory.

Exact copies are known by a hash as they stream by. Near copies are found afterwards: a signature of each conversation
goes to a file (104 bytes), and only the pairs whose signatures meet are compared by their text. Memory is some 30 bytes
for each conversation; nothing is forgotten however many there are.

Two conversations are near copies when both what the user says and what the assistant says share `ALIKE` of their runs
of five letters. Another wording of a question is none, even where the answer is the same: such wordings teach.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

import numpy
from numpy.typing import NDArray

from storage import minhash
from storage.minhash import Hashes
from storage.similarity import ALIKE, normalised

Sides = tuple[str, str]
"""All that the user says, and all that the assistant says."""

_LETTERS = 5
"""In a run: shared runs of three are no sign of kinship in texts of a thousand letters."""
_BANDS, _USER_ROWS, _ASSISTANT_ROWS = 10, 3, 2
"""Of the MinHash: of pairs of which both sides are just alike 98 % meet in some band; of pairs with the same answer to
questions that share a fifth 8 %; of strangers none."""
_COMPARED = 8
"""Earlier conversations of one bucket that a conversation is compared with."""
_REMEMBERED = 4_000_000
"""Hashes of runs that are kept at hand while pairs are compared: 32 MB."""
_MERGE_AT = 200_000
_ROWS_AT_ONCE = 100_000
_PARTS = 8
"""In which a band is looked through, one after the other, so that its keys are not sorted all at once."""
_SIGNATURE = numpy.dtype([("offset", "<u8"), ("unit", "<u8"), ("author", "<u8"), ("bands", "<u8", (_BANDS,))])


def hash_of(text: str) -> int:
    """64 bits that stand for a text; never 0."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little") or 1


class SeenHashes:
    """A set of 64-bit hashes that takes some 8 bytes for each."""

    def __init__(self) -> None:
        self._sorted: Hashes = numpy.empty(0, dtype=numpy.uint64)
        self._recent: set[int] = set()

    def add(self, one: int) -> bool:
        """Whether it is new."""
        if one in self._recent:
            return False
        at = int(numpy.searchsorted(self._sorted, numpy.uint64(one)))
        if at < len(self._sorted) and int(self._sorted[at]) == one:
            return False
        self._recent.add(one)
        if len(self._recent) >= _MERGE_AT:
            recent = numpy.fromiter(self._recent, dtype=numpy.uint64)
            self._sorted = numpy.sort(numpy.concatenate([self._sorted, recent]))
            self._recent.clear()
        return True


class Signatures:
    """A file of signatures, written one by one, then looked at as a whole.

    Args:
        path: of the file; written anew.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] = path.open("wb", buffering=1 << 20)
        self.count = 0

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def add(self, sides: Sides, *, offset: int, unit: int, author: int) -> None:
        """Write a conversation's signature.

        Args:
            sides: what it says.
            offset: where its text is found again.
            unit: hash of what it was cut from.
            author: hash of who wrote it; 0: nobody knows.
        """
        row = numpy.zeros(1, dtype=_SIGNATURE)
        row["offset"], row["unit"], row["author"], row["bands"] = offset, unit, author, _bands(sides)
        self._file.write(row.tobytes())
        self.count += 1

    def column(self, name: str, band: int | None = None) -> Hashes:
        """One figure of every conversation, in the order in which they were written."""
        self._file.flush()
        column = numpy.empty(self.count, dtype=numpy.uint64)
        with self._path.open("rb") as file:
            for start in range(0, self.count, _ROWS_AT_ONCE):
                rows = numpy.fromfile(file, dtype=_SIGNATURE, count=_ROWS_AT_ONCE)
                column[start : start + len(rows)] = rows[name] if band is None else rows[name][:, band]
        return column

    def offset(self, index: int) -> int:
        """Where the text of one conversation is found."""
        with self._path.open("rb") as file:
            file.seek(index * _SIGNATURE.itemsize)
            return int(numpy.fromfile(file, dtype=_SIGNATURE, count=1)["offset"][0])


def near_copies(
    signatures: Signatures, sides_at: Callable[[int], Sides], on_band: Callable[[float], None] = lambda _: None
) -> NDArray[numpy.bool_]:
    """For each conversation whether an earlier one that stays says nearly the same.

    Args:
        signatures: of all of them.
        sides_at: the text of a conversation, from its offset.
        on_band: told how far the search is, 0 to 1.
    """
    copies = numpy.zeros(signatures.count, dtype=numpy.bool_)
    runs = _Remembered(lambda index: _sets_of(sides_at(signatures.offset(index))))
    for band in range(_BANDS):
        on_band(band / _BANDS)
        for bucket in _buckets(signatures.column("bands", band)):
            _mark_copies(bucket, copies, runs)
    on_band(1.0)
    return copies


def _mark_copies(bucket: Iterable[int], copies: NDArray[numpy.bool_], runs: "_Remembered") -> None:
    kept: list[int] = []
    for index in bucket:
        if copies[index]:
            continue
        if any(_are_alike(runs[other], runs[index]) for other in kept):
            copies[index] = True
        elif len(kept) < _COMPARED:
            kept.append(index)


def _buckets(keys: Hashes) -> Iterator[list[int]]:
    """Indices that share a key, in order, where more than one does."""
    for part in range(_PARTS):
        members = numpy.flatnonzero(keys % numpy.uint64(_PARTS) == part)
        order = members[numpy.argsort(keys[members], kind="stable")]
        ends = numpy.flatnonzero(numpy.diff(keys[order])) + 1
        starts = numpy.concatenate([[0], ends])
        sizes = numpy.diff(numpy.concatenate([starts, [len(order)]]))
        for at in numpy.flatnonzero(sizes > 1):
            yield order[starts[at] : starts[at] + sizes[at]].tolist()


def _bands(sides: Sides) -> Hashes:
    """Shape (_BANDS,): equal figures at one place mean that both sides of two conversations may be alike."""
    users, assistants = (
        minhash.lowest(minhash.runs(normalised(side), _LETTERS), factors)
        for side, factors in zip(sides, (_USER_FACTORS, _ASSISTANT_FACTORS), strict=True)
    )
    rows = numpy.concatenate([users.reshape(_BANDS, -1), assistants.reshape(_BANDS, -1)], axis=1)
    return minhash.folded(rows)


def _sets_of(sides: Sides) -> tuple[Hashes, Hashes]:
    user, assistant = (minhash.set_of(minhash.runs(normalised(side), _LETTERS)) for side in sides)
    return user, assistant


def _are_alike(left: tuple[Hashes, Hashes], right: tuple[Hashes, Hashes]) -> bool:
    return all(minhash.similarity(one, other, at_least=ALIKE) >= ALIKE for one, other in zip(left, right, strict=True))


class _Remembered:
    """Results of a function, the latest ones kept."""

    def __init__(self, make: Callable[[int], tuple[Hashes, Hashes]]) -> None:
        self._make = make
        self._kept: OrderedDict[int, tuple[Hashes, Hashes]] = OrderedDict()
        self._size = 0

    def __getitem__(self, index: int) -> tuple[Hashes, Hashes]:
        if index in self._kept:
            self._kept.move_to_end(index)
            return self._kept[index]
        made = self._kept[index] = self._make(index)
        self._size += _size(made)
        while self._size > _REMEMBERED and len(self._kept) > 1:
            self._size -= _size(self._kept.popitem(last=False)[1])
        return made


def _size(sets: tuple[Hashes, Hashes]) -> int:
    return sum(map(len, sets))


_USER_FACTORS = minhash.factors(_BANDS * _USER_ROWS, seed=1)
_ASSISTANT_FACTORS = minhash.factors(_BANDS * _ASSISTANT_ROWS, seed=2)
