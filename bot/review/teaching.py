"""Examples that people point at: this should be learnt, and this should not, message by message.

Promises: what is taught holds only words of people who each allow it, screened again, and goes when any of the messages
it was made from is edited or deleted; a message that was kept out makes no example any more. It knows no face.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

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
        if await self._store.kept_out.among(server, [one.external_id for one in said]):
            raise Refused("Somebody asked me not to learn that message.")
        turns = [await self._write(server, channel, one, verdicts[min(at, 1)]) for at, one in enumerate(said)]
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

    async def keep_out(self, server: str, messages: Sequence[str], known: Known | None, actor: str) -> None:
        """See that messages make no example: what was made from them is dropped, and nothing is made from them again.

        That holds also when a message is edited later, and when nothing of it is stored (yet, or any more).

        Args:
            server: where.
            messages: their ids at the face.
            known: the exchange that they are a side of, if that is kept: its question is kept out with them.
            actor: who asked for it.
        """
        turns = () if known is None else (known.question.id,)
        await self._store.kept_out.mark(server, messages, actor, turn_ids=turns)

    async def is_kept_out(self, server: str, external_id: str, known: Known | None) -> bool:
        """Whether somebody asked that a message, or the question of its exchange, is not learnt."""
        asked = None if known is None else known.question.external_id
        messages = [message for message in (external_id, asked) if message is not None]
        return bool(await self._store.kept_out.among(server, messages))

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
