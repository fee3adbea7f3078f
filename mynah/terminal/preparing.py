"""How far a preparation is, and what it did, for a person at a terminal."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

from rich.console import Console as RichConsole
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from trainer.growing.dataset import Dataset
from trainer.growing.preparing import Step
from trainer.growing.preparing_card import SECTIONS

_SECONDS_BETWEEN_LINES = 10.0
_ROWS = 12
_SHOWN = 40


class PrepareSteps:
    """A moving bar for a person; a line every some seconds for a log.

    Args:
        screen: where to show it.
        is_live: whether lines can be drawn over.
        seconds: a clock that only goes forward.
    """

    def __init__(self, screen: RichConsole, *, is_live: bool, seconds: Callable[[], float]) -> None:
        self._screen = screen
        self._is_live = is_live
        self._seconds = seconds
        self._shown_at: float | None = None
        self._bar = Progress(
            TextColumn("  {task.description}"),
            BarColumn(),
            TextColumn("{task.fields[told]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=screen,
            transient=True,
        )
        self._task = self._bar.add_task("looking for files", total=None, told="")

    def __enter__(self) -> Self:
        if self._is_live:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_live:
            self._bar.stop()

    def show(self, step: Step) -> None:
        """Where the work is now."""
        what = step.what if len(step.what) <= _SHOWN else f"{step.what[: _SHOWN - 1]}…"
        told = f"{step.conversations:,} conversations"
        if self._is_live:
            total = None if step.share is None else 1.0
            self._bar.update(self._task, description=what, completed=step.share or 0.0, total=total, told=told)
            return
        now = self._seconds()
        if self._shown_at is None or now - self._shown_at >= _SECONDS_BETWEEN_LINES:
            self._shown_at = now
            share = "" if step.share is None else f"{step.share:4.0%} "
            self._screen.print(f"  {share}{what}, {told}")


def summary_lines(dataset: Dataset) -> Iterator[str]:
    """What was read, what is left, what became of the rest, and what to do next."""
    card = dataset.card
    train, heldout, read = (card["conversations"][part] for part in ("train", "heldout", "read"))
    yield f"Prepared {dataset.folder}"
    yield ""
    yield f"  {'':<16}{'conversations':>14}{'turns':>12}{'characters':>14}"
    for label, one in (("read", read), ("to learn from", train), ("held out", heldout)):
        yield f"  {label:<16}{one['conversations']:>14,}{one['turns']:>12,}{one['characters']:>14,}"
    for title, key, unit in SECTIONS:
        yield from _section(title, unit, card[key])
    if card["skipped"]:
        yield ""
        yield f"  Files not read ({len(card['skipped']):,}):"
        yield from (f"    {one['name']}: {one['reason']}" for one in card["skipped"][:_ROWS])
        yield from _rest(len(card["skipped"]), "files")
    if card["broken_examples"]:
        yield ""
        yield "  The first lines that could not be read:"
        yield from (f"    {example}" for example in card["broken_examples"][:3])
    yield ""
    yield f"  Sources: {', '.join(_sources(card['sources']))}"
    yield f"  Content hash: {dataset.content_hash[:16]}… (all of this is in README.md and card.json)"
    for note in card["notes"]:
        yield f"  ! {note}"
    if read["conversations"] == 0:
        return
    yield ""
    yield f"Next: mynah pretrain {_name(dataset)}"


def _section(title: str, unit: str, counts: Mapping[str, int]) -> Iterator[str]:
    if not counts:
        return
    yield ""
    yield f"  {title} ({unit}):"
    yield from (f"  {count:>12,}  {reason}" for reason, count in list(counts.items())[:_ROWS])
    yield from _rest(len(counts), "reasons")


def _rest(count: int, what: str) -> Iterator[str]:
    if count > _ROWS:
        yield f"    … and {count - _ROWS:,} more {what}, in README.md"


def _sources(sources: Mapping[str, Any]) -> Iterator[str]:
    for name, source in list(sources.items())[:_ROWS]:
        yield f"{name} ({'; '.join(source['licences']) or 'nothing left'})"
    if len(sources) > _ROWS:
        yield f"and {len(sources) - _ROWS:,} more"


def _name(dataset: Dataset) -> str:
    """The name under which other commands find it: without a slash when it lies in the home."""
    return dataset.folder.name if dataset.folder.parent.name == "datasets" else str(dataset.folder)
