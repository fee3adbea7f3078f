"""What the drill counts, and how it keeps its processes: small, without a bot."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.crowd import Asked, note
from benchmarks.drill import Outcome, Plan, facts, questions_answered_twice, table
from benchmarks.kept import Kept, kept
from bot.chat import sentences
from storage.store import Store
from storage.values import Run, RunState
from tests.storage.talk import say

VOTES = [{"type": 1, "components": [{"type": 2, "custom_id": "mynah:vote:up:1"}]}]
FOREVER = 60.0


def heard(*replies: str) -> Asked:
    asked = Asked("1", 0.0)
    for number, words in enumerate(replies):
        is_whole = not words.endswith("…")
        note(asked, {"id": str(number), "content": words, "components": VOTES if is_whole else []}, 1.0)
    return asked


async def ended_run(store: Store) -> Run:
    run = await store.runs.request("drill")
    return replace(run, state=RunState.REFUSED)


async def test_where_everybody_heard_one_answer_nothing_is_broken(store: Store) -> None:
    refused = Asked("2", 0.0)
    note(refused, {"id": "9", "content": sentences.TROUBLE, "components": []}, 1.0)
    outcome = Outcome(
        [heard("Hello."), refused],
        run=await ended_run(store),
        runs=1,
        swapped_after=[0.5, 4.0],
        bots=2,
        died={"bot 0": 0},
    )
    assert outcome.broken == []
    counts = outcome.counts()
    assert (counts["asked"], counts["answered"], counts["apologies"]) == (2, 1, 1)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        pytest.param({"asked": [Asked("1", 0.0)]}, "heard_nothing_whole", id="unheard"),
        pytest.param({"asked": [heard("Hello.", "Hello.")]}, "answered_twice", id="twice"),
        pytest.param({"asked": [heard("Hel…", "Hello.")]}, "left_half", id="half"),
        pytest.param({"lost": ["1"]}, "seen_not_stored", id="not stored"),
        pytest.param({"stored_twice": ["1"]}, "stored_twice", id="stored twice"),
        pytest.param({"answers_twice": 1}, "answers_stored_twice", id="two answers stored"),
        pytest.param({"run": None}, "runs_lost", id="no run"),
        pytest.param({"runs": 2}, "runs_doubled", id="two runs"),
        pytest.param({"swapped_after": [0.5]}, "bots_not_swapped_within_5_s", id="a bot did not swap"),
        pytest.param({"swapped_after": [0.5, 5.5]}, "bots_not_swapped_within_5_s", id="a bot swapped late"),
        pytest.param({"died": {"trainer": 1}}, "died_by_themselves", id="died"),
    ],
)
async def test_each_broken_promise_is_counted(store: Store, change: dict[str, Any], name: str) -> None:
    fine = Outcome([heard("Hello.")], run=await ended_run(store), runs=1, swapped_after=[0.5, 0.6], bots=2)
    assert fine.broken == []
    broken = replace(fine, **change)
    assert broken.broken == [name]
    assert f"| {name.replace('_', ' ')} | 1 |" in table(broken)
    told = facts(Plan(60, 1, 1.0, 2, 1), broken)
    assert (told["broken"], told["counts"][name]) == ([name], 1)


async def test_a_question_with_two_stored_answers_is_found(store: Store) -> None:
    question, other = await say(store, "hello"), await say(store, "good day")
    await say(store, "Hello.", author=None, reply_to=question.id)
    await say(store, "Good day.", author=None, reply_to=other.id)
    assert await questions_answered_twice(store) == 0
    await say(store, "Hello again.", author=None, reply_to=question.id)
    assert await questions_answered_twice(store) == 1


def process(words: str, folder: Path) -> Kept:
    return Kept((sys.executable, "-c", words), dict(os.environ), folder / "out")


async def said(folder: Path, fits: Callable[[str], bool]) -> None:
    async with asyncio.timeout(FOREVER):
        while not fits((folder / "out").read_text() if (folder / "out").exists() else ""):  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(0.01)


async def test_a_killed_process_is_started_again_and_has_not_died_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.kept.AGAIN_SECONDS", 0.0)
    one = process("import time; print('here', flush=True); time.sleep(1000)", tmp_path)
    async with kept([one]):
        await said(tmp_path, lambda words: words == "here\n")
        one.end(signal.SIGKILL)
        await said(tmp_path, lambda words: words == "here\nhere\n")
    assert one.died == 0


async def test_a_process_that_ends_by_itself_is_counted_and_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.kept.AGAIN_SECONDS", 0.0)
    one = process("print('here', flush=True)", tmp_path)
    async with kept([one]):
        await said(tmp_path, lambda words: words.count("here") > 2)
    assert one.died >= 2
