"""The community's world: the real store, screens, chat, review desk, trainer and registry, in a home of its own.

Promise: nothing outside the given home is read or written, whatever the operator's settings say about the database, the
model store, model servers, Discord or pinned conversations; what they say about screening, the engine's base and the trainer's limits holds.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bot.chat.service import ChatService
from bot.engine.local import open_local_engine
from bot.engine.protocol import Engine
from bot.engine.watch import ChampionWatch, stored_routes
from bot.review.desk import ReviewDesk
from bot.settings import DiscordSettings, RemoteSettings
from mynah.settings import Settings
from mynah.simulation.book import Book
from mynah.simulation.clock import VirtualClock
from mynah.simulation.order import Answers, Order
from mynah.simulation.people import Cast, cast
from mynah.simulation.talk import Talk
from mynah.world import (
    ScreeningWhenNeeded,
    World,
    chat_service,
    ensure_champion,
    open_world,
    selected_base,
    trainer_world,
)
from storage.settings import ModelsSettings, StoreSettings
from trainer.world import TrainerWorld

SERVER = "simulation"
_PATIENCE_SECONDS = 3600.0
"""No answer is cut off by the machine's speed: the story must be the same on a slow one."""


@dataclass(frozen=True)
class Community:
    """Everybody and everything of one simulation."""

    order: Order
    talk: Talk
    cast: Cast
    clock: VirtualClock
    world: World
    service: ChatService
    desk: ReviewDesk
    trainer: TrainerWorld
    watch: ChampionWatch
    base_version: str
    book: Book = field(default_factory=Book)
    willing: set[str] = field(default_factory=set)
    """Names of those who said yes, and have not taken it back: the simulation's own record."""
    gone: set[str] = field(default_factory=set)
    """Names of those who asked to be forgotten, and left."""

    def key(self, name: str) -> str:
        """A person's author key."""
        return self.world.store.author_key(name)


def settings_in(home: Path, given: Settings, order: Order) -> Settings:
    """The operator's settings, for a community in a home of its own."""
    return given.model_copy(
        update={
            "home": home,
            # The secret is no secret here: people's keys must be the same in every telling.
            "store": StoreSettings.model_validate({"author_key_secret": f"simulation:{order.seed}"}),
            "discord": DiscordSettings(),
            "models": ModelsSettings(),
            "remote": RemoteSettings(),
            "engine": given.engine.model_copy(update={"temperature": 0.0, "deadline_seconds": _PATIENCE_SECONDS}),
            "trainer": given.trainer.model_copy(update={"cron": "", "approvals": 0, "wait_minutes": 0}),
        }
    )


@asynccontextmanager
async def open_community(order: Order, talk: Talk, settings: Settings) -> AsyncIterator[Community]:
    """Open all of it over settings of `settings_in`, with learning turned on by its admin.

    Raises:
        MynahError: whatever is missing or damaged, and what to do about it.
    """
    clock = VirtualClock()
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(open_world(settings, clock=clock))
        champion = await ensure_champion(world)
        base = await selected_base(world)
        screening = ScreeningWhenNeeded(settings)
        engine: Engine
        if order.answers is Answers.SCRIPTED:
            from mynah.simulation.scripted import StockPhrases

            engine = StockPhrases(champion.version)
        else:
            engine = await stack.enter_async_context(
                open_local_engine(world.registry, champion.version, settings.engine)
            )
        watch = ChampionWatch(world.store, engine, routes=partial(stored_routes, world.store, base=base.version))
        await watch.look()
        await world.store.server_settings.turn_learning_on(SERVER, world.store.author_key("admin"))
        yield Community(
            order=order,
            talk=talk,
            cast=cast(order),
            clock=clock,
            world=world,
            service=chat_service(world, engine, screening, lambda server: server == SERVER),
            desk=ReviewDesk(world.store, screening),
            trainer=trainer_world(world, base, screening),
            watch=watch,
            base_version=base.version,
        )
