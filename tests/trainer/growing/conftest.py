"""Small talk to grow small models from."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from trainer.growing.dataset import Dataset, DatasetWriter, Talk

WriteDataset = Callable[..., Dataset]


def exchange(said: str, answered: str, source: str = "ours") -> Talk:
    """One question, one answer."""
    return Talk([{"role": "user", "content": said}, {"role": "assistant", "content": answered}], source)


@pytest.fixture
def write_dataset(tmp_path: Path) -> WriteDataset:
    """Writes talk, and held-out talk, as a prepared folder."""

    def write(train: Iterable[Talk], heldout: Iterable[Talk] = ()) -> Dataset:
        with DatasetWriter(tmp_path / "talk", replaces=True) as writer:
            for talk in train:
                writer.add(talk, is_held_out=False)
            for talk in heldout:
                writer.add(talk, is_held_out=True)
            return writer.finish({"sources": {"ours": {"licences": {"CC0-1.0": 1}}}}, "talk")

    return write


@pytest.fixture
def animals() -> list[Talk]:
    """Enough plain talk for some steps of a tiny model."""
    names = ["cat", "dog", "bird", "fish", "horse", "mouse", "bear", "frog"]
    sounds = ["purrs", "barks", "sings", "is quiet", "neighs", "squeaks", "growls", "croaks"]
    return [
        exchange(f"What does the {name} do at {time}?", f"At {time} the {name} {sound}.")
        for time in ("noon", "night", "dawn", "home", "work")
        for name, sound in zip(names, sounds, strict=True)
    ]
