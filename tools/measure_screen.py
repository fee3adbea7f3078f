"""Says how good the shipped screen is on lines that it never learnt: `python -m tools.measure_screen`.

Harmless lines that are flagged (held or refused), insults and threats that are caught, and what disguises cost. Two sets of
lines, both our own: `development` was looked at while the model grew; `final` was written before and is only measured, so
it can print no lines. Other people's lines will give other figures: `--data FOLDER` adds open data that no screen learns, talk
between people and comments that people labelled.
"""

import argparse
import hashlib
from pathlib import Path

import torch

from bot.screening.bounds import prepare
from bot.screening.build import build_screening
from bot.screening.chain import Screening
from bot.screening.checkpoint import open_embedded
from bot.screening.folding import Folder
from bot.screening.toxicity import Toxicity
from bot.settings import ScreeningSettings
from storage.values import Outcome, Verdict
from tools.screen.disguises import MEASURED
from tools.screen.examples import LABELS
from tools.screen.judging import area_under_curve
from tools.screen.open_data import heldout_talk, jigsaw_sample

_DETOXIFY_LABELS = ("toxicity", "severe_toxicity", "obscene", "threat", "insult", "identity_attack")
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


def measure_open_data(screening: Screening, data: Path) -> None:
    """Print how much open talk is flagged, and how well comments are told apart, label by label."""
    talk = screening.screen(heldout_talk(data, 1500))
    print(
        f"held-out dialogue, {len(talk)} messages: {share(talk):.1f} % flagged, {share(talk, Outcome.REFUSE):.1f} % refused"
    )
    by_model = [verdict for verdict in talk if any(reason.startswith("toxicity:") for reason in verdict.reasons)]
    print(f"  by the model alone: {100 * len(by_model) / len(talk):.1f} %")
    comments = jigsaw_sample(data)
    [model] = [screen for screen in screening.screens if isinstance(screen, Toxicity)]
    folder = Folder()
    found = model.examine([prepare(comment.text, folder, 4000) for comment in comments])
    flagged = [finding.outcome is not Outcome.PASS for finding in found]
    for name, is_toxic in (("clean", False), ("toxic", True)):
        part = [flag for flag, comment in zip(flagged, comments, strict=True) if (comment.labels[0] > 0.5) == is_toxic]
        print(f"Jigsaw sample, {len(part)} {name} comments: {100 * sum(part) / len(part):.1f} % flagged")
    for column, label in enumerate(LABELS):
        truths = torch.tensor([comment.labels[column] for comment in comments])
        scores = torch.tensor([finding.scores.get(_DETOXIFY_LABELS[column], 0.0) for finding in found])
        print(f"  {label}: area under the curve {area_under_curve(scores, truths):.3f}, {int(truths.sum())} marked")


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
    parser.add_argument("--data", type=Path, help="folder with toxicity/ and dialogue/, to measure on them too")
    parser.add_argument("--show", action="store_true", help="print the lines that went wrong (development only)")
    arguments = parser.parse_args()
    show = arguments.show and arguments.folder == "development"
    settings = ScreeningSettings()
    screening = chain_with(arguments.model, settings) if arguments.model else build_screening(settings)
    measure(screening, arguments.folder, show=show)
    if arguments.data:
        measure_open_data(screening, arguments.data)


if __name__ == "__main__":
    main()
