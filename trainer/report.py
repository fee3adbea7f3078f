"""The report card of a run, whatever its outcome: JSON for machines, Markdown and a plot for people.

`RunReport.as_json` documents the fields that the run's row keeps. Pure, but for `write`.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from trainer.checks import Check
from trainer.comparison import Comparison
from trainer.evaluation import Figures
from trainer.judging import BeforeAndAfter
from trainer.quotes import REPLIES
from trainer.statistics import Interval

_LONGEST_SHOWN = 90
_LONGEST_MARKDOWN = 1500
"""Discord takes 2,000 characters in a message; the run's title and verdict stand before the card."""
MOST_POINTS = 200
"""Of the loss curve in a run's row: as many as a picture can show; some 3 kB."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """All that is worth knowing of a run."""

    run_id: int
    outcome: str
    """`promoted`, `refused`, `failed` or `cancelled`."""
    verdict: str
    champion: str | None
    """The version that answered before."""
    version: str | None
    """The new version, if it was published."""
    snapshot: Mapping[str, object] = field(default_factory=dict)
    """`hash`, `train`, `heldout`, `new`, `removed`, `dropped` (reason to number), and the `general_hash` of the frozen set."""
    recipe: Mapping[str, object] = field(default_factory=dict)
    """What the training depended on: `method`, `learning_rate`, `steps`, `seed` and so on."""
    training: Mapping[str, object] = field(default_factory=dict)
    """`seconds`, `steps`, `resumed_from`, `base`, `parameters`, `device`, `precision`, `replay_tokens`, `replay_hash`,
    `taught_tokens`, `strength`, and `weights`: the name that the trained files have, or would have, as a version."""
    from_votes: Mapping[str, object] = field(default_factory=dict)
    """What was learnt from votes: `liked`, `disliked`, `members`, whether the model that did is `offered`, and `why_not`."""
    losses: Sequence[tuple[int, float]] = ()
    """Step and loss."""
    figures: Mapping[str, tuple[Figures, Figures]] = field(default_factory=dict)
    """Set (`heldout`, `taught`, `general`) to the champion's figures and the challenger's."""
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    """Set to how surely the challenger is better or worse there."""
    checks: Sequence[Check] = ()
    replies: Sequence[BeforeAndAfter] = ()

    def as_json(self) -> dict[str, object]:
        """The fields of this class, with `figures` as {set: {before, after}} and the card as `markdown`.

        Of the loss curve there are at most `MOST_POINTS` points; the file `report.json` has all of it.
        """
        return {
            "run": self.run_id,
            "outcome": self.outcome,
            "verdict": self.verdict,
            "champion": self.champion,
            "version": self.version,
            "snapshot": dict(self.snapshot),
            "recipe": dict(self.recipe),
            "training": dict(self.training),
            "from_votes": dict(self.from_votes),
            "figures": {
                name: {"before": asdict(before), "after": asdict(after)}
                for name, (before, after) in self.figures.items()
            },
            "comparisons": {name: one.as_record() for name, one in self.comparisons.items()},
            "checks": [one.as_record() for one in self.checks],
            "replies": [asdict(one) for one in self.replies],
            "losses": curve(self.losses),
            "markdown": self.markdown(),
        }

    def markdown(self) -> str:
        """The card as people read it in a chat: short."""
        lines = [f"**{self.outcome.capitalize()}.** {self.verdict}"]
        if self.figures:
            lines += ["", "```", f"{'perplexity':<10} {'before':>9} {'after':>9}"]
            for name, (before, after) in self.figures.items():
                lines.append(f"{name:<10} {before.perplexity:>9.2f} {after.perplexity:>9.2f}")
            lines += ["```"]
        lines += [f"✗ {one.sentence}" for one in self.checks if not one.passed][1:]
        if self.from_votes.get("offered"):
            lines.append(
                f"It also learnt from {self.from_votes['liked']} answers with 👍 and {self.from_votes['disliked']} with 👎."
            )
        for one in self.replies:
            shown = f"> {_short(one.prompt)}\n  before: {_short(one.before)}\n  after: {_short(one.after)}"
            if sum(map(len, lines)) + len(lines) + len(shown) > _LONGEST_MARKDOWN:
                break
            lines += [shown]
        return "\n".join(lines)[:_LONGEST_MARKDOWN]

    def document(self) -> str:
        """The whole card as a Markdown page."""
        lines = [f"# Run {self.run_id}: {self.outcome}", "", self.verdict, ""]
        if self.checks:
            lines += ["## Checks", "", "| check | passed | figure | limit | says |", "|---|---|---|---|---|"]
            for one in self.checks:
                figure = "" if one.figure is None else f"{one.figure:.3f}"
                limit = "" if one.limit is None else f"{one.limit:.3f}"
                lines.append(
                    f"| {one.name} | {'yes' if one.passed else '**no**'} | {figure} | {limit} | {one.sentence} |"
                )
            lines.append("")
        if self.figures:
            lines += ["## Figures", "", "| set | items | tokens | perplexity | token accuracy | bits/byte |"]
            lines.append("|---|---|---|---|---|---|")
            for name, (before, after) in self.figures.items():
                lines.append(
                    f"| {name} | {after.items} | {after.tokens} | {before.perplexity:.3f} → {after.perplexity:.3f} "
                    f"| {before.token_accuracy:.1%} → {after.token_accuracy:.1%} "
                    f"| {before.bits_per_byte:.3f} → {after.bits_per_byte:.3f} |"
                )
            lines.append("")
            lines += [
                f"{name}: perplexity {_between(one.perplexity_rise)}, token accuracy {_between(one.accuracy_gain)}."
                for name, one in self.comparisons.items()
            ]
            lines.append("")
        if self.replies:
            lines += [REPLIES, "", "| asked | before | after | taught |", "|---|---|---|---|"]
            lines += [
                f"| {_cell(one.prompt)} | {_cell(one.before)} | {_cell(one.after)} | {_cell(one.taught or '')} |"
                for one in self.replies
            ]
            lines.append("")
        parts = (
            ("Snapshot", self.snapshot),
            ("Recipe", self.recipe),
            ("Training", self.training),
            ("Votes", self.from_votes),
        )
        for title, facts in parts:
            if facts:
                lines += [f"## {title}", "", *(f"- {name}: {value}" for name, value in facts.items()), ""]
        return "\n".join(lines)

    def write(self, folder: Path) -> None:
        """Write `report.json`, `report.md` and `report.png`. Blocks."""
        folder.mkdir(parents=True, exist_ok=True)
        whole = self.as_json() | {"losses": [list(point) for point in self.losses]}
        (folder / "report.json").write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", "utf-8")
        (folder / "report.md").write_text(self.document(), "utf-8")
        if self.losses or self.figures:
            from trainer.plot import draw

            draw(self, folder / "report.png")


def curve(losses: Sequence[tuple[int, float]]) -> list[list[float]]:
    """Step and loss: the first point, the last, and evenly between them as many as a picture needs.

    Losses have four digits; those that are no numbers (a training that diverged) are left out.
    """
    points = [(step, float(f"{loss:.4g}")) for step, loss in losses if math.isfinite(loss)]
    last = len(points) - 1
    kept = sorted({round(at * last / (MOST_POINTS - 1)) for at in range(MOST_POINTS)}) if last >= MOST_POINTS else None
    return [list(points[at]) for at in (range(len(points)) if kept is None else kept)]


def _between(interval: Interval) -> str:
    return f"{interval.mean:+.1%} (between {interval.low:+.1%} and {interval.high:+.1%})"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_SHOWN else line[: _LONGEST_SHOWN - 1] + "…"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
