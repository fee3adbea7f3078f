"""Things that grow while a person looks on: an answer, and a run of the trainer."""

from typing import Self

from rich.console import Console as RichConsole
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bot.chat.values import Reply, ReplyKind
from mynah.terminal.console import Console
from storage.values import Run, RunState

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
