"""Short ways to do admin work in a test's server."""

import asyncio
from typing import Any

import numpy
from safetensors.numpy import save_file

from bot.cogs.plots import Drawn, report_plot
from storage.registry import Lineage
from tests.bot.cogs.server import Server

COMMANDS: dict[str, dict[str, Any]] = {
    "retrain now": {},
    "retrain status": {},
    "retrain cancel": {},
    "model list": {},
    "model show": {"name": "champion"},
    "model promote": {"name": "champion"},
    "model rollback": {},
    "model canary": {"share": 20, "version": "champion"},
    "schedule show": {},
    "schedule set": {"when": "every night at 4"},
    "schedule off": {},
    "stats": {},
    "config show": {},
    "config set": {"name": "quorum", "value": "2"},
    "config unset": {"name": "quorum"},
    "audit": {},
}


def answer(result: Any) -> Any:
    """The message that an interaction was answered with."""
    return result.followups[-1] if result.followups else result.response


def read(result: Any) -> str:
    """All its words, also those of its card."""
    return words(answer(result))


def words(message: Any) -> str:
    """All words of a message."""
    texts = [message.content or ""]
    for embed in message.embeds:
        texts += [embed.title or "", embed.description or ""]
        texts += [f"{field.name}: {field.value}" for field in embed.fields]
    return "\n".join(texts)


def labels(message: Any) -> list[str]:
    """The labels of its buttons."""
    return [part.label for row in message.message.components for part in row.children]


async def publish(server: Server, number: int, **lineage: Any) -> str:
    """A version in the registry; its name."""

    def write() -> Any:
        staging = server.parts.registry.staging()
        (staging / "config.json").write_text("{}")
        save_file({"weights": numpy.full(4, number, dtype="float32")}, staging / "model.safetensors")
        return staging

    staging = await asyncio.to_thread(write)
    server.parts.clock.advance(1)  # type: ignore[attr-defined]
    return (await server.parts.registry.publish(staging, Lineage("full", note=f"number {number}", **lineage))).version


async def champion(server: Server, number: int = 1) -> str:
    """A version that answers."""
    version = await publish(server, number)
    await server.parts.store.aliases.promote(version, actor="test", reason="")
    return version


async def chosen(server: Server) -> dict[str, object]:
    """What was chosen for the server, learning aside."""
    own = await server.parts.store.server_settings.own(server.key)
    return {name: value for name, value in own.items() if not name.startswith("learning_")}


def warm_up() -> None:
    """Draw once: matplotlib's first picture takes longer than SimCord waits."""
    report_plot(Drawn([(1, 2.0), (2, 1.0)], {"heldout": (2.0, 1.0)}))
