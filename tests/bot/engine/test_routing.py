from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engine.routing import (
    ANYWHERE,
    SHARED,
    Canary,
    Place,
    Routes,
    attainable,
    by_need,
    line_of,
    reachable,
    version_for,
)
from storage.errors import WrongUsage

NAMES = st.sampled_from(["v1", "v2", "v3", "v4", "v5"])
SERVERS = st.sampled_from(["100", "200", "300", "dm"])
LINES = st.one_of(st.just(SHARED), SERVERS)
SHARES = st.floats(0, 1)
PLACES = st.builds(Place, SERVERS, st.text(max_size=20))
few = settings(max_examples=60, deadline=None)  # a busy machine is no failure
CANARIES = st.dictionaries(LINES, st.builds(Canary, NAMES, SHARES))


@st.composite
def routes(draw: st.DrawFn) -> Routes:
    champions = draw(st.dictionaries(LINES, NAMES))
    own = draw(st.frozensets(SERVERS, max_size=2))
    return Routes({SHARED: draw(NAMES), **champions}, draw(CANARIES), draw(st.none() | NAMES), own)


def channels(count: int, server: str = "100") -> list[Place]:
    return [Place(server, str(1_180_000_000_000_000_000 + index * 7919)) for index in range(count)]


@few
@given(place=PLACES, version=NAMES)
def test_no_channel_is_in_a_canary_of_nothing(place: Place, version: str) -> None:
    assert not Canary(version, 0.0).takes(place)


@few
@given(server=SERVERS, channel=st.text(min_size=1), version=NAMES)
def test_every_channel_is_in_a_canary_of_everything(server: str, channel: str, version: str) -> None:
    assert Canary(version, 1.0).takes(Place(server, channel))


@few
@given(place=PLACES, version=NAMES, shares=st.tuples(SHARES, SHARES))
def test_a_growing_share_only_adds_channels(place: Place, version: str, shares: tuple[float, float]) -> None:
    small, large = sorted(shares)
    assert Canary(version, small).takes(place) <= Canary(version, large).takes(place)


@few
@given(place=PLACES, version=NAMES, share=SHARES)
def test_the_same_channel_always_gets_the_same_version(place: Place, version: str, share: float) -> None:
    again = Place(str(place.server), str(place.channel))
    assert Canary(version, share).takes(place) == Canary(version, share).takes(again)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5, 0.9])
def test_a_share_is_about_that_share_of_the_channels(share: float) -> None:
    taken = sum(Canary("v1", share).takes(place) for place in channels(4000))
    assert abs(taken / 4000 - share) < 0.03


def test_another_canary_is_tried_on_other_channels() -> None:
    places = channels(2000)
    both = sum(Canary("v1", 0.2).takes(place) and Canary("v2", 0.2).takes(place) for place in places)
    assert 0.02 < both / 2000 < 0.06


def test_where_a_channel_stands_outlives_the_process() -> None:
    taken = [place.channel[-6:] for place in channels(12) if Canary("0123456789abcdef", 0.3).takes(place)]
    assert taken == ["015838", "087109"]


def test_a_request_that_names_no_channel_never_gets_a_canary() -> None:
    everything = Routes({SHARED: "v1"}, {SHARED: Canary("v2", 1.0)})
    assert version_for(everything, ANYWHERE) == "v1"
    assert version_for(everything, Place("100")) == "v1"


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan"), float("inf"), 20])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(WrongUsage, match=r"0 to 1"):
        Canary("v1", share)


@pytest.mark.parametrize(
    ("champions", "canaries", "expected"),
    [
        ({SHARED: "v1"}, {}, "v1"),
        ({SHARED: "v1", "100": "v2"}, {}, "v2"),
        ({SHARED: "v1", "200": "v2"}, {}, "v1"),
        ({SHARED: "v1"}, {SHARED: Canary("v3", 1.0)}, "v3"),
        ({SHARED: "v1", "100": "v2"}, {SHARED: Canary("v3", 1.0)}, "v2"),
        ({SHARED: "v1", "100": "v2"}, {"100": Canary("v3", 1.0)}, "v3"),
        ({SHARED: "v1", "100": "v2"}, {"100": Canary("v3", 0.0)}, "v2"),
        ({SHARED: "v1"}, {"100": Canary("v3", 1.0)}, "v3"),
        ({SHARED: "v1"}, {"100": Canary("v3", 0.0)}, "v1"),
    ],
    ids=[
        "shared",
        "own-line",
        "anothers-line",
        "shared-canary",
        "own-line-has-no-part-in-the-shared-canary",
        "own-canary",
        "own-canary-of-nothing",
        "first-own-version-as-canary",
        "first-own-version-elsewhere",
    ],
)
def test_the_version_of_a_channel_of_server_100(
    champions: Mapping[str, str], canaries: Mapping[str, Canary], expected: str
) -> None:
    assert version_for(Routes(champions, canaries), Place("100", "5")) == expected


def test_without_a_shared_champion_nobody_answers_and_that_is_told() -> None:
    with pytest.raises(WrongUsage, match="shared line"):
        version_for(Routes({"100": "v1"}), Place("200", "5"))


def only(wanted: Routes, line: str) -> set[str]:
    """The champion and the canary of one line."""
    champions = [version for of, version in wanted.champions.items() if of == line]
    return {*champions, *(canary.version for of, canary in wanted.canaries.items() if of == line)}


@few
@given(wanted=routes(), place=PLACES)
def test_a_servers_own_versions_answer_that_server_only(wanted: Routes, place: Place) -> None:
    allowed = only(wanted, place.server) | only(wanted, SHARED) | {wanted.base}
    assert version_for(wanted, place) in allowed
    assert line_of(wanted, place) in {SHARED, place.server}


@few
@given(wanted=routes(), serving=routes(), loaded=st.sets(NAMES), place=PLACES)
def test_with_a_base_no_shared_version_answers_a_server_that_has_its_own_line(
    wanted: Routes, serving: Routes, loaded: set[str], place: Place
) -> None:
    wanted = replace(wanted, base="base", own=wanted.own | {place.server})
    serving = replace(serving, base=None)
    now = reachable(wanted, serving, loaded | {serving.champions[SHARED]})
    assert version_for(now, place) in only(wanted, place.server) | only(serving, place.server) | {"base"}


@few
@given(wanted=routes(), serving=routes(), loaded=st.sets(NAMES), place=PLACES)
def test_at_every_place_a_version_in_memory_or_the_base_answers(
    wanted: Routes, serving: Routes, loaded: set[str], place: Place
) -> None:
    loaded |= {serving.champions[SHARED]}
    now = reachable(wanted, serving, loaded)
    assert version_for(now, place) in loaded | {now.base}
    assert now.versions <= loaded | {now.base}


@few
@given(wanted=routes(), serving=routes(), loaded=st.sets(NAMES), place=PLACES)
def test_what_is_in_memory_answers_as_wanted(wanted: Routes, serving: Routes, loaded: set[str], place: Place) -> None:
    now = reachable(wanted, serving, loaded | wanted.versions)
    assert (now.champions, now.canaries) == (wanted.champions, wanted.canaries)
    assert version_for(now, place) == version_for(wanted, place)


@few
@given(wanted=routes(), serving=routes(), loaded=st.sets(NAMES))
def test_a_canary_that_is_not_wanted_never_answers(wanted: Routes, serving: Routes, loaded: set[str]) -> None:
    now = reachable(wanted, serving, loaded | {serving.champions[SHARED]})
    assert now.canaries.items() <= wanted.canaries.items()


def test_who_cannot_be_served_leaves_the_champion_and_begins_no_canary() -> None:
    serving = Routes({SHARED: "v1", "100": "v2"})
    wanted = Routes({SHARED: "v3", "100": "v4", "200": "v5"}, {SHARED: Canary("v5", 0.5)})
    assert attainable(wanted, serving, {"v3", "v4", "v5"}) == serving
    assert attainable(wanted, serving, {"v4"}) == Routes({**wanted.champions, "100": "v2"}, wanted.canaries)


@pytest.mark.parametrize("base", [None, "v0"])
def test_a_server_whose_line_has_nothing_yet_is_answered_by_the_base_if_there_is_one(base: str | None) -> None:
    wanted = Routes({SHARED: "v1"}, {SHARED: Canary("v2", 1.0)}, base, frozenset({"100"}))
    assert version_for(wanted, Place("100", "5")) == (base or "v1")
    assert version_for(wanted, Place("200", "5")) == "v2"
    assert wanted.versions == {"v1", "v2"} | ({base} if base else set())


def test_without_lines_of_their_own_the_base_needs_no_memory() -> None:
    assert Routes({SHARED: "v1"}, base="v0").versions == {"v1"}


def test_the_shared_champion_and_its_canary_are_needed_most() -> None:
    wanted = Routes({"100": "v1", "200": "v1", SHARED: "v3"}, {"100": Canary("v4", 0.1), SHARED: Canary("v2", 0.5)})
    assert by_need(wanted, ["200", "100"]) == ["v3", "v2", "v1", "v4"]
    assert by_need(replace(wanted, base="v0"), ["200", "100"]) == ["v3", "v0", "v2", "v1", "v4"]
