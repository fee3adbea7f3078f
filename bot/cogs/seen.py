"""Which messages were taken up already: Discord may tell of one twice, after a break in the connection."""

from collections import OrderedDict

KEPT = 4096
"""Far more than come in while a connection is being mended."""


class Seen:
    """The newest message ids."""

    def __init__(self, *, kept: int = KEPT) -> None:
        self._kept = kept
        self._ids: OrderedDict[int, None] = OrderedDict()

    def is_new(self, message_id: int) -> bool:
        """Whether this is the first time that a message is told of."""
        if message_id in self._ids:
            return False
        self._ids[message_id] = None
        if len(self._ids) > self._kept:
            self._ids.popitem(last=False)
        return True

    def forget(self, message_id: int) -> None:
        """Take a message up again when it is told of again."""
        self._ids.pop(message_id, None)
