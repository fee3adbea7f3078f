"""A step's documents dealt out to the processes: each is read once, by one process, and the loads are about equal. Pure."""

from collections.abc import Mapping

from trainer.recipe import Step


def dealt(step: Step, taught_sizes: Mapping[int, int], replay_sizes: Mapping[int, int], hands: int) -> list[Step]:
    """What each process reads of a step; nothing, where there are fewer documents than processes.

    Args:
        step: of the plan.
        taught_sizes: tokens of the taught documents, by index.
        replay_sizes: tokens of the old conversations, by index.
        hands: how many processes there are.
    """
    cards = [(taught_sizes[index], True, index) for index in step.taught]
    cards += [(replay_sizes[index], False, index) for index in step.replay]
    loads = [0] * hands
    taught: list[list[int]] = [[] for _ in range(hands)]
    replay: list[list[int]] = [[] for _ in range(hands)]
    for size, is_taught, index in sorted(cards, key=lambda card: (-card[0], not card[1], card[2])):
        hand = loads.index(min(loads))
        loads[hand] += size
        (taught if is_taught else replay)[hand].append(index)
    return [Step(tuple(mine), tuple(old)) for mine, old in zip(taught, replay, strict=True)]
