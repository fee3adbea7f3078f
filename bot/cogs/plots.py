"""Pictures for people who run a server, drawn from plain numbers. Blocks: call it from a thread. It knows no Discord.

Drawn for Discord's dark and light themes alike: on a white card. Discord shows a picture in a card at most 400 by 300
points large, so figures are few inches wide and 4:3, that their letters can be read there.
"""

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storage.figures import DayFigures, VersionFigures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BEFORE, _AFTER = "#a0aec0", "#2b6cb0"
_GOOD, _DOUBTFUL, _BAD = "#2f855a", "#d69e2e", "#c53030"
_QUIET = "#4a5568"
_DPI = 180
_MARKERS = "os^Dvp"
_DASHES = ("--", "-.", ":")
_SET_NAMES = {"heldout": "not seen", "taught": "taught", "general": "small talk"}


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a report card draws."""

    losses: Sequence[tuple[float, float]]
    """Step and loss."""
    perplexities: Mapping[str, tuple[float, float]]
    """Set name to before and after."""


def set_name(name: str) -> str:
    """A set of items as people call it."""
    return _SET_NAMES.get(name, name)


def report_plot(report: Drawn) -> bytes | None:
    """A PNG of how the loss fell and of perplexity before and after; None where there is nothing to draw."""
    perplexities = {name: pair for name, pair in report.perplexities.items() if all(map(_is_drawable, pair))}
    losses = [point for point in report.losses if all(map(math.isfinite, point))]
    if not perplexities and len(losses) < 2:
        return None
    both = bool(perplexities) and len(losses) > 1
    figure = _figure(4.8, 3.9 if both else 2.4)
    axes = figure.subplots(2, 1) if both else [figure.subplots()] * 2
    if perplexities:
        _draw_pairs(axes[0], perplexities)
    if len(losses) > 1:
        _titled(axes[1], "Loss while training, by step")
        axes[1].plot([step for step, _ in losses], [loss for _, loss in losses], color=_AFTER, linewidth=1.8)
        axes[1].set_ylim(bottom=0)
    return _png(figure)


def stats_plot(
    days: Sequence[DayFigures],
    versions: Sequence[VersionFigures],
    curves: Mapping[str, Sequence[tuple[float, float]]] | None = None,
) -> bytes:
    """A PNG of messages, votes and screen rates by day, of perplexity by version, and of the losses of runs by step."""
    rows: list[Any] = [["messages", "votes"], ["screens", "perplexity"], *([["losses", "losses"]] if curves else [])]
    figure = _figure(6.6, 2.5 * len(rows))
    axes_of = figure.subplot_mosaic(rows)
    messages, votes = axes_of["messages"], axes_of["votes"]
    screens, perplexity = axes_of["screens"], axes_of["perplexity"]
    if curves:
        _draw_curves(axes_of["losses"], curves)
    _titled(messages, "Messages and answers")
    at = list(range(len(days)))
    messages.plot(at, [one.messages for one in days], color=_BEFORE, label="people", linewidth=2)
    messages.plot(at, [one.answers for one in days], color=_AFTER, label="Mynah", linewidth=2)
    _titled(votes, "Votes")
    votes.bar(at, [one.votes_up for one in days], color=_GOOD, label="up")
    votes.bar(at, [-one.votes_down for one in days], color=_BAD, label="down")
    votes.axhline(0, color=_QUIET, linewidth=0.8)
    _titled(screens, "Answers stopped (%)")
    held = [100 * one.held / one.answers if one.answers else 0.0 for one in days]
    refused = [100 * one.refused / one.answers if one.answers else 0.0 for one in days]
    screens.bar(at, held, color=_DOUBTFUL, label="held")
    screens.bar(at, refused, bottom=held, color=_BAD, label="refused")
    for axes, values in (
        (messages, [one.messages + one.answers for one in days]),
        (votes, [one.votes_up + one.votes_down for one in days]),
        (screens, [first + second for first, second in zip(held, refused, strict=True)]),
    ):
        _by_day(axes, days)
        if any(values):
            lowest, highest = axes.get_ylim()
            axes.set_ylim(min(0.0, lowest), highest * 1.25)  # room for the legend above the bars
            axes.legend(loc="upper left", fontsize=8, frameon=False, ncols=2)
        else:
            _nothing(axes)
    votes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    _draw_versions(perplexity, versions)
    return _png(figure)


def _draw_pairs(axes: "Axes", perplexities: Mapping[str, tuple[float, float]]) -> None:
    _titled(axes, "Perplexity (lower is better)")
    names = list(perplexities)
    for offset, place, label, colour in ((-0.2, 0, "before", _BEFORE), (0.2, 1, "after", _AFTER)):
        heights = [perplexities[name][place] for name in names]
        drawn = axes.bar([at + offset for at in range(len(names))], heights, width=0.38, label=label, color=colour)
        axes.bar_label(drawn, labels=[_short(height) for height in heights], padding=2, fontsize=8)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter(lambda *_: "")
    lowest = min(min(pair) for pair in perplexities.values())
    highest = max(max(pair) for pair in perplexities.values())
    axes.set_ylim(lowest / 2, highest * 2.2)
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.set_xticks(range(len(names)), [set_name(name) for name in names])
    axes.legend(loc="upper right", fontsize=8, frameon=False, ncols=2)


def _draw_versions(axes: "Axes", versions: Sequence[VersionFigures]) -> None:
    _titled(axes, "Perplexity by version")
    order = list(dict.fromkeys(one.version for one in versions))
    shown = [one for one in versions if _is_drawable(one.perplexity)]
    for place, name in enumerate(sorted({one.set_name for one in shown})):
        of_set = [one for one in shown if one.set_name == name]
        axes.plot(
            [order.index(one.version) for one in of_set],
            [one.perplexity for one in of_set],
            marker=_MARKERS[place % len(_MARKERS)],
            label=set_name(name),
            linewidth=1.6,
        )
        last = of_set[-1]
        at = (order.index(last.version), last.perplexity)
        axes.annotate(_short(last.perplexity), at, (0, 7), textcoords="offset points", ha="center", fontsize=8)
    if not shown:
        axes.set_xticks([])
        _nothing(axes)
        return
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter(lambda *_: "")
    axes.set_xticks(range(len(order)), [version[:6] for version in order], rotation=30, ha="right", fontsize=8)
    axes.legend(loc="best", fontsize=8, frameon=False)


def _draw_curves(axes: "Axes", curves: Mapping[str, Sequence[tuple[float, float]]]) -> None:
    """The newest run stands out; those before it say whether that is usual."""
    _titled(axes, "Loss while training, by step")
    for place, (name, losses) in enumerate(curves.items()):
        is_newest = place == len(curves) - 1
        axes.plot(
            [step for step, _ in losses],
            [loss for _, loss in losses],
            color=_AFTER if is_newest else _BEFORE,
            linestyle="-" if is_newest else _DASHES[place % len(_DASHES)],
            linewidth=2.0 if is_newest else 1.2,
            label=name,
        )
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper right", fontsize=8, frameon=False)


def _by_day(axes: "Axes", days: Sequence[DayFigures]) -> None:
    step = max(1, math.ceil(len(days) / 4))
    ticks = list(range(len(days) - 1, -1, -step))[::-1]
    axes.set_xticks(ticks, [f"{days[at].day.day} {days[at].day:%b}" for at in ticks], fontsize=8)
    axes.set_xlim(-0.7, len(days) - 0.3)
    axes.locator_params(axis="y", integer=True, nbins=6)


def _nothing(axes: "Axes") -> None:
    axes.set_yticks([])
    axes.text(0.5, 0.5, "nothing yet", transform=axes.transAxes, ha="center", va="center", color=_QUIET)


def _titled(axes: "Axes", title: str) -> None:
    axes.set_title(title, fontsize=10, loc="left", color="#1a202c", fontweight="bold")
    axes.tick_params(labelsize=8, colors=_QUIET)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(axis="y", color="#e2e8f0", linewidth=0.7)
    axes.set_axisbelow(True)


def _is_drawable(figure: float) -> bool:
    return math.isfinite(figure) and figure > 0


def _short(figure: float) -> str:
    return f"{figure:.3g}" if figure < 1000 else f"{figure:.1e}"


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _png(figure: "Figure") -> bytes:
    kept = io.BytesIO()
    options: dict[str, Any] = {"format": "png", "dpi": _DPI}
    figure.savefig(kept, **options)
    return kept.getvalue()
