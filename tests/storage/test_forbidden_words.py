"""Whatever happens in whatever order: what nobody may learn is never learnable, and an undo is exact."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from storage.errors import MynahError, Refused
from storage.governance import SHARED_LINE
from storage.kept_out import KEPT_OUT
from storage.settings import StoreSettings
from storage.store import Store, open_store
from storage.tables import Row
from storage.values import Candidate, CandidateState, Decision, RunState, Snapshot, Source
from tests.fakes.clock import FakeClock
from tests.fakes.postgres import run_statements
from tests.storage.talk import agreed, example, passed, say

SERVERS = ("harbour", "island")
QUORUM = {"harbour": 2, "island": 1}
MEMBERS = ("ada", "bob", "cy")
REVIEWERS = ("mod-1", "mod-2", "bob")
QUESTIONS = ("where do the gulls sleep at night", "Where do the gulls sleep at night?", "when does the ferry leave")

servers = st.sampled_from(SERVERS)
members = st.sampled_from(MEMBERS)
reviewers = st.sampled_from(REVIEWERS)
places = st.integers(min_value=0, max_value=30)

_PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
"""Shrinking an order of events takes minutes on a real database, and twenty steps can be read."""

Open = Callable[[AsyncExitStack, FakeClock], Coroutine[Any, Any, Store]]


class Governed(RuleBasedStateMachine):
    """A store, and beside it what members and admins last said."""

    def __init__(self, opening: Open) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.clock = FakeClock()
        self.store = self.do(opening(self.stack, self.clock))
        self.yes: dict[tuple[str, str], bool] = {}
        self.blocked: set[tuple[str, str]] = set()
        self.off: set[str] = set()
        self.own: set[str] = set()
        self.spoken: list[tuple[str, str, str, int]] = []
        self.made: dict[int, tuple[str, frozenset[str], Source, frozenset[str]]] = {}
        self.gone: set[str] = set()
        self.trained: dict[int, frozenset[int]] = {}
        self.do(self.store.server_settings.set("harbour", "quorum", 2, "admin"))

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        self.clock.advance(60)
        return self.runner.run(work)

    def attempt(self, work: Coroutine[Any, Any, Any]) -> Any:
        try:
            return self.do(work)
        except MynahError:
            return None

    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()

    @initialize()
    def talk(self) -> None:
        for server in SERVERS:
            for member, question in zip(MEMBERS, QUESTIONS, strict=True):
                self.allow(server, member)
                self.exchange(server, {member}, question, Source.MESSAGE)
        for place in range(len(self.made)):
            self.approve(place, "mod-1")

    def candidate(self, place: int) -> int:
        return sorted(self.made)[place % len(self.made)] if self.made else 1

    @rule(server=servers, member=members)
    def allow(self, server: str, member: str) -> None:
        self.do(agreed(self.store, member, server=server))
        self.yes[server, member] = True

    @rule(server=servers, member=members)
    def deny(self, server: str, member: str) -> None:
        self.do(self.store.consents.set(server, member, allowed=False))
        self.yes[server, member] = False

    @rule(server=servers, member=members)
    def leave(self, server: str, member: str) -> None:
        if self.do(self.store.members.left(server, member)):
            self.yes[server, member] = False

    @rule(server=servers, member=members)
    def block(self, server: str, member: str) -> None:
        self.attempt(self.store.blocks.block(server, member, by="admin"))
        self.blocked.add((server, member))

    @rule(server=servers, member=members)
    def lift(self, server: str, member: str) -> None:
        self.attempt(self.store.blocks.lift(server, member, by="admin"))
        self.blocked.discard((server, member))

    @rule(server=servers, switch=st.booleans())
    def learning(self, server: str, switch: bool) -> None:
        turn = self.store.server_settings.turn_learning_on if switch else self.store.server_settings.turn_learning_off
        self.do(turn(server, "admin"))
        (self.off.discard if switch else self.off.add)(server)

    @rule(server=servers, switch=st.booleans())
    def line(self, server: str, switch: bool) -> None:
        self.do(self.store.server_settings.set(server, "own_line", switch, "admin"))
        (self.own.add if switch else self.own.discard)(server)

    @rule(
        server=servers,
        authors=st.sets(members, min_size=1, max_size=2),
        question=st.sampled_from(QUESTIONS),
        source=st.sampled_from([Source.MESSAGE, Source.CORRECTION, Source.IMPORT]),
    )
    def exchange(self, server: str, authors: set[str], question: str, source: Source) -> None:
        turns, ids = [], set()
        for author in sorted(authors):
            external_id = f"m-{len(self.spoken)}"
            turn = self.do(say(self.store, question, author=author, server=server, external_id=external_id))
            self.spoken.append((server, external_id, author, turn.id))
            turns.append(turn.id)
            ids.add(external_id)
        new = example(question, authors=tuple(sorted(authors)), server=server, source=source, turn_ids=tuple(turns))
        made = self.attempt(self.store.candidates.add(new))
        if made is not None and made.id not in self.made:
            self.made[made.id] = (server, frozenset(authors), source, frozenset(ids))

    @rule(place=places, editing=st.booleans())
    def take_back(self, place: int, editing: bool) -> None:
        if not self.spoken:
            return
        server, external_id, _, _ = self.spoken[place % len(self.spoken)]
        if editing:
            self.do(self.store.conversations.edit(server, external_id, "other words", passed()))
        else:
            self.do(self.store.conversations.delete(server, [external_id]))
        self.gone.add(external_id)

    @rule(place=places, edited_later=st.booleans())
    def keep_out(self, place: int, edited_later: bool) -> None:
        if not self.spoken:
            return
        server, external_id, _, _ = self.spoken[place % len(self.spoken)]
        self.do(self.store.kept_out.mark(server, [external_id], "mod-1"))
        if edited_later:
            self.do(self.store.conversations.edit(server, external_id, "other words", passed()))
        self.gone.add(external_id)

    @rule(place=places)
    def make_another_of_a_message(self, place: int) -> None:
        """A candidate of a message that was there before; of one that was kept out there must be none."""
        if not self.spoken:
            return
        server, external_id, author, turn_id = self.spoken[place % len(self.spoken)]
        new = example(f"again, {author}", authors=(author,), server=server, turn_ids=(turn_id,))
        made = self.attempt(self.store.candidates.add(new))
        if made is not None and made.id not in self.made:
            assert KEPT_OUT not in self.do(self.store.conversations.turn(turn_id)).verdict.reasons
            self.made[made.id] = (server, frozenset([author]), Source.MESSAGE, frozenset([external_id]))
            self.gone.discard(external_id)

    @rule()
    def train(self) -> None:
        learnt = [candidate.id for candidate in self.do(self.store.candidates.learnable())]
        name = f"snapshot {len(self.trained)}"
        self.do(self.store.snapshots.add(Snapshot(name, "f", len(learnt), 0, self.clock.now), learnt))
        run = self.do(self.store.runs.request("schedule"))
        self.do(self.store.runs.advance(run.id, RunState.TRAINING, snapshot_hash=name))
        self.do(self.store.runs.advance(run.id, RunState.REFUSED, report={"replies": [{"prompt": "words"}]}))
        self.trained[run.id] = frozenset(learnt)

    @rule(member=members, server=st.sampled_from([None, *SERVERS]))
    def forget(self, member: str, server: str | None) -> None:
        self.do(self.store.members.forget(member, server=server))
        for one in SERVERS if server is None else (server,):
            self.yes[one, member] = False
            self.gone |= {external_id for where, external_id, who, _ in self.spoken if (where, who) == (one, member)}

    @rule(server=servers)
    def purge(self, server: str) -> None:
        self.do(self.store.retention.purge(server, older_than=self.clock.now))

    @rule(place=places, reviewer=reviewers)
    def approve(self, place: int, reviewer: str) -> None:
        self.decide(self.store.candidates.approve(self.candidate(place), reviewer), place, reviewer)

    @rule(place=places, reviewer=reviewers)
    def approve_alike(self, place: int, reviewer: str) -> None:
        self.decide(self.store.candidates.approve_alike(self.candidate(place), reviewer), place, reviewer)

    @rule(place=places, reviewer=reviewers, words=st.sampled_from(["in the reeds", "at noon"]))
    def edit(self, place: int, reviewer: str, words: str) -> None:
        editing = self.store.candidates.edit(self.candidate(place), reviewer, words, passed(words))
        self.decide(editing, place, reviewer)

    @rule(place=places, reviewer=reviewers)
    def reject(self, place: int, reviewer: str) -> None:
        self.decide(self.store.candidates.reject(self.candidate(place), reviewer), place, reviewer)

    @rule(reviewer=reviewers)
    def undo(self, reviewer: str) -> None:
        self.attempt(self.store.candidates.undo(reviewer))

    @rule(place=places, reviewer=reviewers, how=st.sampled_from(["approve", "reject", "approve_alike", "reject_alike"]))
    def decide_and_take_back(self, place: int, reviewer: str, how: str) -> None:
        before = self.do(self.everything())
        if self.attempt(getattr(self.store.candidates, how)(self.candidate(place), reviewer)) is None:
            return
        self.do(self.store.candidates.undo(reviewer))
        assert self.do(self.everything()) == before

    def decide(self, deciding: Coroutine[Any, Any, Any], place: int, reviewer: str) -> None:
        """Nobody decides about their own words."""
        if self.attempt(deciding) is not None:
            assert reviewer not in self.made[self.candidate(place)][1]

    async def everything(self) -> list[object]:
        items = [await self.store.review_queue.item(candidate_id) for candidate_id in await self.ids()]
        found = [await self.store.candidates.nearest_approved(server, QUESTIONS[0]) for server in SERVERS]
        return [*items, *found, *[await self.store.candidates.learnable(line) for line in (SHARED_LINE, *SERVERS)]]

    async def ids(self) -> list[int]:
        return [found.id for state in CandidateState for found in await self.store.candidates.by_state(state)]

    def may_learn(self, candidate: Candidate) -> bool:
        server, authors, source, messages = self.made[candidate.id]
        says = [self.yes.get((server, author)) for author in authors]
        agree = all(said is True or (said is None and source is Source.IMPORT) for said in says)
        return (
            agree
            and server not in self.off
            and not any((server, author) in self.blocked for author in authors)
            and messages.isdisjoint(self.gone)
        )

    @invariant()
    def only_what_may_be_learnt_is_learnable(self) -> None:
        approved = self.do(self.store.candidates.by_state(CandidateState.APPROVED))
        for line in (SHARED_LINE, *SERVERS):
            expected = {
                candidate.id
                for candidate in approved
                if self.may_learn(candidate)
                and line == (candidate.server if candidate.server in self.own else SHARED_LINE)
            }
            assert {candidate.id for candidate in self.do(self.store.candidates.learnable(line))} == expected

    @invariant()
    def reports_quote_only_runs_that_knew_nothing_but_what_is_still_there(self) -> None:
        there = set(self.do(self.ids()))
        for run_id, learnt in self.trained.items():
            assert bool(self.do(self.store.runs.get(run_id)).report["replies"]) == (learnt <= there)

    @invariant()
    def approved_is_only_what_enough_others_approved(self) -> None:
        for candidate in self.do(self.store.candidates.by_state(CandidateState.APPROVED)):
            standing = [one for one in self.do(self.store.candidates.reviews(candidate.id)) if one.undone_at is None]
            edits = [at for at, one in enumerate(standing) if one.decision is Decision.EDIT]
            since = standing[edits[-1] if edits else 0 :]
            yes = {one.reviewer_key for one in since if one.decision is not Decision.REJECT}
            assert len(yes - self.made[candidate.id][1]) >= QUORUM[candidate.server]
            assert standing[-1].decision is not Decision.REJECT

    @invariant()
    def what_was_taken_back_is_nowhere(self) -> None:
        for candidate_id in self.do(self.ids()):
            assert self.made[candidate_id][3].isdisjoint(self.gone)
        for server in SERVERS:
            for found in self.do(self.store.candidates.nearest_approved(server, QUESTIONS[0])):
                assert found.candidate.server == server
                assert self.may_learn(found.candidate) or server in self.off


def on_sqlite(migrated_home: Path) -> Open:
    async def opening(stack: AsyncExitStack, clock: FakeClock) -> Store:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        home = Path(shutil.copytree(migrated_home, Path(folder) / "home"))
        return await stack.enter_async_context(open_store(StoreSettings(), home, clock=clock))

    return opening


def limits(examples: int, steps: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        phases=_PHASES,
        suppress_health_check=list(HealthCheck),
    )


def on_postgres(url: str) -> Open:
    async def opening(stack: AsyncExitStack, clock: FakeClock) -> Store:
        await run_statements(url, f"TRUNCATE {', '.join(Row.metadata.tables)} RESTART IDENTITY CASCADE")
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        return await stack.enter_async_context(open_store(StoreSettings(url=url), home, clock=clock))

    return opening


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("database", "examples"), [("sqlite", 6), ("postgresql", 2)], ids=["sqlite", "postgresql"])
def test_in_any_order_of_events_nothing_forbidden_is_learnable(
    request: pytest.FixtureRequest, database: str, examples: int
) -> None:
    if database == "sqlite":
        opening = on_sqlite(request.getfixturevalue("migrated_home"))
    else:
        opening = on_postgres(request.getfixturevalue("postgres_database"))
    run_state_machine_as_test(
        lambda: Governed(opening),  # type: ignore[arg-type]  # any maker of machines will do
        settings=limits(examples, 20),
    )


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["say", "approve", "approve_alike", "edit", "reject", "undo"]),
        members,
        st.sampled_from(["mod-1", "mod-2"]),
        places,
    ),
    min_size=8,
    max_size=24,
)


class Twin:
    """A store that does the same as another, but that a member never was in."""

    def __init__(self, store: Store, without: str | None) -> None:
        self.store = store
        self.without = without
        self.ids: dict[tuple[str, str], int] = {}

    async def step(self, what: str, member: str, reviewer: str, place: int) -> None:
        if member == self.without:
            return
        question = QUESTIONS[place % len(QUESTIONS)]
        if what == "say":
            turn = await say(self.store, question, author=member)
            answer = await say(self.store, f"about {question}", author=None, reply_to=turn.id)
            new = example(question, authors=(member,), turn_ids=(turn.id, answer.id))
            self.ids[member, question] = (await self.store.candidates.add(new)).id
            return
        candidate_id = self.ids.get((member, question))
        if candidate_id is None:
            return
        candidates = self.store.candidates
        try:
            if what == "undo":
                await candidates.undo(reviewer, candidate_id=candidate_id)
            elif what == "edit":
                await candidates.edit(candidate_id, reviewer, f"edit {place}", passed(f"edit {place}"))
            elif what == "approve_alike" and member == "ada":
                await candidates.approve(candidate_id, reviewer)
            else:
                await getattr(candidates, what)(candidate_id, reviewer)
        except Refused:
            return


@pytest.mark.timeout(600)
def test_after_forgetting_what_is_learnable_is_as_if_the_member_had_never_been_there(migrated_home: Path) -> None:
    @given(steps=STEPS)
    @settings(max_examples=10, deadline=None, phases=_PHASES, suppress_health_check=list(HealthCheck))
    def hold(steps: list[tuple[str, str, str, int]]) -> None:
        asyncio.run(compare(steps))

    async def compare(steps: list[tuple[str, str, str, int]]) -> None:
        async with AsyncExitStack() as stack:
            opening = on_sqlite(migrated_home)
            twins = [Twin(await opening(stack, FakeClock()), without) for without in (None, "ada")]
            for twin in twins:
                await agreed(twin.store, *MEMBERS)
                for step in steps:
                    await twin.step(*step)
            await twins[0].store.members.forget("ada")
            here, there = [await twin.store.candidates.learnable_hash() for twin in twins]
            assert here == there

    hold()
