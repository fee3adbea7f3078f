"""How a step's documents are dealt out."""

from hypothesis import given
from hypothesis import strategies as st

from trainer.recipe import Step
from trainer.spread.dealing import dealt

SIZES = st.lists(st.integers(1, 100), max_size=12)


@given(taught=SIZES, replay=SIZES, hands=st.integers(1, 5))
def test_every_document_is_dealt_once_and_loads_are_as_even_as_the_largest_allows(
    taught: list[int], replay: list[int], hands: int
) -> None:
    step = Step(tuple(range(len(taught))), tuple(range(len(replay))))
    parts = dealt(step, dict(enumerate(taught)), dict(enumerate(replay)), hands)

    assert len(parts) == hands
    assert sorted(index for part in parts for index in part.taught) == list(step.taught)
    assert sorted(index for part in parts for index in part.replay) == list(step.replay)
    loads = [sum(taught[i] for i in part.taught) + sum(replay[i] for i in part.replay) for part in parts]
    assert max(loads) - min(loads) <= max([*taught, *replay, 0])


def test_the_same_step_is_dealt_alike_by_every_process() -> None:
    step = Step((3, 1, 2), (0,))
    sizes = {1: 5, 2: 5, 3: 5}
    assert dealt(step, sizes, {0: 5}, 2) == [Step((1, 3), ()), Step((2,), (0,))]
