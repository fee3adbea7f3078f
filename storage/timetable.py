"""When something is due: a crontab line or plain words in, moments out. Pure; it knows no clock and starts nothing.

The five fields are read as crontab reads them (0 and 7 are Sunday). A line that restricts both the day of the month and
the weekday is refused: crontab means "either" by it, most other schedulers "both".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from storage.errors import WrongUsage

_ADVICE = (
    "Say it in words (`every night at 4`, `mondays 03:30`, `weekdays at 5pm`, `every 6 hours`), "
    "or as five crontab fields (`0 4 * * *`)."
)
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS_OF_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("weekday", 0, 7, _WEEKDAYS),
)
_LONGEST_LINE = 100
_DAYS_AHEAD = 366 * 8
"""29 February can be eight years away."""

_AT = r"(?:\s*(?:at\s+)?(?P<time>[\w:. ]+))?"
_DAY_NAME = r"(?:sun|mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?)(?:days?)?"
_WORDS = (
    (re.compile(rf"(?:every\s+(?:day|night|morning)|daily|nightly|each\s+(?:day|night)){_AT}"), "* * *"),
    (re.compile(rf"(?:(?:on|every)\s+)?(?:weekdays?|working days?){_AT}"), "* * 1-5"),
    (re.compile(rf"(?:(?:on|at|every)\s+)?weekends?{_AT}"), "* * 0,6"),
    (re.compile(rf"(?:monthly|every month)(?:\s+on\s+the\s+(?P<day>\d\d?)(?:st|nd|rd|th)?)?{_AT}"), None),
)
_NAMED = re.compile(rf"(?:(?:on|every)\s+)?(?P<days>{_DAY_NAME}(?:\s*(?:,|and|&)\s*(?:every\s+)?{_DAY_NAME})*){_AT}")
_EVERY = re.compile(r"(?:every\s+(?:(?P<count>\d+)\s+)?(?P<unit>hours?|minutes?)|(?P<hourly>hourly))")
_TIME = re.compile(r"(?P<hour>\d\d?)(?:[:.](?P<minute>\d\d))?\s*(?:o'?clock\s*)?(?P<half>am|pm)?(?:\s+hours)?")
_USUAL = (4, 0)
"""Hour and minute where words name none: when the fewest people talk."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """A crontab line, understood."""

    line: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 is Sunday."""

    def upcoming(self, after: datetime, zone: tzinfo, count: int = 3) -> list[datetime]:
        """The next moments after an aware one, in UTC; a time that a clock change skips is due an hour later."""
        found: list[datetime] = []
        for moment in self._from(after.astimezone(zone).date() - timedelta(days=1), zone):
            if moment > after:
                found.append(moment)
                if len(found) == count:
                    break
        return found

    def after(self, moment: datetime, zone: tzinfo) -> datetime:
        """The first moment after an aware one, in UTC."""
        return self.upcoming(moment, zone, 1)[0]

    def _from(self, first: date, zone: tzinfo) -> Iterator[datetime]:
        times = [time(hour, minute) for hour in sorted(self.hours) for minute in sorted(self.minutes)]
        for ahead in range(_DAYS_AHEAD):
            day = first + timedelta(days=ahead)
            if day.month in self.months and day.day in self.days and day.isoweekday() % 7 in self.weekdays:
                yield from sorted({datetime.combine(day, at, zone).astimezone(UTC) for at in times})


def timetable(text: str) -> Timetable:
    """What a crontab line or plain words mean.

    Raises:
        WrongUsage: they mean nothing here; says what would.
    """
    said = " ".join(text.casefold().strip(" .!`").split())
    if len(said) > _LONGEST_LINE:
        raise WrongUsage("That is too long for a schedule.", advice=_ADVICE)
    line = _from_words(said)
    return _of_line(said if line is None else line)


def end_of_quiet(moment: datetime, quiet_hours: str, zone: tzinfo) -> datetime:
    """When the quiet hours that an aware moment lies in are over, in UTC; for one that lies in none, the moment."""
    if not quiet_hours:
        return moment
    begin, end = (time.fromisoformat(part) for part in quiet_hours.split("-"))
    here = moment.astimezone(zone)
    now = here.time()
    is_quiet = begin <= now < end if begin <= end else now >= begin or now < end
    if not is_quiet:
        return moment
    day = here.date() if now < end else here.date() + timedelta(days=1)
    return datetime.combine(day, end, zone).astimezone(UTC)


def quiet_hours(text: str) -> str:
    """Quiet hours as people write them (`8-23`, `22:00 to 7:00`, `10pm-7am`), as `22:00-07:00`; empty for none.

    Raises:
        WrongUsage: they are no two times.
    """
    said = " ".join(text.casefold().split())
    if said in {"", "none", "off", "never", "no"}:
        return ""
    parts = re.split(r"\s*(?:-|–|to|until|till)\s*", said.removeprefix("from ").removeprefix("between "))
    times = [_time(part) for part in parts] if len(parts) == 2 else [None]
    if None in times or times[0] == times[-1]:
        raise WrongUsage("Those are no quiet hours.", advice="Write them as `22:00-07:00`, or `none`.")
    return "-".join(f"{at[0]:02}:{at[1]:02}" for at in times if at is not None)


def _from_words(said: str) -> str | None:
    """The crontab line that words stand for; None: these are no such words."""
    every = _EVERY.fullmatch(said)
    if every is not None:
        return _repeating(1 if every["hourly"] else int(every["count"] or 1), every["unit"] or "hour")
    for pattern, rest in _WORDS:
        match = pattern.fullmatch(said)
        if match is not None:
            which = rest or f"{match['day'] or 1} * *"
            return f"{_clock(match)} {which}"
    named = _NAMED.fullmatch(said)
    if named is None:
        return None
    days = dict.fromkeys(word[:3] for word in re.findall(_DAY_NAME, named["days"]))
    return f"{_clock(named)} * * {','.join(days)}"


def _repeating(count: int, unit: str) -> str:
    whole = 24 if unit.startswith("hour") else 60
    if not 1 <= count < whole or whole % count:
        fitting = ", ".join(str(number) for number in range(1, whole) if whole % number == 0)
        raise WrongUsage(
            f"Every {count} {unit} does not come round at the same times each {'day' if whole == 24 else 'hour'}.",
            advice=f"These numbers do: {fitting}.",
        )
    return f"0 {'*' if count == 1 else f'*/{count}'} * * *" if whole == 24 else f"*/{count} * * * *"


def _clock(match: re.Match[str]) -> str:
    said = (match["time"] or "").strip()
    at = _time(said) if said else _USUAL
    if at is None:
        raise WrongUsage(f"{said!r} is no time of day.", advice="Say `4`, `03:30` or `4pm`.")
    return f"{at[1]} {at[0]}"


def _time(said: str) -> tuple[int, int] | None:
    """Hour and minute."""
    named = {"midnight": (0, 0), "noon": (12, 0), "midday": (12, 0)}.get(said)
    match = _TIME.fullmatch(said)
    if named is not None or match is None:
        return named
    hour, minute = int(match["hour"]), int(match["minute"] or 0)
    if match["half"] is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match["half"] == "pm" else 0)
    return (hour, minute) if hour < 24 and minute < 60 else None


def _of_line(line: str) -> Timetable:
    parts = line.split()
    if len(parts) != len(_FIELDS):
        raise WrongUsage("That is no schedule.", advice=_ADVICE)
    minutes, hours, days, months, weekdays = (_field(part, *field) for part, field in zip(parts, _FIELDS, strict=True))
    every_day, every_weekday = len(days) == 31, {day % 7 for day in weekdays} == set(range(7))
    if not every_day and not every_weekday:
        raise WrongUsage("A day of the month and a weekday together are ambiguous.", advice="Leave one of them as `*`.")
    if not any(day <= _DAYS_OF_MONTHS[month - 1] for month in months for day in days):
        raise WrongUsage("That day never comes.", advice=_ADVICE)
    return Timetable(line, minutes, hours, days, months, frozenset(day % 7 for day in weekdays))


def _field(text: str, name: str, lowest: int, highest: int, names: tuple[str, ...]) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?", part)
        step = int(match[3]) if match is not None and match[3] else 1
        if match is None or step < 1 or (match[1] == "*" and match[2]):
            raise _unreadable(text, name)
        first = lowest if match[1] == "*" else _number(match[1], text, name, lowest, names)
        last = first if match[3] is None else highest
        if match[1] == "*":
            last = min(highest, 6) if names is _WEEKDAYS else highest
        elif match[2]:
            last = _number(match[2], text, name, lowest, names)
            if names is _WEEKDAYS and last == 0:
                last = 7
        if not lowest <= first <= last <= highest:
            raise _unreadable(text, name)
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _number(word: str, text: str, name: str, lowest: int, names: tuple[str, ...]) -> int:
    if word in names:
        return names.index(word) + lowest
    if not re.fullmatch(r"[0-9]{1,2}", word):
        raise _unreadable(text, name)
    return int(word)


def _unreadable(text: str, name: str) -> WrongUsage:
    return WrongUsage(f"{text[:30]!r} cannot be the {name} of a crontab line.", advice=_ADVICE)
