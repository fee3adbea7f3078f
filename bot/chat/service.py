"""One turn, start to finish: limits, screen in, history, engine, screen out, store, candidate.

Promises: a person always gets a reply (`Reply.kind` says of which sort); nothing is shown or stored that was not
screened; the question is stored before the answer is begun. It does not know which face it talks through.
"""

import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import datetime

from bot.chat import sentences
from bot.chat.alone import Alone
from bot.chat.answering import Answering, ended
from bot.chat.cleaning import cleaned
from bot.chat.learning import Learning, cannot_keep
from bot.chat.peers import Peers
from bot.chat.recalling import Recalling
from bot.chat.running import MessageLimit, Running, Ticket
from bot.chat.servers import Here, Servers
from bot.chat.streaming import is_out_of_bounds
from bot.chat.values import Correction, Incoming, Reply, ReplyKind, ReplyUpdate
from bot.engine.protocol import Engine, EngineBusy, PromptTooLong
from bot.screening.protocol import Screener
from bot.settings import ChatSettings, EngineSettings
from bot.tracing import NO_TRACER, Tracer
from storage.claims import Claim
from storage.errors import DatabaseBusy, MynahError, WrongUsage
from storage.store import Store
from storage.values import ForgetReceipt, Role, Verdict

logger = logging.getLogger(__name__)


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
        monotonic: Callable[[], float] = time.monotonic,
        base_hash: str | None = None,
        peers: Peers | None = None,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        """Put the parts together.

        Args:
            store: where everything is kept.
            engine: makes answers.
            screening: looks at every text.
            chat: what holds where a server chose nothing.
            engine_settings: how answers are made.
            crisis_text: for a person who sounds in danger, where a server has no text of its own.
            clock: the time.
            may_learn_in: the operator's master switch, for a server's name.
            monotonic: seconds; says when a server's choices are read again.
            base_hash: content hash of the base, by which it is known whether recalling helps it.
            peers: other processes that may hear the same messages; None: there are none.
            tracer: writes down which way messages went.
        """
        self._store = store
        self._engine = engine
        self._limit = MessageLimit(clock)
        self._running = Running()
        self._peers = peers or Alone()
        self.servers = Servers(store, screening, chat, crisis_text, may_learn_in, monotonic)
        """What holds in each server right now."""
        self._learning = Learning(store, chat, self.servers)
        recalling = Recalling(store, engine, chat, self.servers, base_hash)
        self._answering = Answering(store, engine, chat, engine_settings, self._learning, recalling, tracer)

    async def answer(self, incoming: Incoming) -> AsyncGenerator[ReplyUpdate, None]:
        """Stream a reply to a message; the last update carries the `Reply`. Never raises an `Exception`.

        Closing the iterator (or cancelling its task) stops the engine; the question then stays without an answer. Asking
        for more after the last update says that it arrived: until then, should this process die, another one may take
        the message up.
        """
        here = await self.servers.here(incoming.server)
        try:
            claim = await self._peers.claim(incoming, here.messages_per_minute)
        except Exception as error:  # noqa: BLE001 - logged there; a person always gets a reply
            yield _sorry(error, None)
            return
        if claim is Claim.TAKEN:
            yield ended(Reply(sentences.ELSEWHERE, ReplyKind.ELSEWHERE))
            return
        last: ReplyUpdate | None = None
        async with aclosing(self._admitted(incoming, here, claim)) as updates:
            async for update in updates:
                if update.reply is None:
                    yield update
                else:
                    last = update
        if last is not None:  # by now the member may say the next thing
            yield last
            await self._note_end(incoming)

    async def _admitted(self, incoming: Incoming, here: Here, claim: Claim) -> AsyncGenerator[ReplyUpdate, None]:
        """The reply to a message that is ours."""
        is_too_many = claim is Claim.TOO_MANY
        if is_too_many or not self._limit.admit(incoming.server, incoming.author_key, here.messages_per_minute):
            yield ended(Reply(sentences.TOO_MANY, ReplyKind.REFUSAL))
            return
        ticket = None if claim is Claim.STILL_ANSWERING else self._running.begin(incoming)
        try:
            if ticket is None:
                yield await self._answering.while_another_runs(incoming, here)
                return
            async with aclosing(self._answering.turn(ticket, here)) as updates:
                async for update in updates:
                    yield update
        except Exception as error:  # noqa: BLE001 - logged there; a person always gets a reply
            yield _sorry(error, ticket)
        finally:
            if ticket is not None:
                self._running.end(ticket)
                await self._catch_up(ticket)

    def stop(self, server: str, channel: str, author_key: str | None = None) -> bool:
        """End the running answers of a channel (to one member, or to all) with what they have; False if none runs."""
        tickets = list(self._running.in_channel(server, channel, author_key))
        for ticket in tickets:
            self._stop(ticket)
        return bool(tickets)

    async def reset(self, server: str, channel: str) -> None:
        """Stop what runs in a channel and begin a new conversation there. Nothing is deleted."""
        self.stop(server, channel)
        await self._store.conversations.reset(server, channel)

    async def vote(self, turn_id: int, author_key: str, value: int) -> tuple[int, int]:
        """Vote +1 or -1 on an answer (0 takes the vote back); returns votes up and down.

        Raises:
            WrongUsage: there is no such answer, or no such vote.
        """
        if value not in {-1, 0, 1}:
            raise WrongUsage(f"A vote is +1 or -1, not {value}.", advice="0 takes a vote back.")
        turn = await self._store.conversations.turn(turn_id)
        if turn is None or turn.role is not Role.ASSISTANT:
            raise WrongUsage("That answer is gone.", advice="Vote on a newer one.")
        if value:
            await self._store.votes.cast(turn_id, author_key, value)
        else:
            await self._store.votes.withdraw(turn_id, author_key)
        return await self._store.votes.tally(turn_id)

    async def correct(self, assistant_turn_id: int, author_key: str, better_text: str) -> Correction:
        """Offer better words for an answer, as a candidate with source `correction`. Never raises an `Exception`."""
        try:
            return await self._learning.correct(assistant_turn_id, author_key, better_text)
        except Exception as error:  # noqa: BLE001 - logged there; a person always gets a reply
            return cannot_keep(error)

    async def teach(self, server: str, channel: str, author_key: str, prompt: str, reply: str) -> Correction:
        """Offer a stand-alone exchange, as a candidate with source `correction`. Never raises an `Exception`."""
        try:
            return await self._learning.teach(server, channel, author_key, prompt, reply)
        except Exception as error:  # noqa: BLE001 - logged there; a person always gets a reply
            return cannot_keep(error)

    async def consent(self, server: str, author_key: str) -> bool | None:
        """True: this member allowed learning here, False: denied, None: never said."""
        return await self._store.consents.get(server, author_key)

    async def set_consent(
        self, server: str, author_key: str, *, allowed: bool, account_made_at: datetime | None = None
    ) -> None:
        """Record a member's decision; a denial also rejects their waiting candidates.

        Args:
            server: where.
            author_key: who.
            allowed: what they said.
            account_made_at: since when their account exists, where the face knows it.
        """
        await self._store.consents.set(server, author_key, allowed=allowed, account_made_at=account_made_at)
        logger.info("consent recorded", extra={"server": server, "is_allowed": allowed})

    async def may_learn_in(self, server: str) -> bool:
        """Whether anything said in a server may be learnt: the operator and an admin of the server turned it on."""
        return await self.servers.may_learn(server)

    async def first_contact(self, server: str, author_key: str) -> str | None:
        """The line that asks a member whether they may be learnt from: once, and only who never said, where it can be.

        Asking is recorded before it is done, so that nobody is ever asked twice.
        """
        if not await self.servers.may_learn(server) or await self.consent(server, author_key) is not None:
            return None
        if await self._store.blocks.is_blocked(server, author_key):
            return None
        if not await self._store.first_contacts.claim(server, author_key):
            return None
        settings = await self.servers.settings(server)
        return settings.consent_channel_line or sentences.FIRST_CONTACT

    async def forget(
        self, author_key: str, *, server: str | None = None, notify_id: str | None = None
    ) -> ForgetReceipt:
        """Delete everything of a member and record the denial.

        Args:
            author_key: who.
            server: where; None: everywhere.
            notify_id: whom to tell when a version without their words answers; kept only until then.
        """
        for ticket in self._running.of_member(author_key, server):
            self._withdraw(ticket)
        return await self._store.members.forget(author_key, server=server, notify_id=notify_id)

    async def note_sent(self, assistant_turn_id: int, external_id: str) -> None:
        """Note which of the face's messages carries an answer, so that its deletion finds the row."""
        await self._store.conversations.set_external_id(assistant_turn_id, external_id)

    async def edited(self, server: str, external_id: str, text: str) -> bool:
        """A person edited a message: screen it again and replace the row; False if there is none.

        Candidates made from the old words are dropped. Words that cannot be kept, or not be screened, delete the row.
        """
        ticket = self._running.of_message(server, external_id)
        if ticket is not None:
            ticket.is_edited = True
            if ticket.user_turn_id is None:
                ticket.new_text = text
                return True
        text = cleaned(text)
        turn = await self._store.conversations.turn_by_external_id(server, external_id)
        if text and turn is None:
            return await self._store.conversations.edited_long_ago(server, external_id) > 0
        verdict = await self._verdict_of_edit(server, text)
        if verdict is None or is_out_of_bounds(verdict) or not verdict.text.strip():
            return await self.deleted(server, [external_id]) > 0
        if turn is not None and (turn.text, turn.verdict) == (verdict.text, verdict):
            return True  # the same words: what was made of them stays
        return await self._store.conversations.edit(server, external_id, verdict.text, verdict)

    async def deleted(self, server: str, external_ids: Sequence[str]) -> int:
        """Messages were deleted: stop answering them, delete their rows and candidates; returns turns removed."""
        for external_id in external_ids:
            ticket = self._running.of_message(server, external_id)
            if ticket is not None:
                self._withdraw(ticket)
        return await self._store.conversations.delete(server, external_ids)

    async def channel_deleted(self, server: str, channel: str) -> int:
        """A channel or thread was deleted with all its messages: so are their rows; returns turns removed."""
        for ticket in self._running.in_channel(server, channel):
            self._withdraw(ticket)
        return await self._store.conversations.delete_channel(server, channel)

    async def _note_end(self, incoming: Incoming) -> None:
        try:
            await self._peers.end(incoming)
        except MynahError as error:  # the reply stands in the channel, where whoever looks sees it
            logger.warning("end of an answer not noted", extra={"error": type(error).__name__})

    async def _catch_up(self, ticket: Ticket) -> None:
        """Do an edit that came before the question was stored."""
        incoming = ticket.incoming
        if ticket.new_text is not None and incoming.external_id is not None:
            await self.edited(incoming.server, incoming.external_id, ticket.new_text)

    async def _verdict_of_edit(self, server: str, text: str) -> Verdict | None:
        here = await self.servers.here(server)
        try:
            [verdict] = await here.screening.check([text]) if text else [None]
        except Exception as error:
            logger.exception("edit not screened", extra={"error": type(error).__name__})
            return None
        return verdict

    def _stop(self, ticket: Ticket) -> None:
        ticket.is_stopped = True
        if ticket.request_id is not None:
            self._engine.stop(ticket.request_id)

    def _withdraw(self, ticket: Ticket) -> None:
        ticket.is_withdrawn = True
        self._stop(ticket)


def _sorry(error: Exception, ticket: Ticket | None) -> ReplyUpdate:
    """The reply when something failed, and a line in the log."""
    turn_id = ticket.user_turn_id if ticket else None
    is_known = isinstance(error, MynahError | TimeoutError)
    logger.log(
        logging.WARNING if is_known else logging.ERROR,
        "no answer",
        extra={"error": type(error).__name__, "turn": turn_id},
        exc_info=not is_known,
    )
    text, kind = next((told for cause, told in _TOLD.items() if isinstance(error, cause)), _TROUBLE)
    return ended(Reply(text, kind, user_turn_id=turn_id))


_TROUBLE = (sentences.TROUBLE, ReplyKind.APOLOGY)
_TOLD: dict[type[Exception], tuple[str, ReplyKind]] = {
    EngineBusy: (sentences.BUSY, ReplyKind.APOLOGY),
    PromptTooLong: (sentences.TOO_LONG, ReplyKind.REFUSAL),
    DatabaseBusy: (sentences.NO_MEMORY, ReplyKind.APOLOGY),
    TimeoutError: (sentences.OUT_OF_TIME, ReplyKind.APOLOGY),
}
