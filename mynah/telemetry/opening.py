"""Which checks and figures a bot has, and which a trainer; the composition of this folder's parts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from mynah.settings import Settings
from mynah.telemetry.figures import Figures
from mynah.telemetry.problems import problems_counted
from mynah.telemetry.server import Telemetry, answering
from mynah.telemetry.stored import StoredFigures
from storage.store import Store
from storage.values import Alias
from trainer.holder import LEASE, is_own

if TYPE_CHECKING:
    from bot.cogs.client import Link
    from mynah.world import ChatWorld


def figures_of(port: int | None) -> Figures | None:
    """Figures to count in, where a port is set at which somebody may ask for them."""
    return None if port is None else Figures()


@asynccontextmanager
async def bot_telemetry(settings: Settings, chat: "ChatWorld", figures: Figures, link: "Link") -> AsyncIterator[None]:
    """Answer about the bot, which is ready while Discord hears it and the database answers."""
    stored = StoredFigures(chat.world.store, settings.home, figures)

    async def refresh() -> None:
        figures.connected.set(link.is_up)
        figures.serving.clear()
        figures.serving.labels(chat.engine.version).set(1)
        await stored.refresh()

    async def is_connected() -> bool:
        return link.is_up

    async def has_database() -> bool:
        return await _answers(chat.world.store)

    telemetry = Telemetry(figures, {"database": has_database, "discord": is_connected}, refresh)
    port = settings.telemetry.bot_port or 0
    with problems_counted(figures):
        async with answering(telemetry, host=settings.telemetry.host, port=port):
            yield


@asynccontextmanager
async def trainer_telemetry(settings: Settings, store: Store) -> AsyncIterator[None]:
    """Answer about the trainer, where its port is set; it is ready while the database answers and it holds the lease."""
    figures = figures_of(settings.telemetry.trainer_port)
    if figures is None:
        yield
        return

    async def has_database() -> bool:
        return await _answers(store)

    async def has_lease() -> bool:
        return is_own(await store.leases.holder(LEASE))

    stored = StoredFigures(store, settings.home, figures)
    telemetry = Telemetry(figures, {"database": has_database, "lease": has_lease}, stored.refresh)
    port = settings.telemetry.trainer_port or 0
    with problems_counted(figures):
        async with answering(telemetry, host=settings.telemetry.host, port=port):
            yield


async def _answers(store: Store) -> bool:
    """Whether the database does; an error is raised."""
    await store.aliases.current(Alias.CHAMPION)
    return True
