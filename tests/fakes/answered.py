"""Answers that a bot gave and a moderator approved, as they were or with better words: for what is made of votes on them."""

from storage.store import Store
from storage.values import Candidate, Message, NewCandidate, NewTurn, Outcome, Role, Source, Verdict

ASKER = "asker"
"""Whose questions they are."""


async def answered(store: Store, server: str, question: str, answer: str, better: str | None = None) -> Candidate:
    """An answer that was given to somebody who may be learnt from, approved as it was or with something better in its place."""
    await store.consents.set(server, ASKER, allowed=True)
    conversation = await store.conversations.current(server, "general")

    async def turn(role: Role, text: str, reply_to: int | None = None) -> int:
        author = ASKER if role is Role.USER else None
        verdict = Verdict(Outcome.PASS, text)
        new = NewTurn(conversation.id, role, text, Source.MESSAGE, verdict, author_key=author, reply_to=reply_to)
        return (await store.conversations.add_turn(new)).id

    asked = await turn(Role.USER, question)
    given = await turn(Role.ASSISTANT, answer, asked)
    candidate = await store.candidates.add(
        NewCandidate(
            messages=(Message(Role.USER, question), Message(Role.ASSISTANT, better or answer)),
            server=server,
            channel="general",
            source=Source.CORRECTION if better else Source.MESSAGE,
            verdict=Verdict(Outcome.PASS, ""),
            author_keys=(ASKER,),
            user_turn_id=asked,
            assistant_turn_id=given,
            turn_ids=(asked, given),
        )
    )
    return await store.candidates.approve(candidate.id, "moderator")


async def voted_on(store: Store, candidate: Candidate, value: int, *voters: str) -> None:
    """Members' votes on the answer behind a candidate."""
    for voter in voters:
        await store.votes.cast(candidate.assistant_turn_id or 0, voter, value)
