"""One answer on its way into a channel: sent once there is something to show, then edited about once a second."""

from collections.abc import Callable, Sequence

import discord

from bot.cogs.sending import Destination, presentable, revise, send, split, take_back


class StreamedAnswer:
    """The messages that carry one answer.

    Args:
        destination: the channel or interaction it goes to.
        in_reply_to: the person's message.
        interval_seconds: the least time between two edits.
        monotonic: seconds.
        begun: messages of ours that already carry the beginning of an answer; they are made to carry this one.
    """

    def __init__(
        self,
        destination: Destination,
        *,
        in_reply_to: discord.Message | None,
        interval_seconds: float,
        monotonic: Callable[[], float],
        begun: Sequence[discord.Message] = (),
    ) -> None:
        self._destination = destination
        self._in_reply_to = in_reply_to
        self._interval_seconds = interval_seconds
        self._monotonic = monotonic
        self._shown_at: float | None = None
        self._messages = list(begun)
        self._texts = [message.content for message in begun]
        self.is_gone = False
        """Whether the channel, or one of the messages, was deleted or forbidden: nothing more can be shown."""

    async def show(self, text: str) -> None:
        """Show how the answer looks now, unless the last time was too short ago."""
        now = self._monotonic()
        if self.is_gone or (self._shown_at is not None and now - self._shown_at < self._interval_seconds):
            return
        self._shown_at = now
        await self._put(text, None)

    async def finish(self, text: str, view: discord.ui.View | None) -> discord.Message | None:
        """Show the whole answer with its buttons; returns the message that has them, None when the place is gone."""
        if not self.is_gone:
            await self._put(text, view)
        return None if self.is_gone or not self._messages else self._messages[-1]

    async def take_back(self) -> None:
        """Delete what was shown."""
        for message in self._messages:
            await take_back(message)

    async def _put(self, text: str, view: discord.ui.View | None) -> None:
        chunks = split(presentable(text))
        for surplus in self._messages[len(chunks) :]:
            await take_back(surplus)
        del self._messages[len(chunks) :], self._texts[len(chunks) :]
        for index, chunk in enumerate(chunks):
            its_view = view if index == len(chunks) - 1 else None
            if index >= len(self._messages):
                await self._send(chunk, its_view)
            elif self._texts[index] != chunk or its_view is not None:
                self._texts[index] = chunk
                self.is_gone = not await revise(self._messages[index], chunk, view=its_view)
            if self.is_gone:
                return

    async def _send(self, chunk: str, view: discord.ui.View | None) -> None:
        first = self._in_reply_to if not self._messages else None
        sent = await send(self._destination, chunk, in_reply_to=first, view=view)
        self.is_gone = not sent
        self._messages += sent
        self._texts += [chunk for _ in sent]
