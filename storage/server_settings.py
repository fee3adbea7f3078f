"""What a server's admins may choose, and what holds where they chose nothing.

Promise: a value that cannot be used is refused when it is set, with an acceptable one named; a row that an older or newer
Mynah wrote and this one cannot read falls back to the process's setting. It knows nothing of Discord: ids are text.
"""

import re
from collections.abc import Mapping
from datetime import datetime, time
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from storage.values import Source

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
_CRON_FIELD = re.compile(r"[\w*/,?#\-]+")


def _id(value: str) -> str:
    if not re.fullmatch(r"[0-9]{1,20}", value):
        raise ValueError("an id is digits, such as 123456789012345678")
    return value


def _quiet_hours(value: str) -> str:
    if value and not _HOURS.fullmatch(value):
        raise ValueError("write them as 22:00-07:00, or nothing for none")
    return value


def _cron(value: str) -> str:
    if value and (len(value.split()) != 5 or not all(_CRON_FIELD.fullmatch(part) for part in value.split())):
        raise ValueError("write five crontab fields such as 0 4 * * *, or nothing for never")
    return value


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("name a time zone such as Europe/Lisbon or UTC") from None
    return value


def _each_once(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(values))


Id = Annotated[str, AfterValidator(_id)]
Ids = Annotated[tuple[Id, ...], Field(max_length=100), AfterValidator(_each_once)]


class ServerSettings(BaseModel):
    """Every choice of one server. None: as the process's own settings say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    learning_on: bool = False
    """Whether anything said here may become a candidate. Off until an admin confirmed what Discord's policy demands."""
    learning_confirmed_by: str | None = None
    """Keyed hash of who confirmed."""
    learning_confirmed_at: datetime | None = None
    sources: Annotated[tuple[Source, ...], AfterValidator(_each_once)] = tuple(Source)
    """Which sources may be learnt from; looked at again for every snapshot."""
    own_line: bool = False
    """Whether this server has a model of its own: its words are then in no other model, and no others' in its."""
    leaving_is_denial: bool = True
    """Whether a member who leaves the server has thereby said no: they could not say it here any more."""
    retention_days: int | None = Field(default=None, ge=1, le=3650)
    """Talk older than this is deleted. Approved examples stay until they are forgotten. None: kept."""

    quorum: int = Field(default=1, ge=1, le=10)
    """How many moderators must approve an example."""
    reviewer_roles: Ids = ()
    """Roles that may review. Empty: members who may manage messages."""
    admin_roles: Ids = ()
    """Roles that may retrain, choose models and change settings. Empty: members who may manage the server."""

    chat_channels: Ids = ()
    """Channels where every message is answered."""
    review_channel: Id | None = None
    """Where cards of waiting examples are posted."""
    announce_channel: Id | None = None
    """Where new versions are told of."""
    canary_promotes: bool = False
    """Whether a canary that proves as good as the champion is promoted by itself; else it is proposed to the admins."""
    consent_channel_line: str | None = Field(default=None, max_length=300)
    """What a member is told at first contact, in one line."""

    persona: str | None = Field(default=None, max_length=2000)
    """A system message put first; empty: none."""
    messages_per_minute: int | None = Field(default=None, ge=1, le=600)
    """One member's limit."""
    hold_above: float | None = Field(default=None, ge=0, le=1)
    """Highest label probability from which a person must look."""
    refuse_above: float | None = Field(default=None, ge=0, le=1)
    """Highest label probability from which text is refused."""
    crisis_text: str | None = Field(default=None, min_length=1, max_length=1900)
    """What a person who sounds in danger is told; one message with room to spare."""

    schedule: Annotated[str, AfterValidator(_cron)] | None = Field(default=None, max_length=100)
    """When this server's own line is retrained, as a crontab line; empty: never by the clock."""
    quiet_hours: Annotated[str, AfterValidator(_quiet_hours)] = ""
    """When nothing is begun or announced by itself, such as 22:00-07:00; empty: none."""
    time_zone: Annotated[str, AfterValidator(_time_zone)] = "UTC"
    """Of the schedule and the quiet hours."""

    @model_validator(mode="after")
    def _hold_before_refusing(self) -> "ServerSettings":
        if self.hold_above is not None and self.refuse_above is not None and self.hold_above > self.refuse_above:
            raise ValueError("hold_above must not be higher than refuse_above")
        return self

    def is_quiet(self, now: datetime) -> bool:
        """Whether an aware time is within the quiet hours, which may go past midnight."""
        match = _HOURS.fullmatch(self.quiet_hours)
        if match is None:
            return False
        hours = [int(part) for part in match.groups()]
        begin, end = time(hours[0], hours[1]), time(hours[2], hours[3])
        here = now.astimezone(ZoneInfo(self.time_zone)).time()
        return begin <= here < end if begin <= end else here >= begin or here < end


CONFIRMATION = ("learning_confirmed_by", "learning_confirmed_at")
"""Written by turning learning on, never set by hand."""


def with_values(defaults: ServerSettings, values: Mapping[str, object]) -> ServerSettings:
    """The defaults with some values over them.

    Raises:
        ValueError: a value cannot be used, also together with the others; a pydantic `ValidationError` says which.
    """
    return ServerSettings.model_validate({**defaults.model_dump(), **values})


def as_far_as_readable(defaults: ServerSettings, values: Mapping[str, object]) -> ServerSettings:
    """The defaults with those values over them that can be used."""
    try:
        return with_values(defaults, values)
    except ValidationError:
        readable: dict[str, object] = {}
        for name, value in values.items():
            try:
                with_values(defaults, {**readable, name: value})
            except ValidationError:
                continue
            readable[name] = value
        return with_values(defaults, readable)


def problem(error: ValidationError) -> str:
    """What is wrong with a value, in a few words."""
    told = error.errors(include_url=False, include_context=False)[0]["msg"]
    return told.removeprefix("Value error, ")
