"""Talk between reading and writing: cleaned, cut and screened, it waits in a file until it is known what stays.

Exact copies end here; of the rest, a signature each is written, by which near copies are found afterwards.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from bot.screening.protocol import Screener
from storage.similarity import normalised
from storage.values import Outcome, Verdict
from trainer.growing.cleaning import Cleaner, Spelling
from trainer.growing.dataset import Talk
from trainer.growing.duplicates import SeenHashes, Sides, Signatures, hash_of
from trainer.growing.preparing_card import Tally
from trainer.growing.preparing_options import Options
from trainer.growing.sources_values import FoundTalk, Turn
from trainer.growing.trimming import JOINED, OPENING, TOO_SHORT, in_turn, sides_of, up_to

COPY = "the same words as another"
_BATCH_TEXTS = 256
_KNOWN_TEXTS = 50_000
_SHORT_CHARACTERS = 100
"""Texts of up to this length come again and again ("hi!"), so their verdicts are remembered."""


class Stage:
    """Talk that was cleaned, cut and screened, in a file, with a signature of each conversation."""

    TALK = "staged.jsonl"
    SIGNATURES = "signatures"

    def __init__(
        self, folder: Path, tally: Tally, options: Options, screening: Screener, spelling: Spelling | None
    ) -> None:
        self._tally = tally
        self._options = options
        self._screening = screening
        self._cleaner = Cleaner(lowercase=options.lowercase, spelling=spelling)
        self._seen = SeenHashes()
        self._verdicts: dict[str, tuple[str | None, str]] = {}
        self._waiting: list[FoundTalk] = []
        self._waiting_texts = 0
        self._file = (folder / self.TALK).open("w+b", buffering=1 << 20)
        self._offset = 0
        self.signatures = Signatures(folder / self.SIGNATURES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in (self._file, self.signatures):
            try:
                file.close()
            except OSError:  # the disk is full: the stage is thrown away anyway
                continue

    def take(self, found: FoundTalk) -> None:
        """Clean and cut a conversation, and put it up for screening unless it was there before."""
        turns = [Turn(turn.role, self._cleaner.clean(turn.text)) for turn in found.turns]
        trimmed = in_turn(turns, longest_turn=self._options.longest_turn)
        self._tally.changed[JOINED] += trimmed.joined
        self._tally.changed[OPENING] += trimmed.without_opening
        if not trimmed.turns:
            self._tally.dropped[trimmed.cut_at or TOO_SHORT] += 1
            return
        if trimmed.cut_at:
            self._tally.shortened[trimmed.cut_at] += 1
        if not self._is_new(trimmed.turns):
            return
        self._waiting.append(replace(found, turns=trimmed.turns))
        self._waiting_texts += len(trimmed.turns)
        if self._waiting_texts >= _BATCH_TEXTS:
            self.screen_what_waits()

    def screen_what_waits(self) -> None:
        """Screen a batch, and write what passes."""
        waiting, self._waiting, self._waiting_texts = self._waiting, [], 0
        texts = dict.fromkeys(turn.text for found in waiting for turn in found.turns)
        told = self._look_at(list(texts))
        for found in waiting:
            reasons = [told[turn.text][0] for turn in found.turns]
            first_bad = next((place for place, reason in enumerate(reasons) if reason is not None), len(reasons))
            turns = up_to([Turn(turn.role, told[turn.text][1]) for turn in found.turns], first_bad)
            if first_bad < len(reasons):
                reason = str(reasons[first_bad])
                (self._tally.shortened if turns else self._tally.dropped)[reason] += 1
                if not turns or not self._is_new(turns):
                    continue
            self._write(replace(found, turns=turns))

    def lines(self) -> Iterator[Talk]:
        """What was staged, in order."""
        self._file.flush()
        self._file.seek(0)
        for line in self._file:
            record = json.loads(line)
            yield Talk(record["messages"], record["source"])

    def sides_at(self, offset: int) -> Sides:
        """What a staged conversation says."""
        self._file.seek(offset)
        return sides_of(json.loads(self._file.readline())["messages"])

    def done(self) -> None:
        """Everything is staged: count what cleaning changed."""
        self._file.flush()
        self._tally.changed.update(self._cleaner.changed)

    def _is_new(self, turns: Sequence[Turn]) -> bool:
        words = "\n".join(f"{turn.role} {normalised(turn.text) or turn.text}" for turn in turns)
        is_new = self._seen.add(hash_of(words))
        self._tally.dropped[COPY] += not is_new
        return is_new

    def _look_at(self, texts: list[str]) -> dict[str, tuple[str | None, str]]:
        """For each text why it may not be learnt (None: it may), and what to keep of it."""
        told = {text: self._verdicts[text] for text in texts if text in self._verdicts}
        # Texts of about the same length together: a model reads them as one padded block.
        fresh = sorted((text for text in texts if text not in told), key=lambda text: (len(text), text))
        for text, verdict in zip(fresh, self._screening.screen(fresh) if fresh else (), strict=True):
            told[text] = (_objection(verdict), verdict.text)
            if len(text) <= _SHORT_CHARACTERS:
                if len(self._verdicts) >= _KNOWN_TEXTS:
                    self._verdicts.clear()
                self._verdicts[text] = told[text]
        return told

    def _write(self, found: FoundTalk) -> None:
        messages = [{"role": turn.role, "content": turn.text} for turn in found.turns]
        sides = sides_of(messages)
        self._tally.licence(self._tally.source(found.source), found.licence or self._options.licence)
        record = {"messages": messages, "source": self._tally.name_of(found.source)}
        line = json.dumps(record, ensure_ascii=False).encode("utf-8", errors="replace") + b"\n"
        self._file.write(line)
        seed = self._options.seed
        self.signatures.add(
            sides,
            offset=self._offset,
            unit=hash_of(f"{seed} unit {found.unit or sides}"),
            author=hash_of(f"{seed} author {found.author}") if found.author is not None else 0,
        )
        self._offset += len(line)


def _objection(verdict: Verdict) -> str | None:
    """Why a text is not learnt; None when it may be."""
    reason = verdict.reasons[0] if verdict.reasons else "screening"
    if verdict.outcome is Outcome.REFUSE or verdict.is_crisis:
        return reason
    if verdict.outcome is Outcome.HOLD:
        return f"held: {reason}"
    return None if verdict.text.strip() else "bounds:empty"
