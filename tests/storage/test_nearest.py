"""Which approved exchanges are near an answer."""

import pytest

from storage.store import Store
from storage.values import Snapshot
from tests.fakes.clock import FakeClock
from tests.storage.talk import SERVER, approved, example, passed, say

TALK = [
    ("where do gulls sleep", "on the water, in a raft"),
    ("what does the harbour cat eat", "herring, and what the cook drops"),
    ("when does the ferry leave", "at noon, from the north pier"),
    ("what is the north pier for", "for the ferry and the pilots"),
]


async def filled(store: Store) -> list[int]:
    return [(await approved(store, example(*exchange, authors=(f"member-{n}",)))).id for n, exchange in enumerate(TALK)]


async def near(store: Store, text: str, **given: object) -> list[int]:
    return [found.candidate.id for found in await store.candidates.nearest_approved(SERVER, text, **given)]  # type: ignore[arg-type]


async def test_what_shares_the_most_telling_words_is_nearest(store: Store) -> None:
    gulls, cat, ferry, pier = await filled(store)
    assert (await near(store, "Where do the gulls sleep?"))[0] == gulls
    assert (await near(store, "the cat ate herring"))[0] == cat
    assert await near(store, "the ferry leaves the north pier at noon", limit=2) == [ferry, pier]
    assert await near(store, "xyzzy") == []
    assert await near(store, "") == []
    scores = [found.score for found in await store.candidates.nearest_approved(SERVER, TALK[2][0])]
    assert scores == sorted(scores, reverse=True)
    assert 0 < scores[0] <= 1


async def test_a_server_never_sees_anothers(store: Store) -> None:
    await approved(store, example(*TALK[0], server="island"))
    assert await near(store, TALK[0][0]) == []


async def test_waiting_words_are_not_found(store: Store) -> None:
    await store.consents.set(SERVER, "ada", allowed=True)
    await store.candidates.add(example(*TALK[0]))
    assert await near(store, TALK[0][0]) == []


@pytest.mark.parametrize("how", ["deny", "block", "forget", "delete", "reject", "edit"])
async def test_what_was_taken_back_is_not_found(store: Store, how: str) -> None:
    turn = await say(store, "hello", external_id="m-1")
    candidate = await approved(store, example(*TALK[0], turn_ids=(turn.id,)))
    assert await near(store, "gulls") == [candidate.id]
    if how == "deny":
        await store.consents.set(SERVER, "ada", allowed=False)
    elif how == "block":
        await store.blocks.block(SERVER, "ada", by="mod")
    elif how == "forget":
        await store.members.forget("ada")
    elif how == "delete":
        await store.conversations.delete(SERVER, ["m-1"])
    elif how == "reject":
        await store.candidates.reject(candidate.id, "mod")
    else:
        await store.conversations.edit(SERVER, "m-1", "other", passed())
    assert await near(store, "gulls") == []


async def test_only_what_a_version_can_have_learnt_is_found_when_asked(store: Store, clock: FakeClock) -> None:
    gulls, cat, ferry, _ = await filled(store)
    await store.snapshots.add(Snapshot("s", "snapshots/s", 2, 0, clock.now), [gulls, cat])
    assert await near(store, "gulls ferry cat", snapshot_hash="s", limit=9) == [cat, gulls]
    assert ferry in await near(store, "gulls ferry cat", limit=9)
