"""A tiny world to simulate in: a random model of 50,000 parameters, screening by words, a few steps of training."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mynah import world as composition
from mynah.settings import Settings
from mynah.simulation import measuring
from mynah.simulation.community import settings_in
from mynah.simulation.onlooker import Onlooker
from mynah.simulation.order import Answers, Order
from mynah.simulation.story import Story
from mynah.simulation.telling import simulate
from tests.fakes.models import tiny_model
from tests.fakes.screening import WordScreening
from tests.trainer.conftest import QUICK, few, lenient
from trainer import gate, pipeline
from trainer.assets import Identities, TrainerAssets, load_assets

SCREENED = ("stupid", "moron", "loser", "pig", "dumb", "clown", "trash", "ugly", "fool", "idiot")
"""A word of each line that a rude troll writes."""
SMALL = Order(rounds=2, members=6, trolls=3, conversations=2, mistakes=0.0, answers=Answers.SCRIPTED)


def tiny_assets() -> TrainerAssets:
    """The shipped texts, but very few of them."""
    whole = few(load_assets)()
    who = whole.identities
    return replace(
        whole,
        general=whole.general[:6],
        identities=Identities(who.groups[:2], who.templates[:1], who.kind[:1], who.unkind[:1]),
    )


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's folder."""
    return tiny_model("smollm", tmp_path_factory.mktemp("base") / "model")


@pytest.fixture(scope="session")
def tiny_world() -> Iterator[None]:
    """Nights are short, and judged leniently: these tests are about how a story goes, not about how a model talks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gate, "check", lenient(gate.check))
        patch.setattr(pipeline, "load_assets", tiny_assets)
        patch.setattr(measuring, "load_assets", tiny_assets)
        patch.setattr(composition, "open_screening", lambda _: WordScreening(refused=SCREENED))
        yield


def settings_for(home: Path, base: Path, order: Order) -> Settings:
    """Settings over a tiny base."""
    given = Settings(home=home)
    tiny = {
        "engine": given.engine.model_copy(update={"base": str(base)}),
        "trainer": QUICK.model_copy(update={"max_steps": 8}),
    }
    return settings_in(home, given.model_copy(update=tiny), order)


def told(order: Order, home: Path, base: Path, onlooker: Onlooker | None = None) -> Story:
    """A whole story."""
    return asyncio.run(simulate(order, settings_for(home, base, order), onlooker))


@pytest.fixture(scope="session")
def story_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the story below was told."""
    return tmp_path_factory.mktemp("story") / "home"


@pytest.fixture(scope="session")
def story(story_home: Path, tiny_base: Path, tiny_world: None) -> Story:
    """Two days of six members, three trolls and moderators who make no mistakes."""
    return told(SMALL, story_home, tiny_base)
