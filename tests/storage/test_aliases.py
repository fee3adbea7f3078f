import asyncio

import pytest

from storage.errors import Refused, UnknownModel, WrongUsage
from storage.store import Store
from storage.values import Alias, AliasAction, ModelVersion
from tests.fakes.clock import FakeClock

WHO = {"actor": "admin", "reason": "because"}


@pytest.fixture(autouse=True)
async def _versions(store: Store, clock: FakeClock) -> None:
    for name in "abcd":
        await store.aliases.add_version(
            ModelVersion(name, name * 64, "full", None, None, None, None, clock.now, "note")
        )


async def champion(store: Store) -> str | None:
    return await store.aliases.current(Alias.CHAMPION)


async def previous(store: Store) -> str | None:
    return await store.aliases.current(Alias.PREVIOUS)


async def test_a_version_is_read_back_and_written_once(store: Store, clock: FakeClock) -> None:
    first = await store.aliases.version("a")
    clock.advance(60)
    await store.aliases.add_version(ModelVersion("a", "other", "adapter", "b", "c", "d", 1, clock.now))
    assert await store.aliases.version("a") == first
    assert [version.version for version in await store.aliases.versions()] == ["a", "b", "c", "d"]
    assert await store.aliases.version("e") is None


async def test_no_alias_points_anywhere_at_first(store: Store) -> None:
    assert [await store.aliases.current(alias) for alias in Alias] == [None, None, None]


async def test_a_promotion_makes_the_champion_the_previous(store: Store, clock: FakeClock) -> None:
    await store.aliases.promote("a", **WHO)
    change = await store.aliases.promote("b", **WHO)
    assert (change.action, change.from_version, change.to_version) == (AliasAction.PROMOTE, "a", "b")
    assert (change.actor, change.reason, change.created_at) == ("admin", "because", clock.now)
    assert (await champion(store), await previous(store)) == ("b", "a")


async def test_rollbacks_undo_promotions_one_by_one_and_then_refuse(store: Store) -> None:
    for name in "abc":
        await store.aliases.promote(name, **WHO)
    seen = []
    for _ in range(2):
        await store.aliases.rollback(**WHO)
        seen.append((await champion(store), await previous(store)))
    assert seen == [("b", "a"), ("a", None)]
    with pytest.raises(Refused, match="no earlier"):
        await store.aliases.rollback(**WHO)
    assert await champion(store) == "a"


async def test_a_promotion_after_a_rollback_goes_on_from_there(store: Store) -> None:
    for name in "abc":
        await store.aliases.promote(name, **WHO)
    await store.aliases.rollback(**WHO)
    await store.aliases.promote("d", **WHO)
    assert (await champion(store), await previous(store)) == ("d", "b")
    await store.aliases.rollback(**WHO)
    assert (await champion(store), await previous(store)) == ("b", "a")


async def test_there_and_back_again_is_three_promotions(store: Store) -> None:
    for name in "aba":
        await store.aliases.promote(name, **WHO)
    assert (await champion(store), await previous(store)) == ("a", "b")
    await store.aliases.rollback(**WHO)
    assert (await champion(store), await previous(store)) == ("b", "a")


async def test_promoting_the_champion_changes_nothing(store: Store) -> None:
    first = await store.aliases.promote("a", **WHO)
    assert await store.aliases.promote("a", **WHO) == first
    assert len(await store.aliases.history()) == 1


async def test_without_any_champion_there_is_nothing_to_roll_back(store: Store) -> None:
    with pytest.raises(Refused):
        await store.aliases.rollback(**WHO)


async def test_an_unknown_version_is_not_promoted(store: Store) -> None:
    with pytest.raises(UnknownModel, match="nope"):
        await store.aliases.promote("nope", **WHO)
    with pytest.raises(UnknownModel, match="nope"):
        await store.aliases.set(Alias.CHALLENGER, "nope", **WHO)
    assert await store.aliases.history() == []


async def test_a_promotion_that_compared_with_another_champion_is_refused(store: Store) -> None:
    await store.aliases.promote("a", **WHO)
    await store.aliases.promote("b", expected_champion="a", **WHO)
    with pytest.raises(Refused, match="by now"):
        await store.aliases.promote("c", expected_champion="a", **WHO)
    assert await champion(store) == "b"


async def test_of_several_promotions_at_once_that_expect_one_champion_one_wins(store: Store) -> None:
    await store.aliases.promote("a", **WHO)
    outcomes = await asyncio.gather(
        *(store.aliases.promote(name, expected_champion="a", **WHO) for name in "bcd"), return_exceptions=True
    )
    assert sum(isinstance(outcome, Refused) for outcome in outcomes) == 2


async def test_the_challenger_is_set_and_cleared(store: Store) -> None:
    await store.aliases.set(Alias.CHALLENGER, "b", **WHO)
    assert await store.aliases.current(Alias.CHALLENGER) == "b"
    change = await store.aliases.set(Alias.CHALLENGER, None, **WHO)
    assert (change.action, change.from_version, change.to_version) == (AliasAction.SET, "b", None)
    assert await store.aliases.current(Alias.CHALLENGER) is None


async def test_the_champion_is_not_set_by_hand(store: Store) -> None:
    with pytest.raises(WrongUsage, match="Promote"):
        await store.aliases.set(Alias.CHAMPION, "a", **WHO)


async def test_people_took_a_version_back_until_somebody_promotes_it(store: Store) -> None:
    await store.aliases.promote("a", **WHO)
    await store.aliases.promote("b", **WHO)
    assert not await store.aliases.was_rolled_back("b")
    await store.aliases.rollback(**WHO)
    assert await store.aliases.was_rolled_back("b")
    assert not await store.aliases.was_rolled_back("a")
    assert not await store.aliases.was_rolled_back("c")
    await store.aliases.promote("b", **WHO)
    assert not await store.aliases.was_rolled_back("b")


async def test_every_move_is_a_row_and_an_audit_entry(store: Store) -> None:
    await store.aliases.promote("a", **WHO)
    await store.aliases.promote("b", **WHO)
    await store.aliases.rollback(**WHO)
    moves = [(c.alias, c.action, c.from_version, c.to_version) for c in await store.aliases.history()]
    assert moves == [
        (Alias.PREVIOUS, AliasAction.ROLLBACK, "a", None),
        (Alias.CHAMPION, AliasAction.ROLLBACK, "b", "a"),
        (Alias.PREVIOUS, AliasAction.PROMOTE, None, "a"),
        (Alias.CHAMPION, AliasAction.PROMOTE, "a", "b"),
        (Alias.CHAMPION, AliasAction.PROMOTE, None, "a"),
    ]
    assert [entry.action for entry in await store.audit.latest()] == ["rollback", "promote", "promote"]
    assert len(await store.aliases.history(limit=2)) == 2
