"""Take pictures of what Mynah shows in Discord: `python -m tools.picture_cards docs/images`.

The real bot runs against SimCord's Discord, as in the tests; SimCord lays out what it sent much as Discord does, and a
headless Chromium takes the pictures. Needs `pip install 'mynah[dev,pictures]'`, and Chromium (`--chromium PATH`).
Everybody and everything in the pictures is invented.
"""

import argparse
import asyncio
import hashlib
import io
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops
from playwright.async_api import async_playwright
from simcord.preview import _capture

from bot.cogs import canaries, review_card, review_channel
from storage.figures import DayFigures, VersionFigures
from storage.settings import StoreSettings
from storage.store import open_store
from storage.values import (
    CandidateState,
    Message,
    ModelVersion,
    NewCandidate,
    Outcome,
    Role,
    RunState,
    Snapshot,
    Source,
    Verdict,
)
from tests.bot.cogs.admin_work import publish, warm_up
from tests.bot.cogs.reviewing import waits
from tests.bot.cogs.server import Server, open_server
from tests.fakes.clock import FakeClock

NOW = datetime(2026, 3, 14, 18, 30, tzinfo=UTC)
SCRIPT = {
    "when is game night?": "Game night is on Friday at eight, in the #games channel. Bring snacks!",
    "which knot do I use for the tent?": "The taut-line hitch: it slides to tighten and then holds.",
}
_CHROMIUM_OPTIONS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_COLOURS = 200
"""Of a picture: few enough for a small file."""


class Camera:
    """Takes pictures of a channel as somebody sees it.

    Args:
        server: the server.
        browser: a running Chromium.
        folder: where pictures go.
    """

    def __init__(self, server: Server, browser: Any, folder: Path) -> None:
        self._server, self._browser, self._folder = server, browser, folder

    async def take(
        self, name: str, viewer: Any, *, channel: Any = None, message: Any = None, size: tuple[int, int]
    ) -> None:
        """One message, or (without one) the end of the channel."""
        layout = "channel" if message is None else "message"
        place = channel or self._server.channel
        preview = self._server.env.preview(
            place, viewers=[viewer], layout=layout, width=size[0], height=size[1], presentation_time=NOW
        )
        async with preview:
            preview._capture_manager._browser = self._browser  # SimCord would start one that Playwright downloaded
            mode = "surface" if message is not None else "viewport"
            taken = await preview.screenshot(viewer=viewer, target=message, mode=mode, allow_incomplete=True)
            preview._capture_manager._browser = None
        small = _cropped(Image.open(io.BytesIO(taken.png)).convert("RGB")).quantize(
            _COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
        )
        small.save(self._folder / f"{name}.png", optimize=True)


def _cropped(picture: Image.Image) -> Image.Image:
    """Without the empty room to the right."""
    empty = Image.new("RGB", picture.size, picture.getpixel((picture.width - 1, 0)))
    box = ImageChops.difference(picture, empty).getbbox()
    return picture if box is None else picture.crop((0, 0, min(box[2] + 16, picture.width), picture.height))


async def talk(server: Server, camera: Camera) -> None:
    """A question, its answer with buttons, and the question whether Mynah may learn."""
    await _learn(server, "when is game night this week?", "Game night is on Friday at eight, in the #games channel.")
    await server.say("when is game night?", server.ann)
    await server.ann.slash(server.channel, "why")
    await camera.take("talk", server.ann, size=(900, 800))


async def _learn(server: Server, question: str, reply: str) -> None:
    """A version that has learnt one exchange answers."""
    store, now = server.parts.store, server.parts.clock()
    candidate = await waits(server, question, reply, author=server.bob)
    await store.candidates.approve(candidate.id, "a moderator")
    snapshot, version = (hashlib.sha256(text.encode()).hexdigest() for text in (question, reply))
    await store.snapshots.add(Snapshot(snapshot, "snapshot", 1, 0, now), [candidate.id])
    made = ModelVersion(version[:16], version, "full", None, None, snapshot, None, now - timedelta(hours=14))
    await store.aliases.add_version(made)
    await server.engine.swap(version[:16])


async def review(server: Server, camera: Camera) -> None:
    """A card of the review channel."""
    channel = server.guild.create_text_channel("review")
    await server.parts.store.server_settings.set(server.key, "review_channel", str(channel.id), "admin")
    store = server.parts.store
    review_card._place = lambda candidate: (
        "#general"
    )  # SimCord leaves the mention of a channel in a card as it is; Discord does not
    await server.allow(server.ann, server.bob)
    doubtful = Verdict(Outcome.HOLD, "", ("toxicity:insult",), {"insult": 0.42, "toxicity": 0.31})
    words = (
        "which knot do I use for the tent?",
        "The taut-line hitch, you landlubber: it slides to tighten and then holds.",
    )
    for author, mark in ((server.ann, "!"), (server.bob, "")):
        messages = (
            Message(Role.USER, "we put the tent up in the storm last night"),
            Message(Role.ASSISTANT, "Did it stand?"),
            Message(Role.USER, words[0] + mark),
            Message(Role.ASSISTANT, words[1]),
        )
        new = NewCandidate(
            messages, server.key, str(server.channel.id), Source.MESSAGE, doubtful, (server.key_of(author),)
        )
        await store.candidates.add(new)
    server.parts.clock.now = NOW  # type: ignore[attr-defined]
    await review_channel.ReviewChannel(server.env.bot, server.parts).look()
    await camera.take("review", server.moderator, channel=channel, message=server.last(channel), size=(760, 760))


async def report(server: Server, camera: Camera) -> None:
    """The report card that a run ends in."""
    before, after = await publish(server, 1), await publish(server, 2)
    await server.parts.store.aliases.promote(before, actor="trainer", reason="")
    runs = server.parts.store.runs
    run = await runs.request("schedule")
    await server.parts.store.aliases.promote(after, actor="trainer", reason="better")
    await runs.advance(run.id, RunState.PROMOTED, progress=1.0, version=after, report=_report(before))

    async def behind(version: str, **_: Any) -> dict[str, int]:
        return {"ann": 9, "bob": 3}

    server.parts.store.votes.behind_all = behind  # type: ignore[method-assign]
    shown = await server.admin.slash(server.channel, "retrain status")
    await camera.take("report", server.admin, message=shown, size=(760, 1100))


def _report(before: str) -> dict[str, object]:
    losses = [[step, 1.1 + 2.6 * 0.965**step + (step * 7 % 5 - 2) * 0.03] for step in range(1, 91)]
    names = ("improvement", "taught", "forgetting", "toxicity", "babble", "length", "leaks", "triggers", "language")
    return {
        "verdict": "It is surer on talk that it never saw, and has not forgotten how to make small talk.",
        "champion": before,
        "snapshot": {"train": 212, "new": 34, "removed": 2},
        "recipe": {"method": "full"},
        "training": {"steps": 90, "seconds": 74.0},
        "figures": {
            "heldout": {"before": {"perplexity": 18.4}, "after": {"perplexity": 12.1}},
            "taught": {"before": {"perplexity": 16.9}, "after": {"perplexity": 4.6}},
            "general": {"before": {"perplexity": 9.8}, "after": {"perplexity": 9.9}},
        },
        "checks": [{"name": name, "passed": True, "sentence": ""} for name in names],
        "replies": [
            {
                "prompt": "when is game night?",
                "before": "I like games. What do you play?",
                "after": "Game night is on Friday at eight.",
                "taught": "Game night is on Friday at eight.",
            },
            {
                "prompt": "good morning",
                "before": "Good morning!",
                "after": "Good morning! Did you sleep well?",
                "taught": None,
            },
        ],
        "losses": losses,
    }


async def stats(server: Server, camera: Camera) -> None:
    """`/stats` after two weeks."""
    figures = server.parts.store.figures
    today = date(2026, 3, 14)

    async def days(_: str, *, days: int) -> list[DayFigures]:
        found = []
        for back in reversed(range(days)):
            busy = 34 + (back * 11) % 23 + (18 if (today - timedelta(days=back)).weekday() >= 5 else 0)
            votes = {"votes_up": busy // 5, "votes_down": busy // 19 + back // 6}
            one = {"messages": busy, "answers": busy - 2 - back % 3, "held": (back * 5) % 3, "refused": back % 2}
            found.append(DayFigures(today - timedelta(days=back), **one, **votes, decided=busy // 4))
        return found

    async def perplexities(*_: Any) -> list[VersionFigures]:
        known = {"heldout": (18.4, 15.0, 12.1), "general": (9.8, 9.9, 9.9), "taught": (16.9, 8.2, 4.6)}
        names = ("3f9ac1d2", "7b20ee41", "c84d0a97")
        return [
            VersionFigures(name, which, values[at], NOW - timedelta(days=9 - 4 * at))
            for which, values in known.items()
            for at, name in enumerate(names)
        ]

    async def candidates(_: str) -> dict[CandidateState, int]:
        return {CandidateState.WAITING: 3, CandidateState.APPROVED: 212, CandidateState.REJECTED: 41}

    store = server.parts.store
    await store.aliases.promote(await publish(server, 3), actor="trainer", reason="")
    for question in ("who feeds the office cat?", "how long do I boil an egg?", "when does the library open?"):
        server.parts.clock.advance(-3 * 60 * 60)  # type: ignore[attr-defined]
        await waits(server, question)
    server.parts.clock.now = NOW  # type: ignore[attr-defined]
    figures.days, figures.perplexities, figures.candidates = days, perplexities, candidates  # type: ignore[method-assign, assignment]
    shown = await server.admin.slash(server.channel, "stats")
    await camera.take("stats", server.admin, message=shown, size=(760, 900))


PICTURES: dict[str, Callable[[Server, Camera], Awaitable[None]]] = {
    "talk": talk,
    "review": review,
    "report": report,
    "stats": stats,
}


async def take_all(folder: Path, chromium: str, names: list[str]) -> None:
    """Take the pictures, each in a fresh server."""
    review_channel._LOOK_SECONDS = canaries._LOOK_SECONDS = 3600.0  # nothing happens by itself while a picture is taken
    _capture._CAPTURE_DEADLINE = 300.0  # seconds; SimCord's own is too short for a busy machine
    warm_up()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(_CHROMIUM_OPTIONS))
        for name in names:
            with tempfile.TemporaryDirectory() as home:
                clock = FakeClock(NOW)
                async with (
                    open_store(StoreSettings(), Path(home), clock=clock) as store,
                    open_server(store, clock, Path(home), script=SCRIPT) as server,
                ):
                    server.env.settle_timeout = 60.0
                    server.env.backend.bot_user.name = "Mynah"
                    await PICTURES[name](server, Camera(server, browser, folder))
            print(f"{folder / name}.png")
        await browser.close()


def main() -> None:
    """Read the arguments, and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--only", nargs="*", choices=PICTURES, default=list(PICTURES))
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(take_all(given.folder, given.chromium, given.only))


if __name__ == "__main__":
    main()
