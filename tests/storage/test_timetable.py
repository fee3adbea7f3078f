from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import WrongUsage
from storage.server_settings import ServerSettings
from storage.timetable import end_of_quiet, quiet_hours, timetable

THURSDAY = datetime(2026, 1, 1, 12, tzinfo=UTC)
LISBON = ZoneInfo("Europe/Lisbon")


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("every night at 4", "0 4 * * *"),
        ("Every day at 4pm", "0 16 * * *"),
        ("daily", "0 4 * * *"),
        ("nightly 03:30", "30 3 * * *"),
        ("mondays 03:30", "30 3 * * mon"),
        ("every Monday at 3:30", "30 3 * * mon"),
        ("Tuesdays and fridays at 12am", "0 0 * * tue,fri"),
        ("on wednesday, saturday & sunday at noon", "0 12 * * wed,sat,sun"),
        ("weekdays at 5", "0 5 * * 1-5"),
        ("weekends", "0 4 * * 0,6"),
        ("every 6 hours", "0 */6 * * *"),
        ("hourly", "0 * * * *"),
        ("every hour", "0 * * * *"),
        ("every 30 minutes", "*/30 * * * *"),
        ("monthly", "0 4 1 * *"),
        ("every month on the 15th at 2:15", "15 2 15 * *"),
        (" 0  4 * *  * ", "0 4 * * *"),
        ("5 4 * * MON-FRI", "5 4 * * mon-fri"),
    ],
    ids=str,
)
def test_plain_words_and_crontab_lines_are_understood(said: str, line: str) -> None:
    assert timetable(said).line == line


@pytest.mark.parametrize(
    "said",
    [
        "",
        "soon",
        "every night at 25",
        "every night at 4:75",
        "every night at 13pm",
        "every night at lunch",
        "every 7 hours",
        "every 0 hours",
        "every 90 minutes",
        "every blue moon",
        "* * * *",
        "0 4 * * * *",
        "60 4 * * *",
        "0 24 * * *",
        "0 4 0 * *",
        "0 4 * 13 *",
        "0 4 * * 8",
        "5-1 4 * * *",
        "*/0 4 * * *",
        "*-3 4 * * *",
        "0 4 31 2 *",
        "0 4 1 * mon",
        "0 4 ² * *",
        "every month on the 32nd",
        "; drop table runs",
        "0 4 * * *" * 50,
    ],
    ids=lambda said: said[:30] or "nothing",
)
def test_what_means_nothing_is_refused_with_advice(said: str) -> None:
    with pytest.raises(WrongUsage) as refused:
        timetable(said)
    assert refused.value.advice


def test_the_next_times_are_told_in_the_zone_of_the_server() -> None:
    upcoming = timetable("mondays 03:30").upcoming(THURSDAY, ZoneInfo("America/New_York"))
    assert upcoming == [datetime(2026, 1, day, 8, 30, tzinfo=UTC) for day in (5, 12, 19)]


def test_a_leap_day_is_found_years_ahead() -> None:
    assert timetable("0 4 29 2 *").after(THURSDAY, UTC) == datetime(2028, 2, 29, 4, tzinfo=UTC)


def test_a_time_that_a_clock_change_skips_is_due_an_hour_later() -> None:
    night = timetable("30 1 * * *").upcoming(datetime(2026, 3, 28, 12, tzinfo=UTC), LISBON, 2)
    assert [moment.astimezone(LISBON).hour for moment in night] == [2, 1]


def test_a_time_that_a_clock_change_repeats_is_due_once() -> None:
    night = timetable("30 1 * * *").upcoming(datetime(2026, 10, 24, 12, tzinfo=UTC), LISBON, 2)
    assert [moment.astimezone(LISBON).day for moment in night] == [25, 26]


fields = st.tuples(
    st.sampled_from(["*", "0", "*/15", "5,35", "10-20/5"]),
    st.sampled_from(["*", "4", "*/6", "9-17", "0,12"]),
    st.sampled_from([("*", "*"), ("1", "*"), ("*/10", "*"), ("*", "0"), ("*", "7"), ("*", "mon-fri"), ("*", "5-7")]),
    st.sampled_from(["*", "feb", "3-5", "*/4"]),
)


@settings(max_examples=60, deadline=None)
@given(fields, st.integers(0, 60 * 24 * 400))
def test_moments_are_those_that_a_look_at_every_minute_finds(
    given_fields: tuple[str, str, tuple[str, str], str], minutes: int
) -> None:
    minute, hour, (day, weekday), month = given_fields
    table = timetable(f"{minute} {hour} {day} {month} {weekday}")
    start = THURSDAY + timedelta(minutes=minutes)
    first = table.after(start, UTC)
    assert first > start
    assert (first.minute in table.minutes, first.hour in table.hours, first.day in table.days) == (True, True, True)
    assert first.month in table.months
    assert first.isoweekday() % 7 in table.weekdays
    between = min(int((first - start).total_seconds() // 60), 2000)
    for ahead in range(1, between):
        at = start + timedelta(minutes=ahead)
        assert not (
            at.minute in table.minutes
            and at.hour in table.hours
            and at.day in table.days
            and at.month in table.months
            and at.isoweekday() % 7 in table.weekdays
        )


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("22:00-07:00", "22:00-07:00"),
        ("8 - 23", "08:00-23:00"),
        ("10pm to 7am", "22:00-07:00"),
        ("from 9.30 until noon", "09:30-12:00"),
        ("none", ""),
        ("", ""),
    ],
    ids=str,
)
def test_quiet_hours_are_read_as_people_write_them(said: str, kept: str) -> None:
    assert quiet_hours(said) == kept
    assert ServerSettings(quiet_hours=kept).quiet_hours == kept


@pytest.mark.parametrize("said", ["8", "8-25", "8-8", "a-b", "8-9-10", "25:00-26:00"], ids=str)
def test_what_is_no_pair_of_times_is_refused(said: str) -> None:
    with pytest.raises(WrongUsage):
        quiet_hours(said)


@pytest.mark.parametrize("hours", ["22:00-07:00", "08:00-23:00", ""], ids=["over midnight", "by day", "none"])
@pytest.mark.parametrize("hour", range(24))
def test_the_end_of_quiet_hours_is_the_next_moment_that_is_not_quiet(hours: str, hour: int) -> None:
    chosen = ServerSettings(quiet_hours=hours, time_zone="Europe/Lisbon")
    moment = THURSDAY.replace(hour=hour)
    end = end_of_quiet(moment, hours, LISBON)
    assert not chosen.is_quiet(end)
    assert (end == moment) == (not chosen.is_quiet(moment))
    assert end - moment < timedelta(days=1)
