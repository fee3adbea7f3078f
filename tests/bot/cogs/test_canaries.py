from typing import Any

import pytest

from bot.cogs.canaries import CanaryWatch
from storage.governance import CanaryOutcome, Evidence
from storage.values import Alias
from tests.bot.cogs.admin_work import answer, champion, publish, read, words
from tests.bot.cogs.limits import check_all
from tests.bot.cogs.server import Server

GOOD = (Evidence("v", 300, 3, 0, 40, 5), Evidence("c", 900, 9, 0, 100, 20))
BAD = (Evidence("v", 300, 60, 20, 5, 40), Evidence("c", 900, 9, 0, 100, 20))


def seen(server: Server, monkeypatch: pytest.MonkeyPatch, evidence: tuple[Evidence, Evidence]) -> None:
    async def given(_: int) -> tuple[Evidence, Evidence]:
        return evidence

    monkeypatch.setattr(server.parts.store.canaries, "evidence", given)


async def look(server: Server) -> None:
    watch = server.env.bot.get_cog("CanaryWatch")
    assert isinstance(watch, CanaryWatch)
    await watch.look()


async def started(server: Server) -> tuple[str, str, Any]:
    """The champion, the canary and the message that shows it."""
    first, second = await champion(server, 1), await publish(server, 2)
    result = await server.admin.slash(server.channel, "model canary", share=20, version=second)
    return first, second, answer(result)


async def test_a_canary_is_started_widened_shown_and_ended(server: Server) -> None:
    _, second, shown = await started(server)
    assert shown.ephemeral
    assert "answers 20% of the channels" in words(shown)
    assert "Too few answers yet" in words(shown)
    canaries = server.parts.store.canaries
    await server.admin.click(shown.message, label="50 %")
    canary = await canaries.open()
    assert canary is not None
    assert (canary.version, canary.share) == (second, 0.5)
    await server.admin.slash(server.channel, "model canary", share=30)
    assert "answers 30%" in read(await server.admin.slash(server.channel, "model canary"))
    ended = read(await server.admin.slash(server.channel, "model canary", share=0))
    assert "has ended" in ended
    assert await canaries.open() is None
    assert "No canary answers" in read(await server.admin.slash(server.channel, "model canary"))
    assert check_all(server.env)


async def test_what_makes_no_sense_is_refused(server: Server) -> None:
    server.expects_errors = True
    slash = server.admin.slash
    assert "Which version" in read(await slash(server.channel, "model canary", share=20))
    assert "nothing to end" in read(await slash(server.channel, "model canary", share=0))
    first, _, _ = await started(server)
    third = await publish(server, 3)
    assert "being tried already" in read(await slash(server.channel, "model canary", share=20, version=third))
    assert "On how many channels" in read(await slash(server.channel, "model canary", version=third))
    await slash(server.channel, "model canary", share=0)
    assert "is the champion" in read(await slash(server.channel, "model canary", share=20, version=first))


async def test_a_button_of_a_canary_that_has_ended_says_so_and_changes_nothing(server: Server) -> None:
    first, _, shown = await started(server)
    await server.admin.slash(server.channel, "model canary", share=0)
    result = await server.admin.click(shown.message, label="Promote")
    assert "has ended already" in read(result)
    assert await server.parts.store.aliases.current(Alias.CHAMPION) == first


async def test_promoting_a_canary_ends_it(server: Server) -> None:
    _, second, shown = await started(server)
    await server.admin.click(shown.message, label="Promote")
    assert await server.parts.store.aliases.current(Alias.CHAMPION) == second
    [ended] = await server.parts.store.canaries.history()
    assert ended.outcome is CanaryOutcome.PROMOTED


async def test_another_champion_ends_a_canary_that_was_compared_with_the_old_one(server: Server) -> None:
    await started(server)
    third = await publish(server, 3)
    asked = answer(await server.admin.slash(server.channel, "model promote", name=third))
    await server.admin.click(asked.message, label="Promote")
    [ended] = await server.parts.store.canaries.history()
    assert ended.outcome is CanaryOutcome.STOPPED


async def test_a_worse_canary_is_taken_back_by_itself_and_told_of(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _, _ = await started(server)
    await server.parts.store.server_settings.set(server.key, "announce_channel", str(server.channel.id), "test")
    seen(server, monkeypatch, BAD)
    await look(server)
    await look(server)
    [ended] = await server.parts.store.canaries.history()
    assert (ended.outcome, ended.ended_by) == (CanaryOutcome.REVERTED, "canary")
    assert ended.figures["canary_screened"] == 80
    assert await server.parts.store.aliases.current(Alias.CHAMPION) == first
    assert "was reverted" in words(server.last())
    assert check_all(server.env)


async def test_a_good_canary_is_proposed_once_and_not_promoted_by_itself(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, _ = await started(server)
    await server.parts.store.server_settings.set(server.key, "announce_channel", str(server.channel.id), "test")
    seen(server, monkeypatch, GOOD)
    await look(server)
    proposal = server.last()
    assert "It can be promoted" in words(proposal)
    await look(server)
    assert server.last().id == proposal.id
    assert await server.parts.store.aliases.current(Alias.CHAMPION) == first
    refused = await server.moderator.click(proposal, label="Promote")
    assert "Only admins" in read(refused)
    await server.admin.click(proposal, label="Promote")
    assert await server.parts.store.aliases.current(Alias.CHAMPION) == second
    server.expects_errors = True


async def test_a_good_canary_is_promoted_by_itself_where_the_server_wants_that(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, second, _ = await started(server)
    await server.parts.store.server_settings.set(server.key, "canary_promotes", True, "test")
    seen(server, monkeypatch, GOOD)
    await look(server)
    assert await server.parts.store.aliases.current(Alias.CHAMPION) == second
    [ended] = await server.parts.store.canaries.history()
    assert ended.outcome is CanaryOutcome.PROMOTED


async def test_a_canary_of_another_line_is_not_touched(server: Server) -> None:
    server.expects_errors = True
    _, _, shown = await started(server)
    await server.parts.store.server_settings.set(server.key, "own_line", True, "test")
    assert "belongs to another server" in read(await server.admin.click(shown.message, label="End"))
    assert await server.parts.store.canaries.open() is not None
