from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from bot.engine.protocol import Answer, Engine, Piece, Sampling
from bot.engine.replies import generate_replies
from bot.engine.routing import ANYWHERE, Place
from bot.engine.weights import LoadedWeights, load_weights
from storage.registry import ModelRegistry
from storage.store import Store
from storage.values import Message, Role
from tests.fakes.models import Kind, tiny_model

GREEDY = Sampling(temperature=0.0, max_new_tokens=24)


def user(text: str) -> Message:
    return Message(Role.USER, text)


def assistant(text: str) -> Message:
    return Message(Role.ASSISTANT, text)


def system(text: str) -> Message:
    return Message(Role.SYSTEM, text)


def words(count: int, start: int = 0) -> list[list[Message]]:
    """Different questions, of different lengths."""
    return [[user(f"what about number {index} " + "please " * (index % 7))] for index in range(start, start + count)]


async def collect(
    engine: Engine,
    messages: Sequence[Message],
    sampling: Sampling = GREEDY,
    *,
    member: str = "ann",
    request_id: str = "one",
    place: Place = ANYWHERE,
) -> tuple[list[Piece], Answer]:
    """All pieces of an answer, and the answer."""
    stream = engine.stream(messages, sampling, member=member, request_id=request_id, place=place)
    pieces = [piece async for piece in stream]
    assert all(piece.answer is None for piece in pieces[:-1])
    answer = pieces[-1].answer
    assert answer is not None
    assert {piece.model_version for piece in pieces} == {answer.model_version}
    return pieces, answer


@pytest.fixture(scope="session")
def weights_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., LoadedWeights]:
    """Loaded tiny weights by kind and seed; shared, so not to be changed."""

    @cache
    def load(kind: Kind, seed: int = 0) -> LoadedWeights:
        return load_weights(tiny_model(kind, tmp_path_factory.mktemp(kind), seed), device="cpu")

    return load


@pytest.fixture
def registry(tmp_path: Path, store: Store) -> ModelRegistry:
    return ModelRegistry(tmp_path / "models", store)


@dataclass(frozen=True)
class Village:
    """Three versions in a registry, and what each of them says."""

    registry: ModelRegistry
    versions: tuple[str, ...]
    weights: dict[str, LoadedWeights]

    def own_answers(self, version: str, prompts: Sequence[Sequence[Message]], sampling: Sampling) -> list[str]:
        return generate_replies(self.weights[version], prompts, sampling, seed=0)


@pytest.fixture
async def village(tmp_path: Path, registry: ModelRegistry, weights_of: Callable[..., LoadedWeights]) -> Village:
    versions = {}
    for seed in range(3):
        model = await registry.import_folder(tiny_model("llama", tmp_path / f"seed-{seed}", seed))
        versions[model.version] = weights_of("llama", seed)
    return Village(registry, tuple(versions), versions)
