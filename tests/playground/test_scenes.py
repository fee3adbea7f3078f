"""A made-up community plays against the real bot, and fills what people look at."""

import random
from collections.abc import AsyncIterator

import pytest

from playground.scenes import in_order
from playground.scripts import CAST, IS_KNOWN, SCRIPTS, Ask, Review
from tests.playground.town import BotInTown, Town, Watcher, open_town


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    """A stand-in that lets people talk as fast as they like."""
    async with open_town(limits_are_enforced=False) as opened:
        yield opened


SCRIPTED = [beat for script in SCRIPTS.values() for strand in (script.opening, *script.strands) for beat in strand]


async def play(town: Town, watcher: Watcher, name: str, *, seed: int = 3) -> int:
    """Play a scene to its end without pauses; how many of its beats could not be done."""
    await town.done("POST", "/scenes", json={"name": name, "seed": seed, "pace": 0})
    left_out = 0
    while (playing := (await watcher.until("PLAY_SCENE"))["playing"]) is not None:
        left_out = playing["left_out"]
    return left_out


async def test_an_evening_fills_the_queue_and_moderators_learn_only_what_the_town_knows(
    town: Town, mynah: BotInTown
) -> None:
    guild = str(town.server.seeded.guild_id)
    async with town.watching("Ada") as ada:
        assert await play(town, ada, "evening") == 0
        waiting = await mynah.store.review_queue.waiting(guild)
        assert await play(town, ada, "troll") == 0
        with_poison = await mynah.store.review_queue.waiting(guild)
        assert await play(town, ada, "moderators") == 0
    approved = {candidate.messages[-1].text for candidate in await mynah.store.candidates.learnable()}
    reviews = sum(isinstance(beat, Review) for strand in SCRIPTS["moderators"].strands for beat in strand)
    assert waiting >= 10
    assert with_poison > waiting
    assert await mynah.store.review_queue.waiting(guild) == with_poison - reviews
    assert approved
    assert approved <= IS_KNOWN
    noor = mynah.store.author_key(town.id_of("Noor"))
    assert await mynah.store.consents.get(guild, noor) is False


async def test_a_scene_is_stopped_and_what_was_said_stays(town: Town, mynah: BotInTown) -> None:
    async with town.watching("Mira") as mira:
        begun = await town.done("POST", "/scenes", json={"name": "troll", "pace": 20})
        await mira.until("PLAY_SCENE", lambda told: told["playing"] and told["playing"]["beat"] >= 1)
        await town.done("DELETE", "/scenes")
        over = await mira.until("PLAY_SCENE", lambda told: told["playing"] is None)
    assert begun["beats"] == len(SCRIPTS["troll"].opening) + sum(map(len, SCRIPTS["troll"].strands))
    assert [scene["name"] for scene in over["scenes"]] == list(SCRIPTS)
    assert town.id_of("Rusk")  # the cast stays to be acted as
    await town.done("DELETE", "/scenes")  # stopping when nothing plays is no mistake


async def test_who_was_sent_away_is_left_out_and_the_scene_goes_on(town: Town, mynah: BotInTown) -> None:
    await town.done("DELETE", f"/people/{town.id_of('Priya')}")
    async with town.watching("Mira") as mira:
        assert await play(town, mira, "troll") == 1


async def test_who_left_comes_back_with_the_next_scene_under_the_same_number(town: Town, mynah: BotInTown) -> None:
    async with town.watching("Mira") as mira:
        await play(town, mira, "moderators")
        wanda = town.id_of("Wanda")
        await town.done("DELETE", f"/people/{wanda}")
        assert await play(town, mira, "moderators") == 0
    assert town.id_of("Wanda") == wanda


async def test_only_one_scene_is_on_at_a_time(town: Town, mynah: BotInTown) -> None:
    await town.done("POST", "/scenes", json={"name": "troll", "pace": 20})
    status, body = await town.call("POST", "/scenes", json={"name": "evening"})
    assert (status, body["code"]) == (400, 50035)
    assert "Stop it first" in body["message"]


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param({}, id="none"),
        pytest.param({"name": "opera"}, id="unknown"),
        pytest.param({"name": ["troll"]}, id="no name"),
        pytest.param({"name": "troll", "seed": "x"}, id="no seed"),
        pytest.param({"name": "troll", "pace": -1}, id="backwards"),
        pytest.param({"name": "troll", "pace": True}, id="no pace"),
        pytest.param({"name": "troll", "pace": 1e9}, id="for ever"),
    ],
)
async def test_a_scene_that_cannot_be_played_is_refused(
    town: Town, mynah: BotInTown, wanted: dict[str, object]
) -> None:
    status, body = await town.call("POST", "/scenes", json=wanted)
    assert (status, body["code"]) == (400, 50035)
    assert (await town.done("GET", "/scenes"))["playing"] is None


async def test_without_the_bot_no_scene_begins(town: Town) -> None:
    status, body = await town.call("POST", "/scenes", json={"name": "evening"})
    assert status == 400
    assert "not here yet" in body["message"]


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_seed_gives_the_same_play_and_another_one_another(name: str) -> None:
    one, same, other = (list(in_order(SCRIPTS[name], random.Random(seed))) for seed in (1, 1, 2))
    assert one == same
    assert one != other
    for strand in SCRIPTS[name].strands:
        assert [beat for beat in one if any(beat is own for own in strand)] == list(strand)


def test_everybody_in_a_script_is_somebody_in_town(town: Town) -> None:
    users = town.server.world.users
    here = {users[one.user_id].global_name for one in town.server.seeded.people.all}
    there = here | {part.name for part in CAST}
    voters = {name for beat in SCRIPTED if isinstance(beat, Ask) for name in beat.votes}
    assert {beat.who for beat in SCRIPTED} | voters <= there
    assert {beat.channel for beat in SCRIPTED if hasattr(beat, "channel")} <= town.server.seeded.channels.keys()
