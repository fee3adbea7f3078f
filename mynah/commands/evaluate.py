"""`mynah eval`: how well a version knows some conversations, and how well past ones did."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mynah.invocation import Home, Invocation, Json, begin, run
from mynah.lines import Line, known_line
from mynah.terminal.showing import moment
from storage.errors import WrongUsage
from storage.governance import SHARED_LINE
from storage.values import Alias, Message, Role


def evaluate(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE.jsonl", help="Conversations, as `mynah import` takes them.")
    ] = None,
    model: Annotated[
        str, typer.Option("--model", metavar="VERSION", help="A version or an alias.")
    ] = Alias.CHAMPION.value,
    history: Annotated[
        bool, typer.Option("--history", help="Instead of a file: what past runs measured, oldest first.")
    ] = False,
    set_name: Annotated[
        str | None, typer.Option("--set", metavar="NAME", help="With --history: only this set, such as general.")
    ] = None,
    line: Line = SHARED_LINE,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Measure perplexity, token accuracy and bits a byte on the assistant's words. Nothing is stored or learnt."""
    invocation = begin(context, home, as_json)
    if history == (file is not None):
        raise WrongUsage("Give either a file to measure on or --history.", advice="mynah eval FILE.jsonl")
    if file is not None:
        run(_evaluate(invocation, file, model))
    else:
        run(_history(invocation, line, set_name))


async def _history(invocation: Invocation, line: str, set_name: str | None) -> None:
    from mynah.world import open_world

    async with open_world(invocation.settings) as world:
        await known_line(world.store, line)
        points = await world.store.evaluations.history(line, set_name=set_name)
    text = "\n".join(
        f"{moment(point.created_at)}  run {point.figures.run_id}  {point.figures.version}  "
        f"{point.outcome.value if point.is_challenger else 'before':<9}  {point.figures.set_name:<8}  "
        f"perplexity {point.figures.perplexity:.2f}, token accuracy {point.figures.token_accuracy:.1%}"
        for point in points
    )
    document = {
        "line": line,
        "history": [
            {
                **asdict(point.figures),
                "measured_at": point.created_at,
                "outcome": point.outcome.value,
                "is_challenger": point.is_challenger,
            }
            for point in points
        ],
    }
    invocation.emit(document, text or "No run has measured anything yet: mynah train --now")


async def _evaluate(invocation: Invocation, file: Path, name: str) -> None:
    from mynah.world import ensure_champion, open_world

    conversations = await asyncio.to_thread(read_conversations, file)
    async with open_world(invocation.settings) as world:
        await ensure_champion(world)
        version = await world.registry.resolve(name)
        await asyncio.to_thread(world.registry.verify, version.version)
        from bot.engine.weights import load_weights
        from trainer.evaluation import evaluate_conversations

        base = world.registry.folder(version.base) if version.kind == "adapter" and version.base else None
        weights = await asyncio.to_thread(
            load_weights,
            world.registry.folder(version.version),
            base_folder=base,
            device=world.settings.engine.device,
        )
        figures = await asyncio.to_thread(evaluate_conversations, weights, conversations)
    text = (
        f"{version.version} on {len(conversations)} conversations of {file}:\n"
        f"perplexity {figures.perplexity:.3f}, token accuracy {figures.token_accuracy:.1%}, "
        f"{figures.bits_per_byte:.3f} bits/byte ({figures.tokens} tokens of the assistant)"
    )
    document = {"model": version.version, "file": file, "conversations": len(conversations), "figures": figures}
    invocation.emit(document, text)


def read_conversations(file: Path) -> list[tuple[Message, ...]]:
    """The conversations of a file of JSON lines.

    Raises:
        WrongUsage: the file or a line of it is not what it should be; names the line.
    """
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise WrongUsage(f"{file} cannot be read: {error.strerror}.") from None
    conversations = [_conversation(file, number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not conversations:
        raise WrongUsage(f"There is no conversation in {file}.")
    return conversations


def _conversation(file: Path, number: int, line: bytes) -> tuple[Message, ...]:
    try:
        messages = tuple(
            Message(Role(message["role"]), _text(message["content"])) for message in json.loads(line)["messages"]
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        raise WrongUsage(
            f"Line {number} of {file} is not a conversation.",
            advice='A line is {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}.',
        ) from None
    if not any(message.role == Role.ASSISTANT and message.text.strip() for message in messages):
        raise WrongUsage(f"Line {number} of {file} has no words of the assistant to measure.")
    return messages


def _text(content: object) -> str:
    if not isinstance(content, str):
        raise TypeError
    return content.encode("utf-8", "replace").decode("utf-8")  # lone surrogates are no text a tokenizer can read
