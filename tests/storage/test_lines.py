"""Lines: whose words which model may learn, and which version answers where."""

import pytest

from storage.canaries import answers
from storage.errors import Refused, UnknownModel, WrongUsage
from storage.governance import Canary, CanaryOutcome
from storage.server_settings import ServerSettings
from storage.store import Store
from storage.values import Alias, ModelVersion, NewTurn, Outcome, Role, RunState, Snapshot, Source, Verdict
from tests.fakes.clock import FakeClock
from tests.storage.talk import SERVER, approved, example


async def version(
    store: Store, name: str, clock: FakeClock, *, line: str | None = None, ids: tuple[int, ...] = ()
) -> str:
    """A version trained for a line from some candidates; without a line a base."""
    if line is not None:
        await store.snapshots.add(Snapshot(f"s-{name}", f"snapshots/{name}", 1, 0, clock.now, line), list(ids))
    snapshot = None if line is None else f"s-{name}"
    clock.advance(1)
    await store.aliases.add_version(ModelVersion(name, name * 4, "full", None, None, snapshot, None, clock.now))
    return name


async def own_line(store: Store, server: str = "island") -> None:
    await store.server_settings.set(server, "own_line", True, "admin")


async def learnt(store: Store, line: str = "") -> list[int]:
    return [candidate.id for candidate in await store.candidates.learnable(line)]


async def test_the_words_of_a_server_with_a_line_of_its_own_are_in_no_other_and_no_others_in_it(store: Store) -> None:
    here = await approved(store, example())
    there = await approved(store, example(server="island"))
    assert await learnt(store) == [here.id, there.id]
    assert await learnt(store, "island") == []
    await own_line(store)
    assert await learnt(store) == [here.id]
    assert await learnt(store, "island") == [there.id]
    assert await learnt(store, SERVER) == []
    assert await store.candidates.approved_after(0) == 1
    assert await store.candidates.approved_after(0, "island") == 1


async def test_where_every_server_has_its_own_line_the_shared_one_learns_nothing(store: Store) -> None:
    candidate = await approved(store, example())
    store.candidates._defaults = ServerSettings(own_line=True)
    assert await learnt(store) == []
    assert await learnt(store, SERVER) == [candidate.id]
    await store.server_settings.set(SERVER, "own_line", False, "admin")
    assert await learnt(store) == [candidate.id]
    assert await learnt(store, SERVER) == []


async def test_what_is_approved_where_learning_was_turned_off_is_not_learnt(store: Store) -> None:
    candidate = await approved(store, example())
    await store.server_settings.turn_learning_off(SERVER, "admin")
    assert await learnt(store) == []
    await store.server_settings.turn_learning_on(SERVER, "admin")
    assert await learnt(store) == [candidate.id]


async def test_sources_that_a_server_excluded_are_not_learnt_there(store: Store) -> None:
    message = await approved(store, example("a"))
    correction = await approved(store, example("b", source=Source.CORRECTION))
    elsewhere = await approved(store, example("c", server="island"))
    await store.server_settings.set(SERVER, "sources", ["correction"], "admin")
    assert await learnt(store) == [correction.id, elsewhere.id]
    await store.server_settings.set(SERVER, "sources", [], "admin")
    assert await learnt(store) == [elsewhere.id]
    await store.server_settings.unset(SERVER, "sources", "admin")
    store.candidates._defaults = ServerSettings(sources=(Source.MESSAGE,))
    assert await learnt(store) == [message.id, elsewhere.id]


async def test_a_snapshot_with_words_of_another_line_is_refused(store: Store, clock: FakeClock) -> None:
    here = await approved(store, example())
    there = await approved(store, example(server="island"))
    await own_line(store)
    for line, ids in (("", [here.id, there.id]), ("island", [there.id, here.id]), ("island", [here.id])):
        with pytest.raises(Refused, match="another line"):
            await store.snapshots.add(Snapshot("s", "snapshots/s", 1, 0, clock.now, line), ids)
    await store.snapshots.add(Snapshot("s", "snapshots/s", 1, 0, clock.now, "island"), [there.id])
    assert (await store.snapshots.get("s")) == Snapshot("s", "snapshots/s", 1, 0, clock.now, "island")
    with pytest.raises(Refused, match="another line"):
        await store.snapshots.add(Snapshot("s", "snapshots/s", 1, 0, clock.now), [])


async def test_each_line_has_its_own_champion_and_its_own_way_back(store: Store, clock: FakeClock) -> None:
    await own_line(store)
    base = await version(store, "base", clock)
    shared = await version(store, "shared", clock, line="")
    island = await version(store, "island-1", clock, line="island")
    await store.aliases.promote(base, actor="start", reason="")
    assert await store.aliases.champion_of("island") is None, "the shared champion never answers there"
    await store.aliases.promote(base, actor="start", reason="", line="island")
    await store.aliases.promote(shared, actor="trainer", reason="")
    change = await store.aliases.promote(island, actor="trainer", reason="", line="island")
    assert (change.line, change.from_version) == ("island", base)
    assert await store.aliases.champions() == {"": shared, "island": island}
    assert await store.aliases.champion_of("island") == island
    assert await store.aliases.champion_of(SERVER) == shared
    await store.aliases.rollback(actor="admin", reason="", line="island")
    assert await store.aliases.champions() == {"": shared, "island": base}
    assert await store.aliases.current(Alias.PREVIOUS) == base
    assert await store.aliases.current(Alias.PREVIOUS, "island") is None
    assert await store.aliases.was_rolled_back(island, "island")
    assert not await store.aliases.was_rolled_back(island)
    assert {change.line for change in await store.aliases.history(line="island")} == {"island"}


async def test_a_version_of_one_line_never_answers_on_another(store: Store, clock: FakeClock) -> None:
    await own_line(store)
    shared = await version(store, "shared", clock, line="")
    island = await version(store, "island-1", clock, line="island")
    for name, line in ((shared, "island"), (island, "")):
        with pytest.raises(Refused, match="another line"):
            await store.aliases.promote(name, actor="admin", reason="", line=line)
        with pytest.raises(Refused, match="another line"):
            await store.aliases.set(Alias.CHALLENGER, name, actor="admin", reason="", line=line)
        with pytest.raises(Refused, match="another line"):
            await store.canaries.start(name, 0.2, actor="admin", line=line)
    assert await store.aliases.champions() == {}


async def test_runs_are_asked_for_line_by_line(store: Store) -> None:
    shared, island = await store.runs.request("schedule"), await store.runs.request("admin", "island")
    assert (shared.line, island.line) == ("", "island")
    assert (await store.runs.request("command", "island")).id == island.id
    assert await store.runs.next_requested() == shared
    assert await store.runs.latest(line="island") == [island]
    await store.runs.advance(island.id, RunState.GATING, newest_review_id=7)
    assert (await store.runs.newest_review_learnt(), await store.runs.newest_review_learnt("island")) == (0, 7)


async def test_a_canary_is_started_widened_and_ended_once(store: Store, clock: FakeClock) -> None:
    base, tried = await version(store, "base", clock), await version(store, "tried", clock, line="")
    await store.aliases.promote(base, actor="start", reason="")
    canary = await store.canaries.start(tried, 0.2, actor="admin")
    assert (canary.champion, canary.share, canary.line, canary.outcome) == (base, 0.2, "", None)
    with pytest.raises(Refused, match="answers here already"):
        await store.canaries.start(tried, 0.3, actor="admin")
    assert await store.canaries.open() == canary
    assert await store.canaries.open("island") is None
    wider = await store.canaries.set_share(canary.id, 0.5, actor="admin")
    assert await store.canaries.all_open() == [wider]
    ended = await store.canaries.end(canary.id, CanaryOutcome.REVERTED, actor="watch", figures={"votes_down": 3})
    assert (ended.outcome, ended.figures, ended.ended_by) == (CanaryOutcome.REVERTED, {"votes_down": 3.0}, "watch")
    with pytest.raises(Refused, match="ended already"):
        await store.canaries.end(canary.id, CanaryOutcome.PROMOTED, actor="admin")
    with pytest.raises(Refused, match="ended already"):
        await store.canaries.set_share(canary.id, 0.9, actor="admin")
    assert await store.canaries.open() is None
    assert await store.canaries.history(line="") == [ended]
    assert await store.canaries.get(canary.id) == ended
    assert [entry.action for entry in await store.audit.latest(limit=3)] == ["end canary", "canary", "canary"]
    await store.canaries.start(tried, 1, actor="admin")


@pytest.mark.parametrize("share", [0, -0.1, 1.1, float("nan")])
async def test_a_canary_answers_some_channels_and_at_most_all(store: Store, clock: FakeClock, share: float) -> None:
    with pytest.raises(WrongUsage, match="channels"):
        await store.canaries.start(await version(store, "v", clock), share, actor="admin")


async def test_what_cannot_be_a_canary_is_refused(store: Store, clock: FakeClock) -> None:
    with pytest.raises(UnknownModel):
        await store.canaries.start("nothing", 0.2, actor="admin")
    champion = await version(store, "v", clock)
    await store.aliases.promote(champion, actor="start", reason="")
    with pytest.raises(Refused, match="is the champion"):
        await store.canaries.start(champion, 0.2, actor="admin")
    with pytest.raises(WrongUsage, match="no canary 7"):
        await store.canaries.end(7, CanaryOutcome.STOPPED, actor="admin")


@pytest.mark.parametrize("figure", ["he said hello", True, None, float("inf")], ids=str)
async def test_only_numbers_are_kept_of_what_decided_about_a_canary(
    store: Store, clock: FakeClock, figure: object
) -> None:
    canary = await store.canaries.start(await version(store, "v", clock), 0.5, actor="admin")
    with pytest.raises(WrongUsage, match="must be a number"):
        await store.canaries.end(canary.id, CanaryOutcome.STOPPED, actor="a", figures={"said": figure})  # type: ignore[dict-item]


def canary_with(share: float, canary_id: int = 1) -> Canary:
    now = FakeClock().now
    return Canary(canary_id, "", "v", None, share, "admin", now, None, None, None, {})


def test_a_canary_keeps_its_channels_when_it_is_widened() -> None:
    channels = [str(n) for n in range(400)]
    small = {channel for channel in channels if answers(canary_with(0.2), SERVER, channel)}
    large = {channel for channel in channels if answers(canary_with(0.6), SERVER, channel)}
    assert small < large
    assert 40 < len(small) < 120
    assert all(answers(canary_with(1), SERVER, channel) for channel in channels)
    assert small != {channel for channel in channels if answers(canary_with(0.2, 2), SERVER, channel)}


async def test_what_was_seen_of_a_canary_is_counted_on_its_line_and_in_its_time(store: Store, clock: FakeClock) -> None:
    base, tried = await version(store, "base", clock), await version(store, "tried", clock, line="")
    await store.aliases.promote(base, actor="start", reason="")

    async def answer(by: str, outcome: Outcome = Outcome.PASS, *, server: str = SERVER, vote: int = 0) -> None:
        conversation = await store.conversations.current(server, "pier")
        turn = await store.conversations.add_turn(
            NewTurn(conversation.id, Role.ASSISTANT, "ahoy", Source.MESSAGE, Verdict(outcome, "ahoy"), model_version=by)
        )
        if vote:
            await store.votes.cast(turn.id, "ada", vote)

    await own_line(store)
    await answer(tried)
    clock.advance(1)
    canary = await store.canaries.start(tried, 0.5, actor="admin")
    await answer(tried, vote=1)
    await answer(tried, Outcome.HOLD, vote=-1)
    await answer(tried, Outcome.REFUSE)
    await answer(tried, server="island", vote=-1)
    await answer(base, vote=-1)
    seen, before = await store.canaries.evidence(canary.id)
    assert (seen.answers, seen.held, seen.refused, seen.votes_up, seen.votes_down) == (3, 1, 1, 1, 1)
    assert (before.version, before.answers, before.votes_down) == (base, 1, 1)
    await store.canaries.end(canary.id, CanaryOutcome.STOPPED, actor="admin")
    clock.advance(1)
    await answer(tried)
    assert (await store.canaries.evidence(canary.id))[0].answers == 3
