"""Says how good the shipped screen is on lines that it never saw: `python -m tools.measure_screen`.

Harmless lines that are flagged, insults and threats that are caught, and what disguises cost. It prints figures only, and
with `--show` the lines that went wrong. The lines are our own; other people's will give other figures.
"""

import argparse
import random
from collections.abc import Callable
from pathlib import Path

from bot.screening.build import build_screening
from bot.screening.chain import Screening
from bot.settings import ScreeningSettings
from storage.values import Outcome, Verdict

HELDOUT = Path(__file__).parent / "heldout"
_LOOK_ALIKES = str.maketrans("aceiopsxy", "асеіорѕху")
_LEET = str.maketrans("aeiost", "@31057")


def lines(name: str) -> list[str]:
    """The held-out lines of one file."""
    text = (HELDOUT / f"{name}.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def _zero_width(line: str) -> str:
    return "\u200b".join(line)


def _spaced(line: str) -> str:
    """The longest word, letter by letter."""
    longest = max(line.split(), key=len)
    return line.replace(longest, " ".join(longest), 1)


DISGUISES: dict[str, Callable[[str], str]] = {
    "look-alikes": lambda line: line.translate(_LOOK_ALIKES),
    "leet": lambda line: line.translate(_LEET),
    "zero-width": _zero_width,
    "spaced": _spaced,
    "fullwidth": lambda line: "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in line),
    "accents": lambda line: "".join(letter + random.Random(letter).choice("\u0301\u0308\u0323") for letter in line),  # noqa: S311
}


def share(verdicts: list[Verdict], *, refused_only: bool = False) -> float:
    """The percentage that did not pass (or that was refused)."""
    wanted = {Outcome.REFUSE} if refused_only else {Outcome.REFUSE, Outcome.HOLD}
    return 100 * sum(verdict.outcome in wanted for verdict in verdicts) / len(verdicts)


def measure(screening: Screening, *, show: bool) -> None:
    """Print the figures of one chain."""
    benign = lines("benign")
    verdicts = screening.screen(benign)
    refused = share(verdicts, refused_only=True)
    print(f"harmless, {len(benign)} lines: {share(verdicts):.1f} % flagged, {refused:.1f} % refused")
    _show(show, benign, verdicts, wrong_when_passed=False)
    for name in ("insults", "threats"):
        texts = lines(name)
        verdicts = screening.screen(texts)
        caught, refused = share(verdicts), share(verdicts, refused_only=True)
        print(f"{name}, {len(texts)} lines: {caught:.1f} % caught, {refused:.1f} % refused")
        _show(show, texts, verdicts, wrong_when_passed=True)
    both = lines("insults") + lines("threats")
    plain = share(screening.screen(both))
    print(f"both together, {len(both)} lines: {plain:.1f} % caught")
    for name, disguise in DISGUISES.items():
        disguised = share(screening.screen([disguise(line) for line in both]))
        innocent = share(screening.screen([disguise(line) for line in benign]))
        print(f"  as {name}: {disguised:.1f} % caught; harmless lines so written: {innocent:.1f} % flagged")


def measure_fresh(screening: Screening) -> None:
    """Print the figures on the lines that nothing was changed for; which lines went wrong is never printed."""
    flagged, refused = (share(screening.screen(lines("benign_fresh")), refused_only=only) for only in (False, True))
    caught = share(screening.screen(lines("insults_fresh")))
    print(
        f"fresh lines: {flagged:.1f} % of {len(lines('benign_fresh'))} harmless flagged, {refused:.1f} % refused; ",
        end="",
    )
    print(f"{caught:.1f} % of {len(lines('insults_fresh'))} insults and threats caught")


def _show(show: bool, texts: list[str], verdicts: list[Verdict], *, wrong_when_passed: bool) -> None:
    for text, verdict in zip(texts, verdicts, strict=True):
        if show and (verdict.outcome is Outcome.PASS) == wrong_when_passed:
            worst = max(verdict.scores.values(), default=0.0)
            print(f"    {verdict.outcome.value:6} {worst:.2f} {','.join(verdict.reasons)} | {text}")


def main() -> None:
    """Measure the chain with default settings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--show", action="store_true", help="print the lines that went wrong")
    show = parser.parse_args().show
    screening = build_screening(ScreeningSettings())
    measure(screening, show=show)
    measure_fresh(screening)


if __name__ == "__main__":
    main()
