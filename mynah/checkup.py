"""What `mynah doctor` looks at: one small check each, from the ground up to Discord.

A check never raises: whatever is wrong becomes a finding that says how to mend it.
"""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum

from mynah.discord_application import API, ask_discord, looks_like_a_token
from mynah.settings import Settings
from mynah.trainer_life import trainer_is_alive
from mynah.world import World, open_screening, open_world
from storage.errors import DatabaseBusy, MynahError
from storage.values import Alias

GIB = 1024**3
OLDEST_PYTHON = (3, 11)


class Health(StrEnum):
    """How a thing is."""

    OK = "ok"
    WARN = "warn"
    """Mynah works, but something is not as good as it could be."""
    FAIL = "fail"
    """Mynah does not work until this is mended."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    name: str
    health: Health
    what: str
    mend: str = ""
    """What to do; empty if nothing."""


async def check_up(settings: Settings, *, online: bool = False, api: str = API) -> AsyncIterator[Finding]:
    """All findings, in the order in which a person would mend them.

    Args:
        settings: of this process.
        online: whether to ask Discord about the token.
        api: Discord's address.
    """
    yield python()
    yield await asyncio.to_thread(torch, settings)
    home = await asyncio.to_thread(home_folder, settings)
    yield home
    if home.health is Health.FAIL:
        return
    yield disk(settings)
    yield memory()
    yield await asyncio.to_thread(golden, settings)
    try:
        async with open_world(settings) as world:
            yield Finding("database", Health.OK, world.store.url)
            async for finding in _in_world(world):
                yield finding
    except DatabaseBusy as error:
        yield Finding("database", Health.FAIL, str(error), "End the process that holds it, or wait.")
    except MynahError as error:
        yield Finding("database", Health.FAIL, error.what, error.advice)
    yield await asyncio.to_thread(screening, settings)
    if settings.remote.urls:
        yield await remote(settings)
    if settings.models.url:
        yield await model_store(settings)
    async for finding in discord(settings, online=online, api=api):
        yield finding


def python() -> Finding:
    """The interpreter."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < OLDEST_PYTHON:
        return Finding("python", Health.FAIL, version, "Mynah needs Python 3.11 or newer: make PYTHON=python3.11 setup")
    return Finding("python", Health.OK, version)


def torch(settings: Settings) -> Finding:
    """PyTorch, and the device that the settings ask for."""
    try:
        import torch

        from bot.engine.weights import find_device

        device = find_device(settings.engine.device)
    except MynahError as error:
        return Finding("torch", Health.FAIL, error.what, error.advice)
    except (ImportError, OSError) as error:
        return Finding("torch", Health.FAIL, f"cannot be loaded: {error}", "Install it anew: make setup")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return Finding("torch", Health.OK, f"{torch.__version__} on {name}, {torch.get_num_threads()} threads")


def home_folder(settings: Settings) -> Finding:
    """Whether the home folder can be written."""
    home = settings.home
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home) as file:
            file.write(b"mynah")
    except OSError as error:
        return Finding(
            "home", Health.FAIL, f"{home} cannot be written: {error.strerror}", "Choose another: --home or MYNAH_HOME"
        )
    return Finding("home", Health.OK, str(home))


def disk(settings: Settings) -> Finding:
    """Room for models: each version is a folder of its own."""
    free = shutil.disk_usage(settings.home).free
    what = f"{free / GIB:.1f} GiB free"
    if free < GIB // 4:
        return Finding("disk", Health.FAIL, what, "Make room: a model and its checkpoints need some hundred MiB.")
    if free < 2 * GIB:
        return Finding("disk", Health.WARN, what, "Make room, or remove model versions that you no longer need.")
    return Finding("disk", Health.OK, what)


def memory() -> Finding:
    """Memory for one model that answers and one that is trained."""
    try:
        size = os.sysconf("SC_PAGE_SIZE")
        total, free = os.sysconf("SC_PHYS_PAGES") * size, os.sysconf("SC_AVPHYS_PAGES") * size
    except (ValueError, OSError):
        return Finding("memory", Health.OK, "unknown on this system")
    what = f"{total / GIB:.1f} GiB, {free / GIB:.1f} GiB unused"
    if total < GIB:
        return Finding("memory", Health.WARN, what, "Bot and trainer together want 2 GiB: training may be killed.")
    return Finding("memory", Health.OK, what)


def golden(settings: Settings) -> Finding:
    """Whether the pinned conversations can be read."""
    from trainer.golden import FILE_NAME, read_golden

    try:
        pinned = read_golden(settings.home / FILE_NAME)
    except MynahError as error:
        return Finding("golden", Health.FAIL, error.what, error.advice)
    return Finding("golden", Health.OK, f"{len(pinned)} pinned in {FILE_NAME}" if pinned else "nothing is pinned")


async def _in_world(world: World) -> AsyncIterator[Finding]:
    damaged = {name: state for name, state in (await world.registry.verify_all()).items() if state != "ok"}
    versions = len(await world.store.aliases.versions())
    if damaged:
        what = "; ".join(f"{name}: {state}" for name, state in damaged.items())
        yield Finding("models", Health.FAIL, what, "Roll back to a whole version: mynah model rollback")
    else:
        yield Finding("models", Health.OK, f"{versions} in the registry, all files as their manifests say")
    champion = await world.store.aliases.current(Alias.CHAMPION)
    if champion is None:
        yield Finding("champion", Health.WARN, "none yet", "The first start sets it: mynah run")
    elif champion in damaged:
        yield Finding("champion", Health.FAIL, f"{champion} is damaged", "mynah model rollback")
    else:
        yield Finding("champion", Health.OK, champion)
    waiting = len(await world.store.receipts.open())
    if waiting:
        what = f"{waiting} of forgotten members wait until no version answers that has learnt from them"
        yield Finding("receipts", Health.WARN, what, "Train without them: mynah train --now, for each line concerned")
    discord = world.settings.discord
    if discord.token is not None and discord.permission_to_train_confirmed:
        yield await _learning(world)
    if await trainer_is_alive(world.store):
        yield Finding("trainer", Health.OK, "running")
    else:
        yield Finding(
            "trainer", Health.WARN, "not running", "Start it with the bot (mynah run) or alone (mynah trainer)"
        )


async def _learning(world: World) -> Finding:
    """Where learning from Discord is on: what the operator confirmed is the first of two yeses."""
    choices = world.store.server_settings
    on = [server for server in await choices.servers() if (await choices.get(server)).learning_on]
    if not on:
        return Finding(
            "learning", Health.WARN, "on in no server yet", "An admin of each server turns it on there: /learning on"
        )
    return Finding("learning", Health.OK, f"on in {'1 server' if len(on) == 1 else f'{len(on)} servers'}")


def screening(settings: Settings) -> Finding:
    """Whether the screens load, and their files are the ones that are pinned."""
    try:
        version = open_screening(settings).version
    except MynahError as error:
        return Finding("screening", Health.FAIL, error.what, error.advice)
    except Exception as error:  # noqa: BLE001 - whatever libraries raise on a broken installation
        return Finding(
            "screening", Health.FAIL, f"cannot be loaded ({type(error).__name__})", "Install anew: make setup"
        )
    return Finding("screening", Health.OK, f"{settings.screening.checkpoint}, version {version}")


async def remote(settings: Settings) -> Finding:
    """The servers that answer: whether they are there, accept the key, have the model, and take what is learnt."""
    from bot.engine.protocol import EngineAway, EngineFailed
    from bot.engine.remote.opening import ask_for_adapters, ask_for_models

    asked = settings.remote
    told = await ask_for_models(asked)
    failed = {url: error for url, error in told.items() if isinstance(error, EngineFailed)}
    for url, error in failed.items():
        is_one_of_several_away = isinstance(error, EngineAway) and len(failed) < len(told)
        health = Health.WARN if is_one_of_several_away else Health.FAIL
        what = f"no answer from {url}" if isinstance(error, EngineAway) else error.what
        return Finding("remote", health, what, error.advice)
    if without := [url for url, models in told.items() if asked.model not in _listed(models)]:
        mend = "Look at MYNAH_REMOTE__MODEL."
        return Finding("remote", Health.FAIL, f"{', '.join(without)} does not list {asked.model}", mend)
    if not asked.adapters:
        return Finding(
            "remote",
            Health.WARN,
            f"{asked.model} answers; nothing can be trained for it, since the servers are not said to take adapters",
            "If they do (vLLM with --enable-lora), set MYNAH_REMOTE__ADAPTERS=true.",
        )
    try:
        deaf = await ask_for_adapters(asked)
    except EngineFailed as error:
        return Finding("remote", Health.FAIL, error.what, error.advice)
    if deaf:
        return Finding(
            "remote",
            Health.FAIL,
            f"{', '.join(deaf)} takes no adapters while it runs",
            "Start vLLM with VLLM_ALLOW_RUNTIME_LORA_UPDATING=True and --enable-lora.",
        )
    return Finding("remote", Health.OK, f"{asked.model} at {len(told)} servers, which take adapters")


def _listed(models: object) -> frozenset[str]:
    return models if isinstance(models, frozenset) else frozenset()


async def model_store(settings: Settings) -> Finding:
    """Where machines share versions, and whether it can be read."""
    from storage.model_store import open_model_store

    try:
        there = await asyncio.to_thread(open_model_store(settings.models.url or "").versions)
    except MynahError as error:
        return Finding("model store", Health.FAIL, error.what, error.advice)
    return Finding("model store", Health.OK, f"{len(there)} versions in {settings.models.url}")


async def discord(settings: Settings, *, online: bool, api: str) -> AsyncIterator[Finding]:
    """The token, what Discord says about it, and the permission to learn."""
    if settings.discord.token is None:
        yield Finding("discord", Health.WARN, "no token: the bot talks in the terminal only", "mynah init")
        return
    token = settings.discord.token.get_secret_value()
    if not looks_like_a_token(token):
        yield Finding("discord", Health.FAIL, "the token has not the form of a bot token", "mynah init")
        return
    if not online:
        yield Finding("discord", Health.OK, "a token is set; `mynah doctor --online` asks Discord about it")
    else:
        async for finding in _online(token, api):
            yield finding
    if settings.discord.permission_to_train_confirmed:
        yield Finding("permission", Health.OK, "you confirmed that Discord lets you train on messages")
    else:
        yield Finding(
            "permission",
            Health.WARN,
            "nothing from Discord is learnt: its Developer Policy (rule 21) wants Discord's own permission",
            "If you hold it, confirm it: mynah init",
        )


async def _online(token: str, api: str) -> AsyncIterator[Finding]:
    try:
        application = await ask_discord(token, api=api)
    except MynahError as error:
        yield Finding("discord", Health.FAIL, error.what, error.advice)
        return
    yield Finding("discord", Health.OK, f"the token belongs to {application.name or application.id}")
    if application.reads_messages:
        yield Finding("intents", Health.OK, "the message content intent is on")
    else:
        yield Finding(
            "intents",
            Health.FAIL,
            "the message content intent is off, so the bot cannot read messages",
            f"Switch it on: {application.portal_link}",
        )
