"""Examples as a snapshot holds them, and whose they are."""

from collections.abc import Sequence
from datetime import UTC, datetime

from storage.candidates import content_hash
from storage.values import Candidate, CandidateState, Message, Outcome, Role, Source, Verdict
from trainer.origins import Origins
from trainer.snapshots import Conversation


def example(prompt: str, reply: str) -> Conversation:
    """A question and its answer."""
    messages = (Message(Role.USER, prompt), Message(Role.ASSISTANT, reply))
    return Conversation(messages, content_hash(messages))


def candidate(number: int, one: Conversation, *authors: str) -> Candidate:
    """The approved candidate that an example comes from."""
    return Candidate(
        id=number,
        messages=one.messages,
        server="guild",
        channel="general",
        source=Source.MESSAGE if authors else Source.IMPORT,
        verdict=Verdict(Outcome.PASS, ""),
        author_keys=authors,
        state=CandidateState.APPROVED,
        content_hash=one.content_hash,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        user_turn_id=None,
        assistant_turn_id=None,
    )


def origins(examples: Sequence[Conversation], *authors: str) -> Origins:
    """The members behind some examples, dealt out in turn; nobody known without any."""
    return Origins.of(
        (one.content_hash, candidate(number, one, *([authors[number % len(authors)]] if authors else [])))
        for number, one in enumerate(examples)
    )
