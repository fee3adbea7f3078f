"""The community's time: it stands still while anybody works, and is moved on between what people do."""

from datetime import UTC, datetime, timedelta

FIRST_DAY = datetime(2026, 1, 5, 8, tzinfo=UTC)
"""A Monday morning."""
_MORNING = 8


class VirtualClock:
    """The time, aware and in UTC; call it as all of Mynah's clocks are called."""

    def __init__(self, start: datetime = FIRST_DAY) -> None:
        self._now = start

    def __call__(self) -> datetime:
        """The time now."""
        return self._now

    def pass_seconds(self, seconds: float) -> None:
        """Let some time pass."""
        self._now += timedelta(seconds=seconds)

    def sleep(self) -> None:
        """Let the night pass: it is eight in the morning of the next day."""
        tomorrow = self._now + timedelta(days=1)
        self._now = tomorrow.replace(hour=_MORNING, minute=0, second=0, microsecond=0)
