"""A dataset of the hub, by its name, read as a stream through the `datasets` library."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

from storage.errors import MynahError, WrongUsage
from storage.json_lines import NotARecord
from trainer.growing.sources_records import talks_of
from trainer.growing.sources_values import Broken, FoundTalk

PREFIX = "hf:"
_NAME = re.compile(r"(?P<path>\w[\w.-]*/\w[\w.-]*)(?:/(?P<config>[\w.-]+))?(?::(?P<split>\w[\w.:\[\]%+-]*))?")


@dataclass(frozen=True, slots=True)
class HubName:
    """Which dataset of the hub."""

    path: str
    config: str | None
    split: str

    @classmethod
    def of(cls, given: str) -> Self:
        """The name that somebody typed, `hf:owner/name[/config][:split]`.

        Raises:
            WrongUsage: it is none.
        """
        match = _NAME.fullmatch(given.removeprefix(PREFIX))
        if match is None:
            raise WrongUsage(
                f"{given} is not a dataset's name.", advice="Write it as hf:owner/name or hf:owner/name:split."
            )
        return cls(match["path"], match["config"], match["split"] or "train")

    def __str__(self) -> str:
        return self.path


def read_hub(name: HubName) -> Iterator[FoundTalk | Broken]:
    """The conversations of a dataset, as they come.

    Raises:
        WrongUsage: there is no such dataset or split, or its columns hold no conversations.
        MynahError: it cannot be reached.
    """
    rows, licence = _open(name)
    first = _next(rows, name)
    if first is None:
        raise WrongUsage(f"The split {name.split} of {name} has no rows.", advice="Name another: hf:owner/name:split.")
    try:
        list(talks_of(first, str(name)))
    except NotARecord as wrong:
        columns = ", ".join(sorted(map(str, first)))
        raise WrongUsage(
            f"{name} has columns {columns}: {wrong}.", advice="Write its rows into a file in one of the known formats."
        ) from None
    for number, row in enumerate(chain([first], _rest(rows, name)), start=1):
        try:
            for talk in talks_of(row, str(name)):
                yield FoundTalk(talk.turns, talk.source, talk.licence or licence, talk.author, talk.unit)
        except NotARecord as wrong:
            yield Broken(f"{name}: row {number}", str(wrong))


def _open(name: HubName) -> tuple[Iterator[dict[str, Any]], str | None]:
    import datasets

    try:
        stream = datasets.load_dataset(name.path, name.config, split=name.split, streaming=True)
    except Exception as error:  # the library's own, the hub's and the network's have no common base
        raise _explained(error, name) from error
    return iter(stream), stream.info.license or None


def _rest(rows: Iterator[dict[str, Any]], name: HubName) -> Iterator[dict[str, Any]]:
    while (row := _next(rows, name)) is not None:
        yield row


def _next(rows: Iterator[dict[str, Any]], name: HubName) -> dict[str, Any] | None:
    try:
        return next(rows, None)
    except Exception as error:
        raise _explained(error, name) from error


def _explained(error: Exception, name: HubName) -> MynahError:
    """The library's error as one of ours."""
    kind = type(error).__name__
    told = " ".join(str(error).split())[:300]
    if isinstance(error, ValueError):  # an unknown split, a missing configuration: the library says which there are
        return WrongUsage(f"{name} cannot be read: {told}", advice="Write it as hf:owner/name/config:split.")
    if kind in {"DatasetNotFoundError", "RepositoryNotFoundError", "GatedRepoError"}:
        return WrongUsage(
            f"There is no dataset {name} that may be read from here.", advice="Check its name on the hub."
        )
    return MynahError(
        f"The dataset {name} cannot be reached ({kind}).",
        advice="Check the network. Offline, give files or folders instead.",
    )
