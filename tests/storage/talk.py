"""Short ways to put talk into a store."""

from storage.store import Store
from storage.values import Candidate, Message, NewCandidate, NewTurn, Outcome, Role, Source, Turn, Verdict

SERVER = "harbour"
CHANNEL = "pier"


def passed(text: str = "") -> Verdict:
    return Verdict(Outcome.PASS, text, screen_version="test-1")


async def say(
    store: Store,
    text: str,
    *,
    author: str | None = "ada",
    server: str = SERVER,
    channel: str = CHANNEL,
    external_id: str | None = None,
    reply_to: int | None = None,
) -> Turn:
    """Write a turn; without an author it is the bot's."""
    conversation = await store.conversations.current(server, channel)
    return await store.conversations.add_turn(
        NewTurn(
            conversation_id=conversation.id,
            role=Role.ASSISTANT if author is None else Role.USER,
            text=text,
            source=Source.MESSAGE,
            verdict=passed(text),
            author_key=author,
            external_id=external_id,
            reply_to=reply_to,
        )
    )


def example(
    question: str = "where do gulls sleep",
    answer: str = "on the water",
    *,
    authors: tuple[str, ...] = ("ada",),
    server: str = SERVER,
    source: Source = Source.MESSAGE,
    verdict: Verdict | None = None,
    turn_ids: tuple[int, ...] = (),
) -> NewCandidate:
    return NewCandidate(
        messages=(Message(Role.USER, question), Message(Role.ASSISTANT, answer)),
        server=server,
        channel=CHANNEL,
        source=source,
        verdict=verdict or passed(),
        author_keys=authors,
        turn_ids=turn_ids,
    )


async def agreed(store: Store, *authors: str, server: str = SERVER) -> None:
    for author in authors:
        await store.consents.set(server, author, allowed=True)


async def approved(store: Store, new: NewCandidate) -> Candidate:
    """A candidate of members who agreed, approved."""
    await agreed(store, *new.author_keys, server=new.server)
    return await store.candidates.approve((await store.candidates.add(new)).id, "mod")
