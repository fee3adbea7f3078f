"""Which conversations are held out to judge by: whole units and, where many people wrote, whole people.

The choice depends on hashes of what belongs together, not on the order in which it was read.
"""

import numpy
from numpy.typing import NDArray

MANY_AUTHORS = 20
"""With fewer, holding out one of them would take too much of the talk away, so units decide alone."""
_SPARE = 8
"""Conversations that a group may bring above the wanted number."""

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
    if len(numpy.unique(authors[kept & (authors != 0)])) >= MANY_AUTHORS:
        groups = numpy.where(authors != 0, authors, units)
    names, sizes = numpy.unique(groups[kept], return_counts=True)
    chosen: list[int] = []
    total = int(sizes.sum())
    wanted = max(1, round(share * total))
    most = min(wanted + max(_SPARE, wanted // 4), total // 2)
    taken = 0
    if share > 0 and len(names) > 1:
        for at, size in enumerate(sizes.tolist()):  # in order of the hashes, so at random, and always the same
            if taken >= wanted:
                break
            if taken + size <= most:
                chosen.append(at)
                taken += size
    marks: Marks = numpy.isin(groups, names[chosen]) & kept
    return marks
