"""Examples that people point at: this should be learnt, and this should not, message by message.

Promises: what is taught holds only words of people who each allow it, screened again, and goes when any of the messages
it was made from is edited or deleted; a message that was kept out makes no example any more. It knows no face.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from bot.review.words import what_is_wrong_with
from bot.screening.protocol import Screener
from bot.screening.verdicts import together
from storage.errors import Refused, WrongUsage
from storage.store import Store
from storage.values import (
    Candidate,
    Message,
    NewCandidate,
    NewTurn,
    Outcome,
    Role,
    Source,
    Turn,
    Verdict,
)

KEPT_OUT = "kept-out:asked"
"""The reason in the verdict of words that somebody asked not to be learnt."""
_NOTHING = "…"


@dataclass(frozen=True, slots=True)
class Said:
    """A person's message at the face."""

    external_id: str
    author_key: str
    text: str


@dataclass(frozen=True, slots=True)
class Known:
    """An exchange with the bot that a message belongs to."""

    question: Turn
    answer: Turn | None


class Teaching:
    """Takes up, and keeps out.

    Args:
        store: where turns and candidates live.
        screening: looks at the words.
        may_learn: whether a server may learn from a source now.
    """

    def __init__(self, store: Store, screening: Screener, may_learn: Callable[[str, Source], Awaitable[bool]]) -> None:
        self._store = store
        self._screening = screening
        self._may_learn = may_learn

    async def known(self, server: str, external_id: str) -> Known | None:
        """The exchange that a message is a side of; None when nothing of it is kept."""
        turn = await self._store.conversations.turn_by_external_id(server, external_id)
        if turn is None:
            return None
        if turn.role is Role.ASSISTANT:
            question = None if turn.reply_to is None else await self._store.conversations.turn(turn.reply_to)
            return None if question is None else Known(question, turn)
        later = await self._store.conversations.history(turn.conversation_id, limit=_TURNS_LOOKED_AT)
        answers = [one for one in later if one.reply_to == turn.id and one.role is Role.ASSISTANT]
        return Known(turn, answers[-1] if answers else None)

    async def teach(
        self, server: str, channel: str, teacher_key: str, said: tuple[Said, ...], prompt: str, reply: str
    ) -> Candidate:
        """Keep an exchange between people, as a candidate that waits for review.

        Args:
            server: where.
            channel: where there.
            teacher_key: who teaches; the words may be theirs too.
            said: the messages it is made from: the question, and the answer if that was a message.
            prompt: the question's words, as the teacher left them.
            reply: the words to learn.

        Raises:
            Refused: nothing is learnt here, somebody has not allowed it, screening refused the words, or one of the
                messages was kept out.
            WrongUsage: words that cannot be read.
        """
        if not await self._may_learn(server, Source.MESSAGE):
            raise Refused("I don't learn from messages here.", advice="An admin can see why with /learning.")
        authors = tuple(dict.fromkeys((*(one.author_key for one in said), teacher_key)))
        for key in authors:
            if not await self._store.consents.all_allow(server, [key]):
                whose = "You have" if key == teacher_key else "The one who wrote it has"
                raise Refused(f"{whose} not allowed me to learn from them.", advice="/privacy allow does.")
        verdicts = await self._fit(prompt, reply)
        turns = [await self._kept(server, channel, one, verdicts[min(at, 1)]) for at, one in enumerate(said)]
        messages = (Message(Role.USER, verdicts[0].text), Message(Role.ASSISTANT, verdicts[1].text))
        return await self._store.candidates.add(
            NewCandidate(
                messages,
                server,
                channel,
                Source.MESSAGE,
                together(verdicts),
                author_keys=authors,
                user_turn_id=turns[0].id,
                turn_ids=tuple(turn.id for turn in turns),
            )
        )

    async def keep_out(self, server: str, channel: str, said: Said | None, known: Known | None, actor: str) -> None:
        """See that a message makes no example: what was made from it is dropped, and nothing is made from it again.

        Args:
            server: where.
            channel: where there.
            said: the message, if a person wrote it.
            known: the exchange it is a side of, if that is kept.
            actor: who asked for it.
        """
        if known is not None:
            turn = known.question
            external_id = turn.external_id or f"kept-out-{turn.id}"
            if turn.external_id is None:  # said by a slash command, which is no message
                await self._store.conversations.set_external_id(turn.id, external_id)
            await self._store.conversations.edit(server, external_id, turn.text, _kept_out(turn.verdict))
        elif said is not None:
            verdict = Verdict(Outcome.REFUSE, _NOTHING, (KEPT_OUT,))
            turn = await self._write(server, channel, said, verdict)
        else:
            raise Refused("I keep nothing of that message.")
        await self._store.audit.record(actor, "keep out", f"turn {turn.id}", server=server)

    async def _fit(self, *texts: str) -> list[Verdict]:
        for text in texts:
            problem = what_is_wrong_with(text)
            if problem is not None:
                raise WrongUsage(f"What you wrote {problem}.", advice="Write it again, in plain words.")
        verdicts = await self._screening.check([text.strip() for text in texts])
        for verdict in verdicts:
            if verdict.outcome is Outcome.REFUSE or verdict.is_crisis or not verdict.text.strip():
                raise Refused("I can't keep those words.", advice="Please put it another way.")
        return list(verdicts)

    async def _kept(self, server: str, channel: str, said: Said, verdict: Verdict) -> Turn:
        turn = await self._write(server, channel, said, verdict)
        if KEPT_OUT in turn.verdict.reasons:
            raise Refused("Somebody asked me not to learn that message.")
        return turn

    async def _write(self, server: str, channel: str, said: Said, verdict: Verdict) -> Turn:
        """A turn of its own conversation: so that the message's edits and deletion find what was made from it."""
        conversation = await self._store.conversations.current(server, f"taught:{channel}")
        return await self._store.conversations.add_turn(
            NewTurn(
                conversation.id,
                Role.USER,
                verdict.text,
                Source.MESSAGE,
                verdict,
                author_key=said.author_key,
                external_id=said.external_id,
            )
        )


_TURNS_LOOKED_AT = 200
"""An answer is that near to its question; further back only the question's own message finds it."""


def is_kept_out(turn: Turn) -> bool:
    """Whether somebody asked that these words are not learnt."""
    return KEPT_OUT in turn.verdict.reasons


def _kept_out(verdict: Verdict) -> Verdict:
    reasons = tuple(dict.fromkeys((*verdict.reasons, KEPT_OUT)))
    return replace(verdict, outcome=Outcome.REFUSE, reasons=reasons)
