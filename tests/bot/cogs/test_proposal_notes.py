"""Admins hear once, where they want to, that a retrain is worth asking for; nothing starts by it."""

from datetime import timedelta

import pytest

from bot.cogs.run_cards import ACTOR
from storage.monitoring import day_of
from storage.monitoring_values import DayCounts, Measure, MonitoredDay, State
from tests.bot.cogs.admin_work import champion, read, words
from tests.bot.cogs.limits import check_all
from tests.bot.cogs.server import Server
from tests.bot.cogs.test_announcing import choose, look, restart, told, wants_to_hear
from tests.bot.cogs.test_retraining import POLL


@pytest.fixture(autouse=True)
def _quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.cogs.retraining._LOOK_SECONDS", POLL)


async def propose(server: Server, line: str = "") -> None:
    assert await server.parts.store.proposals.make(line, "v" * 16, ["Votes that are 👎: 60.0% of 100 lately."])


async def test_a_proposal_is_told_once_with_its_reasons_and_what_to_do(server: Server) -> None:
    news = await wants_to_hear(server)
    await propose(server)
    await look(server, 2)
    await restart(server)
    [note] = told(news)
    assert "60.0% of 100" in words(note)
    assert "/retrain now" in words(note)
    assert "Nothing was approved since the last run" in words(note)
    assert await server.parts.store.runs.latest() == []
    assert told(server.channel) == []
    assert check_all(server.env)


async def test_nobody_is_told_where_no_channel_is_chosen_or_after_somebody_asked_for_a_run(server: Server) -> None:
    await propose(server)
    await look(server)
    await server.admin.slash(server.channel, "retrain now")
    news = await wants_to_hear(server)
    await look(server, 2)
    assert [note for note in told(news) if "proposed" in words(note)] == []


async def test_a_proposal_for_the_shared_model_is_none_for_a_server_with_its_own(server: Server) -> None:
    news = await wants_to_hear(server, own_line=True)
    await propose(server)
    await look(server)
    assert told(news) == []
    await propose(server, server.key)
    await look(server)
    assert len(told(news)) == 1


async def test_a_channel_that_is_gone_is_told_of_once_in_the_audit_log(server: Server) -> None:
    await choose(server, announce_channel="99")
    await propose(server)
    await look(server, 3)
    rows = await server.parts.store.audit.latest(action="announce")
    assert [(row.actor, row.details["problem"]) for row in rows] == [(ACTOR, "no-channel")]


async def test_stats_show_how_the_model_wears_and_the_proposal(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.cogs.statistics.stats_plot", lambda *_: b"a picture")  # drawn elsewhere, and slowly
    version = await champion(server, 1)
    day = day_of(server.parts.clock()) - timedelta(days=1)
    told_of = (
        Measure("drift", State.TOO_FEW, "Too few to say: drift."),
        Measure("votes", State.WORSE, "Votes that are 👎: 60.0% of 100 lately."),
    )
    kept = MonitoredDay("", version, day, DayCounts(), server.parts.clock(), measures=told_of)
    await server.parts.store.monitoring.keep([kept])
    await propose(server)
    text = read(await server.admin.slash(server.channel, "stats"))
    assert "🔻 Votes that are 👎: 60.0% of 100 lately.\n… Too few to say: drift." in text
    assert day.isoformat() in text
    assert "A retrain is proposed" in text
