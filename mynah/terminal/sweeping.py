"""A sweep while a person looks on: a bar for the run that is being made, and a line for each that ended."""

from typing import TYPE_CHECKING, Self

from rich.console import Console as RichConsole
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from trainer.growing.sweep_material import Pace
    from trainer.growing.sweep_settings import Settings, Space, Trial


class SweepSteps:
    """Shows what a sweep does; without a terminal, only the lines."""

    def __init__(self, screen: RichConsole, *, is_live: bool) -> None:
        self._screen = screen
        self._is_live = is_live
        self._name = ""
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

    def space(self, space: "Space", pace: "Pace", tokens_a_run: float) -> None:
        """What will be searched in, and how long a run is."""
        self._screen.print(
            f"  a run reads {tokens_a_run / 1e6:.2g} M tokens, about {pace.seconds_for(tokens_a_run) / 60:.1f} minutes"
        )
        self._screen.print(
            f"  learning rates {space.learning_rates[0]:g} to {space.learning_rates[1]:g}, tokens a step "
            f"{_listed(space.tokens_a_step)}, decays {_listed(space.decays)}, epochs {_listed(space.epochs)}"
        )

    def begin(self, name: str, settings: "Settings") -> None:
        """A run begins."""
        self._name = name
        told = f"learning rate {settings.learning_rate:g}, {settings.tokens_a_step} tokens a step"
        if self._is_live:
            self._bar.reset(self._task, description=f"{name}: {told}", total=None)
        else:
            self._screen.print(f"  {name}: {told}, decay {settings.decay:g}, {settings.epochs:.3g} epochs")

    def step(self, step: int, steps: int, loss: float) -> None:
        """One more step of the run was made."""
        self._bar.update(self._task, description=f"{self._name}: loss {loss:.3f}", completed=step, total=steps)

    def end(self, trial: "Trial") -> None:
        """A run of the search ended."""
        perplexity = "none" if trial.perplexity is None else f"{trial.perplexity:.2f}"
        self._screen.print(
            f"  {self._name}: {trial.state.value}, held-out perplexity {perplexity}, {trial.seconds:.0f} seconds"
        )


def _listed(values: tuple[float, ...]) -> str:
    return "/".join(f"{value:g}" for value in values)
