"""What a grown model tells about itself: `growth.json` for programs, `README.md` and a picture for people."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.growing.dataset import Dataset

if TYPE_CHECKING:
    from trainer.growing.growth import Growth

GROWTH = "growth.json"
CURVE = "curve.png"


def write_card(folder: Path, order: Mapping[str, object], growth: "Growth", dataset: Dataset) -> None:
    """Write the three files. Blocks.

    Args:
        folder: of the model.
        order: what was asked for, as a record.
        growth: what came of it.
        dataset: what it was grown from.
    """
    (folder / GROWTH).write_text(json.dumps(as_json(order, growth), indent=2, ensure_ascii=False) + "\n", "utf-8")
    (folder / "README.md").write_text(_readme(order, growth, dataset), "utf-8")
    if growth.curve:
        draw_curve(growth, folder / CURVE)


def as_json(order: Mapping[str, object], growth: "Growth") -> dict[str, object]:
    """The growth's fields: what `growth.json` and `mynah pretrain --json` hold."""
    return {
        "folder": str(growth.folder),
        "parameters": growth.parameters,
        "order": dict(order),
        "plan": growth.plan.as_record(),
        "tokens": growth.tokens,
        "tokens_an_epoch": growth.tokens_an_epoch,
        "epochs": growth.epochs,
        "seconds": growth.seconds,
        "resumed_from": growth.resumed_from,
        "curve": [asdict(point) for point in growth.curve],
        "advice": growth.advice.as_record(),
        "figures": {source: asdict(figures) for source, figures in growth.figures.items()},
        "samples": [asdict(sample) for sample in growth.samples],
    }


def figures_table(growth: "Growth") -> str:
    """Markdown: a row for each source of held-out talk."""
    if not growth.figures:
        return "Nothing was held out, so nothing was measured."
    rows = ["| held-out talk | conversations | perplexity | accuracy | bits a byte |", "|---|---|---|---|---|"]
    rows += [
        f"| {source} | {one.items} | {one.perplexity:.2f} | {one.token_accuracy:.1%} | {one.bits_per_byte:.3f} |"
        for source, one in growth.figures.items()
    ]
    return "\n".join(rows)


def draw_curve(growth: "Growth", path: Path) -> None:
    """Loss and perplexity against tokens, as a PNG. Blocks; works without a screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    loss, perplexity = figure.subplots(1, 2)
    tokens = [point.tokens / 1e6 for point in growth.curve]
    judged = [(at, point) for at, point in zip(tokens, growth.curve, strict=True) if point.heldout_loss is not None]
    loss.plot(tokens, [point.loss for point in growth.curve], label="read", color="#a0aec0")
    for axes, values in (
        (loss, [point.heldout_loss for _, point in judged]),
        (perplexity, [point.perplexity for _, point in judged]),
    ):
        axes.plot([at for at, _ in judged], values, label="held out", color="#2b6cb0")
        axes.set_xlabel("million tokens read")
    loss.set_title("loss (nats a token)")
    loss.legend()
    perplexity.set_title("perplexity of held-out talk")
    perplexity.set_yscale("log")
    figure.savefig(path, dpi=110)


def _readme(order: Mapping[str, object], growth: "Growth", dataset: Dataset) -> str:
    told = [f"- {source}: {licence or 'not stated'}" for source, licence in sorted(dataset.licences.items())]
    plan = growth.plan
    said = [f"| {_cell(sample.prompt)} | {_cell(sample.reply)} |" for sample in growth.samples]
    origin = f"went on from `{Path(str(order['start'])).name}`" if order.get("start") else "from nothing"
    return "\n".join(
        [
            f"# {growth.folder.name}",
            "",
            f"A chat model of {growth.parameters / 1e6:.2f} million parameters, grown by Mynah, {origin}.",
            "",
            "## Data",
            "",
            f"Dataset `{dataset.folder.name}`, content hash `{dataset.content_hash}`, read {growth.epochs:.1f} times:",
            f"{growth.tokens:,} tokens. Sources and their licences:",
            "",
            *told,
            "",
            "## Training",
            "",
            f"{plan.steps:,} steps of {plan.tokens_a_step:,} tokens, Muon at {plan.matrix_rate:g} and AdamW at",
            f"{plan.other_rate:g}, seed {plan.seed}. All figures are in `{GROWTH}`.",
            "",
            *([f"![loss and perplexity]({CURVE})", ""] if growth.curve else []),
            "## Figures",
            "",
            figures_table(growth),
            "",
            growth.advice.sentence,
            "",
            "## What it says",
            "",
            "| to | it answers |",
            "|---|---|",
            *said,
            "",
            "## Limits",
            "",
            "It says what is likely after the talk it was grown from, true or not, and knows nothing else. Screen what it",
            "says before people read it.",
            "",
        ]
    )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
