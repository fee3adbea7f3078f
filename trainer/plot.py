"""The report card's picture: how the loss fell, and perplexity before and after."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.report import RunReport


def draw(report: "RunReport", path: Path) -> None:
    """Write a PNG. Blocks; works without a screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    curve, bars = figure.subplots(1, 2)
    curve.set_title("loss")
    curve.set_xlabel("step")
    if report.losses:
        curve.plot([step for step, _ in report.losses], [loss for _, loss in report.losses], color="#2b6cb0")
        curve.set_ylim(bottom=0)
    bars.set_title("perplexity (lower is better)")
    names = list(report.figures)
    for offset, place, label, colour in ((-0.2, 0, "before", "#a0aec0"), (0.2, 1, "after", "#2b6cb0")):
        heights = [report.figures[name][place].perplexity for name in names]
        drawn = bars.bar([at + offset for at in range(len(names))], heights, width=0.38, label=label, color=colour)
        bars.bar_label(drawn, fmt="%.1f", padding=2, fontsize=8)
    if names:
        bars.set_yscale("log")
        bars.margins(y=0.15)
        bars.set_xticks(range(len(names)), names)
        bars.legend()
    figure.suptitle(f"Run {report.run_id}: {report.outcome}")
    figure.savefig(path, dpi=110)
