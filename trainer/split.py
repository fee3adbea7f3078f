"""Which examples are held out to judge by, and which are learnt. Pure, and the same for the same examples.

What is held out must be strange to the model (near-duplicates, and where many members talk a member's talk in one
place, stay on one side), but holding out must not keep a taught thing from being learnt: an answer that was taught in
several wordings keeps at least two of them, one that a person corrected is never held out alone, and where too little
could be held out to judge by, nothing is.

Promise: what was held out once is never learnt, and what was learnt is never held out; what comes later and belongs
with it goes to its side.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence

from storage.similarity import Groups, normalised, reply_of
from storage.values import Source
from trainer.curation import Example

TRAIN, HELD_OUT = "train", "heldout"
"""The sides of a snapshot."""
ENOUGH_TO_JUDGE = 8
"""Fewer held-out examples than this tell nothing."""
MOST_TO_JUDGE = 400
"""More only cost time."""
_MANY_MEMBERS = 20
_WORDINGS_KEPT = 2


def held_out(examples: Sequence[Example], *, share: float) -> frozenset[int]:
    """Indices of the examples to hold out; no new ones when fewer than `ENOUGH_TO_JUDGE` could be.

    Args:
        examples: in any order; the choice depends on their contents, and the sides that they had before, only.
        share: of the examples, 0 to 1.
    """
    replies = [normalised(reply_of(example.messages)) for example in examples]
    groups = _groups(examples)
    fixed = {index for group in groups for index in _held_out_before(examples, group)}
    left = Counter(replies)
    left.subtract(replies[index] for index in fixed)
    wanted = min(max(ENOUGH_TO_JUDGE, round(share * len(examples))), MOST_TO_JUDGE)
    may_lose_answers = share * len(examples) >= ENOUGH_TO_JUDGE
    chosen = set(fixed)
    for group in groups:
        if len(chosen) >= wanted:
            break
        if any(examples[index].side for index in group) or len(chosen) + len(group) > wanted + ENOUGH_TO_JUDGE:
            continue
        here = Counter(replies[index] for index in group)
        can_spare = all(left[reply] - count >= _WORDINGS_KEPT for reply, count in here.items())
        is_talk = all(left[reply] == count for reply, count in here.items()) and not any(
            examples[index].source is Source.CORRECTION for index in group
        )
        if can_spare or (may_lose_answers and is_talk):
            chosen.update(group)
            left.subtract(here)
    return frozenset(chosen if len(chosen) >= ENOUGH_TO_JUDGE else fixed)


def _held_out_before(examples: Sequence[Example], group: Sequence[int]) -> list[int]:
    """Those of a group that an earlier snapshot's side holds out.

    A group that was met on one side only goes there whole. One that is on both, because what joined it came later, is
    looked at cluster by cluster; what is in a cluster without a side is learnt then.
    """
    sides = {examples[index].side for index in group if examples[index].side}
    if len(sides) < 2:
        return list(group) if sides == {HELD_OUT} else []
    clusters = {examples[index].cluster for index in group if examples[index].side == HELD_OUT}
    return [index for index in group if examples[index].cluster in clusters and examples[index].side != TRAIN]


def _groups(examples: Sequence[Example]) -> list[list[int]]:
    """Indices of what must stay on one side, in an order that depends on nothing but the contents."""
    together = Groups(len(examples))
    by_member = len({author for example in examples for author in example.author_keys}) >= _MANY_MEMBERS
    first_of: dict[object, int] = {}
    for index, example in enumerate(examples):
        units: list[object] = [example.cluster]
        if by_member:
            units += [(example.place, author) for author in example.author_keys]
        for unit in units:
            together.join(first_of.setdefault(unit, index), index)
    groups: dict[int, list[int]] = defaultdict(list)
    for index in range(len(examples)):
        groups[together.find(index)].append(index)
    return sorted(groups.values(), key=lambda group: min(_rank(examples[index]) for index in group))


def _rank(example: Example) -> str:
    return hashlib.sha256(f"held-out:{example.content_hash}".encode()).hexdigest()
