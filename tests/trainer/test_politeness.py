"""A training makes way for chat, and not for ever."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from storage.values import NewTurn, Outcome, Role, RunState, Source, Turn, Verdict
from tests.trainer.conftest import SERVER, facts, failed_checks, teach, with_settings
from trainer.politeness import WINDOW, Politeness, busy_share
from trainer.progress import Interrupted, Why
from trainer.serving import train_now
from trainer.world import TrainerWorld

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def answer(seconds_ago: float, latency: float | None, role: Role = Role.ASSISTANT) -> Turn:
    at = NOW - timedelta(seconds=seconds_ago)
    return Turn(1, 1, role, "hello", Source.MESSAGE, Verdict(Outcome.PASS, "hello"), at, None, None, None, latency)


@pytest.mark.parametrize(
    ("turns", "share"),
    [
        ([], 0.0),
        ([answer(1, 4.0), answer(9, 6.0)], 0.5),
        ([answer(1, 40.0)], 1.0),
        ([answer(1, 20.0), answer(1, 20.0)], 2.0),
        ([answer(WINDOW.total_seconds() + 1, 20.0)], 0.0),
        ([answer(-5, 20.0)], 0.0),
        ([answer(1, None)], 0.0),
        ([answer(1, 20.0, Role.USER)], 0.0),
    ],
    ids=["nothing", "half", "longer-than-that", "two-at-once", "long-ago", "clock-went-back", "unknown", "a-question"],
)
def test_chat_is_as_busy_as_answers_were_being_made(turns: list[Turn], share: float) -> None:
    assert busy_share(turns, NOW) == pytest.approx(share)


class Chat:
    """Is busy for some looks, then calm."""

    def __init__(self, looks: int) -> None:
        self.left = looks
        self.slept = 0.0
        self.told: list[str] = []

    def is_busy(self) -> bool:
        self.left -= 1
        return self.left >= 0

    def sleep(self, seconds: float) -> None:
        self.slept += seconds

    def politeness(self, patience: float, check: Any = lambda: None) -> Politeness:
        return Politeness(self.is_busy, check, self.told.append, patience_seconds=patience, sleep=self.sleep)


def test_it_waits_until_chat_is_calm_and_says_so() -> None:
    chat = Chat(5)
    politeness = chat.politeness(60)
    politeness.make_way()
    politeness.make_way()
    assert chat.slept == politeness.waited_seconds == pytest.approx(1.0)
    assert set(chat.told) == {"Waiting while people chat."}


def test_patience_is_for_the_whole_run_and_ends() -> None:
    chat = Chat(10**6)
    politeness = chat.politeness(2.0)
    for _ in range(100):
        politeness.make_way()
    assert chat.slept == pytest.approx(2.0, abs=0.21)


def test_without_patience_nobody_is_asked() -> None:
    chat = Chat(3)
    chat.politeness(0.0).make_way()
    assert (chat.left, chat.slept) == (3, 0.0)


def test_a_run_that_shall_stop_does_not_wait_on() -> None:
    chat = Chat(10**6)

    def check() -> None:
        if chat.slept > 1:
            raise Interrupted(Why.CANCELLED)

    with pytest.raises(Interrupted):
        chat.politeness(3600, check).make_way()
    assert chat.slept < 2


@pytest.mark.usefixtures("lenient_gate")
@pytest.mark.parametrize(("minutes", "waits"), [(0.01, True), (0, False)], ids=["polite", "never-waits"])
async def test_a_run_beside_a_busy_chat_waits_as_long_as_it_may_and_is_then_done(
    world: TrainerWorld, minutes: float, waits: bool
) -> None:
    await teach(world, facts())
    conversation = await world.store.conversations.current(SERVER, "general")
    verdict = Verdict(Outcome.PASS, "hello")
    for _ in range(8):
        new = NewTurn(conversation.id, Role.ASSISTANT, "hello", Source.MESSAGE, verdict, latency_seconds=20.0)
        await world.store.conversations.add_turn(new)
    run = await train_now(with_settings(world, wait_minutes=minutes), by="command")
    report: Any = run.report
    assert run.state is RunState.PROMOTED, failed_checks(run)
    assert (report["training"]["waited_seconds"] > 0) is waits
    assert report["training"]["waited_seconds"] < 1
