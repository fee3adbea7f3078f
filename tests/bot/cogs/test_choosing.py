"""`/config` and `/schedule`: every setting can be chosen, a wrong one is refused with advice, and nothing half."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.cogs.configuration import NAMES, settings_card
from bot.cogs.scheduling import schedule_card
from storage.server_settings import ServerSettings
from tests.bot.cogs.admin_work import answer, chosen, read
from tests.bot.cogs.limits import check_all
from tests.bot.cogs.server import Server

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def words_id(form: Any) -> str:
    return str(form.modal["components"][0]["components"][0]["custom_id"])


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("quorum", "2", 2),
        ("hold_above", "0.4", 0.4),
        ("own_line", "on", True),
        ("leaving_is_denial", "No", False),
        ("sources", "message, slash", ["message", "slash"]),
        ("chat_channels", "<#1234> 5678", ["1234", "5678"]),
        ("review_channel", "<#1234>", "1234"),
        ("reviewer_roles", "<@&77>", ["77"]),
        ("persona", "You are a pirate.", "You are a pirate."),
        ("quiet_hours", "10pm to 7am", "22:00-07:00"),
        ("schedule", "mondays 03:30", "30 3 * * mon"),
        ("schedule", "never", ""),
        ("time_zone", "Europe/Lisbon", "Europe/Lisbon"),
        ("retention_days", "90", 90),
    ],
    ids=lambda one: str(one)[:20],
)
async def test_a_typed_choice_is_kept_and_audited(server: Server, name: str, value: str, kept: object) -> None:
    told = read(await server.admin.slash(server.channel, "config set", name=name, value=value))
    assert "is now" in told
    assert await chosen(server) == {name: kept}
    [entry] = await server.parts.store.audit.latest(server=server.key, action="config")
    assert (entry.subject, entry.actor) == (name, server.key_of(server.admin))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("quorum", "0"),
        ("quorum", "many"),
        ("hold_above", "1.5"),
        ("own_line", "perhaps"),
        ("sources", "message, radio"),
        ("review_channel", "#general"),
        ("quiet_hours", "at night"),
        ("schedule", "soon"),
        ("time_zone", "Atlantis"),
        ("persona", "x" * 2000 + "y"),
        ("learning_on", "on"),
        ("learning_confirmed_by", "me"),
        ("nonsense", "1"),
        ("messages_per_minute", "nan"),
    ],
    ids=lambda one: str(one)[:20],
)
async def test_what_cannot_be_used_is_refused_and_changes_nothing(server: Server, name: str, value: str) -> None:
    server.expects_errors = True
    told = read(await server.admin.slash(server.channel, "config set", name=name, value=value[:2000]))
    if name != "persona":
        assert "went wrong" not in told
        assert "is now" not in told
        assert await chosen(server) == {}


async def test_channels_and_roles_are_picked(server: Server) -> None:
    shown = answer(await server.admin.slash(server.channel, "config set", name="review_channel"))
    assert shown.ephemeral
    await server.admin.select(shown.message, [server.channel])
    assert await chosen(server) == {"review_channel": str(server.channel.id)}
    shown = answer(await server.admin.slash(server.channel, "config set", name="review_channel"))
    await server.admin.select(shown.message, [])
    assert await chosen(server) == {}
    shown = answer(await server.admin.slash(server.channel, "config set", name="reviewer_roles"))
    await server.admin.select(shown.message, [server.moderators])
    assert await chosen(server) == {"reviewer_roles": [str(server.moderators.id)]}
    assert check_all(server.env)


async def test_nobody_locks_themselves_out(server: Server) -> None:
    server.expects_errors = True
    shown = answer(await server.admin.slash(server.channel, "config set", name="admin_roles"))
    result = await server.admin.select(shown.message, [server.moderators])
    assert "You would be no admin any more" in read(result)
    assert await chosen(server) == {}


async def test_long_words_are_written_in_a_form_that_shows_what_holds(server: Server) -> None:
    form = await server.admin.slash(server.channel, "config set", name="persona")
    done = await server.admin.submit_modal(form, {words_id(form): "You are a *calm* gardener."})
    assert "is now" in read(done)
    assert await chosen(server) == {"persona": "You are a *calm* gardener."}
    again = await server.admin.slash(server.channel, "config set", name="persona")
    assert again.modal["components"][0]["components"][0]["value"] == "You are a *calm* gardener."
    assert check_all(server.env)


async def test_a_choice_is_taken_back(server: Server) -> None:
    await server.admin.slash(server.channel, "config set", name="quorum", value="3")
    assert "as the operator set it: 1" in read(await server.admin.slash(server.channel, "config unset", name="quorum"))
    assert await chosen(server) == {}


async def test_every_setting_is_shown_suggested_and_explained(server: Server) -> None:
    shown = read(await server.admin.slash(server.channel, "config show"))
    for name in NAMES:
        assert name.replace("_", " ").capitalize() in shown
    choices = await server.admin.autocomplete(server.channel, "config set", "name", "")
    assert {choice["value"] for choice in choices} == set(NAMES)
    assert all(len(choice["name"]) > len(choice["value"]) + 5 for choice in choices)
    values = await server.admin.autocomplete(server.channel, "config set", "value", "", name="own_line")
    assert [choice["value"] for choice in values] == ["on", "off"]
    assert await server.admin.autocomplete(server.channel, "config set", "value", "", name="nonsense") == []


def test_the_longest_settings_fit_into_a_card() -> None:
    ids = tuple(str(10**18 + number) for number in range(100))
    settings = ServerSettings(
        chat_channels=ids, reviewer_roles=ids, admin_roles=ids, persona="*" * 2000, crisis_text="`" * 1900
    )
    embed = settings_card(settings, NAMES)
    assert len(embed) <= 6000
    assert all(len(field.value or "") <= 1024 for field in embed.fields)


async def test_a_schedule_in_plain_words_shows_the_next_three_times(server: Server) -> None:
    assert "No schedule of this server" in read(await server.admin.slash(server.channel, "schedule show"))
    result = await server.admin.slash(
        server.channel, "schedule set", when="every night at 4", quiet="22:00-07:00", time_zone="europe/lisbon"
    )
    told = read(result)
    assert "`0 4 * * *` in Europe/Lisbon" in told
    assert told.count("due 04:00, waits for the quiet hours to end") == 3
    assert await chosen(server) == {
        "schedule": "0 4 * * *",
        "quiet_hours": "22:00-07:00",
        "time_zone": "Europe/Lisbon",
    }
    assert "is off" in read(await server.admin.slash(server.channel, "schedule off"))
    assert (await chosen(server))["schedule"] == ""
    assert check_all(server.env)


@pytest.mark.parametrize(
    "options",
    [{"when": "soon"}, {"quiet": "8-8"}, {"time_zone": "Mars"}, {"when": "hourly", "quiet": "?"}, {}],
    ids=str,
)
async def test_half_a_schedule_is_none(server: Server, options: dict[str, str]) -> None:
    server.expects_errors = True
    told = read(await server.admin.slash(server.channel, "schedule set", **options))
    assert told
    assert "went wrong" not in told
    assert await chosen(server) == {}


async def test_schedules_and_time_zones_are_suggested(server: Server) -> None:
    choices = await server.admin.autocomplete(server.channel, "schedule set", "when", "every night")
    assert choices[0]["value"] == "0 4 * * *"
    zones = await server.admin.autocomplete(server.channel, "schedule set", "time_zone", "lisb")
    assert [zone["value"] for zone in zones] == ["Europe/Lisbon"]
    assert len(await server.admin.autocomplete(server.channel, "schedule set", "time_zone", "")) == 25


def test_a_schedule_of_a_shared_model_says_for_whom_it_is() -> None:
    settings = ServerSettings(schedule="0 4 * * *")
    assert "A shared model" in {field.name for field in schedule_card(settings, NOW, is_shared=True).fields}
    assert "A shared model" not in {field.name for field in schedule_card(settings, NOW, is_shared=False).fields}
