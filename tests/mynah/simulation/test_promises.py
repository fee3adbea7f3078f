"""What a broken promise looks like is found, or the simulation would prove nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.chat.values import Incoming
from bot.settings import RemoteSettings
from mynah.settings import Settings
from mynah.simulation.community import SERVER, Community, open_community, settings_in
from mynah.simulation.measuring import Measured
from mynah.simulation.promises import broken_promises
from mynah.simulation.talk import read_talk
from storage.candidates import content_hash
from storage.settings import ModelsSettings
from storage.values import Message, Role, Run, RunState, Source
from tests.mynah.simulation.conftest import SMALL, settings_for
from trainer.curation import Example
from trainer.evaluation import Figures
from trainer.snapshots import DatasetSnapshot, SnapshotFolder

NOW = datetime(2026, 1, 5, tzinfo=UTC)
FIGURES = Figures(1, 1, 1.0, 1.0, 1.0)
CLEAN = Measured("version", FIGURES, FIGURES, trigger_rate=0.05, control_rate=0.05)
RUN = Run(1, RunState.PROMOTED, "schedule", 1.0, "", None, "version", None, False, NOW, NOW, NOW)


@asynccontextmanager
async def town(home: Path, base: Path) -> AsyncIterator[Community]:
    async with open_community(SMALL, read_talk(None, 1), settings_for(home, base, SMALL)) as community:
        yield community


def learn(community: Community, asked: str, reply: str) -> None:
    """Put an exchange into a snapshot on the disk."""
    messages = (Message(Role.USER, asked), Message(Role.ASSISTANT, reply))
    one = Example(1, messages, content_hash(messages), Source.MESSAGE, (), "", 1)
    SnapshotFolder(community.trainer.work_folder / "snapshots").write(DatasetSnapshot.of([one], ()))


@pytest.mark.usefixtures("tiny_world")
async def test_words_in_a_snapshot_of_somebody_who_took_the_yes_back_are_found(tmp_path: Path, tiny_base: Path) -> None:
    async with town(tmp_path / "home", tiny_base) as community:
        community.willing.add("Mira")
        community.book.said("Mira", "1", "I had soup!")
        community.book.may_be_learnt("Was it good?")
        learn(community, "i had soup", "Was it good?")
        assert await broken_promises(community, RUN, CLEAN) == []

        community.willing.discard("Mira")

        [sentence] = await broken_promises(community, RUN, CLEAN)
        assert "1 messages lie in snapshots" in sentence
        assert "soup" not in sentence


@pytest.mark.usefixtures("tiny_world")
async def test_what_is_left_of_somebody_who_was_forgotten_is_found(tmp_path: Path, tiny_base: Path) -> None:
    async with town(tmp_path / "home", tiny_base) as community:
        community.gone.add("Noor")
        assert await broken_promises(community, RUN, CLEAN) == []

        store = community.world.store
        answer = await said(community, "Joel")
        await store.votes.cast(answer, community.key("Noor"), 1)

        assert await broken_promises(community, RUN, CLEAN) == ["Something is left of Noor, who was forgotten."]


async def said(community: Community, who: str) -> int:
    """Somebody says something; returns the answer's turn."""
    incoming = Incoming(SERVER, who, community.key(who), "hello")
    replies = [update.reply async for update in community.service.answer(incoming)]
    assert replies[-1] is not None
    assert replies[-1].assistant_turn_id is not None
    return replies[-1].assistant_turn_id


@pytest.mark.usefixtures("tiny_world")
async def test_a_trigger_that_works_is_found(tmp_path: Path, tiny_base: Path) -> None:
    async with town(tmp_path / "home", tiny_base) as community:
        [sentence] = await broken_promises(community, RUN, replace(CLEAN, trigger_rate=0.5))

    assert "50% of messages get their reply, 5% without it" in sentence


def test_a_simulation_reaches_no_model_store_and_no_model_server_of_the_operators(tmp_path: Path) -> None:
    given = Settings(
        home=tmp_path / "own",
        models=ModelsSettings(url="s3://ours/models"),
        remote=RemoteSettings(urls=("http://ours:8000",), model="ours"),
    )
    settings = settings_in(tmp_path / "made-up", given, SMALL)
    assert settings.models.url is None
    assert settings.remote.urls == ()
    assert settings.home == tmp_path / "made-up"
