"""What became of approved candidates: kept once, and looked at again when what it rests on has changed."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from storage.curation_values import Beside, LeftOutBecause, NewCuration, Record
from storage.governance import RejectReason
from storage.store import Store
from storage.values import Candidate, Message, Outcome, Role, Source, Verdict
from tests.fakes.clock import FakeClock
from tests.storage.talk import SERVER, agreed, approved, example, passed, say

RULES = "rules-1"
QUESTIONS = ("where do gulls sleep", "when does the ferry leave", "who tends the light")


async def pending(store: Store, rules: str = RULES, line: str = "") -> list[int]:
    return [one.candidate_id for one in await store.curations.pending(line, rules)]


async def taken(store: Store, rules: str = RULES, line: str = "", limit: int = 100) -> list[int]:
    return [one.candidate_id for one in await store.curations.taken(line, rules, limit=limit)]


def outcome(candidate: Candidate, reason: str = "", *, cluster: int | None = None) -> NewCuration:
    return NewCuration(
        candidate.id, candidate.content_hash, reason, candidate.content_hash, None, cluster or candidate.id
    )


async def keep(store: Store, *outcomes: NewCuration, cycle: int = 1, rules: str = RULES) -> None:
    await store.curations.keep(outcomes, cycle=cycle, rules=rules, screen_version="screen-1")


async def beside(store: Store, *candidates: Candidate, cycle: int = 2) -> Beside:
    return await store.curations.beside("", candidates, [one.content_hash for one in candidates], cycle)


async def test_what_was_looked_at_once_is_not_looked_at_again(store: Store) -> None:
    some = [await approved(store, example(question)) for question in QUESTIONS]
    assert await pending(store) == [one.id for one in some]
    await keep(store, outcome(some[0]), outcome(some[1], LeftOutBecause.SAME_WORDS))
    assert await pending(store) == [some[2].id]
    assert await taken(store) == [some[0].id]
    assert await store.curations.left_out("") == {LeftOutBecause.SAME_WORDS: 1}


async def test_other_rules_ask_for_another_look_at_all_of_it(store: Store) -> None:
    one = await approved(store, example())
    await keep(store, outcome(one))
    for other in ("rules-0", "rules-2"):  # before and after it in the order of the index
        assert await pending(store, other) == [one.id]
        assert await taken(store, other) == []


@pytest.mark.parametrize("reason", [LeftOutBecause.NEWCOMER, LeftOutBecause.YOUNG_ACCOUNT])
async def test_what_only_waits_is_looked_at_with_every_cycle(store: Store, reason: LeftOutBecause) -> None:
    one = await approved(store, example())
    await keep(store, outcome(one, reason))
    assert await pending(store) == [one.id]
    assert await store.curations.has_waiting() == (reason == LeftOutBecause.NEWCOMER)
    await keep(store, outcome(one), cycle=2)
    assert await pending(store) == []
    assert not await store.curations.has_waiting()
    found = await store.curations.get(one.id)
    assert found is not None
    assert (found.first_cycle, found.kept_cycle) == (1, 2)


async def test_an_outcome_about_words_that_were_changed_meanwhile_is_not_kept(store: Store) -> None:
    one = await approved(store, example())
    gone = await approved(store, example(QUESTIONS[1]))
    rejected = await approved(store, example(QUESTIONS[2]))
    await store.candidates.reject(rejected.id, "mod")
    await agreed(store, "ada")
    await store.members.forget("ada")
    other = await approved(store, example(authors=("bob",)))
    await keep(store, replace(outcome(other), seen_hash="other words"), outcome(one), outcome(gone), outcome(rejected))
    assert await store.curations.get(other.id) is None
    assert await pending(store) == [other.id]


Change = Callable[[Store, Candidate], Awaitable[None]]


async def deny(store: Store, kept: Candidate) -> None:
    await store.consents.set(SERVER, "ada", allowed=False)


async def block(store: Store, kept: Candidate) -> None:
    await store.blocks.block(SERVER, "ada", by="mod")


async def forget(store: Store, kept: Candidate) -> None:
    await store.members.forget("ada")


async def leave(store: Store, kept: Candidate) -> None:
    await store.members.left(SERVER, "ada")


async def reject(store: Store, kept: Candidate) -> None:
    await store.candidates.reject(kept.id, "mod")


async def undo(store: Store, kept: Candidate) -> None:
    await store.candidates.undo("mod", candidate_id=kept.id)


async def delete(store: Store, kept: Candidate) -> None:
    await store.conversations.delete(SERVER, ["m-1"])


async def edit(store: Store, kept: Candidate) -> None:
    await store.conversations.edit(SERVER, "m-1", "other words", passed())


LOSSES = [deny, block, forget, leave, reject, undo, delete, edit]


async def with_one_behind(store: Store, reason: str, question: str = QUESTIONS[0]) -> tuple[Candidate, Candidate]:
    """A kept example of a member, and one of another that was left out in its favour."""
    turn = await say(store, QUESTIONS[0], author="ada", external_id="m-1")
    kept = await approved(store, example(turn_ids=(turn.id,)))
    behind = await approved(store, example(question, authors=("bob",)))
    await keep(store, outcome(kept), outcome(behind, reason, cluster=kept.id))
    assert await pending(store) == []
    return kept, behind


@pytest.mark.parametrize("lose", LOSSES, ids=lambda one: one.__name__)
@pytest.mark.parametrize("reason", [LeftOutBecause.SAME_WORDS, LeftOutBecause.CLUSTER_FULL])
async def test_what_was_left_out_in_favour_of_lost_words_is_looked_at_again(
    store: Store, lose: Change, reason: LeftOutBecause
) -> None:
    kept, behind = await with_one_behind(store, reason)
    await lose(store, kept)
    assert await pending(store) == [behind.id]
    assert await taken(store) == []


@pytest.mark.parametrize("lose", LOSSES, ids=lambda one: one.__name__)
async def test_what_was_left_out_for_reasons_of_its_own_is_not(store: Store, lose: Change) -> None:
    kept, _ = await with_one_behind(store, "refused by screening: toxicity")
    await lose(store, kept)
    assert await pending(store) == []


async def test_a_members_lost_example_makes_room_for_their_others_and_for_nobody_elses(store: Store) -> None:
    first, second = [await approved(store, example(question)) for question in QUESTIONS[:2]]
    other = await approved(store, example(QUESTIONS[2], authors=("bob",)))
    full = LeftOutBecause.MEMBER_FULL
    await keep(store, outcome(first), outcome(second, full), outcome(other, full))
    await store.candidates.reject(first.id, "mod")
    assert await pending(store) == [second.id]


async def test_losing_what_was_left_out_itself_asks_for_no_look(store: Store) -> None:
    first, second, third = [await approved(store, example(question)) for question in QUESTIONS]
    full = LeftOutBecause.MEMBER_FULL
    await keep(store, outcome(first), outcome(second, full), outcome(third, full))
    await store.candidates.reject(second.id, "mod")
    assert await pending(store) == []


async def test_what_may_be_learnt_again_is_looked_at_again_and_not_taken_unseen(store: Store) -> None:
    one = await approved(store, example())
    await keep(store, outcome(one))
    await store.consents.set(SERVER, "ada", allowed=False)
    assert (await taken(store), await pending(store)) == ([], [])
    await store.consents.set(SERVER, "ada", allowed=True)
    assert (await taken(store), await pending(store)) == ([], [one.id])
    await keep(store, outcome(one), cycle=2)
    await store.blocks.block(SERVER, "ada", by="mod")
    assert (await taken(store), await pending(store)) == ([], [])
    await store.blocks.lift(SERVER, "ada", by="mod")
    assert (await taken(store), await pending(store)) == ([], [one.id])


async def test_a_yes_that_is_said_again_asks_for_no_look(store: Store) -> None:
    one = await approved(store, example())
    await keep(store, outcome(one))
    await store.consents.set(SERVER, "ada", allowed=True)
    assert (await taken(store), await pending(store)) == ([one.id], [])


@pytest.mark.parametrize(("name", "value"), [("own_line", True), ("sources", ["message"])], ids=["line", "sources"])
async def test_a_servers_choice_of_what_is_learnt_asks_for_another_look(store: Store, name: str, value: object) -> None:
    one = await approved(store, example())
    await keep(store, outcome(one))
    await store.server_settings.set(SERVER, "quorum", 1, "admin")
    assert await pending(store) == []
    await store.server_settings.set(SERVER, name, value, "admin")
    assert await pending(store, line=SERVER if name == "own_line" else "") == [one.id]
    await keep(store, outcome(one))
    await store.server_settings.unset(SERVER, name, "admin")
    assert await pending(store) == [one.id]


async def test_an_edit_by_a_moderator_is_judged_anew(store: Store) -> None:
    one = await approved(store, example())
    await keep(store, outcome(one))
    await store.candidates.undo("mod", candidate_id=one.id)
    edited = await store.candidates.edit(one.id, "mod", "in the reeds", passed("in the reeds"))
    assert await store.curations.get(one.id) is None
    assert await pending(store) == [edited.id]


async def test_votes_and_reviews_of_others_ask_for_no_look(store: Store) -> None:
    answer = await say(store, "on the water", author=None)
    one = await approved(store, replace(example(), assistant_turn_id=answer.id))
    await keep(store, outcome(one))
    await store.votes.cast(answer.id, "bob", -1)
    await approved(store, example(QUESTIONS[1], authors=("bob",)))
    assert len(await pending(store)) == 1
    assert await taken(store) == [one.id]


async def test_no_line_takes_or_looks_at_what_is_another_lines(store: Store) -> None:
    ours = await approved(store, example())
    theirs = await approved(store, example(server="island"))
    await store.server_settings.set("island", "own_line", True, "admin")
    assert (await pending(store), await pending(store, line="island")) == ([ours.id], [theirs.id])
    await keep(store, outcome(ours), outcome(theirs))
    assert (await taken(store), await taken(store, line="island")) == ([ours.id], [theirs.id])


async def test_a_snapshot_takes_the_newest(store: Store) -> None:
    some = [await approved(store, example(f"question {number}")) for number in range(5)]
    await keep(store, *(outcome(one) for one in some))
    assert await taken(store, limit=3) == [one.id for one in some[2:]]


async def test_words_that_screening_changed_are_what_is_taken_and_what_others_are_compared_with(store: Store) -> None:
    one = await approved(store, example("who do i write to", "write to ann at the harbour office"))
    learnt = (Message(Role.USER, "who do i write to"), Message(Role.ASSISTANT, "write to [name] at the mill house"))
    await keep(store, replace(outcome(one), messages=learnt, digest="d"))
    (found,) = await store.curations.taken("", RULES, limit=9)
    assert (found.messages, found.digest) == (learnt, "d")
    other = await approved(store, example(*(message.text for message in learnt), authors=("bob",)))
    assert [near.messages for near in (await beside(store, other)).near] == [learnt]


async def test_what_is_judged_is_judged_beside_what_is_kept_and_may_be_learnt(store: Store) -> None:
    turn = await say(store, QUESTIONS[0], author="ada", external_id="m-1")
    kept = await approved(store, example(turn_ids=(turn.id,)))
    left_out = await approved(store, example(f"{QUESTIONS[0]}!"))
    vouched = await approved(store, example(f"{QUESTIONS[0]}?!", source=Source.IMPORT, authors=()))
    await keep(store, outcome(kept), outcome(left_out, "x"), outcome(vouched, cluster=kept.id))
    new = await approved(store, example(f"{QUESTIONS[0]}?", authors=("ada", "bob")))

    found = await beside(store, new, kept)
    assert found.digests == frozenset(), "what is looked at is not judged beside itself"
    found = await beside(store, replace(new, content_hash=kept.content_hash))
    assert found.digests == {kept.content_hash}
    assert [near.candidate_id for near in found.near] == [kept.id, vouched.id]
    assert (found.talk_in_cluster, found.imports_in_cluster) == ({kept.id: 1}, {kept.id: 1})
    assert (found.members["ada"].kept, found.members["ada"].kept_now, found.members["ada"].first_cycle) == (1, 0, 1)
    assert (found.members["bob"].kept, found.members["bob"].first_cycle) == (0, None)
    assert not found.is_first_cycle

    await store.consents.set(SERVER, "ada", allowed=False)
    found = await beside(store, new)
    assert [near.candidate_id for near in found.near] == [vouched.id]
    assert (found.members["ada"].kept, found.talk_in_cluster) == (0, {})


async def test_what_is_left_out_at_a_later_look_is_near_to_nothing_until_it_is_kept_again(store: Store) -> None:
    one = await approved(store, example())
    new = await approved(store, example(f"{QUESTIONS[0]}?", authors=("bob",)))
    for reason, expected in (("", [one.id]), ("x", []), ("", [one.id])):
        await keep(store, outcome(one, reason))
        assert [near.candidate_id for near in (await beside(store, new)).near] == expected
    await store.candidates.undo("mod", candidate_id=one.id)
    await store.candidates.edit(one.id, "mod", "in the reeds", passed("in the reeds"))
    assert (await beside(store, new)).near == (), "its words are others now, which nobody has looked at"


async def test_only_earlier_talk_ends_the_first_cycle(store: Store) -> None:
    vouched = await approved(store, example(source=Source.IMPORT))
    await keep(store, outcome(vouched))
    said = await approved(store, example(QUESTIONS[1]))
    assert (await beside(store, said, cycle=2)).is_first_cycle
    await keep(store, outcome(said), cycle=2)
    assert (await beside(store, said, cycle=2)).is_first_cycle
    assert not (await beside(store, said, cycle=3)).is_first_cycle


async def test_clusters_that_one_example_joins_are_one(store: Store) -> None:
    first, second, bridge = [await approved(store, example(question)) for question in QUESTIONS]
    await keep(store, outcome(first), outcome(second))
    await keep(store, replace(outcome(bridge, cluster=first.id), joins=(second.id,)))
    assert {one.cluster for one in await store.curations.taken("", RULES, limit=9)} == {first.id}


async def test_a_side_never_moves_and_what_is_nearly_the_same_inherits_it(store: Store) -> None:
    kept, behind = await with_one_behind(store, LeftOutBecause.CLUSTER_FULL)
    await store.curations.fix_sides({kept.id: "heldout"})
    await store.curations.fix_sides({kept.id: "train", behind.id: "train"})
    await store.candidates.reject(kept.id, "mod")
    await keep(store, outcome(behind, cluster=kept.id), cycle=2, rules="rules-2")
    assert [one.side for one in await store.curations.taken("", "rules-2", limit=9)] == ["heldout"]


@pytest.mark.parametrize(
    ("source", "reason", "counts"),
    [
        pytest.param(Source.MESSAGE, RejectReason.POOR, False, id="the bot answered poorly"),
        pytest.param(Source.SLASH, RejectReason.WRONG, False, id="the bot was wrong"),
        pytest.param(Source.CORRECTION, RejectReason.POOR, True, id="the member's own words were poor"),
        pytest.param(Source.MESSAGE, RejectReason.SPAM, True, id="spam"),
        pytest.param(Source.MESSAGE, RejectReason.HARMFUL, True, id="harmful"),
        pytest.param(Source.MESSAGE, "", True, id="no reason given"),
    ],
)
async def test_what_the_bot_answered_badly_does_not_count_against_who_asked(
    store: Store, source: Source, reason: str, counts: bool
) -> None:
    await agreed(store, "ada")
    candidate = await store.candidates.add(example(source=source))
    await store.candidates.reject(candidate.id, "mod", reason)
    assert (await store.curations.records(["ada"]))["ada"].rejected == int(counts)


async def test_how_a_members_words_fared(store: Store) -> None:
    answer = await say(store, "on the water", author=None)
    good = await approved(store, replace(example(), assistant_turn_id=answer.id))
    await store.votes.cast(answer.id, "bob", 1)
    await store.votes.cast(answer.id, "cy", -1)
    await store.votes.cast(answer.id, "ada", 1)
    bad = await store.candidates.add(example(QUESTIONS[1], verdict=Verdict(Outcome.HOLD, "", screen_version="1")))
    await store.candidates.reject(bad.id, "mod")
    vouched = await store.candidates.add(example(QUESTIONS[2], source=Source.IMPORT))
    await store.candidates.reject(vouched.id, "mod")
    assert await store.curations.records(["ada"]) == {
        "ada": Record(approved=1, rejected=1, votes_up=1, votes_down=1, held=1)
    }, "nobody's own vote, and nothing of imports, is counted"
    assert await store.curations.members_reviewed_after("", 0) == ["ada"]
    newest = await store.candidates.newest_review_id()
    assert await store.curations.members_reviewed_after("", newest) == []
    await store.candidates.undo("mod", candidate_id=bad.id)
    assert (await store.curations.records(["ada"]))["ada"].rejected == 0
    await store.consents.set(SERVER, "ada", allowed=False)
    assert (await store.curations.records(["ada"]))["ada"].rejected == 0, "consent taken back is no decision"
    assert good.id


async def test_a_change_of_trust_asks_for_a_look_at_what_it_decides(store: Store) -> None:
    kept, doubted = [await approved(store, example(question)) for question in QUESTIONS[:2]]
    other = await approved(store, example(QUESTIONS[2], authors=("bob",)))
    await keep(store, outcome(kept), outcome(doubted, LeftOutBecause.DISTRUSTED), outcome(other))
    await store.curations.look_again_at_members(["ada"], distrusted=True)
    assert await pending(store) == [kept.id]
    await store.curations.look_again_at_members(["ada"], distrusted=False)
    assert await pending(store) == [kept.id, doubted.id]


async def test_a_rejection_that_is_taken_back_may_bring_a_members_other_words_back(store: Store) -> None:
    bad, doubted = [await approved(store, example(question)) for question in QUESTIONS[:2]]
    await store.candidates.reject(bad.id, "mod")
    await keep(store, outcome(doubted, LeftOutBecause.DISTRUSTED))
    await store.candidates.undo("mod", candidate_id=bad.id)
    assert await pending(store) == [bad.id, doubted.id]


async def test_of_an_account_only_the_day_is_kept_and_forgetting_empties_it(store: Store, clock: FakeClock) -> None:
    made = clock.now - timedelta(days=3, hours=5)
    await store.consents.set(SERVER, "ada", allowed=True, account_made_at=made)
    one = await approved(store, example())
    day = (await beside(store, one)).members["ada"].account_made_on
    assert day == made.replace(hour=0, minute=0, second=0, microsecond=0)
    await store.members.forget("ada")
    assert (await beside(store, one)).members["ada"].account_made_on is None


async def test_an_outcome_names_who_decided_and_where_it_went_and_is_deleted_with_its_words(
    store: Store, clock: FakeClock
) -> None:
    one = await approved(store, example())
    assert await store.curations.get(one.id) is None
    await keep(store, outcome(one, "refused by screening: toxicity"), cycle=4)
    found = await store.curations.get(one.id)
    assert found is not None
    assert (found.reason, found.is_current, found.rules, found.screen_version, found.looked_at) == (
        "refused by screening: toxicity",
        True,
        RULES,
        "screen-1",
        clock.now,
    )
    await store.consents.set(SERVER, "ada", allowed=False)
    await store.consents.set(SERVER, "ada", allowed=True)
    found = await store.curations.get(one.id)
    assert found is not None
    assert not found.is_current
    await store.members.forget("ada")
    assert await store.curations.get(one.id) is None
