"""Which conversations are held out to judge by: whole units and, where many people wrote, whole people.

The choice depends on hashes of what belongs together, not on the order in which it was read.
"""

import numpy
from numpy.typing import NDArray

MANY_AUTHORS = 20
"""With fewer, holding out one of them would take too much of the talk away, so units decide alone."""
_SPARE = 8
"""Conversations that a group may bring above the wanted number."""

_AT_ONCE = 1_000_000

Hashes = NDArray[numpy.uint64]
Marks = NDArray[numpy.bool_]


def held_out(units: Hashes, authors: Hashes, kept: Marks, *, share: float) -> Marks:
    """For each conversation whether it is held out.

    Args:
        units: hashes; the same unit stays on one side.
        authors: hashes; 0 where nobody knows.
        kept: those that are there at all.
        share: of the kept ones, 0 to 1; 0: none. Otherwise at least one unit, if there are two.
    """
    groups = units
    if authors.any() and len(numpy.unique(authors[kept & (authors != 0)])) >= MANY_AUTHORS:
        groups = numpy.where(authors != 0, authors, units)
    names, sizes = _counted(groups[kept])
    chosen: list[int] = []
    total = int(sizes.sum())
    wanted = max(1, round(share * total))
    most = min(wanted + max(_SPARE, wanted // 4), total // 2)
    taken = 0
    if share > 0 and len(names) > 1:
        for at in range(len(names)):  # in order of the hashes, so at random, and always the same
            if taken >= wanted:
                break
            if taken + int(sizes[at]) <= most:
                chosen.append(at)
                taken += int(sizes[at])
    return _is_one_of(groups, names[chosen]) & kept


def _counted(groups: Hashes) -> tuple[Hashes, NDArray[numpy.int64]]:
    """Each group once, in order, and how often it is there."""
    groups.sort()
    starts = numpy.flatnonzero(numpy.concatenate([[True], groups[1:] != groups[:-1]])[: len(groups)])
    return groups[starts], numpy.diff(numpy.append(starts, len(groups)))


def _is_one_of(groups: Hashes, chosen: Hashes) -> Marks:
    """Where a group is one of some; `numpy.isin` would take several times the memory."""
    marks = numpy.zeros(len(groups), dtype=numpy.bool_)
    if len(chosen) > 0:
        for start in range(0, len(groups), _AT_ONCE):
            part = groups[start : start + _AT_ONCE]
            places = numpy.minimum(numpy.searchsorted(chosen, part), len(chosen) - 1)
            marks[start : start + _AT_ONCE] = chosen[places] == part
    return marks
