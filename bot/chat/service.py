"""One turn, start to finish: limits, screen in, history, engine, screen out, store, candidate.

Promises: a person always gets a reply (`Reply.kind` says of which sort); nothing is shown or stored that was not
screened; the question is stored before the answer is begun. It does not know which face it talks through.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime

from bot.chat.values import Correction, Incoming, ReplyUpdate
from bot.engine.protocol import Engine
from bot.screening.protocol import Screener
from bot.settings import ChatSettings, EngineSettings
from storage.store import Store
from storage.values import ForgetReceipt


class ChatService:
    """Answers people, and keeps what they allow it to learn from."""

    def __init__(
        self,
        *,
        store: Store,
        engine: Engine,
        screening: Screener,
        chat: ChatSettings,
        engine_settings: EngineSettings,
        crisis_text: str,
        clock: Callable[[], datetime],
        may_learn_in: Callable[[str], bool],
    ) -> None:
        raise NotImplementedError

    def answer(self, incoming: Incoming) -> AsyncIterator[ReplyUpdate]:
        """Stream a reply to a message; the last update carries the `Reply`. Never raises an `Exception`.

        Closing the iterator (or cancelling its task) stops the engine; the question then stays without an answer.
        """
        raise NotImplementedError

    def stop(self, server: str, channel: str, author_key: str | None = None) -> bool:
        """End the running answers of a channel (to one member, or to all) with what they have; False if none runs."""
        raise NotImplementedError

    async def reset(self, server: str, channel: str) -> None:
        """Stop what runs in a channel and begin a new conversation there. Nothing is deleted."""
        raise NotImplementedError

    async def vote(self, turn_id: int, author_key: str, value: int) -> tuple[int, int]:
        """Vote +1 or -1 on an answer (0 takes the vote back); returns votes up and down.

        Raises:
            WrongUsage: there is no such answer, or no such vote.
        """
        raise NotImplementedError

    async def correct(self, assistant_turn_id: int, author_key: str, better_text: str) -> Correction:
        """Offer better words for an answer, as a candidate with source `correction`. Never raises an `Exception`."""
        raise NotImplementedError

    async def teach(self, server: str, channel: str, author_key: str, prompt: str, reply: str) -> Correction:
        """Offer a stand-alone exchange, as a candidate with source `correction`. Never raises an `Exception`."""
        raise NotImplementedError

    async def consent(self, server: str, author_key: str) -> bool | None:
        """True: this member allowed learning here, False: denied, None: never said."""
        raise NotImplementedError

    async def set_consent(self, server: str, author_key: str, *, allowed: bool) -> None:
        """Record a member's decision; a denial also rejects their waiting candidates."""
        raise NotImplementedError

    async def consent_hint(self, server: str, author_key: str) -> str | None:
        """One line on how to allow learning, once, for a member who never said and where it is possible."""
        raise NotImplementedError

    async def forget(self, author_key: str, *, server: str | None = None) -> ForgetReceipt:
        """Delete everything of a member (in one server, or all) and record the denial."""
        raise NotImplementedError

    async def note_sent(self, assistant_turn_id: int, external_id: str) -> None:
        """Note which of the face's messages carries an answer, so that its deletion finds the row."""
        raise NotImplementedError

    async def edited(self, server: str, external_id: str, text: str) -> bool:
        """A person edited a message: screen it again and replace the row; False if there is none.

        Candidates made from the old words are dropped. Words that cannot be kept delete the row.
        """
        raise NotImplementedError

    async def deleted(self, server: str, external_ids: Sequence[str]) -> int:
        """Messages were deleted: stop answering them, delete their rows and candidates; returns turns removed."""
        raise NotImplementedError
