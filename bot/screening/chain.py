"""Runs the screens over texts and makes one verdict of what they found.

It knows no screen by name. Promises: a text never raises; a screen that fails refuses the text for learning; whatever
is kept has been scrubbed; a person who sounds in danger is heard whatever else the text holds.
"""

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace

from bot.screening.bounds import prepare
from bot.screening.folding import Folder
from bot.screening.subject import Finding, Screen, Subject
from storage.values import Outcome, Verdict, strictest

logger = logging.getLogger(__name__)


class Screening:
    """A list of screens, in order; the first refusal that also ends the talk is the last word.

    A refusal that only concerns learning (a phone number) does not stop the later screens: whether the bot may answer
    is still to be decided. So the screen for crises stands before those that block, and its finding wins.
    """

    def __init__(self, screens: Sequence[Screen], *, folder: Folder, max_characters: int) -> None:
        """Keep the screens in the order in which they will look.

        Args:
            screens: the first ones see every text, later ones only what is still open.
            folder: folds each text once, for all of them.
            max_characters: longer texts are cut there before anything looks at them.
        """
        self.screens = tuple(screens)
        self._folder = folder
        self._max_characters = max_characters
        names = "|".join(f"{screen.name}={screen.version}" for screen in self.screens)
        self.version = hashlib.sha256(f"chain=1|{names}".encode()).hexdigest()[:16]

    async def check(self, texts: Sequence[str]) -> list[Verdict]:
        """A verdict for each text, in order, without holding up the event loop."""
        return await asyncio.to_thread(self.screen, texts)

    def screen(self, texts: Sequence[str]) -> list[Verdict]:
        """A verdict for each text, in order; none for none. Blocks, so it is not for the event loop."""
        subjects = [prepare(text, self._folder, self._max_characters) for text in texts]
        found: list[list[Finding]] = [[] for _ in subjects]
        for screen in self.screens:
            open_ones = [index for index, findings in enumerate(found) if not any(map(_ends_the_talk, findings))]
            if not open_ones:
                break
            for index, finding in zip(open_ones, _examine(screen, [subjects[i] for i in open_ones]), strict=True):
                found[index].append(finding)
                if finding.text is not None:
                    subjects[index] = replace(subjects[index], kept=finding.text)
        return [self._verdict(subject, findings) for subject, findings in zip(subjects, found, strict=True)]

    def _verdict(self, subject: Subject, findings: Sequence[Finding]) -> Verdict:
        return Verdict(
            outcome=strictest([finding.outcome for finding in findings]),
            text=subject.kept,
            reasons=tuple(dict.fromkeys(reason for finding in findings for reason in finding.reasons)),
            scores={label: score for finding in findings for label, score in finding.scores.items()},
            screen_version=self.version,
            blocks_reply=any(finding.blocks_reply for finding in findings),
            is_crisis=any(finding.is_crisis for finding in findings),
        )


def _ends_the_talk(finding: Finding) -> bool:
    return finding.outcome is Outcome.REFUSE and finding.blocks_reply


def _examine(screen: Screen, subjects: list[Subject]) -> list[Finding]:
    """What the screen finds. Where it fails on a batch, each text is tried alone, so that one cannot spoil the others."""
    try:
        findings = screen.examine(subjects)
        if len(findings) == len(subjects):
            return findings
        failure = "wrong number of findings"
    except Exception as error:  # noqa: BLE001 - whatever a screen trips over, nothing is learnt from it and talk goes on
        failure = type(error).__name__
    if len(subjects) > 1:
        return [_examine(screen, [subject])[0] for subject in subjects]
    # Not the traceback: it may carry the text.
    logger.error("screen failed", extra={"screen": screen.name, "failure": failure})
    return [Finding(Outcome.REFUSE, (f"failed:{screen.name}",), text="" if screen.scrubs else None)]
