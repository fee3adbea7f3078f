"""Datasets of the hub, with a small fake in the place of the library's stream."""

import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from storage.errors import MynahError, WrongUsage
from trainer.growing import sources_hub
from trainer.growing.sources import Readable, find
from trainer.growing.sources_hub import HubName
from trainer.growing.sources_values import Broken, FoundTalk, Reading

ROW = {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]}


class FakeStream:
    """A stream of rows; an exception among them is raised."""

    def __init__(self, *rows: Any) -> None:
        self._rows = rows
        self.info = SimpleNamespace(license="mit")

    def __iter__(self) -> Iterator[Any]:
        for row in self._rows:
            if isinstance(row, Exception):
                raise row
            yield row


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the library answers (`stream`), and what it was asked (`asked`)."""
    told: dict[str, Any] = {"stream": FakeStream(ROW)}

    def load_dataset(path: str, config: str | None, **more: Any) -> Any:
        told["asked"] = (path, config, more)
        if isinstance(told["stream"], Exception):
            raise told["stream"]
        return told["stream"]

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))  # the real one is slow
    return told


def read(name: str) -> list[FoundTalk | Broken]:
    [found] = find([name])
    assert isinstance(found, Readable)
    return list(found.read(Reading()))


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("hf:me/talk", ("me/talk", None, "train")),
        ("hf:me/talk:test", ("me/talk", None, "test")),
        ("hf:me/talk/small:train[:10%]", ("me/talk", "small", "train[:10%]")),
    ],
)
def test_a_name_says_dataset_configuration_and_split(hub: dict[str, Any], given: str, asked: tuple[Any, ...]) -> None:
    [found] = read(given)
    assert isinstance(found, FoundTalk)
    assert (found.source, found.licence) == ("me/talk", "mit")
    path, config, more = hub["asked"]
    assert (path, config, more) == (*asked[:2], {"split": asked[2], "streaming": True})


@pytest.mark.parametrize("given", ["hf:", "hf:talk", "hf:../talk", "hf:a/b/c/d", "hf:a b/c", "hf:a/b:"])
def test_other_names_are_wrong_usage(given: str) -> None:
    with pytest.raises(WrongUsage, match="hf:owner/name"):
        HubName.of(given)


def test_rows_without_talk_are_reported_and_the_others_read(hub: dict[str, Any]) -> None:
    hub["stream"] = FakeStream(ROW, {"messages": []}, ROW)
    assert [type(one) for one in read("hf:me/talk")] == [FoundTalk, Broken, FoundTalk]


def test_columns_without_talk_are_named(hub: dict[str, Any]) -> None:
    hub["stream"] = FakeStream({"image": 5, "label": 1})
    with pytest.raises(WrongUsage, match="columns image, label"):
        read("hf:me/pictures")


def test_an_empty_split_is_wrong_usage(hub: dict[str, Any]) -> None:
    hub["stream"] = FakeStream()
    with pytest.raises(WrongUsage, match="no rows"):
        read("hf:me/talk")


class DatasetNotFoundError(Exception):
    """As the library's is called."""


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (ConnectionError("no route"), MynahError, "cannot be reached.*Offline, give files"),
        (DatasetNotFoundError("me/talk"), WrongUsage, "no dataset me/talk"),
        (ValueError("Config name is missing. Pick one of: a, b"), WrongUsage, "Pick one of: a, b"),
    ],
    ids=["offline", "unknown", "a configuration is needed"],
)
@pytest.mark.parametrize("is_late", [False, True], ids=["when opened", "while reading"])
def test_errors_of_the_library_say_what_to_do(
    hub: dict[str, Any], error: Exception, kind: type[MynahError], told: str, is_late: bool
) -> None:
    hub["stream"] = FakeStream(ROW, error) if is_late else error
    with pytest.raises(kind, match=told):
        read("hf:me/talk")


def test_the_library_is_loaded_only_when_it_is_asked() -> None:
    assert not hasattr(sources_hub, "datasets")
