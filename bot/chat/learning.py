"""What of a conversation may wait for review as a candidate example, and under whose consent.

Promise: a candidate holds only words that screening did not refuse, of people who each said yes in that server, from
a place and of a source that may be learnt from; and no answer that another exchange helped. The store checks consent once more when it writes.
"""

import logging

from bot.chat import sentences
from bot.chat.cleaning import cleaned
from bot.chat.history import Exchange, context, exchanges, is_fit
from bot.chat.servers import Servers
from bot.chat.values import Correction, CorrectionOutcome
from bot.screening.verdicts import together
from bot.settings import ChatSettings
from storage.errors import MynahError, Refused
from storage.store import Store
from storage.values import (
    Candidate,
    Conversation,
    Message,
    NewCandidate,
    Role,
    Source,
    Turn,
    Verdict,
)

logger = logging.getLogger(__name__)

_SPARE_TURNS = 16
"""Turns to read beyond the context: unanswered questions and other people's exchanges lie in between."""


class Learning:
    """Writes candidates, or says why not."""

    def __init__(self, store: Store, chat: ChatSettings, servers: Servers) -> None:
        self._store = store
        self._servers = servers
        self._context_turns = chat.candidate_context_turns

    async def from_exchange(self, conversation: Conversation, exchange: Exchange) -> Candidate | None:
        """The candidate of an answer that was just given; None when it may not be learnt."""
        asker = exchange.question.author_key
        if not exchange.is_fit or asker is None:
            return None
        if not await self._servers.may_learn(conversation.server, exchange.question.source):
            return None
        if not await self._allows(conversation.server, asker):
            return None
        if await self._store.recalls.helped(
            [exchange.question.id]
        ):  # it may repeat words whose authors it does not name
            return None
        kept = await self._context(conversation, exchange.answer.id, exchange.question)
        try:
            return await self._write(conversation, kept, exchange, exchange.answer.message, exchange.question.source)
        except Refused:  # consent went away between the look and the write
            return None

    async def drop(self, conversation: Conversation, question: Turn) -> None:
        """Delete the candidates made from a question that was edited meanwhile."""
        now = await self._store.conversations.turn(question.id)
        if now is not None and now.external_id is not None:
            await self._store.conversations.edit(conversation.server, now.external_id, now.text, now.verdict)

    async def correct(self, assistant_turn_id: int, author_key: str, better_text: str) -> Correction:
        """Keep a person's better words for an answer, if everybody concerned allows it.

        Also for an answer whose own words screening refused: that is where better ones are worth most.
        """
        found = await self._answered(assistant_turn_id)
        if found is None:
            return Correction(CorrectionOutcome.UNKNOWN, sentences.NO_ANSWER_THERE)
        conversation, exchange = found
        asker = exchange.question.author_key
        refusal = await self._why_not(conversation.server, author_key, asker)
        if refusal is not None:
            return refusal
        verdict = await self._verdict(conversation.server, better_text)
        if verdict is None:
            return Correction(CorrectionOutcome.REFUSED, sentences.REFUSED_WORDS)
        kept = await self._context(conversation, assistant_turn_id, exchange.question)
        better = Message(Role.ASSISTANT, verdict.text)
        try:
            candidate = await self._write(
                conversation, kept, exchange, better, Source.CORRECTION, verdict=verdict, corrector=author_key
            )
        except Refused:
            return Correction(CorrectionOutcome.NO_CONSENT, sentences.YOU_HAVE_NOT_ALLOWED)
        return Correction(CorrectionOutcome.WAITING, sentences.THANKS, candidate)

    async def teach(self, server: str, channel: str, author_key: str, prompt: str, reply: str) -> Correction:
        """Keep an exchange that one person wrote both sides of."""
        refusal = await self._why_not(server, author_key, author_key)
        if refusal is not None:
            return refusal
        verdicts = [await self._verdict(server, prompt), await self._verdict(server, reply)]
        fit = [verdict for verdict in verdicts if verdict is not None]
        if len(fit) < len(verdicts):
            return Correction(CorrectionOutcome.REFUSED, sentences.REFUSED_WORDS)
        messages = (Message(Role.USER, fit[0].text), Message(Role.ASSISTANT, fit[1].text))
        new = NewCandidate(messages, server, channel, Source.CORRECTION, together(fit), (author_key,))
        try:
            candidate = await self._store.candidates.add(new)
        except Refused:
            return Correction(CorrectionOutcome.NO_CONSENT, sentences.YOU_HAVE_NOT_ALLOWED)
        return Correction(CorrectionOutcome.WAITING, sentences.THANKS, candidate)

    async def _why_not(self, server: str, author_key: str, asker: str | None) -> Correction | None:
        if not await self._servers.may_learn(server, Source.CORRECTION):
            return Correction(CorrectionOutcome.NOT_HERE, sentences.LEARNING_IS_OFF)
        if not await self._allows(server, author_key):
            return Correction(CorrectionOutcome.NO_CONSENT, sentences.YOU_HAVE_NOT_ALLOWED)
        if asker is None or not await self._allows(server, asker):
            return Correction(CorrectionOutcome.NO_CONSENT, sentences.ASKER_HAS_NOT_ALLOWED)
        return None

    async def _verdict(self, server: str, text: str) -> Verdict | None:
        """The verdict over a person's words; None when they cannot be kept."""
        text = cleaned(text)
        if not text:
            return None
        here = await self._servers.here(server)
        [verdict] = await here.screening.check([text])
        return verdict if is_fit(verdict) and verdict.text.strip() else None

    async def _answered(self, assistant_turn_id: int) -> tuple[Conversation, Exchange] | None:
        answer = await self._store.conversations.turn(assistant_turn_id)
        if answer is None or answer.role is not Role.ASSISTANT:
            return None
        question = await self._store.conversations.turn(answer.reply_to) if answer.reply_to is not None else None
        conversation = await self._store.conversations.conversation(answer.conversation_id)
        if question is None or conversation is None:
            return None
        # The answer's own words may have been refused: they are not in what is made of the better ones.
        is_ours_to_better = is_fit(question.verdict) and not answer.verdict.is_crisis
        return (conversation, Exchange(question, answer)) if is_ours_to_better else None

    async def _context(self, conversation: Conversation, answer_id: int, question: Turn) -> list[Exchange]:
        turns = await self._store.conversations.exchange_before(answer_id, limit=self._context_turns + _SPARE_TURNS)
        past = [exchange for exchange in exchanges(turns) if exchange.question.id < question.id]
        helped = await self._store.recalls.helped([exchange.question.id for exchange in past])
        past = past[1 + max((index for index, one in enumerate(past) if one.question.id in helped), default=-1) :]
        authors = frozenset(key for exchange in past if (key := exchange.question.author_key) is not None)
        if not await self._store.consents.all_allow(conversation.server, authors):
            authors = frozenset([key for key in authors if await self._allows(conversation.server, key)])
        return context(past, allowed=authors, context_turns=self._context_turns)

    async def _allows(self, server: str, author_key: str) -> bool:
        return await self._store.consents.all_allow(server, [author_key])

    async def _write(
        self,
        conversation: Conversation,
        kept: list[Exchange],
        exchange: Exchange,
        target: Message,
        source: Source,
        *,
        verdict: Verdict | None = None,
        corrector: str | None = None,
    ) -> Candidate:
        earlier = [message for past in kept for message in past.messages]
        verdicts = [turn.verdict for past in kept for turn in (past.question, past.answer)]
        authors = [past.question.author_key for past in (*kept, exchange)]
        return await self._store.candidates.add(
            NewCandidate(
                messages=(*earlier, exchange.question.message, target),
                server=conversation.server,
                channel=conversation.channel,
                source=source,
                verdict=together([*verdicts, exchange.question.verdict, verdict or exchange.answer.verdict]),
                author_keys=tuple(dict.fromkeys(key for key in (*authors, corrector) if key is not None)),
                user_turn_id=exchange.question.id,
                assistant_turn_id=exchange.answer.id,
                turn_ids=tuple(turn.id for past in kept for turn in (past.question, past.answer)),
            )
        )


def cannot_keep(error: Exception) -> Correction:
    """What a person is told when the database or the screening failed."""
    logger.error(
        "correction not kept", extra={"error": type(error).__name__}, exc_info=not isinstance(error, MynahError)
    )
    return Correction(CorrectionOutcome.FAILED, sentences.CANNOT_KEEP_NOW)
