"""`mynah train --now`: one run of the trainer, here, with its verdict at the end. `--repeat` trains an old one again."""

from typing import Annotated

import typer

from mynah.invocation import Home, Invocation, Json, begin, run
from mynah.lines import Line, known_line
from storage.errors import MynahError, Refused, WrongUsage
from storage.governance import SHARED_LINE
from storage.values import Run, RunState


def train(
    context: typer.Context,
    now: Annotated[bool, typer.Option("--now", help="Train now, in this process, and wait for the verdict.")] = False,
    repeat: Annotated[
        int | None, typer.Option("--repeat", metavar="RUN", help="Train a run of the past again; same weights?")
    ] = None,
    line: Line = SHARED_LINE,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Learn what is approved. Exit code 3: the gate refused the new model; the old one goes on answering.

    With --repeat nothing is learnt: a run is trained once more from its record. Exit code 1: other weights came of it.
    """
    invocation = begin(context, home, as_json)
    if repeat is not None:
        if now:
            raise WrongUsage("--now trains what is approved now, --repeat what an old run learnt.", advice="Say one.")
        run(_repeat(invocation, repeat))
        return
    if not now:
        raise WrongUsage("Say --now to train here and now.", advice="By the clock, `mynah trainer` does it.")
    run(_train(invocation, line))


async def _train(invocation: Invocation, line: str) -> None:
    from rich.console import Console

    from mynah.telemetry.tracing import open_tracer
    from mynah.terminal.growing import RunSteps
    from mynah.terminal.report import report_lines
    from mynah.world import open_trainer, open_world
    from trainer.serving import train_now

    async with open_world(invocation.settings) as world:  # a wrong name is told before anything heavy is loaded
        await known_line(world.store, line)
    telemetry = invocation.settings.telemetry
    async with open_tracer(telemetry, "trainer") as tracer, open_trainer(invocation.settings, tracer) as trainer:
        screen = Console(stderr=True, highlight=False, markup=False)
        with RunSteps(screen, is_live=screen.is_terminal) as steps:
            done = await train_now(trainer, by="command", line=line, on_progress=steps.show)
    error = _error(done)
    document = {"run": done, "promoted": done.state == RunState.PROMOTED, "reason": str(error) if error else None}
    invocation.emit(document, "\n".join(report_lines(done)))
    if error is not None:
        raise error


async def _repeat(invocation: Invocation, run_id: int) -> None:
    from rich.console import Console

    from mynah.terminal.growing import RunSteps
    from mynah.world import open_trainer
    from trainer.serving import repeat_run

    async with open_trainer(invocation.settings) as trainer:
        screen = Console(stderr=True, highlight=False, markup=False)
        with RunSteps(screen, is_live=screen.is_terminal) as steps:
            done = await repeat_run(trainer, run_id, tell=steps.tell)
    said = f"Run {run_id} again: the same weights, {done.recorded}."
    other = f"Run {run_id} again: {done.repeated}, and its record says {done.recorded}."
    document = {"run": run_id, "recorded": done.recorded, "repeated": done.repeated, "same": done.is_same}
    invocation.emit(document, said if done.is_same else other)
    if not done.is_same:
        raise MynahError(
            "Other weights came of it.",
            advice=f"It was trained on {done.device}; another machine, or other libraries, add numbers in another order.",
        )


def _error(done: Run) -> MynahError | None:
    """Why the run changed nothing; None when it did."""
    if done.state == RunState.PROMOTED:
        return None
    if done.state == RunState.REFUSED:
        return Refused(done.note)
    return MynahError(done.note or f"The run ended: {done.state.value}.")
