"""The straight story of one turn, once the limits let it in: screen, store, generate, screen, store, candidate."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace

from bot.chat import sentences
from bot.chat.cleaning import cleaned
from bot.chat.history import Exchange, exchanges, prompt
from bot.chat.learning import Learning
from bot.chat.recalling import Recalling
from bot.chat.running import Ticket
from bot.chat.servers import Here
from bot.chat.streaming import ScreenedText, is_out_of_bounds, must_not_be_said, says_nothing
from bot.chat.values import Incoming, Reply, ReplyKind, ReplyUpdate
from bot.engine.protocol import Answer, Engine, EngineFailed, Finish, Piece, Sampling
from bot.engine.recall import with_recalled
from bot.engine.routing import Place
from bot.settings import ChatSettings, EngineSettings
from bot.tracing import NO_TRACER, Tracer
from storage.store import Store
from storage.values import Conversation, NewTurn, Outcome, Role, Turn, Verdict

logger = logging.getLogger(__name__)

_GRACE_SECONDS = 5.0
"""The engine ends an answer at its deadline with what it has; one that does not is given up this much later."""
_SPARE_TURNS = 16
"""Turns to read beyond the history: unanswered and refused ones are left out of it."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A stored question."""

    ticket: Ticket
    here: Here
    conversation: Conversation
    question: Turn

    def reply(self, text: str, kind: ReplyKind, version: str | None = None, answer: Turn | None = None) -> ReplyUpdate:
        answer_id = None if answer is None else answer.id
        return ended(Reply(text, kind, version, self.question.id, answer_id))


class Answering:
    """Takes one message to its reply; whatever fails is raised, for the service to apologise."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        chat: ChatSettings,
        engine_settings: EngineSettings,
        learning: Learning,
        recalling: Recalling,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        self._store = store
        self._engine = engine
        self._chat = chat
        self._learning = learning
        self._recalling = recalling
        self._tracer = tracer
        self._give_up_seconds = engine_settings.deadline_seconds + _GRACE_SECONDS
        self._sampling = Sampling(
            temperature=engine_settings.temperature,
            top_p=engine_settings.top_p,
            top_k=engine_settings.top_k,
            max_new_tokens=engine_settings.max_new_tokens,
        )

    async def turn(self, ticket: Ticket, here: Here) -> AsyncGenerator[ReplyUpdate, None]:
        """Every update of one turn; the last carries the reply.

        Raises:
            EngineBusy, PromptTooLong, EngineFailed: as the engine says.
            TimeoutError: the engine did not end in time.
            DatabaseBusy: the question could not be stored.
        """
        incoming = ticket.incoming
        if incoming.is_late and (given := await self._given_before(incoming)) is not None:
            yield given
            return
        with self._tracer.span("admission") as span:
            verdict = await self._screened(incoming, here)
            span.note(outcome="empty" if verdict is None else verdict.outcome.value)
        if verdict is None:
            yield ended(Reply(sentences.EMPTY, ReplyKind.REFUSAL))
        elif verdict.is_crisis:
            yield await self.crisis(incoming, verdict, here)
        elif verdict.blocks_reply and is_out_of_bounds(verdict):
            yield ended(Reply(sentences.TOO_LONG, ReplyKind.REFUSAL))
        else:
            asked = _Asked(ticket, here, *await self._keep_question(incoming, verdict))
            ticket.user_turn_id = asked.question.id
            await self._heard(asked.question)
            if ticket.is_withdrawn and incoming.external_id is not None:  # deleted before there was a row to delete
                await self._store.conversations.delete(incoming.server, [incoming.external_id])
                yield asked.reply(sentences.WITHDRAWN, ReplyKind.WITHDRAWN)
            elif verdict.blocks_reply:
                yield asked.reply(sentences.UNWELCOME, ReplyKind.REFUSAL)
            else:
                async with aclosing(self._generate(asked)) as updates:
                    async for update in updates:
                        yield update

    async def _given_before(self, incoming: Incoming) -> ReplyUpdate | None:
        """The answer that was stored to a message by a process that may have died before it was seen; None: there is none."""
        if incoming.external_id is None:
            return None
        question = await self._store.conversations.turn_by_external_id(incoming.server, incoming.external_id)
        answer = None if question is None else await self._store.conversations.answer_to(question.id)
        if question is None or answer is None or await self._store.recalls.spoilt(incoming.server, [question.id]):
            return None
        verdict = answer.verdict
        kind = (
            ReplyKind.CRISIS if verdict.is_crisis else ReplyKind.REFUSAL if verdict.blocks_reply else ReplyKind.ANSWER
        )
        return ended(Reply(answer.text, kind, answer.model_version, question.id, answer.id))

    async def while_another_runs(self, incoming: Incoming, here: Here) -> ReplyUpdate:
        """The reply to a message that came too early. Even then, a person in danger is not told to wait."""
        verdict = await self._screened(incoming, here)
        if verdict is not None and verdict.is_crisis:
            return await self.crisis(incoming, verdict, here)
        return ended(Reply(sentences.STILL_ANSWERING, ReplyKind.REFUSAL))

    async def crisis(self, incoming: Incoming, verdict: Verdict, here: Here) -> ReplyUpdate:
        """The operator's or the server's own text; it reaches the person also when nothing can be stored."""
        said = Verdict(Outcome.REFUSE, here.crisis_text, ("crisis:reply",), {}, verdict.screen_version, is_crisis=True)
        reply = Reply(here.crisis_text, ReplyKind.CRISIS)
        try:
            conversation, question = await self._keep_question(incoming, verdict)
            reply = replace(reply, user_turn_id=question.id)
            answer = await self._store.conversations.add_turn(
                NewTurn(conversation.id, Role.ASSISTANT, said.text, incoming.source, said, reply_to=question.id)
            )
            reply = replace(reply, assistant_turn_id=answer.id)
        except Exception as error:
            logger.exception("crisis exchange not stored", extra={"error": type(error).__name__})
        return ended(reply)

    async def _heard(self, question: Turn) -> None:
        """Let the review queue know what the words say about the answer before them; never a reason not to answer."""
        try:
            await self._store.review_queue.heard(question)
        except Exception as error:
            logger.exception("feedback not noted", extra={"error": type(error).__name__, "turn": question.id})

    async def _screened(self, incoming: Incoming, here: Here) -> Verdict | None:
        text = cleaned(incoming.text)
        if not text:
            return None
        [verdict] = await here.screening.check([text])
        return None if says_nothing(verdict) else verdict

    async def _keep_question(self, incoming: Incoming, verdict: Verdict) -> tuple[Conversation, Turn]:
        conversation = await self._store.conversations.current(incoming.server, incoming.channel)
        turn = NewTurn(
            conversation.id,
            Role.USER,
            verdict.text,
            incoming.source,
            verdict,
            author_key=incoming.author_key,
            external_id=incoming.external_id,
        )
        return conversation, await self._store.conversations.add_turn(turn)

    async def _generate(self, asked: _Asked) -> AsyncGenerator[ReplyUpdate, None]:
        version = self._engine.version
        growing = ScreenedText(asked.here.screening)
        answer: Answer | None = None
        async with aclosing(self._pieces(asked)) as pieces:
            async for piece in pieces:
                answer, version = piece.answer or answer, piece.model_version or version
                verdict = await growing.add(piece.delta)
                if growing.refused is not None:
                    break
                if verdict is not None and not asked.ticket.is_withdrawn:
                    yield ReplyUpdate(verdict.text)
        if asked.ticket.is_withdrawn:
            yield asked.reply(sentences.WITHDRAWN, ReplyKind.WITHDRAWN)
        elif growing.refused is not None:
            yield await self._cut_short(asked, growing.refused, growing.passed, version)
        elif answer is None and asked.ticket.is_stopped:
            yield asked.reply(sentences.STOPPED, ReplyKind.STOPPED)
        elif answer is None:
            raise EngineFailed("The engine ended without an answer.")
        elif not answer.text.strip():
            yield asked.reply(*_WITHOUT_WORDS.get(answer.finish, _NO_WORDS), answer.model_version)
        else:
            yield await self._ending(asked, growing, answer)

    async def _pieces(self, asked: _Asked) -> AsyncGenerator[Piece, None]:
        past = await self._past(asked)
        messages = prompt(asked.here.persona, past, asked.question.message, history_turns=self._chat.history_turns)
        incoming = asked.ticket.incoming
        recalled = await self._recalling.reply_for(asked.question, incoming, asked.here)
        if recalled is not None:
            messages = with_recalled(messages, recalled)
        if asked.ticket.is_stopped:
            return
        request_id = asked.ticket.request_id = f"turn-{asked.question.id}"
        place = Place(incoming.server, incoming.channel)
        stream = self._engine.stream(
            messages, self._sampling, member=incoming.author_key, request_id=request_id, place=place
        )
        give_up_at = asyncio.get_running_loop().time() + self._give_up_seconds
        async with _closing(stream):
            while True:
                async with asyncio.timeout_at(give_up_at):
                    piece = await anext(stream, None)
                if piece is None:
                    return
                yield piece

    async def _past(self, asked: _Asked) -> list[Exchange]:
        """What was said before, without answers that were helped by words which have been taken back since."""
        turns = await self._store.conversations.history(
            asked.conversation.id, limit=self._chat.history_turns + _SPARE_TURNS
        )
        past = exchanges(turns)
        spoilt = await self._store.recalls.spoilt(asked.conversation.server, [one.question.id for one in past])
        return [one for one in past if one.question.id not in spoilt]

    async def _ending(self, asked: _Asked, growing: ScreenedText, answer: Answer) -> ReplyUpdate:
        shown = growing.passed
        verdict = await growing.look(answer.text.strip())
        if asked.ticket.is_withdrawn:
            return asked.reply(sentences.WITHDRAWN, ReplyKind.WITHDRAWN)
        if says_nothing(verdict):
            return asked.reply(*_NO_WORDS, answer.model_version)
        if must_not_be_said(verdict):
            return await self._cut_short(asked, verdict, shown, answer.model_version)
        kind = ReplyKind.STOPPED if answer.finish is Finish.STOPPED else ReplyKind.ANSWER
        reply = Reply(verdict.text, kind, answer.model_version, asked.question.id)
        with self._tracer.span("keeping"):
            turn = await self._keep_answer(asked, verdict, answer.model_version, answer.latency_seconds)
            if turn is None:
                return ended(reply)
            is_whole = answer.finish in {Finish.END, Finish.LENGTH}
            candidate_id = await self._candidate(asked, turn) if is_whole else None
        logger.info(
            "answered",
            extra={
                "turn": turn.id,
                "model_version": answer.model_version,
                "finish": answer.finish.value,
                "new_tokens": answer.new_tokens,
                "queue_seconds": answer.queue_seconds,
                "latency_seconds": answer.latency_seconds,
                "is_candidate": candidate_id is not None,
            },
        )
        return ended(replace(reply, assistant_turn_id=turn.id, candidate_id=candidate_id))

    async def _cut_short(self, asked: _Asked, verdict: Verdict, shown: Verdict | None, version: str) -> ReplyUpdate:
        """The reply when screening stopped the answer: what was shown, if it was only too long, or a sentence."""
        if is_out_of_bounds(verdict) and shown is not None and shown.text.strip():
            turn = await self._keep_answer(asked, shown, version, None)
            return asked.reply(shown.text, ReplyKind.ANSWER, version, turn)
        refused = replace(verdict, outcome=Outcome.REFUSE, text=sentences.OUTPUT_REFUSED, blocks_reply=True)
        turn = await self._keep_answer(asked, refused, version, None)
        logger.info("output refused", extra={"turn": turn and turn.id, "reasons": verdict.reasons})
        return asked.reply(refused.text, ReplyKind.REFUSAL, version, turn)

    async def _keep_answer(
        self, asked: _Asked, verdict: Verdict, version: str, latency_seconds: float | None
    ) -> Turn | None:
        """The stored answer; None when it could not be stored, which must not take it from the person."""
        turn = NewTurn(
            asked.conversation.id,
            Role.ASSISTANT,
            verdict.text,
            asked.ticket.incoming.source,
            verdict,
            model_version=version,
            latency_seconds=latency_seconds,
            reply_to=asked.question.id,
        )
        try:
            return await self._store.conversations.add_turn(turn)
        except Exception as error:
            logger.exception("answer not stored", extra={"error": type(error).__name__, "turn": asked.question.id})
            return None

    async def _candidate(self, asked: _Asked, answer: Turn) -> int | None:
        """The candidate of a whole answer, unless the question was changed or deleted meanwhile."""
        if asked.ticket.is_edited or asked.ticket.is_withdrawn:
            return None
        try:
            candidate = await self._learning.from_exchange(asked.conversation, Exchange(asked.question, answer))
            if candidate is not None and asked.ticket.is_edited:  # while it was written: it holds the old words
                await self._learning.drop(asked.conversation, asked.question)
                return None
        except Exception as error:
            logger.exception("candidate not stored", extra={"error": type(error).__name__, "turn": answer.id})
            return None
        return None if candidate is None else candidate.id


def ended(reply: Reply) -> ReplyUpdate:
    """The last update of a turn."""
    return ReplyUpdate(reply.text, reply)


_NO_WORDS = (sentences.NO_WORDS, ReplyKind.APOLOGY)
_WITHOUT_WORDS = {
    Finish.STOPPED: (sentences.STOPPED, ReplyKind.STOPPED),
    Finish.DEADLINE: (sentences.OUT_OF_TIME, ReplyKind.APOLOGY),
}


@asynccontextmanager
async def _closing(stream: AsyncIterator[Piece]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()
