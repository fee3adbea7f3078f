"""`mynah prepare` without the command line: sources in, a dataset's folder out.

The talk streams through twice. First it is read, cleaned, cut, screened and staged in a file, each conversation with a
small signature. Then near copies are found among the signatures, some units are held out, and what stays is copied
from the stage to its side. So memory does not grow with the talk but for some 16 bytes a conversation.

Promise: the same sources and options give the same files, and an interrupted run leaves nothing.
"""

import errno
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.screening.protocol import Screener
from storage.errors import MynahError, WrongUsage
from trainer.growing.cleaning import Spelling
from trainer.growing.dataset import Dataset, DatasetWriter
from trainer.growing.duplicates import near_copies
from trainer.growing.holding_out import held_out
from trainer.growing.preparing_card import Tally, readme_of
from trainer.growing.preparing_options import Options
from trainer.growing.sources import Readable, Skipped, find, shown_name
from trainer.growing.sources_decoding import NotText
from trainer.growing.sources_hub import PREFIX
from trainer.growing.sources_values import Broken, FoundTalk
from trainer.growing.staging import Stage

NEAR_COPY = "nearly the same words as another"
_STEP_EVERY = 500
_REASONS_TOLD = 8

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Step:
    """How far the work is."""

    what: str
    share: float | None
    """Of this step, 0 to 1; None: nobody knows."""
    conversations: int
    """Read so far."""


def prepare(
    given: Sequence[str],
    out: Path,
    options: Options,
    *,
    screening: Screener,
    clock: Clock,
    spelling: Spelling | None = None,
    replaces: bool = False,
    on_step: Callable[[Step], None] = lambda _: None,
) -> Dataset:
    """Read, clean and screen talk, and write it as a dataset. Blocks.

    Args:
        given: files, folders and names of datasets.
        out: the folder to make.
        options: how.
        screening: looks at every turn; what it holds or refuses is not learnt.
        clock: for the card.
        spelling: the repairs of `options.spelling`.
        replaces: whether a dataset of that name may be replaced.
        on_step: told how far it is.

    Raises:
        WrongUsage: nothing can be read, nothing is left, or the name is taken.
        MynahError: the disk could not take it, or a dataset of the hub cannot be reached.
    """
    with _disk_errors_explained(out), DatasetWriter(out, replaces=replaces) as writer:
        tally = Tally()
        readable: list[Readable] = []
        for one in find(given, skip=options.skip):
            if isinstance(one, Skipped):
                tally.skipped.append(one)
            else:
                readable.append(one)
        if not readable:
            raise WrongUsage(_nothing_read(given, tally), advice="Give a file or folder of text, JSON lines or tables.")
        _check_space(out, sum(one.bytes or 0 for one in readable))
        with Stage(writer.draft, tally, options, screening, spelling) as stage:
            _read(readable, stage, tally, on_step)
            if stage.signatures.count == 0:
                raise WrongUsage(_nothing_left(tally), advice=_advice(tally))
            _write(stage, writer, tally, options, on_step)
        (writer.draft / Stage.TALK).unlink()
        (writer.draft / Stage.SIGNATURES).unlink()
        facts = _facts(given, tally, options, screening, clock())
        return writer.finish(facts, readme_of(out.name, facts))


def _read(readable: Sequence[Readable], stage: "Stage", tally: Tally, on_step: Callable[[Step], None]) -> None:
    """Read everything onto the stage."""
    total = sum(one.bytes or 0 for one in readable)
    is_known = total > 0 and all(one.bytes is not None for one in readable)
    count = 0
    for one in readable:
        before = tally.reading.bytes_read
        for talk in _talks(one, tally):
            if count % _STEP_EVERY == 0:
                share = min(1.0, tally.reading.bytes_read / total) if is_known else None
                on_step(Step(f"reading {one.name}", share, count))
            count += 1
            stage.take(talk)
        # What a reader did not look at, such as the rest of a broken file, is also behind us.
        tally.reading.bytes_read = before + (one.bytes or 0)
    stage.screen_what_waits()
    on_step(Step("read", 1.0, count))


def _talks(one: Readable, tally: Tally) -> Iterator[FoundTalk]:
    """The conversations of a file, counted; what is none is noted."""
    is_read = False
    try:
        for found in one.read(tally.reading):
            if isinstance(found, Broken):
                tally.add_broken(found)
                continue
            if not is_read:
                is_read = True
                tally.files += 1
            source = tally.source(found.source)
            source.read.add([turn.text for turn in found.turns])
            yield found if found.licence else replace(found, licence=one.licence)
    except NotText as wrong:
        tally.skipped.append(Skipped(one.name, str(wrong)))
    except OSError as error:
        tally.skipped.append(Skipped(one.name, f"cannot be read further: {error.strerror or error}"))


def _write(
    stage: Stage, writer: DatasetWriter, tally: Tally, options: Options, on_step: Callable[[Step], None]
) -> None:
    """Drop near copies, hold some out, and write the rest to its side."""
    stage.done()
    count = stage.signatures.count
    copies = near_copies(stage.signatures, stage.sides_at, lambda share: on_step(Step("comparing", share, count)))
    tally.dropped[NEAR_COPY] += int(copies.sum())
    judged = held_out(
        stage.signatures.column("unit"),
        stage.signatures.column("author"),
        ~copies,
        share=options.heldout_share,
    )
    for place, talk in enumerate(stage.lines()):
        if place % _STEP_EVERY == 0:
            on_step(Step("writing", place / count, count))
        if copies[place]:
            continue
        is_held_out = bool(judged[place])
        writer.add(talk, is_held_out=is_held_out)
        source = tally.source(talk.source)
        (source.heldout if is_held_out else source.train).add([message["content"] for message in talk.messages])
    on_step(Step("writing", 1.0, count))


def _facts(given: Sequence[str], tally: Tally, options: Options, screening: Screener, now: datetime) -> dict[str, Any]:
    """The card, without what the writer adds."""
    counts = tally.facts()
    return {
        "created_at": now.isoformat(timespec="seconds"),
        "notes": _notes(tally, options),
        "given": [one if one.startswith(PREFIX) else shown_name(Path(one).name) for one in given],
        "options": asdict(options),
        "screen": {"version": screening.version, "is_whole": options.screened},
        **counts,
    }


def _notes(tally: Tally, options: Options) -> list[str]:
    """What somebody who uses the dataset must know, in sentences."""
    notes: list[str] = []
    if not options.screened:
        notes.append("NOT SCREENED: only personal data was looked for. Toxic talk may be in it, and a model learns it.")
    if tally.total("heldout").conversations == 0:
        why = "as you asked" if options.heldout_share == 0 else "there is only one conversation, or all belong together"
        notes.append(f"Nothing is held out ({why}): a model grown from it cannot be judged on unseen talk.")
    unknown = tally.without_licence()
    if unknown:
        shown = ", ".join(unknown[:_REASONS_TOLD]) + (" …" if len(unknown) > _REASONS_TOLD else "")
        notes.append(f"Nobody said under which licence this talk is: {shown}. Do not pass on what you may not.")
    if tally.broken:
        notes.append(f"{sum(tally.broken.values()):,} lines could not be read.")
    return notes


def _nothing_read(given: Sequence[str], tally: Tally) -> str:
    names = ", ".join(given)
    if not tally.skipped:
        return f"There is no file in {names}."
    reasons = [f"{one.name} {one.reason}" for one in tally.skipped[:_REASONS_TOLD]]
    more = len(tally.skipped) - len(reasons)
    return f"Nothing in {names} can be read: {'; '.join(reasons)}{f'; and {more} more' if more else ''}."


def _nothing_left(tally: Tally) -> str:
    reasons = [f"{count:,} × {reason}" for reason, count in tally.dropped.most_common(_REASONS_TOLD) if count]
    reasons += [f"{count:,} × {reason}" for reason, count in tally.broken.most_common(_REASONS_TOLD)]
    reasons += [f"{one.name} {one.reason}" for one in tally.skipped[:_REASONS_TOLD]]
    return f"No conversation is left to learn from: {'; '.join(reasons)}."


def _advice(tally: Tally) -> str:
    if tally.broken_examples:
        return f"The first line that cannot be read is {tally.broken_examples[0]}."
    if any("columns" in one.reason for one in tally.skipped):
        return "Rename its columns, or write it as JSON lines."
    return "A conversation needs two turns: somebody says something, and somebody answers."


def _check_space(out: Path, total_bytes: int) -> None:
    """Say before it starts that the disk is too small; twice as much is needed for a while."""
    folder = next(path for path in (out, *out.absolute().parents) if path.exists())
    free = shutil.disk_usage(folder).free
    if free < 2 * total_bytes:
        raise MynahError(
            f"{folder} has {_size(free)} free, and preparing {_size(total_bytes)} of text takes twice as much.",
            advice="Free some space, or choose another place with --out.",
        )


def _size(count: int) -> str:
    """Bytes as people say them."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


@contextmanager
def _disk_errors_explained(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise MynahError(
                f"The disk is full: {out} could not be written, and nothing is left of it.",
                advice="Free some space, or choose another place with --out.",
            ) from None
        raise MynahError(
            f"{error.filename or out} failed: {error.strerror or error}.",
            advice="Check the folder and its permissions.",
        ) from None
