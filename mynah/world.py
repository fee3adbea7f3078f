"""The composition root: settings in, a working world out. Who gets what is decided here and nowhere else.

Opening the plain world (database and registry) needs neither torch nor Discord, so that `mynah status` is quick; what
needs them is imported inside the function that opens it.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from bot.settings import DiscordSettings
from bot.tracing import NO_TRACER, Tracer
from mynah.bases import SelectedBase
from mynah.settings import Settings
from storage.errors import WrongUsage
from storage.model_store import open_model_store
from storage.processes import own_name
from storage.registry import ModelRegistry
from storage.server_settings import ServerSettings
from storage.store import Store, open_store
from storage.values import Alias, ModelVersion, Verdict

if TYPE_CHECKING:  # these bring torch, and a command that only reads rows must not wait for it
    from bot.chat.peers import Peers
    from bot.chat.service import ChatService
    from bot.engine.protocol import Engine
    from bot.screening.protocol import Screener
    from mynah.telemetry.figures import Figures
    from trainer.settings import TrainerSettings
    from trainer.world import TrainerWorld

logger = logging.getLogger(__name__)

TERMINAL_SERVER = "terminal"
"""The server's name under which talk in the terminal is stored."""
OPERATOR = "terminal"
"""The author id of whoever sits at the terminal: `mynah forget terminal` forgets them."""

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class World:
    """The open database and the model registry."""

    settings: Settings
    store: Store
    registry: ModelRegistry
    clock: Clock

    @property
    def operator_key(self) -> str:
        """The author key of whoever sits at the terminal."""
        return self.store.author_key(OPERATOR)


@asynccontextmanager
async def open_world(settings: Settings, *, clock: Clock = utc_now) -> AsyncIterator[World]:
    """Open the database and the registry in the home folder.

    Raises:
        WrongUsage: the home folder cannot be used, or the address of the database or of the model store.
        DatabaseBusy: another process holds the database.
    """
    home = settings.home
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WrongUsage(
            f"The home folder {home} cannot be used: {error.strerror}.",
            advice="Choose another with --home or MYNAH_HOME.",
        ) from None
    defaults = server_defaults(settings.discord)
    async with open_store(settings.store, home, clock=clock, server_defaults=defaults) as store:
        shared = open_model_store(settings.models.url) if settings.models.url else None
        yield World(settings, store, ModelRegistry(home / "models", store, shared), clock)


def server_defaults(discord: DiscordSettings) -> ServerSettings:
    """What holds in a server whose admins chose nothing."""
    return ServerSettings(
        chat_channels=_ids(discord.channel_ids),
        reviewer_roles=_ids(discord.moderator_role_ids),
        admin_roles=_ids(discord.admin_role_ids),
    )


def _ids(numbers: Sequence[int]) -> tuple[str, ...]:
    return tuple(str(number) for number in numbers)


async def ensure_champion(world: World) -> ModelVersion:
    """The champion. On a first start the selected base becomes it; when another base was selected since, that one.

    Selecting another base in the settings is the operator's order, so it is carried out once, at the next start,
    without a gate; afterwards promotions and rollbacks move the champion as ever, until the setting changes again.
    """
    base, changed = await SelectedBase(world.settings, world.registry).take()
    champion = await world.store.aliases.current(Alias.CHAMPION)
    if champion is None:
        await world.store.aliases.promote(base.version, actor="start", reason="first start")
    elif changed and champion != base.version:
        reason = f"another base was selected: {world.settings.engine.base}"
        await world.store.aliases.promote(base.version, actor="settings", reason=reason, expected_champion=champion)
    else:
        return await world.registry.resolve(champion)
    logger.info("champion set", extra={"version": base.version})
    return base


async def selected_base(world: World) -> ModelVersion:
    """The version of the base that the settings select: what every run of the trainer starts from."""
    base, _ = await SelectedBase(world.settings, world.registry).take()
    return base


def open_screening(settings: Settings) -> "Screener":
    """The chain of screens. Blocks while the checkpoint is loaded."""
    from bot.screening.build import build_screening

    return build_screening(settings.screening)


class ScreeningWhenNeeded:
    """A screener that is built at its first use: a trainer that waits for the night needs none in memory."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._built: Screener | None = None
        self._lock = threading.Lock()

    @property
    def version(self) -> str:
        """Of the screener behind this one."""
        return self._get().version

    def screen(self, texts: Sequence[str]) -> list[Verdict]:
        """A verdict for each text. Blocks."""
        return self._get().screen(texts)

    async def check(self, texts: Sequence[str]) -> list[Verdict]:
        """A verdict for each text, without holding up the event loop."""
        screener = await asyncio.to_thread(self._get)
        return await screener.check(texts)

    def _get(self) -> "Screener":
        with self._lock:
            if self._built is None:
                self._built = open_screening(self._settings)
            return self._built


@dataclass(frozen=True)
class ChatWorld:
    """What it takes to hold conversations."""

    world: World
    engine: "Engine"
    screening: "Screener"
    service: "ChatService"
    peers: "Peers | None" = None
    """Other bots on the same database; None: nobody looks whether there are any."""


@asynccontextmanager
async def open_engine(world: World, tracer: Tracer = NO_TRACER) -> AsyncIterator["Engine"]:
    """The engine that the settings ask for, on the champion where versions of ours can answer.

    Raises:
        MynahError: whatever is missing or damaged, and what to do about it.
    """
    settings, remote = world.settings.engine, world.settings.remote
    champion = (await ensure_champion(world)).version if remote.takes_versions else None
    async with AsyncExitStack() as stack:
        engine: Engine
        if remote.urls:
            from bot.engine.remote.opening import open_remote_engine

            base = (await selected_base(world)).version if champion is not None else ""
            engine = await stack.enter_async_context(
                open_remote_engine(world.registry, champion, settings, remote, base_version=base, tracer=tracer)
            )
        else:
            from bot.engine.local import open_local_engine

            local = open_local_engine(world.registry, champion or "", settings, tracer=tracer)
            engine = await stack.enter_async_context(local)
        yield engine


@asynccontextmanager
async def open_chat(
    settings: Settings,
    *,
    follows: bool = True,
    learns: bool = True,
    has_peers: bool = False,
    figures: "Figures | None" = None,
    tracer: Tracer = NO_TRACER,
) -> AsyncIterator[ChatWorld]:
    """Open the database, the screening, the engine on the champion, and the chat service over them.

    Args:
        settings: of this process.
        follows: whether the engine moves to a new champion while it is open.
        learns: whether exchanges may become candidate examples.
        has_peers: whether other bots may hear the same messages.
        figures: where to count what is asked and answered; None: nowhere.
        tracer: writes down which way messages went.

    Raises:
        MynahError: whatever is missing or damaged, and what to do about it.
    """
    from bot.engine.watch import ChampionWatch, stored_routes

    def may_learn_in(server: str) -> bool:
        return learns and (server == TERMINAL_SERVER or settings.discord.permission_to_train_confirmed)

    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(open_world(settings))
        engine = await stack.enter_async_context(open_engine(world, tracer))
        base = await selected_base(world) if settings.remote.takes_versions else None
        if follows and base is not None:
            routes = partial(stored_routes, world.store, base=base.version)
            await stack.enter_async_context(ChampionWatch(world.store, engine, routes=routes))
        screening: Screener = await asyncio.to_thread(open_screening, settings)
        if figures is not None:
            from mynah.telemetry.measured import MeasuredEngine, MeasuredScreening

            engine, screening = MeasuredEngine(engine, figures), MeasuredScreening(screening, figures)
        base_hash = None if base is None else base.content_hash
        peers = await stack.enter_async_context(open_peers(world, engine)) if has_peers else None
        service = chat_service(
            world,
            engine,
            screening,
            may_learn_in,
            base_hash=base_hash,
            figures=figures,
            peers=peers,
            tracer=tracer,
        )
        yield ChatWorld(world, engine, screening, service, peers)


def open_peers(world: World, engine: "Engine") -> "Peers":
    """This bot's place among others on the same database, not yet taken."""
    from bot.chat.peers import Peers

    return Peers(
        world.store,
        own_name(),
        version=lambda: engine.version,
        shards=world.settings.discord.shards,
        patience_seconds=2 * world.settings.engine.deadline_seconds,
    )


def chat_service(
    world: World,
    engine: "Engine",
    screening: "Screener",
    may_learn_in: Callable[[str], bool],
    *,
    base_hash: str | None = None,
    figures: "Figures | None" = None,
    peers: "Peers | None" = None,
    tracer: Tracer = NO_TRACER,
) -> "ChatService":
    """The chat over an open world.

    Args:
        world: open.
        engine: answers.
        screening: of what comes in and goes out.
        may_learn_in: the operator's switch for a server.
        base_hash: content hash of the base, by which it is known whether recalling helps it; None: it does not.
        figures: where to count replies; None: nowhere.
        peers: other bots that may hear the same messages; None: there are none.
        tracer: writes down which way messages went.
    """
    from bot.chat.service import ChatService

    settings = world.settings
    serve: Callable[..., ChatService] = ChatService
    if figures is not None:
        from mynah.telemetry.measured import MeasuredChat

        serve = partial(MeasuredChat, figures=figures)
    return serve(
        store=world.store,
        engine=engine,
        screening=screening,
        chat=settings.chat,
        engine_settings=settings.engine,
        crisis_text=settings.screening.crisis_text,
        clock=world.clock,
        may_learn_in=may_learn_in,
        base_hash=base_hash,
        peers=peers,
        tracer=tracer,
    )


@asynccontextmanager
async def open_trainer(settings: Settings, tracer: Tracer = NO_TRACER) -> AsyncIterator["TrainerWorld"]:
    """Open what the trainer needs; its heavy parts are loaded when a run begins.

    Raises:
        Refused: what is trained could not answer.
        WrongUsage: model servers take adapters, and the settings ask for whole models; or this machine cannot train in
            so many processes.
    """
    check_takes_versions(settings)
    check_can_spread(settings)
    async with open_world(settings) as world:
        await ensure_champion(world)
        base = await selected_base(world)
        yield trainer_world(world, base, ScreeningWhenNeeded(settings), tracer)


def check_takes_versions(settings: Settings) -> None:
    """Nothing, where versions of ours can answer.

    Raises:
        Refused: a model server answers with a model of its own.
    """
    from bot.engine.remote.own_model import own_model_only

    if not settings.remote.takes_versions:
        raise own_model_only()


def check_can_spread(settings: Settings) -> None:
    """Nothing, where this machine can train in as many processes as the settings say.

    Raises:
        WrongUsage: it cannot.
    """
    from trainer.spread.choice import check_spread

    check_spread(settings.trainer.spread, settings.engine.device)


def trainer_world(
    world: World, base: ModelVersion, screening: "Screener", tracer: Tracer = NO_TRACER
) -> "TrainerWorld":
    """The trainer's view of an open world, whose runs start from a base.

    Raises:
        WrongUsage: model servers take adapters, and the settings ask for whole models.
    """
    from trainer.golden import FILE_NAME
    from trainer.world import TrainerWorld

    settings = world.settings
    return TrainerWorld(
        store=world.store,
        registry=world.registry,
        screening=screening,
        settings=_trained_for_servers(settings) if settings.remote.urls else settings.trainer,
        base_version=base.version,
        work_folder=settings.home / "work",
        device=settings.engine.device,
        clock=world.clock,
        threads=settings.engine.threads,
        golden_file=settings.home / FILE_NAME,
        tracer=tracer,
    )


def _trained_for_servers(settings: Settings) -> "TrainerSettings":
    """The trainer's settings, such that model servers can take what it makes."""
    if settings.trainer.method == "full":
        raise WrongUsage(
            "MYNAH_TRAINER__METHOD=full makes whole models, and model servers take adapters only.",
            advice="Use MYNAH_TRAINER__METHOD=lora.",
        )
    return settings.trainer.model_copy(update={"method": "lora"})
