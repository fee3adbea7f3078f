"""Conversations and their turns."""

from collections.abc import Sequence

from storage.values import Conversation, NewTurn, Turn, Verdict


class Conversations:
    """Turns in order, in one channel or thread of one server."""

    async def current(self, server: str, channel: str) -> Conversation:
        """The conversation now open in a channel; a new one if there is none."""
        raise NotImplementedError

    async def reset(self, server: str, channel: str) -> None:
        """Close a channel's conversation: the next turn starts a new one. Nothing is deleted."""
        raise NotImplementedError

    async def add_turn(self, new: NewTurn) -> Turn:
        """Write a turn; an `external_id` already written for that role and conversation returns the row there is."""
        raise NotImplementedError

    async def turn(self, turn_id: int) -> Turn | None:
        """One turn by id."""
        raise NotImplementedError

    async def turn_by_external_id(self, server: str, external_id: str) -> Turn | None:
        """The turn that a face's message became."""
        raise NotImplementedError

    async def set_external_id(self, turn_id: int, external_id: str) -> None:
        """Note the message that carries a turn (the bot's answer is sent before its id is known)."""
        raise NotImplementedError

    async def conversation(self, conversation_id: int) -> Conversation | None:
        """One conversation by id."""
        raise NotImplementedError

    async def history(self, conversation_id: int, *, limit: int) -> list[Turn]:
        """The newest `limit` turns, oldest first."""
        raise NotImplementedError

    async def exchange_before(self, assistant_turn_id: int, *, limit: int) -> list[Turn]:
        """The turns up to and with an answer, oldest first: what a candidate is made of."""
        raise NotImplementedError

    async def edit(self, server: str, external_id: str, text: str, verdict: Verdict) -> bool:
        """A person edited their message: replace the text, and drop candidates made from the old one."""
        raise NotImplementedError

    async def delete(self, server: str, external_ids: Sequence[str]) -> int:
        """Messages were deleted: delete the rows and every candidate made from them; returns turns removed."""
        raise NotImplementedError

    async def count(self) -> int:
        """Turns stored."""
        raise NotImplementedError
