"""What servers choose."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage.errors import Refused, WrongUsage
from storage.server_settings import ServerSettings, as_far_as_readable
from storage.settings import StoreSettings
from storage.store import Store, open_store
from storage.values import Source
from tests.fakes.clock import FakeClock
from tests.storage.talk import SERVER


@pytest.fixture
async def strict(settings: StoreSettings, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Store]:
    """A store whose process asks for two moderators."""
    defaults = ServerSettings(quorum=2, reviewer_roles=("7",))
    async with open_store(settings, tmp_path / "home", clock=clock, server_defaults=defaults) as opened:
        yield opened


async def test_a_server_that_chose_nothing_is_as_the_process_says(strict: Store) -> None:
    assert await strict.server_settings.get(SERVER) == ServerSettings(quorum=2, reviewer_roles=("7",))
    assert await strict.server_settings.own(SERVER) == {}


async def test_a_choice_holds_in_one_server_and_is_taken_back(strict: Store) -> None:
    chosen = await strict.server_settings.set(SERVER, "quorum", 3, "admin")
    assert (chosen.quorum, chosen.reviewer_roles) == (3, ("7",))
    assert await strict.server_settings.get(SERVER) == chosen
    assert (await strict.server_settings.get("island")).quorum == 2
    assert await strict.server_settings.servers() == [SERVER]
    assert (await strict.server_settings.unset(SERVER, "quorum", "admin")).quorum == 2
    assert await strict.server_settings.own(SERVER) == {}


async def test_every_choice_is_in_the_audit_log_with_what_it_was(store: Store) -> None:
    await store.server_settings.set(SERVER, "quorum", 2, "admin")
    await store.server_settings.set(SERVER, "quorum", 3, "admin-2")
    await store.server_settings.unset(SERVER, "quorum", "admin")
    found = await store.audit.latest(server=SERVER, action="config")
    assert [(e.actor, e.subject, e.details["from"], e.details["to"]) for e in found] == [
        ("admin", "quorum", 3, 1),
        ("admin-2", "quorum", 2, 3),
        ("admin", "quorum", 1, 2),
    ]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("quorum", 0, "greater than or equal to 1"),
        ("quorum", "many", "integer"),
        ("retention_days", -1, "greater than or equal to 1"),
        ("quiet_hours", "ten to six", "22:00-07:00"),
        ("quiet_hours", "24:00-07:00", "22:00-07:00"),
        ("schedule", "every day", "0 4 * * *"),
        ("time_zone", "Mars/Olympus", "Europe/Lisbon"),
        ("time_zone", "../../etc/passwd", "Europe/Lisbon"),
        ("review_channel", "#general", "digits"),
        ("chat_channels", ["1", "x"], "digits"),
        ("sources", ["gossip"], "'message', 'slash', 'correction' or 'import'"),
        ("hold_above", 1.5, "less than or equal to 1"),
        ("persona", "x" * 2001, "2000 characters"),
    ],
)
async def test_a_value_that_cannot_be_used_is_refused_and_one_that_can_is_named(
    store: Store, name: str, value: object, told: str
) -> None:
    with pytest.raises(WrongUsage, match=name) as caught:
        await store.server_settings.set(SERVER, name, value, "admin")
    assert told in str(caught.value)
    assert await store.server_settings.own(SERVER) == {}
    assert await store.audit.latest() == []


@pytest.mark.parametrize("name", ["nonsense", "learning_confirmed_by", "learning_confirmed_at"])
async def test_what_is_no_setting_cannot_be_set(store: Store, name: str) -> None:
    with pytest.raises(WrongUsage, match=r"There are: .*quorum"):
        await store.server_settings.set(SERVER, name, "x", "admin")
    with pytest.raises(WrongUsage, match="There are"):
        await store.server_settings.unset(SERVER, name, "admin")


async def test_holding_must_come_before_refusing(store: Store) -> None:
    await store.server_settings.set(SERVER, "refuse_above", 0.5, "admin")
    with pytest.raises(WrongUsage, match="hold_above must not be higher"):
        await store.server_settings.set(SERVER, "hold_above", 0.6, "admin")
    assert (await store.server_settings.get(SERVER)).hold_above is None


async def test_learning_is_turned_on_only_with_a_confirmation_that_is_kept(store: Store, clock: FakeClock) -> None:
    assert not (await store.server_settings.get(SERVER)).learning_on
    with pytest.raises(Refused, match="/learning on"):
        await store.server_settings.set(SERVER, "learning_on", True, "admin")
    turned_on = await store.server_settings.turn_learning_on(SERVER, "admin")
    assert (turned_on.learning_on, turned_on.learning_confirmed_by) == (True, "admin")
    assert turned_on.learning_confirmed_at == clock.now
    assert (await store.audit.latest(limit=1))[0].action == "learning on"
    assert not (await store.server_settings.get("island")).learning_on
    assert not (await store.server_settings.unset(SERVER, "learning_on", "admin")).learning_on


async def test_a_row_that_cannot_be_read_any_more_does_not_take_the_others_with_it(store: Store) -> None:
    read = as_far_as_readable(ServerSettings(quorum=2), {"quorum": 99, "gone": 1, "sources": ["import"]})
    assert (read.quorum, read.sources) == (2, (Source.IMPORT,))


@pytest.mark.parametrize(
    ("quiet_hours", "time_zone", "hour", "is_quiet"),
    [
        ("22:00-07:00", "UTC", 23, True),
        ("22:00-07:00", "UTC", 6, True),
        ("22:00-07:00", "UTC", 7, False),
        ("22:00-07:00", "Asia/Tokyo", 14, True),
        ("09:00-17:00", "UTC", 9, True),
        ("09:00-17:00", "UTC", 17, False),
        ("", "UTC", 3, False),
    ],
)
def test_quiet_hours_may_go_past_midnight(quiet_hours: str, time_zone: str, hour: int, is_quiet: bool) -> None:
    settings = ServerSettings(quiet_hours=quiet_hours, time_zone=time_zone)
    assert settings.is_quiet(datetime(2026, 5, 1, hour, tzinfo=UTC)) is is_quiet


async def test_lines_are_the_shared_one_and_those_of_servers_that_chose_their_own(store: Store) -> None:
    assert await store.server_settings.lines() == [""]
    await store.server_settings.set("island", "own_line", True, "admin")
    assert await store.server_settings.lines() == ["", "island"]
    assert await store.server_settings.line_of("island") == "island"
    assert await store.server_settings.line_of(SERVER) == ""
