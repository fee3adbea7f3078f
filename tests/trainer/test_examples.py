"""What a run may learn: looked at once, when it is new; and what it was made of."""

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from storage.curation_values import LeftOutBecause
from storage.errors import MynahError
from storage.registry import ModelRegistry
from storage.settings import StoreSettings
from storage.store import Store, open_store
from storage.values import Candidate, Source
from tests.fakes.clock import FakeClock
from tests.fakes.screening import WordScreening
from tests.storage.talk import SERVER, agreed, approved, example, say
from tests.trainer.conftest import QUICK, with_settings
from trainer.due import has_news
from trainer.examples import Approved
from trainer.snapshots import SnapshotFolder
from trainer.world import TrainerWorld


def world_of(store: Store, home: Path, clock: FakeClock) -> TrainerWorld:
    return TrainerWorld(
        store=store,
        registry=ModelRegistry(home / "models", store),
        screening=WordScreening(),
        settings=QUICK,
        base_version="base",
        work_folder=home / "work",
        device="cpu",
        clock=clock,
    )


@pytest.fixture
def small(store: Store, tmp_path: Path, clock: FakeClock) -> TrainerWorld:
    """The trainer's world without any model."""
    return world_of(store, tmp_path, clock)


def words(number: int) -> tuple[str, str]:
    """A question and an answer that are like no others."""
    return f"question {number * 7919} {number * 104729}", f"answer {number * 1299709} {number * 15485863}"


async def speak(
    world: TrainerWorld, count: int, author: str = "ada", *, start: int = 0, source: Source = Source.MESSAGE
) -> list[Candidate]:
    return [
        await approved(world.store, example(*words(number), authors=(author,), source=source))
        for number in range(start, start + count)
    ]


async def look(world: TrainerWorld, cycle: int = 0) -> tuple[list[int], dict[str, int]]:
    """The ids that a run of now would learn, and what is left out."""
    curated, _ = await Approved(world).curated(lambda: None, cycle=cycle)
    return [one.candidate_id for one in curated.examples], dict(curated.dropped)


def screened(world: TrainerWorld) -> list[str]:
    """What was screened since this was last asked."""
    assert isinstance(world.screening, WordScreening)
    checked, world.screening.checked = world.screening.checked, []
    return checked


async def test_only_what_is_new_is_screened(small: TrainerWorld) -> None:
    old = await speak(small, 3)
    await look(small)
    screened(small)

    (new,) = await speak(small, 1, start=9)
    ids, _ = await look(small)

    assert screened(small) == list(words(9))
    assert ids == [*(one.id for one in old), new.id]
    assert (await look(small), screened(small)) == ((ids, {}), [])


async def test_another_screen_looks_at_everything_again_and_what_it_refuses_leaves(small: TrainerWorld) -> None:
    good, bad = await speak(small, 2)
    await look(small)
    stricter = WordScreening(refused=("damn", words(1)[1]))
    stricter.version = "words-2"

    ids, dropped = await look(replace(small, screening=stricter))

    assert (ids, dropped) == ([good.id], {"refused by screening: toxicity": 1})
    assert len(stricter.checked) == 4
    assert await look(small) == ([good.id, bad.id], {})


async def test_another_cap_looks_at_everything_again_in_both_directions(small: TrainerWorld) -> None:
    some = await speak(small, 4)

    assert await look(with_settings(small, max_per_member=2)) == (
        [one.id for one in some[:2]],
        {LeftOutBecause.MEMBER_FULL: 2},
    )
    assert await look(with_settings(small, max_per_member=3)) == (
        [one.id for one in some[:3]],
        {LeftOutBecause.MEMBER_FULL: 1},
    )
    kept, dropped = await look(with_settings(small, max_per_member=1))
    assert (len(kept), dropped) == (1, {LeftOutBecause.MEMBER_FULL: 3})


async def test_settings_that_decide_nothing_here_ask_for_no_look(small: TrainerWorld) -> None:
    await speak(small, 2)
    await look(small)
    screened(small)

    await look(with_settings(small, seed=7, heldout_share=0.3, max_examples=100))

    assert screened(small) == []


async def test_a_new_members_talk_waits_for_one_cycle_and_is_news_until_then(small: TrainerWorld) -> None:
    first = await speak(small, 1, "ada")
    assert await look(small, cycle=1) == ([first[0].id], {}), "on a first cycle everybody is new"
    second = await speak(small, 1, "bob", start=5)

    waiting = await look(small, cycle=2)
    again = await look(small, cycle=2)

    assert waiting == again == ([first[0].id], {LeftOutBecause.NEWCOMER: 1})
    assert await has_news(small)
    assert await look(small, cycle=3) == ([first[0].id, second[0].id], {})
    assert not await small.store.curations.has_waiting()


async def test_an_import_before_any_talk_makes_nobody_wait(small: TrainerWorld) -> None:
    await speak(small, 1, source=Source.IMPORT)
    await look(small, cycle=1)
    said = await speak(small, 1, "bob", start=5)

    ids, dropped = await look(small, cycle=2)

    assert (said[0].id in ids, dropped) == (True, {})


async def test_a_cycle_takes_only_so_much_talk_from_each_source_in_turns_and_the_rest_comes_next(
    small: TrainerWorld,
) -> None:
    limited = with_settings(small, max_per_cycle=4)
    messages = await speak(small, 6)
    corrections = await speak(small, 3, "bob", start=10, source=Source.CORRECTION)
    imports = await speak(small, 5, "cy", start=20, source=Source.IMPORT)

    ids, dropped = await look(limited, cycle=1)

    assert ids == sorted(one.id for one in (*messages[:2], *corrections[:2], *imports))
    assert dropped == {LeftOutBecause.CYCLE_FULL: 5}
    assert await has_news(limited)
    ids, dropped = await look(limited, cycle=2)
    assert (len(ids), dropped) == (13, {LeftOutBecause.CYCLE_FULL: 1})
    assert len((await look(limited, cycle=3))[0]) == 14


async def test_what_is_left_out_takes_no_room_of_the_cycle(small: TrainerWorld) -> None:
    for number in range(4):
        await approved(small.store, example("what?", f"damn {number}"))
    good = await speak(small, 2)

    ids, dropped = await look(with_settings(small, max_per_cycle=2))

    assert (ids, dropped) == ([one.id for one in good], {"refused by screening: toxicity": 4})


async def test_other_rules_do_not_make_news_of_what_was_taken_before(small: TrainerWorld) -> None:
    limited = with_settings(small, max_per_cycle=3, max_per_member_and_cycle=3)
    await speak(small, 9)
    for cycle in (1, 2, 3):
        await look(limited, cycle=cycle)

    ids, _ = await look(with_settings(limited, max_per_cluster=7), cycle=4)

    assert len(ids) == 9


async def test_a_member_who_is_turned_down_again_and_again_leaves_with_all_they_said(small: TrainerWorld) -> None:
    good = await speak(small, 1, "bob", start=50)
    theirs = await speak(small, 3, "ada")
    await look(small)
    for candidate in await speak(small, 8, "ada", start=9):
        await small.store.candidates.reject(candidate.id, "mod")

    ids, dropped = await look(small)

    assert (ids, dropped) == ([good[0].id], {LeftOutBecause.DISTRUSTED: 3})
    await speak(small, 1, "ada", start=30)
    ids, dropped = await look(small)
    assert (len(ids), dropped) == (5, {}), "one more approval puts them at the line again"
    assert theirs[0].id in ids


async def test_a_look_that_is_stopped_keeps_what_it_saw(small: TrainerWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.examples._LOOKED_AT_ONCE", 2)
    some = await speak(small, 5)
    asked = 0

    def stop_at_the_third() -> None:
        nonlocal asked
        asked += 1
        if asked == 3:
            raise MynahError("stop")

    with pytest.raises(MynahError):
        await Approved(small).curated(stop_at_the_third)
    assert screened(small) == [text for number in range(4) for text in words(number)]
    ids, _ = await look(small)
    assert (ids, screened(small)) == ([one.id for one in some], list(words(4)))


async def test_somebodys_words_that_another_said_too_stay_when_the_first_is_forgotten(small: TrainerWorld) -> None:
    first = await approved(small.store, example("what is it?", "a gull."))
    second = await approved(small.store, example("what is it?", "a gull.", authors=("bob",)))
    assert await look(small) == ([first.id], {LeftOutBecause.SAME_WORDS: 1})

    await small.store.members.forget("ada")

    assert await look(small) == ([second.id], {})


async def test_each_row_of_a_snapshots_file_is_traced_to_its_candidate(small: TrainerWorld) -> None:
    made = {one.id: one for one in await speak(small, 60)}
    approved_talk = Approved(with_settings(small, heldout_share=0.2))
    curated, _ = await approved_talk.curated(lambda: None)
    snapshot, _ = await approved_talk.write_snapshot(curated)

    read = SnapshotFolder(small.work_folder / "snapshots").read(snapshot.content_hash)
    ids = await small.store.snapshots.candidate_ids(snapshot.content_hash)

    assert read is not None
    assert read.heldout
    assert [made[candidate_id].messages for candidate_id in ids] == [
        one.messages for one in (*read.train, *read.heldout)
    ]
    sides = {candidate_id: "train" if at < len(read.train) else "heldout" for at, candidate_id in enumerate(ids)}
    for candidate_id, side in sides.items():
        found = await small.store.curations.get(candidate_id)
        assert found is not None
        assert (found.side, found.snapshots) == (side, (snapshot.content_hash,))


async def test_from_snapshot_to_snapshot_nothing_changes_sides(small: TrainerWorld) -> None:
    sides: dict[str, str] = {}
    approved_talk = Approved(with_settings(small, heldout_share=0.2))
    for cycle in range(1, 4):
        await speak(small, 40, f"member {cycle}", start=100 * cycle)
        if cycle == 3:
            await small.store.members.forget("member 1")
        curated, _ = await approved_talk.curated(lambda: None, cycle=cycle)
        snapshot, _ = await approved_talk.write_snapshot(curated)
        for side, some in (("train", snapshot.train), ("heldout", snapshot.heldout)):
            for one in some:
                assert sides.setdefault(one.content_hash, side) == side
    assert Counter(sides.values())["heldout"] >= 8


# --- whatever happens, in whatever order ------------------------------------------------------------------------------

MEMBERS = ("ada", "bob", "cy")
LINES = ("the gulls sleep on the water at night", "the ferry leaves at noon on every sunday")
CAPS = QUICK.model_copy(
    update={"max_per_member": 3, "max_per_cluster": 2, "max_per_import_cluster": 2, "quarantine": False, "min_trust": 0}
)
EVENTS = ["say", "say", "say", "import", "deny", "allow", "block", "lift", "forget", "reject", "undo", "delete", "look"]
STEPS = st.lists(
    st.tuples(st.sampled_from(EVENTS), st.sampled_from(MEMBERS), st.integers(0, 11)), min_size=6, max_size=30
)


class Happening:
    """Things that happen to a store, and what must hold whenever the trainer has looked."""

    def __init__(self, world: TrainerWorld) -> None:
        self.world = world
        self.store = world.store
        self.ids: list[int] = []
        self.cycle = 0

    async def step(self, what: str, member: str, number: int) -> None:
        if what == "look":
            await self.look()
        elif what in {"say", "import"}:
            await self.say(member, number, Source.IMPORT if what == "import" else Source.MESSAGE)
        else:
            try:
                await self.change(what, member, number)
            except MynahError:
                return

    async def say(self, member: str, number: int, source: Source) -> None:
        line = LINES[number % 2] + "!" * (number // 2)
        turn = await say(self.store, line, author=member, external_id=f"m-{len(self.ids)}")
        try:
            new = example(line, LINES[number % 2], authors=(member,), source=source, turn_ids=(turn.id,))
            made = await self.store.candidates.add(new)
            await self.store.candidates.approve(made.id, "mod")
        except MynahError:
            return
        self.ids.append(made.id)

    async def change(self, what: str, member: str, number: int) -> None:
        store = self.store
        some = self.ids[number % len(self.ids)] if self.ids else 1
        changes: dict[str, Callable[[], Awaitable[object]]] = {
            "deny": lambda: store.consents.set(SERVER, member, allowed=False),
            "allow": lambda: store.consents.set(SERVER, member, allowed=True),
            "block": lambda: store.blocks.block(SERVER, member, by="mod"),
            "lift": lambda: store.blocks.lift(SERVER, member, by="mod"),
            "forget": lambda: store.members.forget(member),
            "reject": lambda: store.candidates.reject(some, "mod"),
            "undo": lambda: store.candidates.undo("mod", candidate_id=some),
            "delete": lambda: store.conversations.delete(SERVER, [f"m-{number}"]),
        }
        await changes[what]()

    async def look(self) -> None:
        self.cycle += 1
        curated, _ = await Approved(self.world).curated(lambda: None, cycle=self.cycle)
        learnable = {one.id: one for one in await self.store.candidates.learnable()}
        taken = {one.candidate_id: one for one in curated.examples}
        assert set(taken) <= set(learnable)
        talk = [one for one in taken.values() if one.source is not Source.IMPORT]
        imports = Counter(one.cluster for one in taken.values() if one.source is Source.IMPORT)
        by_member = Counter(key for one in talk for key in one.author_keys)
        by_cluster = Counter(one.cluster for one in talk)
        digests = {one.content_hash for one in taken.values()}
        assert max(by_member.values(), default=0) <= CAPS.max_per_member
        assert max(by_cluster.values(), default=0) <= CAPS.max_per_cluster
        assert max(imports.values(), default=0) <= CAPS.max_per_import_cluster
        assert len(digests) == len(taken)
        for candidate_id, candidate in learnable.items():
            if candidate_id not in taken:
                await self.had_no_room(candidate, by_member, by_cluster, imports, digests)
        screened(self.world)
        again, _ = await Approved(self.world).curated(lambda: None, cycle=self.cycle)
        assert again == curated
        assert screened(self.world) == []

    async def had_no_room(
        self,
        candidate: Candidate,
        by_member: Counter[str],
        by_cluster: Counter[int],
        imports: Counter[int],
        digests: set[str],
    ) -> None:
        """Nobody is left out in favour of what is gone."""
        found = await self.store.curations.get(candidate.id)
        assert found is not None
        if found.reason == LeftOutBecause.SAME_WORDS:
            assert candidate.content_hash in digests
        elif found.reason == LeftOutBecause.MEMBER_FULL:
            assert any(by_member[key] >= CAPS.max_per_member for key in candidate.author_keys)
        else:
            assert found.reason == LeftOutBecause.CLUSTER_FULL
            counts, cap = (
                (imports, CAPS.max_per_import_cluster)
                if candidate.source is Source.IMPORT
                else (by_cluster, CAPS.max_per_cluster)
            )
            assert max(counts.values(), default=0) >= cap


@pytest.mark.timeout(600)
def test_in_any_order_of_events_caps_hold_and_nothing_is_left_out_in_favour_of_what_is_gone(
    migrated_home: Path,
) -> None:
    async def hold(steps: list[tuple[str, str, int]]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            home = Path(shutil.copytree(migrated_home, Path(folder) / "home"))
            clock = FakeClock()
            async with open_store(StoreSettings(), home, clock=clock) as store:
                await agreed(store, *MEMBERS)
                happening = Happening(replace(world_of(store, home, clock), settings=CAPS))
                for step in [*steps, ("look", "ada", 0)]:
                    await happening.step(*step)

    @given(steps=STEPS)
    @settings(
        max_examples=12,
        deadline=None,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes on a real database
        suppress_health_check=list(HealthCheck),
    )
    def held(steps: list[tuple[str, str, int]]) -> None:
        asyncio.run(hold(steps))

    held()


async def test_who_is_behind_an_example_is_everybody_who_said_it_and_may_be_learnt_from(small: TrainerWorld) -> None:
    said = words(1)
    for author in ("ada", "bob", "cyn"):
        await approved(small.store, example(*said, authors=(author,)))
    await speak(small, 2, start=5)
    before = Approved(small)
    curated, _ = await before.curated(lambda: None, cycle=1)
    snapshot, _ = await before.write_snapshot(curated)
    [digest] = [one.content_hash for one in (*snapshot.train, *snapshot.heldout) if one.messages[-1].text == said[1]]

    origins = await before.behind(snapshot)
    assert origins.people([digest]) == 3

    await small.store.consents.set(SERVER, "bob", allowed=False)
    after = await before.behind(snapshot)
    assert after.people([digest]) == 2
    assert "bob" not in after.behind([digest]).accounts
    assert len((await before.behind(replace(snapshot, train=(), heldout=()))).by_hash) == 0
