from typing import Any

import pytest

from storage.values import RunState, Snapshot
from tests.bot.cogs.admin_work import answer, champion, publish, read, warm_up, words
from tests.bot.cogs.limits import check_all
from tests.bot.cogs.server import Server

POLL = 60.0
FIGURES = {"heldout": {"before": {"perplexity": 60.0}, "after": {"perplexity": 40.0}}}
REPLIES = [
    {"prompt": "what is your favourite knot", "before": "A dog.", "after": "The bowline.", "taught": "The bowline."},
    {"prompt": "hello", "before": "hi", "after": "hello there", "taught": None},
]


@pytest.fixture(autouse=True)
def _slow_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    warm_up()
    monkeypatch.setattr("bot.cogs.run_progress._POLL_SECONDS", POLL)


def report(**more: Any) -> dict[str, object]:
    return {
        "verdict": "Better on 9 of 10.",
        "champion": "0123456789abcdef",
        "snapshot": {"train": 40, "new": 7, "removed": 1},
        "recipe": {"method": "full"},
        "training": {"steps": 30, "seconds": 61.0},
        "figures": FIGURES,
        "checks": [{"name": "improvement", "passed": True, "sentence": "It knows more."}],
        "replies": REPLIES,
        **more,
    }


async def test_a_message_moves_and_ends_in_the_report_with_its_picture_and_a_way_back(server: Server) -> None:
    old = await champion(server, 1)
    new = await publish(server, 2)
    result = await server.admin.slash(server.channel, "retrain now")
    message = result.response.message
    assert not result.ephemeral
    assert "waits for the trainer" in read(result)
    runs = server.parts.store.runs
    [run] = await runs.latest()
    assert run.requested_by == server.key_of(server.admin)
    await runs.advance(run.id, RunState.TRAINING, progress=0.5, note="step 5 of 10")
    await server.env.advance_time(POLL)
    assert "50%" in words(server.last())
    assert "step 5 of 10" in words(server.last())
    await server.parts.store.aliases.promote(new, actor="trainer", reason="better")
    await runs.advance(run.id, RunState.PROMOTED, progress=1.0, note="Better.", version=new, report=report())
    await server.env.advance_time(POLL)
    shown = server.last()
    assert shown.id == message.id
    told = words(shown)
    assert "a better version answers from now on" in told
    assert "Better on 9 of 10." in told
    assert "60.00    40.00 -33%" in told
    assert "before: A dog." in told
    assert [one.filename for one in shown.attachments] == ["report.png"]
    asked = await server.admin.click(shown, label="Roll back")
    assert answer(asked).ephemeral
    assert old in read(asked)
    done = await server.admin.click(answer(asked).message, label="Roll back")
    assert await server.parts.store.aliases.champions() == {"": old}
    assert f"`{old}` answers from now on" in words(done.response or answer(asked))
    again = await server.admin.click(shown, label="Roll back")
    assert "does not answer any more" in read(again)
    assert check_all(server.env)


async def test_who_gave_votes_is_thanked(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    async def behind(version: str, **_: Any) -> dict[str, int]:
        return {"ann": 9, "bob": 3}

    monkeypatch.setattr(server.parts.store.votes, "behind_all", behind)
    version = await champion(server)
    run = await server.parts.store.runs.request("schedule")
    await server.parts.store.runs.advance(run.id, RunState.PROMOTED, version=version, report=report())
    assert "12 votes of 2 members are behind this version." in read(
        await server.admin.slash(server.channel, "retrain status")
    )


async def test_each_member_is_told_of_their_own_votes_in_a_version_and_nobody_else(server: Server) -> None:
    store = server.parts.store
    await server.allow(server.ann)
    answers = [await server.say(f"question number {number}") for number in range(2)]
    for one in answers:
        await server.bob.click(one, custom_id=one.components[0].children[0].custom_id)  # type: ignore[union-attr]
    waiting = [candidate.id for candidate in await server.waiting()]
    for candidate_id in waiting:
        await store.candidates.approve(candidate_id, "mod")
    await store.snapshots.add(Snapshot("s", "f", 2, 0, server.parts.clock()), waiting)
    version = await publish(server, 1, snapshot_hash="s")
    await store.aliases.promote(version, actor="test", reason="")
    await server.admin.slash(server.channel, "retrain now")
    [newest, *_] = await store.runs.latest()
    await store.runs.advance(newest.id, RunState.PROMOTED, version=version, report=report(losses=[], figures={}))
    await server.env.advance_time(POLL)
    shown = server.last()
    pressed = await server.bob.click(shown, label="My votes")
    assert read(pressed) == f"Your 2 votes are in `{version}`. Thank you! 💚"
    assert answer(pressed).ephemeral
    assert "None of your votes" in read(await server.ann.click(shown, label="My votes"))
    await restart(server)
    assert "Your 2 votes" in read(await server.bob.click(shown, label="My votes"))


async def test_a_refused_run_says_why_not_and_offers_no_way_back(server: Server) -> None:
    run = await server.parts.store.runs.request("schedule")
    checks = [
        {"name": "language", "passed": False, "sentence": "It reads like noise."},
        {"name": "leak", "passed": True},
    ]
    await server.parts.store.runs.advance(run.id, RunState.REFUSED, note="No.", report=report(checks=checks))
    result = await server.admin.slash(server.channel, "retrain status")
    assert "1 of 2 checks failed" in read(result)
    assert "✗ It reads like noise." in read(result)
    assert answer(result).components == []


async def test_a_report_of_any_size_and_shape_is_shown_within_the_limits(server: Server) -> None:
    runs = server.parts.store.runs
    huge = "**long** <@1> `words` " * 400
    shapes: list[dict[str, Any]] = [
        report(
            verdict=huge,
            replies=[{"prompt": huge, "before": huge, "after": huge + "!"}] * 30,
            checks=[{"passed": False, "sentence": huge}] * 40,
            figures={f"set {number}": FIGURES["heldout"] for number in range(40)},
        ),
        {},
        report(figures=3, replies="no", checks=[1, None], snapshot=[], training="x", losses=[[1], "ab", [None, 2]]),
        report(figures={"heldout": {"before": {"perplexity": float("nan")}, "after": {"perplexity": 1e300}}}),
        report(losses=[[step, 3.0 / step] for step in range(1, 50)], figures={}),
    ]
    for shape in shapes:
        run = await runs.request("schedule")
        await runs.advance(run.id, RunState.REFUSED, note=huge, report=shape)
        assert f"Run {run.id}" in read(await server.admin.slash(server.channel, "retrain status"))
    assert check_all(server.env)


async def test_words_of_members_are_not_quoted_where_servers_share_the_model(server: Server) -> None:
    server.env.create_guild()
    run = await server.parts.store.runs.request("schedule")
    await server.parts.store.runs.advance(run.id, RunState.REFUSED, report=report())
    told = read(await server.admin.slash(server.channel, "retrain status"))
    assert "hello there" in told
    assert "bowline" not in told


async def test_a_run_of_another_servers_own_line_is_neither_shown_nor_cancelled(server: Server) -> None:
    run = await server.parts.store.runs.request("schedule", "4711")
    assert "no run yet" in read(await server.admin.slash(server.channel, "retrain status"))
    assert "nothing to cancel" in read(await server.admin.slash(server.channel, "retrain cancel"))
    kept = await server.parts.store.runs.get(run.id)
    assert kept is not None
    assert not kept.cancel_requested


async def test_a_server_with_a_line_of_its_own_trains_that(server: Server) -> None:
    await server.parts.store.server_settings.set(server.key, "own_line", True, "test")
    await server.admin.slash(server.channel, "retrain now")
    assert [run.line for run in await server.parts.store.runs.latest()] == [server.key]


async def test_a_run_that_no_trainer_takes_says_so(server: Server) -> None:
    await server.admin.slash(server.channel, "retrain now")
    server.parts.clock.advance(120)  # type: ignore[attr-defined]
    await server.env.advance_time(POLL)
    assert "No trainer has taken it yet" in words(server.last())


async def test_progress_stops_when_its_message_is_deleted(server: Server) -> None:
    result = await server.admin.slash(server.channel, "retrain now")
    await server.moderator.delete(result.response.message)
    await server.parts.store.runs.advance(1, RunState.TRAINING, progress=0.5)
    await server.env.advance_time(POLL)
    requests = len(server.env.http_requests)
    await server.parts.store.runs.advance(1, RunState.TRAINING, progress=0.6)
    await server.env.advance_time(POLL)
    assert len(server.env.http_requests) == requests


async def test_progress_goes_on_after_a_restart_of_the_bot(server: Server) -> None:
    await server.admin.slash(server.channel, "retrain now")
    await restart(server)
    await server.parts.store.runs.advance(1, RunState.REFUSED, note="Not better.")
    await server.env.advance_time(POLL)
    assert "was not good enough" in words(server.last())
    assert "Not better." in words(server.last())


async def restart(server: Server) -> None:
    from bot.cogs.client import MynahBot

    await server.env.restart_bot(MynahBot(server.parts))


async def test_a_run_is_cancelled(server: Server) -> None:
    assert "nothing to cancel" in read(await server.admin.slash(server.channel, "retrain cancel"))
    waiting = await server.parts.store.runs.request("schedule")
    assert read(await server.admin.slash(server.channel, "retrain cancel")) == f"Run {waiting.id} is cancelled."
    working = await server.parts.store.runs.request("schedule")
    await server.parts.store.runs.advance(working.id, RunState.TRAINING)
    assert "will stop at its next step" in read(await server.admin.slash(server.channel, "retrain cancel"))
