"""Texts as sets of runs of letters: how much two sets share, and short signatures in which sets that share much meet.

The one place where MinHash is computed: for exchanges in the database (`storage.similarity`) and for the millions of
conversations of a dataset (`trainer.growing.duplicates`). Both choose how long a run is, and how many figures make a
band. Needs numpy, so whoever must start fast imports it late.
"""

import zlib

import numpy
from numpy.typing import NDArray

Hashes = NDArray[numpy.uint64]

_BLOCK = 4_096
"""Runs that are hashed at once: a block stays in the processor's cache."""
_MIX_1, _MIX_2 = numpy.uint64(0xBF58476D1CE4E5B9), numpy.uint64(0x94D049BB133111EB)


def runs(text: str, letters: int) -> Hashes:
    """Hashes of the runs of letters of a text, spaces at its ends included; one may come twice."""
    padded = f" {text} "
    codes = numpy.frombuffer(padded.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(numpy.uint64)
    if len(codes) <= letters:
        return numpy.array([zlib.crc32(padded.encode("utf-8", "surrogatepass"))], dtype=numpy.uint64)
    size = len(codes) - letters + 1
    hashes = numpy.zeros(size, dtype=numpy.uint64)
    for place in range(letters):
        hashes = hashes * numpy.uint64(0x100000001B3) + codes[place : place + size]
    return hashes


def set_of(hashes: Hashes) -> Hashes:
    """Each once, sorted."""
    ordered = numpy.sort(hashes)
    once: Hashes = ordered[numpy.concatenate([[True], ordered[1:] != ordered[:-1]])]
    return once


def similarity(left: Hashes, right: Hashes, *, at_least: float = 0.0) -> float:
    """Jaccard similarity of two sorted sets; 0 where their sizes alone say that it is below `at_least`."""
    if min(len(left), len(right)) < at_least * max(len(left), len(right)):
        return 0.0
    both = len(numpy.intersect1d(left, right, assume_unique=True))
    return both / (len(left) + len(right) - both)


def lowest(hashes: Hashes, factors: NDArray[numpy.uint32]) -> Hashes:
    """The MinHash of a set. Shape (factors,); of 32 bits, which takes a tenth of the time of 64."""
    short = (mixed(hashes) >> numpy.uint64(32)).astype(numpy.uint32)
    found = numpy.full(len(factors), 0xFFFFFFFF, dtype=numpy.uint32)
    for start in range(0, len(short), _BLOCK):
        block = factors[:, None] * short[start : start + _BLOCK]
        numpy.minimum(found, block.min(axis=1), out=found)
    return found.astype(numpy.uint64)


def folded(rows: Hashes) -> Hashes:
    """One figure for each row of figures: shape (bands, figures) to (bands,)."""
    one: Hashes = rows[:, 0]
    for row in range(1, rows.shape[1]):
        one = mixed(one ^ (rows[:, row] << numpy.uint64(16)))
    return one


def mixed(hashes: Hashes) -> Hashes:
    """Every bit of the result depends on every bit of the input."""
    hashes = (hashes ^ (hashes >> numpy.uint64(30))) * _MIX_1
    hashes ^= hashes >> numpy.uint64(27)
    hashes *= _MIX_2
    hashes ^= hashes >> numpy.uint64(31)
    return hashes


def factors(count: int, seed: int) -> NDArray[numpy.uint32]:
    """What makes the figures of a MinHash differ; the same for the same seed."""
    drawn = numpy.random.default_rng(seed).integers(0, 1 << 32, size=count, dtype=numpy.uint32)
    return drawn | numpy.uint32(1)  # odd, so that the product loses nothing
