"""First contacts, blocks, members who leave, and the audit log by server."""

import asyncio

import pytest

from storage.errors import Refused
from storage.store import Store
from storage.values import CandidateState, Source
from tests.fakes.clock import FakeClock
from tests.storage.talk import SERVER, agreed, approved, example


async def test_a_member_is_asked_once_in_each_server(store: Store, clock: FakeClock) -> None:
    asked = await asyncio.gather(*(store.first_contacts.claim(SERVER, "ada") for _ in range(5)))
    assert sorted(asked) == [False, False, False, False, True]
    assert await store.first_contacts.claim("island", "ada")
    assert await store.first_contacts.asked_at(SERVER, "ada") == clock.now
    assert await store.first_contacts.asked_at(SERVER, "bob") is None


async def test_a_blocked_member_is_not_learnt_from_whatever_they_allowed(store: Store) -> None:
    kept = await approved(store, example("a"))
    await agreed(store, "ada")
    waiting = await store.candidates.add(example("b"))
    await store.blocks.block(SERVER, "ada", by="mod", reason="spam")
    assert await store.candidates.learnable() == []
    assert not await store.consents.all_allow(SERVER, ["ada"])
    assert await store.consents.get(SERVER, "ada") is True
    assert [c.id for c in await store.candidates.by_state(CandidateState.REJECTED)] == [waiting.id]
    for source in (Source.MESSAGE, Source.IMPORT):
        with pytest.raises(Refused):
            await store.candidates.add(example("c", source=source))
    await store.blocks.lift(SERVER, "ada", by="mod")
    assert [c.id for c in await store.candidates.learnable()] == [kept.id]
    assert (await store.candidates.add(example("b"))).state is CandidateState.WAITING


async def test_a_block_that_comes_between_stops_an_approval(store: Store) -> None:
    imported = await store.candidates.add(example(source=Source.IMPORT, authors=("ada", "bob")))
    await store.blocks.block(SERVER, "bob", by="mod")
    with pytest.raises(Refused):
        await store.candidates.approve(imported.id, "mod")


async def test_a_block_holds_in_one_server_only(store: Store) -> None:
    await agreed(store, "ada")
    await agreed(store, "ada", server="island")
    await store.blocks.block("island", "ada", by="mod")
    assert await store.consents.all_allow(SERVER, ["ada"])
    assert not await store.consents.all_allow("island", ["ada"])
    assert (await store.candidates.add(example())).state is CandidateState.WAITING


async def test_nobody_is_blocked_twice_and_only_the_blocked_are_let_back(store: Store) -> None:
    with pytest.raises(Refused):
        await store.blocks.lift(SERVER, "ada", by="mod")
    first = await store.blocks.block(SERVER, "ada", by="mod", reason="spam")
    with pytest.raises(Refused, match="already"):
        await store.blocks.block(SERVER, "ada", by="mod-2")
    assert await store.blocks.active(SERVER) == [first]
    assert await store.blocks.active(SERVER, after_id=first.id) == []
    assert await store.blocks.is_blocked(SERVER, "ada")
    lifted = await store.blocks.lift(SERVER, "ada", by="mod-2")
    assert (lifted.lifted_by, await store.blocks.active(SERVER)) == ("mod-2", [])
    again = await store.blocks.block(SERVER, "ada", by="mod")
    assert await store.blocks.history("ada") == [lifted, again]
    assert [entry.action for entry in await store.audit.latest(server=SERVER)] == ["block", "lift block", "block"]


async def test_leaving_is_a_no_and_forgets_nothing(store: Store) -> None:
    candidate = await approved(store, example())
    await store.first_contacts.claim(SERVER, "ada")
    assert await store.members.left(SERVER, "ada")
    assert await store.consents.get(SERVER, "ada") is False
    assert await store.candidates.learnable() == []
    assert (await store.candidates.get(candidate.id)) is not None
    assert await store.first_contacts.claim(SERVER, "ada"), "who comes back is asked again"
    assert not await store.members.left(SERVER, "ada"), "it was a no already"


async def test_the_unknown_leave_no_trace_but_imported_members_do(store: Store) -> None:
    assert not await store.members.left(SERVER, "eve")
    assert await store.consents.get(SERVER, "eve") is None
    await store.candidates.add(example(source=Source.IMPORT))
    assert await store.members.left(SERVER, "ada")
    assert (await store.candidates.counts())[CandidateState.WAITING] == 0


async def test_a_server_may_keep_what_those_who_left_had_allowed(store: Store) -> None:
    candidate = await approved(store, example())
    await store.server_settings.set(SERVER, "leaving_is_denial", False, "admin")
    assert not await store.members.left(SERVER, "ada")
    assert await store.candidates.learnable() == [candidate]


async def test_the_audit_log_is_read_by_server_kind_actor_and_key(store: Store) -> None:
    await store.audit.record("admin", "retrain", "run 1", server=SERVER)
    await store.audit.record("admin", "retrain", "run 2", server="island")
    await store.audit.record("start", "promote", "v1")
    await store.audit.record("mod", "approve", "candidate 1", server=SERVER)

    async def subjects(**given: object) -> list[str]:
        return [entry.subject for entry in await store.audit.latest(**given)]  # type: ignore[arg-type]

    assert await subjects(server=SERVER) == ["candidate 1", "run 1"]
    assert await subjects(action="retrain") == ["run 2", "run 1"]
    assert await subjects(actor="start") == ["v1"]
    newest = (await store.audit.latest(limit=1))[0]
    assert await subjects(before_id=newest.id, limit=2) == ["v1", "run 2"]
    assert (await store.audit.latest(action="promote"))[0].server is None
