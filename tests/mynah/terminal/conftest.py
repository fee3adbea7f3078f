"""A conversation at the terminal over small fakes: a scripted engine, a word screening, a trainer that always wins."""

import asyncio
import io
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.chat.service import ChatService
from bot.engine.watch import ChampionWatch
from bot.review.desk import ReviewDesk
from mynah.settings import Settings
from mynah.terminal.console import Console
from mynah.terminal.hosting import Hosted
from mynah.terminal.session import Session
from mynah.terminal.talk import Talk
from mynah.world import ChatWorld, World, open_world, utc_now
from storage.store import Store
from storage.values import ModelVersion, RunState
from tests.fakes.engine import ScriptedEngine
from tests.fakes.screening import WordScreening

BASE = "b" * 16
TAUGHT = "c" * 16


class ScriptedTrainer:
    """A trainer that takes each run to `outcome` at once, and has the new version promoted if that is a promotion."""

    def __init__(self, store: Store, outcome: RunState = RunState.PROMOTED, note: str = "better in every way") -> None:
        self._store = store
        self.outcome = outcome
        self.note = note
        self.has_given_up = False
        self.is_idle = False
        self._task: asyncio.Task[None] | None = None

    async def ensure(self) -> None:
        """Begin to look for runs."""
        if self._task is None and not self.is_idle:
            self._task = asyncio.create_task(self._work())

    async def close(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        runs = self._store.runs
        while True:
            run = await runs.next_requested()
            if run is None:
                await asyncio.sleep(0.01)
                continue
            await runs.advance(run.id, RunState.TRAINING, progress=0.5)
            await runs.advance(run.id, self.outcome, progress=1.0, note=self.note, version=TAUGHT)
            if self.outcome == RunState.PROMOTED:
                await self._store.aliases.promote(TAUGHT, actor="trainer", reason="run")


class Stage:
    """What a test may look at and turn beneath a conversation."""

    def __init__(self) -> None:
        self.outcome = RunState.PROMOTED
        self.screening = WordScreening()
        self.trainer_given_up = False
        self.world: World | None = None
        self.engine = ScriptedEngine(version=BASE, known_versions=[TAUGHT])

    def answer(self, text: str) -> str:
        """What the engine says: the taught version knows about game night."""
        if self.engine.version == TAUGHT and "game night" in text.lower():
            return "On Friday at eight."
        return f"Squawk: {text}"


def version(name: str) -> ModelVersion:
    return ModelVersion(name, name * 4, "full", None, None, None, None, utc_now())


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def session(tmp_path: Path, migrated_home: Path, stage: Stage) -> Iterator[Hosted[Session]]:
    """A session in a loop of its own thread, as the terminal has it."""
    home = shutil.copytree(migrated_home, tmp_path / "home")

    @asynccontextmanager
    async def opening() -> AsyncIterator[Session]:
        settings = Settings(home=home)
        async with open_world(settings) as world:
            stage.world = world
            for name in (BASE, TAUGHT):
                await world.store.aliases.add_version(version(name))
            await world.store.aliases.promote(BASE, actor="test", reason="first start")
            stage.engine = ScriptedEngine(
                lambda messages: stage.answer(messages[-1].text), version=BASE, known_versions=[TAUGHT]
            )
            service = ChatService(
                store=world.store,
                engine=stage.engine,
                screening=stage.screening,
                chat=settings.chat,
                engine_settings=settings.engine,
                crisis_text="Please talk to someone.",
                clock=world.clock,
                may_learn_in=lambda _: True,
            )
            trainer = ScriptedTrainer(world.store, stage.outcome)
            trainer.has_given_up = trainer.is_idle = stage.trainer_given_up
            desk = ReviewDesk(world.store, stage.screening, may_review_own=True)
            chat = ChatWorld(world, stage.engine, stage.screening, service)
            try:
                async with ChampionWatch(world.store, stage.engine, poll_seconds=0.01):
                    yield Session(chat, desk, trainer)
            finally:
                await trainer.close()

    with Hosted(opening) as hosted:
        yield hosted


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, session: Hosted[Session], capsys: pytest.CaptureFixture[str]) -> "Typist":
    return Typist(monkeypatch, session, capsys)


class Typist:
    """Types lines into a conversation and reads what came of them."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, session: Hosted[Session], capsys: pytest.CaptureFixture[str]
    ) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.session = session

    def __call__(self, *lines: str) -> str:
        """What is printed when these lines are typed and the input then ends."""
        self._monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        Talk(Console(), self.session).run()
        return self._capsys.readouterr().out
