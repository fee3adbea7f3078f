"""Runs that nobody asked for are told of where a server wants it: once, and never at the cost of anything else."""

from typing import Any

import discord
import pytest

from bot.cogs.client import MynahBot
from bot.cogs.run_cards import ACTOR
from bot.cogs.sending import revise
from storage.values import Run, RunState, Snapshot
from tests.bot.cogs.admin_work import champion, publish, read, words
from tests.bot.cogs.limits import check_all
from tests.bot.cogs.reviewing import waits
from tests.bot.cogs.server import Server
from tests.bot.cogs.test_retraining import POLL, report


@pytest.fixture(autouse=True)
def _slow_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.cogs.run_report.report_plot", lambda _: b"a picture")  # drawn elsewhere, and slowly
    monkeypatch.setattr("bot.cogs.run_progress._POLL_SECONDS", POLL)
    monkeypatch.setattr("bot.cogs.retraining._LOOK_SECONDS", POLL)


async def wants_to_hear(server: Server, channel: Any = None, **more: Any) -> Any:
    """A channel for announcements; the channel."""
    channel = channel or server.guild.create_text_channel("news")
    await choose(server, announce_channel=str(channel.id), **more)
    return channel


async def choose(server: Server, **choices: Any) -> None:
    for name, value in choices.items():
        await server.parts.store.server_settings.set(server.key, name, value, "admin")


async def begins(server: Server, by: str = "schedule", line: str = "") -> Run:
    server.parts.clock.advance(1)  # type: ignore[attr-defined]
    run = await server.parts.store.runs.request(by, line)
    return await server.parts.store.runs.advance(run.id, RunState.TRAINING, progress=0.5, note="step 5 of 10")


async def look(server: Server, times: int = 1) -> None:
    for _ in range(times):
        await server.env.advance_time(POLL)


async def restart(server: Server) -> None:
    await server.env.restart_bot(MynahBot(server.parts))
    await look(server)


def told(channel: Any) -> list[discord.Message]:
    return sorted(channel.history(), key=lambda message: message.id)


@pytest.mark.parametrize("by", ["schedule", "approvals"])
async def test_a_run_that_began_by_itself_is_announced_moves_and_ends_in_the_report(server: Server, by: str) -> None:
    old, new = await champion(server, 1), await publish(server, 2)
    news = await wants_to_hear(server)
    run = await begins(server, by)
    await look(server)
    [message] = told(news)
    assert "50%" in words(message)
    await server.parts.store.runs.advance(run.id, RunState.EVALUATING, progress=0.8, note="Comparing.")
    await look(server)
    assert "80%" in words(told(news)[0])
    await server.parts.store.aliases.promote(new, actor="trainer", reason="better")
    await server.parts.store.runs.advance(run.id, RunState.PROMOTED, version=new, report=report())
    await look(server)
    [shown] = told(news)
    assert shown.id == message.id
    assert "a better version answers from now on" in words(shown)
    assert "before: A dog." in words(shown)
    assert [one.filename for one in shown.attachments] == ["report.png"]
    assert old in read(await server.admin.click(shown, label="Roll back"))
    assert told(server.channel) == []
    assert check_all(server.env)


async def test_nothing_is_announced_where_no_channel_is_chosen(server: Server) -> None:
    run = await begins(server)
    await look(server)
    await server.parts.store.runs.advance(run.id, RunState.REFUSED, report=report())
    await look(server)
    assert not [body for body in server.sent() if body.get("embeds")]
    assert await server.parts.store.run_cards.open() == []


@pytest.mark.parametrize("by", ["command", "somebody"])
async def test_a_run_that_somebody_asked_for_is_not_announced(server: Server, by: str) -> None:
    news = await wants_to_hear(server)
    await begins(server, by)
    await look(server, 2)
    assert told(news) == []


async def test_a_run_is_announced_once_whenever_the_bot_restarts(server: Server) -> None:
    news = await wants_to_hear(server)
    run = await begins(server)
    await look(server)
    await restart(server)
    await server.parts.store.runs.advance(run.id, RunState.GATING, progress=0.96)
    await restart(server)
    assert "96%" in words(told(news)[0])
    await server.parts.store.runs.advance(run.id, RunState.REFUSED, note="Not better.", report=report())
    await restart(server)
    await restart(server)
    [message] = told(news)
    assert "was not good enough" in words(message)


async def test_a_bot_that_died_between_claiming_and_posting_posts_after_its_restart(server: Server) -> None:
    news = await wants_to_hear(server)
    run = await begins(server)
    assert await server.parts.store.run_cards.claim(run.id, server.key, str(news.id))
    await restart(server)
    await look(server)
    assert ["50%" in words(message) for message in told(news)] == [True]


async def test_a_bot_that_died_between_posting_and_noting_it_finds_its_message_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    news = await wants_to_hear(server)
    await begins(server)
    other = await begins(server, "approvals")

    async def die(*_: Any) -> None:
        return None

    with monkeypatch.context() as dying:
        dying.setattr(server.parts.store.run_cards, "posted", die)
        await look(server)
    first = [message.id for message in told(news)]
    assert len(first) == 2
    await server.parts.store.runs.advance(other.id, RunState.GATING, progress=0.96)
    await restart(server)
    assert [message.id for message in told(news)] == first
    assert ["96%" in words(message) for message in told(news)] == [False, True]


async def test_a_run_that_an_admin_shows_in_the_channel_already_is_not_announced_there_again(server: Server) -> None:
    news = await wants_to_hear(server)
    await server.parts.store.runs.request("schedule")
    await server.admin.slash(news, "retrain now")
    await look(server, 2)
    assert len(told(news)) == 1


async def test_a_run_that_was_over_before_the_channel_was_chosen_or_yesterday_is_no_news(server: Server) -> None:
    run = await begins(server)
    await server.parts.store.runs.advance(run.id, RunState.REFUSED, report=report())
    server.parts.clock.advance(60)  # type: ignore[attr-defined]
    news = await wants_to_hear(server)
    await look(server)
    assert told(news) == []
    await choose(server, quiet_hours="00:00-23:59")
    late = await begins(server)
    await server.parts.store.runs.advance(late.id, RunState.REFUSED, report=report())
    await look(server)
    server.parts.clock.advance(25 * 3600)  # type: ignore[attr-defined]
    await choose(server, quiet_hours="")
    await look(server)
    assert told(news) == []


async def test_in_quiet_hours_nothing_is_posted_and_afterwards_how_it_ended(server: Server) -> None:
    news = await wants_to_hear(server, quiet_hours="00:00-23:59")
    run = await begins(server)
    await look(server, 2)
    assert told(news) == []
    await server.parts.store.runs.advance(run.id, RunState.REFUSED, note="Not better.", report=report())
    await choose(server, quiet_hours="")
    await look(server, 2)
    [message] = told(news)
    assert "was not good enough" in words(message)


async def problems(server: Server) -> list[tuple[str, object]]:
    entries = await server.parts.store.audit.latest(action="announce", server=server.key)
    return [(entry.actor, entry.details["problem"]) for entry in entries]


async def test_a_channel_where_the_bot_may_not_write_is_told_of_once(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    nobody = {server.guild.default_role: discord.PermissionOverwrite(send_messages=False)}
    news = await wants_to_hear(server, server.guild.create_text_channel("news", overwrites=nobody))
    for _ in range(3):
        run = await begins(server)
        await look(server, 2)
        await server.parts.store.runs.advance(run.id, RunState.REFUSED, report=report())
        await look(server)
    await restart(server)
    assert told(news) == []
    assert await problems(server) == [(ACTOR, "no-permission")]
    assert [record.message for record in caplog.records].count("run not announced") == 1
    log = read(await server.admin.slash(server.channel, "audit"))
    assert "announce `run 1` (problem no-permission)" in log


async def test_a_channel_that_was_deleted_is_told_of_once_and_another_one_works(server: Server) -> None:
    news = await wants_to_hear(server)
    await begins(server)
    await look(server)
    await server.env.bot.get_channel(news.id).delete()
    await server.parts.store.runs.advance(1, RunState.GATING, progress=0.96)
    await look(server)
    assert await problems(server) == [(ACTOR, "no-channel")]
    await server.parts.store.runs.advance(1, RunState.REFUSED, report=report())
    await begins(server)
    await look(server, 2)
    assert await problems(server) == [(ACTOR, "no-channel")]
    other = await wants_to_hear(server, server.guild.create_text_channel("other"))
    await server.parts.store.runs.advance(2, RunState.REFUSED, report=report())
    await begins(server)
    await look(server)
    assert len(told(other)) == 1


async def test_a_channel_of_another_server_gets_nothing(server: Server) -> None:
    other = server.env.create_guild()
    elsewhere = other.create_text_channel("elsewhere")
    await wants_to_hear(server, elsewhere)
    await begins(server)
    await look(server, 2)
    assert told(elsewhere) == []
    assert await problems(server) == [(ACTOR, "no-channel")]


async def test_a_message_that_somebody_deleted_is_not_posted_again_and_is_no_failure(server: Server) -> None:
    news = await wants_to_hear(server)
    run = await begins(server)
    await look(server)
    await server.moderator.delete(told(news)[0])
    await server.parts.store.runs.advance(run.id, RunState.GATING, progress=0.96)
    await look(server, 2)
    await restart(server)
    assert told(news) == []
    assert await problems(server) == []
    assert await server.parts.store.run_cards.open() == []


async def test_a_run_of_a_servers_own_model_is_announced_there_alone(server: Server) -> None:
    news = await wants_to_hear(server)
    await begins(server, line="4711")
    await look(server)
    assert told(news) == []
    await choose(server, own_line=True)
    await begins(server)
    await look(server)
    assert told(news) == []
    await begins(server, line=server.key)
    await look(server)
    assert len(told(news)) == 1


async def test_a_database_that_is_busy_is_asked_again_at_the_next_look(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from storage.errors import DatabaseBusy

    news = await wants_to_hear(server)
    await begins(server)

    async def busy(*_: Any) -> None:
        raise DatabaseBusy("The database is locked.")

    with monkeypatch.context() as failing:
        failing.setattr(server.parts.store.run_cards, "claim", busy)
        await look(server)
    assert told(news) == []
    await look(server)
    assert len(told(news)) == 1


async def test_quotes_are_taken_down_from_the_channel_when_their_words_are_taken_back(server: Server) -> None:
    news = await wants_to_hear(server)
    candidate = await waits(server, "what is your favourite knot", "The bowline.")
    await server.parts.store.candidates.approve(candidate.id, "mod")
    store = server.parts.store
    await store.snapshots.add(Snapshot("s", "f", 1, 0, server.parts.clock()), [candidate.id])
    run = await begins(server)
    await store.runs.advance(run.id, RunState.TRAINING, snapshot_hash="s")
    await store.runs.advance(run.id, RunState.REFUSED, note="Not better.", report=report())
    await look(server, 2)
    [message] = told(news)
    assert "bowline" in words(message)
    await store.members.forget(server.key_of(server.ann))
    await look(server, 2)
    [message] = told(news)
    assert "bowline" not in words(message)
    assert "knot" not in words(message)
    assert "Not shown any more" in words(message)
    assert await store.run_cards.quoting_what_is_gone() == []
    assert "bowline" not in read(await server.admin.slash(server.channel, "retrain status"))


async def test_a_report_is_shown_without_its_picture_where_files_may_not_be_sent(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def without_files(message: Any, **fields: Any) -> bool:
        return not fields.get("files") and await revise(message, **fields)

    monkeypatch.setattr("bot.cogs.run_progress.revise", without_files)
    news = await wants_to_hear(server)
    run = await begins(server)
    await server.parts.store.runs.advance(run.id, RunState.REFUSED, note="Not better.", report=report())
    await look(server, 2)
    [message] = told(news)
    assert "was not good enough" in words(message)
    assert message.attachments == []
    assert await server.parts.store.run_cards.open() == []
