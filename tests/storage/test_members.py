from datetime import timedelta

from storage.store import Store
from storage.values import CandidateState, ForgetReceipt, ModelVersion, Role, Snapshot, Source
from tests.fakes.clock import FakeClock
from tests.storage.talk import SERVER, agreed, approved, example, say


def version_of(name: str, snapshot: str, clock: FakeClock) -> ModelVersion:
    clock.advance(1)
    return ModelVersion(name, name * 4, "full", None, None, snapshot, None, clock.now)


async def test_forgetting_removes_everything_a_member_said(store: Store) -> None:
    question = await say(store, "hello")
    answer = await say(store, "ahoy ada", author=None, reply_to=question.id)
    await store.votes.cast(answer.id, "ada", 1)
    await agreed(store, "ada", "bob")
    await store.candidates.add(example(turn_ids=(question.id, answer.id)))
    others = await say(store, "bob here", author="bob")
    theirs = await store.candidates.add(example("bob here", authors=("bob",), turn_ids=(others.id,)))

    assert await store.members.forget("ada") == ForgetReceipt(turns=1, candidates=1, votes=1, versions=())

    left = await store.conversations.history(question.conversation_id, limit=10)
    assert [turn.id for turn in left] == [others.id]
    assert [c.id for c in await store.candidates.by_state(CandidateState.WAITING)] == [theirs.id]
    assert await store.members.forget("ada") == ForgetReceipt(0, 0, 0, ())


async def test_a_candidate_that_only_quotes_a_member_as_context_goes_too(store: Store) -> None:
    await agreed(store, "bob")
    context = await say(store, "hello")
    await store.candidates.add(example(authors=("bob",), turn_ids=(context.id,)))
    assert (await store.members.forget("ada")).candidates == 1


async def test_a_candidate_made_from_an_answer_to_a_member_goes_too(store: Store) -> None:
    await agreed(store, "bob")
    question = await say(store, "hello")
    answer = await say(store, "ahoy ada", author=None, reply_to=question.id)
    await store.candidates.add(example(authors=("bob",), turn_ids=(answer.id,)))
    await store.members.forget("ada")
    assert await store.candidates.by_state(CandidateState.WAITING) == []


async def test_forgetting_is_a_no_everywhere_until_the_member_says_yes_again(store: Store) -> None:
    await agreed(store, "ada")
    await store.members.forget("ada")
    assert await store.consents.get(SERVER, "ada") is False
    assert await store.consents.get("a server joined later", "ada") is False
    await agreed(store, "ada")
    assert await store.consents.get(SERVER, "ada") is True
    assert await store.consents.get("a server joined later", "ada") is False


async def test_forgetting_in_one_server_leaves_the_others(store: Store) -> None:
    await agreed(store, "ada")
    await agreed(store, "ada", server="island")
    for server in (SERVER, "island"):
        turn = await say(store, "hello", server=server)
        answer = await say(store, "ahoy", author=None, server=server)
        await store.votes.cast(answer.id, "ada", 1)
        await store.candidates.add(example(server=server, turn_ids=(turn.id,)))
    assert await store.members.forget("ada", server=SERVER) == ForgetReceipt(1, 1, 1, ())
    assert await store.conversations.count() == 3
    assert await store.consents.get(SERVER, "ada") is False
    assert await store.consents.get("island", "ada") is True
    assert (await store.candidates.counts())[CandidateState.WAITING] == 1


async def test_the_receipt_names_the_versions_that_had_learnt_from_a_member(store: Store, clock: FakeClock) -> None:
    theirs = await approved(store, example())
    other = await approved(store, example("who", authors=("bob",)))
    for name, ids in (("s-both", [theirs.id, other.id]), ("s-bob", [other.id])):
        await store.snapshots.add(Snapshot(name, "snapshots/x", 1, 0, clock.now), ids)
        await store.aliases.add_version(version_of(f"v-{name}", name, clock))
    assert (await store.members.forget("ada")).versions == ("v-s-both",)
    assert await store.snapshots.candidate_ids("s-both") == [theirs.id, other.id]


async def test_the_receipt_names_them_also_when_the_message_was_deleted_before(store: Store, clock: FakeClock) -> None:
    turn = await say(store, "hello", external_id="m-1")
    candidate = await approved(store, example(turn_ids=(turn.id,)))
    await store.snapshots.add(Snapshot("s", "snapshots/s", 1, 0, clock.now), [candidate.id])
    await store.aliases.add_version(version_of("v", "s", clock))
    await store.conversations.delete(SERVER, ["m-1"])
    assert await store.members.forget("ada", server="island") == ForgetReceipt(0, 0, 0, ())
    assert await store.members.forget("ada") == ForgetReceipt(0, 0, 0, ("v",))


async def test_forgetting_leaves_its_figures_in_the_audit_log_and_no_words(store: Store) -> None:
    await say(store, "a secret")
    await store.members.forget("ada")
    (entry,) = await store.audit.latest()
    assert (entry.action, entry.actor, entry.details["turns"]) == ("forget", "ada", 1)
    assert "secret" not in str(entry)


async def test_a_forgotten_member_is_not_imported_either(store: Store) -> None:
    imported = await store.candidates.add(example(source=Source.IMPORT))
    assert (await store.members.forget("ada")).candidates == 1
    assert await store.candidates.get(imported.id) is None


async def test_a_later_no_rejects_nothing_of_others(store: Store, clock: FakeClock) -> None:
    await agreed(store, "ada", "bob")
    waiting = await store.candidates.add(example(authors=("bob",)))
    clock.now += timedelta(days=1)
    await store.consents.set(SERVER, "ada", allowed=False)
    assert await store.candidates.by_state(CandidateState.WAITING) == [waiting]
    assert waiting.messages[0].role is Role.USER
