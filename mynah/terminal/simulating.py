"""A simulation while a person looks on: a bar for what happens now, and a few lines for each day that is over."""

from typing import TYPE_CHECKING, Self

from rich.console import Console as RichConsole
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from mynah.terminal.growing import STEPS
from mynah.terminal.report import VERDICTS
from storage.values import Run

if TYPE_CHECKING:
    from mynah.simulation.onlooker import Onlooker
    from mynah.simulation.story import Round


class SimulationSteps:
    """Shows what a simulation does; without a terminal, only the lines."""

    def __init__(self, screen: RichConsole, *, is_live: bool, rounds: int) -> None:
        self._screen = screen
        self._is_live = is_live
        self._rounds = rounds
        self._bar = Progress(
            TextColumn("  {task.description}"), BarColumn(), TimeElapsedColumn(), console=screen, transient=True
        )
        self._task = self._bar.add_task("opening the town", total=None)

    def __enter__(self) -> Self:
        if self._is_live:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_live:
            self._bar.stop()

    def onlooker(self) -> "Onlooker":
        """Whom the simulation tells."""
        from mynah.simulation.onlooker import Onlooker

        return Onlooker(
            on_day=self.day, on_part=self.part, on_told=self.told, on_run=self.run, on_round=self.round_over
        )

    def day(self, number: int, date: str) -> None:
        """A day begins."""
        self._screen.print()
        self._screen.print(f"Day {number} of {self._rounds}, {date}", style="bold")

    def part(self, what: str, done: int, total: int) -> None:
        """What people do now."""
        self._bar.update(self._task, description=what, completed=done, total=total or None)

    def told(self, heading: str, sentence: str) -> None:
        """Something is over."""
        self._screen.print(f"  {heading:<8} {sentence}", soft_wrap=True)

    def run(self, run: Run) -> None:
        """How far the trainer is."""
        self._bar.update(
            self._task, description=f"night: {STEPS.get(run.state, run.state.value)}", completed=run.progress, total=1.0
        )

    def round_over(self, one: "Round") -> None:
        """A day and its night are over."""
        left_out = sum(one.verdict.left_out.values())
        self.told("night", f"{one.verdict.learnt} exchanges were learnt, {left_out} approved ones left out.")
        verdict = VERDICTS.get(one.verdict.state, one.verdict.state.value)
        self.told("verdict", f"{verdict}: {one.verdict.sentence}")
        self.told(
            "measured",
            f"held-out perplexity {one.measured.held_out.perplexity:.2f}, small talk "
            f"{one.measured.general.perplexity:.2f}; trolls' exchanges learnt: {one.poison_at('answering')}.",
        )
        for sentence in one.broken:
            self._screen.print(f"  BROKEN   {sentence}", style="bold red", soft_wrap=True)
