"""The story in sentences and as a picture."""

from dataclasses import replace
from pathlib import Path

import pytest

from mynah.simulation.drawing import draw
from mynah.simulation.story import Story
from tests.mynah.simulation.stories import made_up


def test_the_summary_says_what_was_said_learnt_decided_attacked_and_kept() -> None:
    talked, learnt, verdicts, attacked, kept = made_up().summary()

    assert "In 2 days 4 members and 2 trolls wrote 60 messages" in talked
    assert "approved 20 examples, mended 4 and turned 10 down" in talked
    assert "from 25.00 to 20.00 (-20.0%)" in learnt
    assert verdicts == "1 of 2 rounds brought a new version. Day 2 did not: It is rude."
    assert "5 poisoned exchanges: 4 passed the screens, 3 a moderator's mistake, and 1 are in" in attacked
    assert kept.startswith("Every promise held")


def test_a_broken_promise_is_told_with_its_day() -> None:
    story = made_up(broken=("Something is left of Noor.",))

    assert story.broken == ["Day 2: Something is left of Noor."]
    assert "1 promise BROKEN: Day 2: Something is left of Noor." in story.summary()[-1]
    assert story.as_json()["broken_promises"] == story.broken


def test_without_trolls_nothing_is_said_of_them() -> None:
    story = made_up()
    alone = replace(story, cast=replace(story.cast, trolls=()))
    assert len(alone.summary()) == len(story.summary()) - 1


@pytest.mark.parametrize("story", [made_up(), replace(made_up(), rounds=[])], ids=["two days", "no day"])
def test_any_story_can_be_drawn(story: Story, tmp_path: Path) -> None:
    draw(story, tmp_path / "story.png")
    assert (tmp_path / "story.png").read_bytes().startswith(b"\x89PNG")
