"""The drivers that play many members, small and with a scripted engine: what they count is what happened."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks.crowd import Asked, crowd_in, note, percentile
from benchmarks.playground_load import Load, Outcome, table, talk
from benchmarks.playground_soak import FAULTS, Findings, Soak, compare, go_through
from bot.chat import sentences
from playground.faults import Faults
from storage.store import Store
from tests.fakes.clock import FakeClock
from tests.playground.town import mynah_in, open_town

VOTES = [{"type": 1, "components": [{"type": 2, "custom_id": "mynah:vote:up:1"}]}]


def reply(content: str, *, id: str = "7", components: Any = ()) -> dict[str, Any]:
    return {"id": id, "content": content, "components": list(components)}


async def test_everybody_in_a_small_crowd_hears_a_whole_answer_once(
    store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    load = Load(members=6, channels=3, rate=20.0, seconds=0.2, patience_seconds=30.0)
    async with (
        open_town(limits_are_enforced=False) as town,
        mynah_in(town, store, clock, tmp_path / "home"),
        crowd_in(town.server, members=load.members, channels=load.channels) as crowd,
    ):
        outcome = await talk(crowd, load)
    assert (len(outcome.steady), len(outcome.burst)) == (4, 6)
    assert (outcome.unheard, outcome.twice) == (0, 0)
    answered = [one for one in (*outcome.steady, *outcome.burst) if one.is_answered]
    assert all(one.first_at is not None and one.at <= one.first_at <= (one.whole_at or 0) for one in answered)
    assert len(answered) + sum(bool(one.refusal) for one in (*outcome.steady, *outcome.burst)) == 10
    assert answered


async def test_a_small_soak_finds_every_answer_in_the_store(store: Store, clock: FakeClock, tmp_path: Path) -> None:
    soak = Soak(seconds=1.0, members=4, rate=4.0, every_seconds=0.2, seed=5, patience_seconds=30.0)
    async with (
        open_town(heartbeat_seconds=0.5) as town,
        mynah_in(town, store, clock, tmp_path / "home", silence_seconds=3.0),
        crowd_in(town.server, members=soak.members, channels=2) as crowd,
    ):
        findings = await go_through(crowd, soak)
        await compare(findings, store)
    assert findings.faults.total() > 0
    assert findings.broken == []


async def test_an_answer_that_was_seen_and_is_not_stored_is_found(store: Store) -> None:
    asked = Asked("1", 0.0, first_at=1.0, whole_at=2.0, replies={"7"})
    findings = Findings([asked])
    await compare(findings, store, patience_seconds=0)
    assert findings.lost == ["1"]
    assert findings.broken == ["1 answers that were seen are not stored"]


@pytest.mark.parametrize(
    ("findings", "words"),
    [
        pytest.param({"has_died": True}, "restart by hand", id="died"),
        pytest.param({"is_back": False}, "did not come back", id="away"),
        pytest.param({"stored_twice": ["1"]}, "stored twice", id="stored twice"),
    ],
)
def test_a_broken_promise_is_named(findings: dict[str, Any], words: str) -> None:
    answered = Asked("1", 0.0, whole_at=1.0, replies={"7"})
    (broken,) = Findings([answered], **findings).broken
    assert words in broken
    assert Findings([answered]).broken == []
    assert Findings([Asked("1", 0.0)]).broken == ["1 people heard nothing whole", "nothing was answered at all"]


def test_two_messages_for_one_are_a_duplicate() -> None:
    asked = Asked("1", 0.0)
    note(asked, reply("Hello!", components=VOTES), 1.0)
    note(asked, reply("Hello!", id="8", components=VOTES), 2.0)
    assert Outcome([asked], []).twice == 1
    assert Findings([asked]).answered_twice == ["1"]


def test_an_answer_is_whole_with_its_buttons_and_a_refusal_with_its_words() -> None:
    answered, refused = Asked("1", 0.0), Asked("2", 0.0)
    note(answered, reply("Bread"), 1.0)
    assert (answered.first_at, answered.whole_at) == (1.0, None)
    note(answered, reply("Bread is warm.", components=VOTES), 2.0)
    assert (answered.first_at, answered.whole_at, answered.is_answered) == (1.0, 2.0, True)
    note(refused, reply(sentences.BUSY), 3.0)
    assert (refused.whole_at, refused.refusal, refused.is_answered) == (3.0, sentences.BUSY, False)
    steady = table(Load(1, 1, 1.0, 1.0), Outcome([answered, refused, Asked("3", 0.0)], []))[2]
    assert steady == "| steady, 1 a second | 3 | 1 | 1.00 | 1.00 | 2.00 | 2.00 | 1 | 1 |"


def test_the_percentile_is_a_value_that_was_seen() -> None:
    assert [percentile(range(1, 101), share) for share in (0.5, 0.99, 1.0)] == [50, 99, 100]
    assert percentile([3.0], 0.99) == 3.0


def test_every_fault_of_the_soak_is_one_that_there_is() -> None:
    faults = Faults(lambda: 0.0)
    kinds = Counter(faults.add(wanted).kind for wanted in FAULTS)
    assert len(kinds) >= 10
