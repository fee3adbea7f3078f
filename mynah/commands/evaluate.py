"""`mynah eval`: how well a version knows some conversations."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from mynah.invocation import Home, Invocation, Json, begin, run
from storage.errors import WrongUsage
from storage.values import Alias, Message, Role


def evaluate(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="Conversations, as `mynah import` takes them.")],
    model: Annotated[
        str, typer.Option("--model", metavar="VERSION", help="A version or an alias.")
    ] = Alias.CHAMPION.value,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Measure perplexity, token accuracy and bits a byte on the assistant's words. Nothing is stored or learnt."""
    run(_evaluate(begin(context, home, as_json), file, model))


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
