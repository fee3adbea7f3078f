"""Says how good the shipped screen is on lines that it never learnt: `python -m tools.measure_screen`.

Harmless lines that are flagged (held or refused), insults and threats that are caught, and what disguises cost. Two sets of
lines, both our own: `development` was looked at while the model grew; `final` was written before and is only measured, so
it can print no lines. Other people's lines will give other figures.
"""

import argparse
import hashlib
from pathlib import Path

from bot.screening.build import build_screening
from bot.screening.chain import Screening
from bot.screening.checkpoint import open_embedded
from bot.screening.folding import Folder
from bot.screening.toxicity import Toxicity
from bot.settings import ScreeningSettings
from storage.values import Outcome, Verdict
from tools.screen.disguises import MEASURED

HELDOUT = Path(__file__).parent / "screen" / "heldout"


def lines(folder: str, name: str) -> list[str]:
    """The held-out lines of one file."""
    text = (HELDOUT / folder / f"{name}.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def share(verdicts: list[Verdict], *wanted: Outcome) -> float:
    """The percentage with one of these outcomes; without any, of what did not pass."""
    outcomes = wanted or (Outcome.HOLD, Outcome.REFUSE)
    return 100 * sum(verdict.outcome in outcomes for verdict in verdicts) / len(verdicts)


def measure(screening: Screening, folder: str, *, show: bool) -> None:
    """Print the figures of one chain on one set."""
    benign, insults, threats = (lines(folder, name) for name in ("benign", "insults", "threats"))
    for name, texts in (("harmless", benign), ("insults", insults), ("threats", threats), ("both", insults + threats)):
        verdicts = screening.screen(texts)
        flagged, refused = share(verdicts), share(verdicts, Outcome.REFUSE)
        print(f"{folder}: {name}, {len(texts)} lines: {flagged:.1f} % flagged, {refused:.1f} % refused")
        if show and name != "both":
            _show(texts, verdicts, wrong_when_passed=name != "harmless")
    for name, disguise in MEASURED.items():
        hostile = share(screening.screen([disguise(line) for line in insults + threats]))
        innocent = share(screening.screen([disguise(line) for line in benign]))
        print(f"  as {name}: {hostile:.1f} % of both flagged; harmless lines so written: {innocent:.1f} %")


def _show(texts: list[str], verdicts: list[Verdict], *, wrong_when_passed: bool) -> None:
    for text, verdict in zip(texts, verdicts, strict=True):
        if (verdict.outcome is Outcome.PASS) == wrong_when_passed:
            worst = max(verdict.scores.values(), default=0.0)
            print(f"    {verdict.outcome.value:6} {worst:.2f} {','.join(verdict.reasons)} | {text}")


def chain_with(model: Path, settings: ScreeningSettings) -> Screening:
    """The shipped chain, with a freshly grown model in place of the shipped one."""
    reader, thresholds = open_embedded(model, hashlib.sha256((model / "card.json").read_bytes()).hexdigest())
    screens = [
        Toxicity(reader, thresholds) if isinstance(screen, Toxicity) else screen
        for screen in build_screening(settings).screens
    ]
    return Screening(screens, folder=Folder(), max_characters=settings.max_characters)


def main() -> None:
    """Measure the chain with default settings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", choices=("development", "final"), default="final", dest="folder")
    parser.add_argument("--model", type=Path, help="a folder that grow_screen wrote; without it, the shipped model")
    parser.add_argument("--show", action="store_true", help="print the lines that went wrong (development only)")
    arguments = parser.parse_args()
    show = arguments.show and arguments.folder == "development"
    settings = ScreeningSettings()
    screening = chain_with(arguments.model, settings) if arguments.model else build_screening(settings)
    measure(screening, arguments.folder, show=show)


if __name__ == "__main__":
    main()
