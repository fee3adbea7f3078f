"""The story as one picture: what was learnt, what was decided, what trolls got through. In the manner of `trainer.plot`."""

from collections import Counter
from pathlib import Path
from typing import Any

from mynah.simulation.story import STAGES, Story
from storage.values import Decision, RunState

_BLUE, _GREY, _GREEN, _RED = "#2b6cb0", "#a0aec0", "#2f855a", "#c53030"
_STAGES = (
    ("written", _GREY),
    ("past the screens", "#ecc94b"),
    ("approved", "#d69e2e"),
    ("in training", "#dd6b20"),
    ("in what answers", _RED),
)
"""How each of `STAGES` is told and drawn."""
_MOST_REASONS = 8


def draw(story: Story, path: Path) -> None:
    """Write a PNG. Blocks; works without a screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 7.2), layout="constrained")
    FigureCanvasAgg(figure)
    (held_out, general, verdicts), (decisions, poison, reasons) = figure.subplots(2, 3)
    _curve(held_out, story, "held_out", "perplexity on talk that nobody said", _BLUE)
    _curve(general, story, "general", "perplexity on the frozen small talk", _GREEN)
    _verdicts(verdicts, story)
    _decisions(decisions, story)
    _poison(poison, story)
    _reasons(reasons, story)
    order = story.order
    figure.suptitle(
        f"{len(story.cast.members)} members, {len(story.cast.trolls)} trolls and {len(story.cast.moderators)} "
        f"moderators over {len(story.rounds)} days (seed {order.get('seed')})"
    )
    figure.savefig(path, dpi=110)


def _curve(axes: Any, story: Story, name: str, title: str, colour: str) -> None:
    """Perplexity by day: a filled point for a night with a new version, a hollow one for a refused one."""
    heights = [getattr(one, name).perplexity for one in story.measured]
    axes.set_title(title)
    axes.set_xlabel("day")
    axes.plot(range(len(heights)), heights, color=colour, zorder=1)
    is_new = [True, *(one.verdict.state is RunState.PROMOTED for one in story.rounds)]
    faces = [colour if new else "white" for new in is_new]
    axes.scatter(range(len(heights)), heights, color=faces, edgecolors=colour, zorder=2, s=45)
    for place, height in enumerate(heights):
        axes.annotate(
            f"{height:.1f}", (place, height), textcoords="offset points", xytext=(0, 8), ha="center", fontsize=8
        )
    axes.set_ylim(0, max(heights) * 1.2)
    axes.set_xticks(range(len(heights)), ["base", *(str(one.number) for one in story.rounds)])
    axes.margins(x=0.1)


def _verdicts(axes: Any, story: Story) -> None:
    """Bars of what was learnt, each with how its night ended."""
    axes.set_title("exchanges learnt, and the verdict")
    axes.set_xlabel("day")
    numbers = [one.number for one in story.rounds]
    colours = [_BLUE if one.verdict.state is RunState.PROMOTED else _RED for one in story.rounds]
    drawn = axes.bar(numbers, [one.verdict.learnt for one in story.rounds], color=colours, width=0.6)
    told = [
        one.verdict.state.value + ("\n" + ", ".join(one.verdict.failed[:3]) if one.verdict.failed else "")
        for one in story.rounds
    ]
    axes.bar_label(drawn, labels=told, padding=2, fontsize=8)
    axes.set_xticks(numbers)
    axes.margins(y=0.25)


def _decisions(axes: Any, story: Story) -> None:
    axes.set_title("moderators' decisions")
    axes.set_xlabel("day")
    numbers = [one.number for one in story.rounds]
    floor = [0] * len(numbers)
    told = (
        (Decision.APPROVE, "approved", _BLUE),
        (Decision.EDIT, "mended", _GREEN),
        (Decision.REJECT, "rejected", _GREY),
    )
    for decision, label, colour in told:
        heights = [one.review.get(decision.value, 0) for one in story.rounds]
        axes.bar(numbers, heights, bottom=floor, label=label, color=colour, width=0.6)
        floor = [below + height for below, height in zip(floor, heights, strict=True)]
    mistakes = [one.review.get("mistakes", 0) for one in story.rounds]
    axes.plot(numbers, mistakes, "x", color=_RED, label="mistakes")
    axes.set_xticks(numbers)
    axes.margins(y=0.2)
    axes.legend(fontsize=8, ncols=4, loc="upper center", columnspacing=1.0, handlelength=1.0)


def _poison(axes: Any, story: Story) -> None:
    """How far the trolls' exchanges came, over all days so far."""
    axes.set_title("trolls: what they wrote, and what got through")
    axes.set_xlabel("day")
    numbers = [one.number for one in story.rounds]
    width = 0.8 / len(STAGES)
    for place, (stage, (label, colour)) in enumerate(zip(STAGES, _STAGES, strict=True)):
        heights = [one.poison_at(stage) for one in story.rounds]
        at = [number + (place - (len(STAGES) - 1) / 2) * width for number in numbers]
        drawn = axes.bar(at, heights, width=width, label=label, color=colour)
        axes.bar_label(drawn, fontsize=7)
    axes.set_xticks(numbers)
    axes.margins(y=0.15)
    axes.legend(fontsize=8)


def _reasons(axes: Any, story: Story) -> None:
    """Why words were not learnt: refused by the chat, and left out by the last snapshot."""
    found: Counter[str] = Counter()
    for one in story.rounds:
        found["screens: messages"] += one.talk.get("refusal", 0)
        found["screens: better answers"] += one.talk.get("correction refused", 0)
        found["no consent: better answers"] += one.talk.get("correction no-consent", 0)
    if story.rounds:
        found.update({f"left out: {reason}": count for reason, count in story.rounds[-1].verdict.left_out.items()})
    most = [(reason, count) for reason, count in found.most_common(_MOST_REASONS) if count][::-1]
    axes.set_title("why words were not learnt")
    axes.barh(range(len(most)), [count for _, count in most], color="#cbd5e0")
    for place, (reason, count) in enumerate(most):
        axes.annotate(
            f"{count}  {reason}", (0, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8
        )
    axes.set_yticks([])
    axes.set_xticks([])
