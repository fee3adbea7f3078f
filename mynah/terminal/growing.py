"""Things that grow while a person looks on: an answer, a run of the trainer, and a model from nothing."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from rich.console import Console as RichConsole
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bot.chat.values import Reply, ReplyKind
from mynah.terminal.console import Console
from storage.values import Run, RunState

if TYPE_CHECKING:
    from trainer.growing.pretraining import Point

STEPS = {
    RunState.REQUESTED: "waiting for the trainer",
    RunState.CURATING: "choosing examples",
    RunState.BUILDING: "building the data set",
    RunState.TRAINING: "training",
    RunState.EVALUATING: "comparing with the model that answers now",
    RunState.GATING: "deciding whether it is better",
    RunState.PUBLISHING: "publishing",
}


class GrowingAnswer:
    """An answer on the screen: grows by what is new, and starts again if what was shown is taken back."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._text: str | None = None

    def update(self, text: str) -> None:
        """Show all of the answer so far; without a terminal, nothing until it is whole."""
        if not self._console.is_typed:
            return
        if self._text is None:
            self._console.stream("bot> ", style="bold cyan")
            self._text = ""
        if text.startswith(self._text):
            self._console.stream(text[len(self._text) :])
        else:
            self._console.stream("\n     " + text)
        self._text = text

    def end(self, reply: Reply) -> None:
        """The answer is over."""
        if self._text is None:
            style = "yellow" if reply.kind in {ReplyKind.APOLOGY, ReplyKind.REFUSAL} else ""
            self._console.stream("bot> ", style="bold cyan")
            self._console.say(reply.text, style=style)
            return
        self.update(reply.text)
        is_cut = reply.kind == ReplyKind.STOPPED and reply.assistant_turn_id is not None
        self._console.say("  (stopped)" if is_cut else "", style="dim")


class RunSteps:
    """How far a run is: a moving bar for a person, a line for each step otherwise."""

    def __init__(self, screen: RichConsole, *, is_live: bool) -> None:
        self._screen = screen
        self._is_live = is_live
        self._state: RunState | None = None
        self._step = ""
        self._bar = Progress(
            TextColumn("  {task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            console=screen,
            transient=True,
        )
        self._task = self._bar.add_task(STEPS[RunState.REQUESTED], total=1.0)

    def __enter__(self) -> Self:
        if self._is_live:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_live:
            self._bar.stop()

    def show(self, run: Run) -> None:
        """The run's row as it is now."""
        step = STEPS.get(run.state, run.state.value)
        if self._is_live:
            self._bar.update(self._task, description=step, completed=run.progress)
        elif run.state != self._state and not run.state.is_final:
            self._screen.print(f"  {run.progress:4.0%} {step}")
        self._state = run.state

    def tell(self, share: float, note: str) -> None:
        """Of a run that has no row: how far it is, 0 to 1, and what it does. From any thread."""
        step = note.partition(":")[0].rstrip(".")
        if self._is_live:
            self._bar.update(self._task, description=step, completed=share)
        elif step != self._step:
            self._screen.print(f"  {share:4.0%} {step}")
        self._step = step


class GrowthSteps:
    """A model's training: a bar with loss, speed and time left for a person, a line for each point otherwise."""

    def __init__(
        self,
        screen: RichConsole,
        *,
        is_live: bool,
        tokens_a_step: int,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._screen = screen
        self._is_live = is_live
        self._tokens_a_step = tokens_a_step
        self._now = now
        self._first: tuple[int, float] | None = None
        self._bar = Progress(
            TextColumn("  {task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TimeRemainingColumn(),
            console=screen,
            transient=True,
        )
        self._task = self._bar.add_task("reading the talk", total=None)

    def __enter__(self) -> Self:
        if self._is_live:
            self._bar.start()
        else:
            self._screen.print("  reading the talk")
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_live:
            self._bar.stop()

    def step(self, step: int, steps: int, loss: float) -> None:
        """One more step was made."""
        self._first = self._first or (step, self._now())
        told = f"loss {loss:.3f}, {self._speed(step):,.0f} tokens/s"
        self._bar.update(self._task, description=told, completed=step, total=steps)

    def point(self, point: "Point") -> None:
        """One more point of the learning curve."""
        judged = "" if point.perplexity is None else f", held-out perplexity {point.perplexity:.2f}"
        speed = f", {self._speed(point.step):,.0f} tokens/s"
        self._screen.print(f"  {point.tokens / 1e6:.2f} M tokens: loss {point.loss:.3f}{judged}{speed}")

    def _speed(self, step: int) -> float:
        """Tokens a second since the first step."""
        first, began = self._first or (step, self._now())
        return (step - first) * self._tokens_a_step / max(1e-9, self._now() - began)
