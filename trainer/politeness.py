"""Making way for chat: between its steps a training waits while answers are being made, but not for ever.

How busy chat is, the database says: how long the newest answers took to make, of the time that they were made in. So it holds
on one machine and on several, and the bot need not know that anybody asks.
"""

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from storage.values import Role, Turn

WINDOW = timedelta(seconds=20)
"""Of the past, that says how busy chat is now."""
NEWEST_TURNS = 64
"""Turns that are looked at: if more were said in the window, chat is busy whatever the rest was."""
_LOOK_SECONDS = 0.2


def busy_share(turns: Sequence[Turn], now: datetime) -> float:
    """The share of the last while in which answers were being made; above 1 when several were at once.

    Args:
        turns: the newest ones.
        now: the time.
    """
    recent = [one for one in turns if one.role is Role.ASSISTANT and now - WINDOW <= one.created_at <= now]
    window = WINDOW.total_seconds()
    return sum(min(one.latency_seconds or 0.0, window) for one in recent) / window


class Politeness:
    """One run's patience. Called between steps, in the thread of the training."""

    def __init__(
        self,
        is_busy: Callable[[], bool],
        check: Callable[[], None],
        tell: Callable[[str], None],
        *,
        patience_seconds: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Wait as long as somebody else is busy.

        Args:
            is_busy: whether chat is.
            check: asked meanwhile; may raise to stop.
            tell: told what the run does.
            patience_seconds: in all; then the run goes on beside the chat.
            sleep: waits some seconds.
        """
        self._is_busy = is_busy
        self._check = check
        self._tell = tell
        self._patience = patience_seconds
        self._sleep = sleep
        self.waited_seconds = 0.0

    def make_way(self) -> None:
        """Come back when chat is calm, or patience is at its end.

        Raises:
            Interrupted: the run shall stop.
        """
        self._check()
        while self.waited_seconds < self._patience and self._is_busy():
            self._tell("Waiting while people chat.")
            self._sleep(_LOOK_SECONDS)
            self.waited_seconds += _LOOK_SECONDS
            self._check()
