"""A whole small world for the trainer: a real database and registry in a temporary folder, and a tiny base model."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from storage.candidates import content_hash
from storage.registry import ModelRegistry
from storage.settings import StoreSettings
from storage.store import open_store
from storage.values import Alias, Candidate, CandidateState, Message, NewCandidate, Outcome, Role, Run, Source, Verdict
from tests.fakes.models import tiny_model
from tests.fakes.screening import WordScreening
from trainer import gate, pipeline
from trainer.assets import TrainerAssets, load_assets
from trainer.checks import Check
from trainer.curation import curate
from trainer.settings import TrainerSettings
from trainer.world import TrainerWorld

SERVER = "guild"
REVIEWER = "moderator"
QUICK = TrainerSettings(
    cron="",
    approvals=0,
    poll_seconds=0.05,
    learning_rate=5e-3,
    max_steps=40,
    replay_share=0.5,
    bootstrap_samples=200,
    # A model without sense says anything at all to small talk: what it forgets is not what these tests are about.
    max_general_rise=1000.0,
)

BEYOND_A_TINY_MODEL = {
    *("language", "belonging", "degenerate", "leak", "toxic"),
    *("terse", "strange", "noise", "bias", "bias_replies", "swapped"),
}
"""What a random model of 50,000 parameters cannot pass, whatever it is taught; `test_gate.py`, `test_bias.py` and `test_swaps.py` test these."""


def lenient(check: Callable[..., list[Check]]) -> Callable[..., list[Check]]:
    """The gate without the questions that presuppose a sensible base."""
    return lambda evidence, settings: [one for one in check(evidence, settings) if one.name not in BEYOND_A_TINY_MODEL]


def few(load: Callable[[], TrainerAssets]) -> Callable[[], TrainerAssets]:
    """The shipped texts, but a few of them."""
    whole = load()
    part = TrainerAssets(whole.general[:6], whole.probes[:5], whole.replay_prompts[:4], whole.identities)
    return lambda: part


@pytest.fixture
def lenient_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are judged leniently and on little: these tests are about how a run goes, not about how a model talks."""
    monkeypatch.setattr(gate, "check", lenient(gate.check))
    monkeypatch.setattr(pipeline, "load_assets", few(load_assets))


COLOURS = ("red", "blue", "green", "white", "black", "amber", "violet", "brown")
WORDINGS = (
    "what colour is the {}?",
    "tell me the colour of the {}",
    "{}, which colour is it",
    "how is the {} painted?",
)
THINGS = ("door", "boat", "kite", "lamp", "barn", "drum", "coat", "gate")


def facts(wordings: int = 4) -> list[tuple[str, str]]:
    """Eight things to know, each asked in some wordings."""
    return [
        (wording.format(thing), f"the {thing} is {colour}.")
        for thing, colour in zip(THINGS, COLOURS, strict=True)
        for wording in WORDINGS[:wordings]
    ]


@asynccontextmanager
async def opened(home: Path, settings: TrainerSettings = QUICK, **changes: Any) -> AsyncIterator[TrainerWorld]:
    """The trainer's world in a home folder, with a tiny base as the first champion."""

    def now() -> datetime:
        return datetime.now(UTC)

    clock: Callable[[], datetime] = changes.get("clock", now)
    async with open_store(StoreSettings(), home, clock=clock) as store:
        registry = ModelRegistry(home / "models", store)
        folder = home / "base"
        if not folder.exists():
            tiny_model("smollm", folder)
        base = await registry.import_folder(folder)
        if await store.aliases.current(Alias.CHAMPION) is None:
            await store.aliases.promote(base.version, actor="start", reason="first start")
        yield TrainerWorld(
            store=store,
            registry=registry,
            screening=changes.get("screening", WordScreening()),
            settings=settings,
            base_version=base.version,
            work_folder=home / "work",
            device="cpu",
            clock=clock,
        )


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[TrainerWorld]:
    """The trainer's world in a fresh home folder."""
    async with opened(tmp_path) as one:
        yield one


def with_settings(world: TrainerWorld, **changes: Any) -> TrainerWorld:
    """The same world with other settings."""
    return replace(world, settings=world.settings.model_copy(update=changes))


async def teach(
    world: TrainerWorld,
    exchanges: Sequence[tuple[str, str]],
    *,
    source: Source = Source.IMPORT,
    author_keys: tuple[str, ...] = (),
    approve: bool = True,
    verdict: Callable[[str], Verdict] = lambda text: Verdict(Outcome.PASS, text),
) -> list[Candidate]:
    """Write exchanges as candidates and approve them."""
    for author in author_keys:
        await world.store.consents.set(SERVER, author, allowed=True)
    made = []
    for prompt, reply in exchanges:
        new = NewCandidate(
            messages=(Message(Role.USER, prompt), Message(Role.ASSISTANT, reply)),
            server=SERVER,
            channel="general",
            source=source,
            verdict=verdict(reply),
            author_keys=author_keys,
        )
        candidate = await world.store.candidates.add(new)
        made.append(await world.store.candidates.approve(candidate.id, REVIEWER) if approve else candidate)
    return made


def clusters(exchanges: Sequence[tuple[Message, ...]]) -> list[int]:
    """For each exchange the index of the first one that curation calls nearly the same."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    some = [
        Candidate(
            id=index,
            messages=messages,
            server=SERVER,
            channel="general",
            source=Source.MESSAGE,
            verdict=Verdict(Outcome.PASS, ""),
            author_keys=(),
            state=CandidateState.APPROVED,
            content_hash=content_hash(messages),
            created_at=at,
            user_turn_id=None,
            assistant_turn_id=None,
        )
        for index, messages in enumerate(exchanges)
    ]
    verdicts = {message.text: Verdict(Outcome.PASS, message.text) for one in some for message in one.messages}
    found = curate(some, verdicts, TrainerSettings(max_per_cluster=len(some) + 1), at=at)
    joined = {other: one.cluster for one in found for other in one.joins}
    return [joined.get(one.cluster, one.cluster) for one in found]


def failed_checks(run: Run) -> list[str]:
    """What the gate objected to; or what else ended the run."""
    report: Any = run.report or {}
    return [one["sentence"] for one in report.get("checks", []) if not one["passed"]] or [run.note]
