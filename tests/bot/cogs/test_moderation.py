from pathlib import Path

from bot.cogs.client import MynahBot
from bot.settings import DiscordSettings
from storage.store import Store
from storage.values import Message, NewCandidate, Outcome, Role, Source, Verdict
from tests.bot.cogs.reviewing import NOBODY, NOTHING, press, reject, shown, talk, walk
from tests.bot.cogs.server import Server, make_parts, open_server
from tests.fakes.clock import FakeClock

COMMANDS = ("review queue", "review stats", "review unblock")


async def without_roles(server: Server) -> None:
    """Restart the bot so that no moderator is one any more, whatever Discord lets through."""
    stripped = DiscordSettings(moderator_role_ids=(1,), admin_role_ids=(2,), permission_to_train_confirmed=True)
    parts = make_parts(server.parts.store, server.parts.clock, Path(), stripped, server.engine, server.screening)
    await server.env.restart_bot(MynahBot(parts))


async def test_discord_hides_the_commands_from_members(server: Server) -> None:
    for command in COMMANDS:
        assert command not in server.ann.available_commands(server.channel)
        assert command in server.moderator.available_commands(server.channel)


async def test_a_member_whom_discord_lets_through_is_still_refused(server: Server) -> None:
    server.expects_errors = True
    await talk(server, "hello")
    await without_roles(server)
    for command in COMMANDS:
        options = {"member": server.ann} if command.endswith("unblock") else {}
        result = await server.moderator.slash(server.channel, command, **options)
        assert result.response.content == NOBODY
        assert result.ephemeral


async def test_a_configured_role_counts_and_discords_own_permission_does_not(
    store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    async with open_server(store, clock, tmp_path / "home") as server:
        settings = DiscordSettings(moderator_role_ids=(server.moderators.id,), admin_role_ids=(9,))
        parts = make_parts(store, clock, tmp_path, settings, server.engine, server.screening)
        await server.env.restart_bot(MynahBot(parts))
        assert (await walk(server)).response.content == NOTHING
        server.expects_errors = True
        result = await server.admin.slash(server.channel, "retrain now")
        assert "Only admins" in result.response.content


async def test_no_press_of_who_lost_the_role_does_anything(server: Server) -> None:
    await talk(server, "hello there", "hello there!")
    card = (await walk(server)).response.message
    await without_roles(server)
    for label in ("Approve", "Approve all 2", "Edit", "Next", "Undo", "Block the member…"):
        assert (await press(server.moderator, card, label)).response.content == NOBODY
    for everything in (False, True):
        assert (await reject(server.moderator, card, "spam", everything=everything)).response.content == NOBODY
    assert len(await server.waiting()) == 2


async def test_review_is_no_command_of_direct_messages(server: Server) -> None:
    user = server.env.create_user("carl")
    assert not any(name.startswith(("review", "retrain", "model")) for name in user.available_commands())


async def test_an_empty_queue_says_so(server: Server) -> None:
    result = await walk(server)
    assert result.ephemeral
    assert result.response.content == NOTHING


async def test_another_servers_candidates_are_not_shown(server: Server) -> None:
    await server.parts.store.consents.set("other", "carl", allowed=True)
    messages = (Message(Role.USER, "elsewhere"), Message(Role.ASSISTANT, "yes"))
    await server.parts.store.candidates.add(
        NewCandidate(messages, "other", "channel", Source.MESSAGE, Verdict(Outcome.PASS, "yes"), author_keys=("carl",))
    )
    assert (await walk(server)).response.content == NOTHING


async def test_stats_say_who_waits_and_who_decided_with_a_plot(server: Server) -> None:
    await talk(server, "first words", "second thoughts", "a third thing")
    card = await walk(server)
    await press(server.moderator, card.response.message, "Approve")
    await reject(server.moderator, card.response.message, "poor")
    import matplotlib.figure  # noqa: F401 - the first one of a process reads all fonts

    server.env.settle_timeout = 9  # less than the review channel's look
    result = await server.moderator.slash(server.channel, "review stats")
    assert result.ephemeral
    said = shown(result)
    assert "Waiting: 1" in said
    assert "**mod** 1 approved, 0 edited, 1 rejected" in said
    assert [file.filename for file in result.response.attachments] == ["review-days.png"]


async def test_stats_of_an_untouched_queue_have_no_plot(server: Server) -> None:
    result = await server.moderator.slash(server.channel, "review stats", days=30)
    assert "Waiting: 0" in shown(result)
    assert not result.response.attachments


async def test_a_block_can_be_lifted_and_only_once(server: Server) -> None:
    server.expects_errors = True
    await server.parts.store.blocks.block(server.key, server.key_of(server.ann), by="somebody")
    result = await server.moderator.slash(server.channel, "review unblock", member=server.ann)
    assert "no longer kept out" in result.response.content
    assert not await server.parts.store.blocks.is_blocked(server.key, server.key_of(server.ann))
    again = await server.moderator.slash(server.channel, "review unblock", member=server.ann)
    assert "not kept out" in (again.followups or [again.response])[-1].content
