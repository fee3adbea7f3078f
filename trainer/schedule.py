"""When a run is due: by the clock, and when enough was approved. Knows no way to run one."""

from datetime import datetime

from apscheduler.triggers.cron import CronTrigger

from storage.errors import WrongUsage

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")


def cron_trigger(line: str) -> CronTrigger:
    """The trigger of a crontab line, in the machine's time zone.

    Raises:
        WrongUsage: it is not one.
    """
    try:
        minute, hour, day, month, weekday = line.split()
        return CronTrigger(minute=minute, hour=hour, day=day, month=month, day_of_week=_weekday(weekday))
    except (ValueError, TypeError, IndexError) as error:
        raise WrongUsage(
            f"MYNAH_TRAINER__CRON is {line!r}, which is no crontab line ({error}).",
            advice="Give five fields, such as `0 4 * * *` for four in the morning, or nothing for never.",
        ) from None


def _weekday(field: str) -> str:
    """A crontab's weekday field for APScheduler, which counts from Monday where crontab counts from Sunday."""

    def named(part: str) -> str:
        return _DAYS[int(part)] if part.isdigit() else part

    parts = []
    for part in field.split(","):
        days, _, step = part.partition("/")
        first, dash, last = days.partition("-")
        if dash and first.isdigit() and last.isdigit():
            span = range(int(first), int(last) + 1)
            parts += [_DAYS[day] for day in span[:: int(step or 1)]]
        elif days == "*" and step:
            parts += [_DAYS[day] for day in range(0, 7, int(step))]
        else:
            parts.append(named(days))
    return ",".join(parts)


def was_missed(trigger: CronTrigger, last: datetime | None, now: datetime) -> bool:
    """Whether the clock struck since the last run while nobody was there; False when there never was a run."""
    if last is None:
        return False
    due = trigger.get_next_fire_time(None, last)
    return due is not None and due <= now
