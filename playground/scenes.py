"""Scenes: a made-up community that plays in the server, live, until it is over or stopped.

Everything is done through what people at the page do, so nothing is pretended: the real bot answers, screens and
stores. What is drawn (who is next, how long they pause) comes from a seed.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from simcord.backend.errors import BackendError, invalid_form_body

from playground.acting import Acting
from playground.scripts import (
    CAST,
    IS_KNOWN,
    POOR,
    SCRIPTS,
    SPAM,
    SPAM_WORDS,
    Ask,
    Beat,
    Part,
    Review,
    Script,
    Talk,
    Use,
)
from playground.seeding import ADMINS_ID, MODERATORS_ID, PEOPLE_IDS, Seeded

logger = logging.getLogger(__name__)

CAST_IDS = PEOPLE_IDS + 100
"""The same people each time, since Mynah's database knows them by these numbers."""
PAUSE_SECONDS = (0.6, 2.4)
TYPING_SECONDS = 0.8
SLOWEST = 20.0
_ROLES = {"moderator": [MODERATORS_ID], "admin": [ADMINS_ID]}


@dataclass(slots=True)
class Playing:
    """A scene that is on."""

    name: str
    seed: int
    beats: int
    beat: int = 0
    """How many were played."""
    left_out: int = 0
    """Of these, how many could not be done, as when somebody has left."""

    def as_json(self) -> dict[str, Any]:
        """As docs/playground.md has it."""
        return {
            "name": self.name,
            "title": SCRIPTS[self.name].title,
            "seed": self.seed,
            "beat": self.beat,
            "beats": self.beats,
            "left_out": self.left_out,
        }


class Scenes:
    """Plays one scene at a time.

    Args:
        acting: what people can be let do.
        seeded: where things are.
        is_bot_there: whether the bot is connected.
        on_change: called when a scene begins, goes on or ends.
    """

    def __init__(
        self, acting: Acting, seeded: Seeded, *, is_bot_there: Callable[[], bool], on_change: Callable[[], None]
    ) -> None:
        self._acting = acting
        self._seeded = seeded
        self._is_bot_there = is_bot_there
        self._on_change = on_change
        self._task: asyncio.Task[None] | None = None
        self.playing: Playing | None = None
        """The scene that is on; None: none is."""

    def as_json(self) -> dict[str, Any]:
        """Which scenes there are, and which is on."""
        scenes = [{"name": name, "title": one.title, "about": one.about} for name, one in SCRIPTS.items()]
        return {"scenes": scenes, "playing": None if self.playing is None else self.playing.as_json()}

    def begin(self, wanted: Mapping[str, Any]) -> Playing:
        """Begin a scene.

        Raises:
            BackendError: there is no such scene, a number does not fit, one is on already, or the bot is not there.
        """
        name, seed, pace = wanted.get("name"), wanted.get("seed", 1), wanted.get("pace", 1.0)
        if not isinstance(name, str) or name not in SCRIPTS:
            raise invalid_form_body(f"name is one of {', '.join(SCRIPTS)}")
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise invalid_form_body("seed is a whole number")
        if isinstance(pace, bool) or not isinstance(pace, int | float) or not 0 <= pace <= SLOWEST:
            raise invalid_form_body(f"pace is a number from 0 (no pauses) to {SLOWEST:g}; 1 is as people talk")
        if self.playing is not None:
            raise invalid_form_body("A scene is on already. Stop it first.")
        if not self._is_bot_there():
            raise invalid_form_body("Mynah is not here yet. Try again in some seconds.")
        chance = random.Random(f"{name}:{seed}")  # noqa: S311 - a play, not a secret
        beats = list(in_order(SCRIPTS[name], chance))
        self.playing = Playing(name, seed, len(beats))
        self._task = asyncio.create_task(self._play(self.playing, beats, chance, float(pace)))
        self._on_change()
        return self.playing

    async def stop(self) -> None:
        """End the scene that is on, if one is; what was said stays."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._end()

    async def _play(self, playing: Playing, beats: list[Beat], chance: random.Random, pace: float) -> None:
        try:
            for part_index, part in enumerate(CAST):
                self._enter(part_index, part)
            for beat in beats:
                await self._do(beat, playing, pace)
                playing.beat += 1
                self._on_change()
                await asyncio.sleep(pace * chance.uniform(*PAUSE_SECONDS))
        finally:
            self._end()

    def _end(self) -> None:
        """Say that no scene is on any more, once."""
        if self.playing is not None:
            self.playing = self._task = None
            self._on_change()

    def _enter(self, index: int, part: Part) -> None:
        people = self._acting.people
        if all(person.user_id != CAST_IDS + index for person in people.all):
            roles = _ROLES.get(part.label, [])
            people.join(part.name, label=part.label, about=part.about, role_ids=roles, user_id=CAST_IDS + index)

    async def _do(self, beat: Beat, playing: Playing, pace: float) -> None:
        try:
            who = self._who(beat.who)
            if isinstance(beat, Talk | Ask):
                self._acting.people.type(who, self._seeded.channels[beat.channel])
                await asyncio.sleep(pace * TYPING_SECONDS)
            await self._act(who, beat)
        except (BackendError, KeyError) as error:  # somebody was sent away, or a channel, a command, a card is gone
            playing.left_out += 1
            logger.info("a beat was left out", extra={"scene": playing.name, "error": type(error).__name__})

    async def _act(self, who: int, beat: Beat) -> None:
        acting = self._acting
        match beat:
            case Talk():
                await acting.say(who, self._seeded.channels[beat.channel], beat.text)
            case Ask():
                await self._ask(who, beat)
            case Use():
                note = await acting.command(who, self._seeded.channels[beat.channel], beat.command)
                if note is not None and beat.press and note.get("components"):
                    await acting.decide(who, note, beat.press)
            case Review():
                await self._review(who)

    async def _ask(self, who: int, beat: Ask) -> None:
        answer = await self._acting.ask(who, self._seeded.channels[beat.channel], beat.text)
        if answer is None:
            return
        for name, way in beat.votes.items():
            await self._acting.press(self._who(name), answer, f"mynah:vote:{way}")
        if beat.better:
            form = await self._acting.press(who, answer, "mynah:better:")
            if form is not None:
                await self._acting.fill(who, form, beat.better)

    async def _review(self, who: int) -> None:
        card = await self._acting.command(who, self._seeded.channels["moderators"], "review queue")
        words = "" if card is None else " ".join(str(one.get("description")) for one in card.get("embeds") or [])
        if card is None or not card.get("components") or not words:
            return  # nothing waits
        if any(answer in words for answer in IS_KNOWN):
            await self._acting.decide(who, card, "mynah:review:yes")
        else:
            reason = SPAM if any(word in words for word in SPAM_WORDS) else POOR
            await self._acting.decide(who, card, "mynah:reject:one", reason)

    def _who(self, name: str) -> int:
        """Somebody's id.

        Raises:
            KeyError: nobody here has this name.
        """
        users = self._acting.world.users
        by_name = {users[one.user_id].global_name: one.user_id for one in self._acting.people.all}
        return by_name[name]


def in_order(script: Script, chance: random.Random) -> Iterator[Beat]:
    """The opening, and then the strands, woven into each other."""
    yield from script.opening
    strands = [list(strand) for strand in script.strands]
    while strands:
        strand = chance.choice(strands)
        yield strand.pop(0)
        if not strand:
            strands.remove(strand)
