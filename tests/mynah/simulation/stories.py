"""A made-up story, for what only shows one."""

from datetime import date, timedelta

from mynah.simulation.measuring import Measured
from mynah.simulation.order import Order, Poison
from mynah.simulation.people import cast
from mynah.simulation.story import STAGES, Round, Story, Verdict
from storage.values import RunState
from trainer.evaluation import Figures

ORDER = Order(rounds=2, members=4, trolls=2)


def measured(version: str, perplexity: float) -> Measured:
    held_out, general = (Figures(10, 100, figure, 0.5, 1.0) for figure in (perplexity, 10.0))
    return Measured(version, held_out, general, 0.0, 0.0)


def made_up(*, broken: tuple[str, ...] = ()) -> Story:
    """Two days: one that brought a version, and one that the gate refused."""
    ends = ((RunState.PROMOTED, "It is better.", ()), (RunState.REFUSED, "It is rude.", ("toxic", "general")))
    rounds = [
        Round(
            number=number,
            date=(date(2026, 1, 4) + timedelta(days=number)).isoformat(),
            talk={"messages": 30, "refusal": 1, "correction refused": 2, "correction no-consent": 3},
            review={"approve": 10, "edit": 2, "reject": 5, "mistakes": 1},
            privacy=("Mira took the yes back",),
            poison={stage: {Poison.TOXIC: 5 - place} for place, stage in enumerate(STAGES)},
            verdict=Verdict(state, sentence, failed, "b" if not failed else None, 9, 8, {"a new member waits": 2}),
            measured=measured("b", 20.0),
            broken=broken if number == 2 else (),
        )
        for number, (state, sentence, failed) in enumerate(ends, start=1)
    ]
    return Story(ORDER.as_record(), cast(ORDER), 80, 10, measured("a", 25.0), rounds)
