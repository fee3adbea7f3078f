"""`mynah recall`: whether approved exchanges, put before the model, help it until they are trained in."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mynah.invocation import Home, Invocation, Json, begin, run

if TYPE_CHECKING:
    from storage.recalls import RecallMeasure

app = typer.Typer(help="Approved exchanges that help answers before they are trained in.", no_args_is_help=True)


@app.command("measure")
def measure(
    context: typer.Context,
    facts: Annotated[
        Path | None,
        typer.Option(
            "--facts", metavar="FILE.jsonl", help="Facts in some wordings, asked for in others. Default: ours."
        ),
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Measure on the base, keep the result, and say whether recalling is on. Nothing is learnt."""
    run(_measure(begin(context, home, as_json), facts))


@app.command("show")
def show(context: typer.Context, home: Home = None, as_json: Json = False) -> None:
    """Show what was measured on the base, and whether recalling is on."""
    run(_show(begin(context, home, as_json)))


async def _measure(invocation: Invocation, file: Path | None) -> None:
    from mynah.world import ensure_champion, open_world, selected_base
    from trainer.recall import measure_recall, read_facts

    facts = await asyncio.to_thread(read_facts, file)
    settings = invocation.settings
    async with open_world(settings) as world:
        await ensure_champion(world)
        base = await selected_base(world)
        await asyncio.to_thread(world.registry.verify, base.version)
        from bot.engine.weights import load_weights
        from trainer.assets import load_assets
        from trainer.speaker import WeightsSpeaker

        folder = world.registry.folder(base.version)
        weights = await asyncio.to_thread(load_weights, folder, device=settings.engine.device)
        figures = await measure_recall(
            WeightsSpeaker(weights),
            facts,
            load_assets().probes,
            max_tokens=settings.chat.recall_tokens,
            clock=world.clock,
        )
        measured = await world.store.recalls.set_measure(
            base.content_hash, helps=figures.helps, figures=asdict(figures)
        )
    _tell(invocation, base.version, measured)


async def _show(invocation: Invocation) -> None:
    from mynah.world import ensure_champion, open_world, selected_base

    async with open_world(invocation.settings) as world:
        await ensure_champion(world)
        base = await selected_base(world)
        _tell(invocation, base.version, await world.store.recalls.measure(base.content_hash))


def _tell(invocation: Invocation, base: str, measured: "RecallMeasure | None") -> None:
    setting = invocation.settings.chat.recall
    is_on = setting == "on" or (setting == "auto" and measured is not None and measured.helps)
    state = f"Recalling is {'on' if is_on else 'off'} (MYNAH_CHAT__RECALL={setting})."
    document = {
        "base": base,
        "setting": setting,
        "is_on": is_on,
        "helps": None if measured is None else measured.helps,
        "figures": None if measured is None else measured.figures,
        "measured_at": None if measured is None else measured.measured_at,
    }
    if measured is None:
        invocation.emit(document, f"Nothing was measured on base {base} yet: mynah recall measure\n{state}")
        return
    figures = measured.figures
    advice = "It helps" if measured.helps else "It does not help enough"
    invocation.emit(
        document,
        f"On base {base}, an approved exchange put before the model:\n"
        f"unseen wordings answered rightly: {figures['right_without']} of {figures['questions']} without, "
        f"{figures['right_with']} with (found for {figures['recalled']})\n"
        f"small talk answered otherwise: {figures['small_talk_changed']} of {figures['small_talk']}\n"
        f"replies that only then babble: {figures['degenerate_with']}\n"
        f"{advice}. {state}",
    )
