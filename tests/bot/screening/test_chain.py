import asyncio
import logging
from collections.abc import Sequence

import pytest

from bot.screening.chain import Screening
from bot.screening.crisis import Crisis
from bot.screening.folding import Folder
from bot.screening.personal_data import PersonalData
from bot.screening.protocol import Screener
from bot.screening.subject import Finding, Screen, Subject
from storage.values import Outcome

FOLDER = Folder()


class WordScreen:
    """Finds what it is told to find wherever its word stands; breaks at `boom`."""

    def __init__(self, name: str, word: str, finding: Finding, *, scrubs: bool = False, version: str = "1") -> None:
        self.name, self.word, self.finding, self.scrubs, self.version = name, word, finding, scrubs, version
        self.seen: list[str] = []

    def examine(self, subjects: Sequence[Subject]) -> list[Finding]:
        self.seen += [subject.original for subject in subjects]
        if any("boom" in subject.original for subject in subjects):
            raise ValueError("boom: a secret text")
        return [self.finding if self.word in subject.original else Finding() for subject in subjects]


def chain(*screens: Screen) -> Screening:
    return Screening(screens, folder=FOLDER, max_characters=100)


BLOCK = Finding(Outcome.REFUSE, ("block:bad",), blocks_reply=True)
LEARN = Finding(Outcome.REFUSE, ("learn:bad",))
HOLD = Finding(Outcome.HOLD, ("hold:so-so",), {"so-so": 0.5})


def test_nothing_in_nothing_out() -> None:
    assert chain(WordScreen("a", "x", BLOCK)).screen([]) == []


def test_a_text_that_nobody_minds_passes_unchanged() -> None:
    [verdict] = chain(WordScreen("a", "x", BLOCK)).screen(["hello"])
    assert (verdict.outcome, verdict.text, verdict.reasons, verdict.blocks_reply) == (Outcome.PASS, "hello", (), False)


def test_a_refusal_that_ends_the_talk_is_the_last_word() -> None:
    last = WordScreen("b", "x", HOLD)
    [verdict, _] = chain(WordScreen("a", "x", BLOCK), last).screen(["x", "y"])
    assert verdict.reasons == ("block:bad",)
    assert last.seen == ["y"]


def test_a_refusal_for_learning_lets_the_others_decide_about_the_reply() -> None:
    [verdict] = chain(WordScreen("a", "x", LEARN), WordScreen("b", "x", BLOCK)).screen(["x"])
    assert verdict.reasons == ("learn:bad", "block:bad")
    assert verdict.blocks_reply


def test_the_strictest_outcome_and_all_scores_are_in_the_verdict() -> None:
    [verdict] = chain(WordScreen("a", "x", HOLD), WordScreen("b", "x", LEARN)).screen(["x"])
    assert verdict.outcome is Outcome.REFUSE
    assert verdict.scores == {"so-so": 0.5}


def test_a_failing_screen_refuses_for_learning_only_the_text_it_failed_on(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        fine, broken, held = chain(WordScreen("a", "x", HOLD)).screen(["fine", "boom", "x"])
    assert (fine.outcome, held.outcome) == (Outcome.PASS, Outcome.HOLD)
    assert (broken.outcome, broken.reasons, broken.blocks_reply) == (Outcome.REFUSE, ("failed:a",), False)
    assert caplog.records
    assert all("secret" not in str(record.__dict__) and record.exc_info is None for record in caplog.records)


def test_where_the_scrubbing_fails_nothing_is_kept() -> None:
    [verdict] = chain(WordScreen("a", "x", HOLD, scrubs=True)).screen(["boom"])
    assert verdict.text == ""


def test_a_screen_that_forgets_a_text_has_failed() -> None:
    class Forgetful(WordScreen):
        def examine(self, subjects: Sequence[Subject]) -> list[Finding]:
            return []

    [verdict] = chain(Forgetful("a", "x", HOLD)).screen(["x"])
    assert verdict.reasons == ("failed:a",)


def test_a_crisis_is_heard_and_scrubbed_whatever_else_it_holds() -> None:
    [verdict] = chain(PersonalData(), Crisis(), WordScreen("a", "x", BLOCK)).screen(["x a@b.de I want to kill myself"])
    assert verdict.is_crisis
    assert "[email]" in verdict.text
    assert verdict.reasons == ("personal-data:email", "crisis:self-harm")


def test_one_scrubber_works_on_what_the_other_left() -> None:
    again = WordScreen("b", "x", Finding(text="twice"), scrubs=True)
    [verdict] = chain(PersonalData(), again).screen(["x a@b.de"])
    assert verdict.text == "twice"


def test_the_version_changes_with_any_screen() -> None:
    versions = {
        chain(WordScreen("a", "x", HOLD)).version,
        chain(WordScreen("a", "x", HOLD, version="2")).version,
        chain(WordScreen("a", "x", HOLD), Crisis()).version,
    }
    assert len(versions) == 3


async def test_checking_does_not_hold_up_the_event_loop() -> None:
    screener: Screener = chain(WordScreen("a", "x", HOLD))
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    ticker = asyncio.create_task(tick())
    [verdict] = await screener.check(["x"])
    ticker.cancel()
    assert verdict.outcome is Outcome.HOLD
    assert ticks > 0
