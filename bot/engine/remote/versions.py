"""What a version is called at the servers, and how it comes there: proved before it answers, forgotten afterwards.

The servers' own model stands for the base; a version that was trained from it is an adapter over it, under a name of
its own. Whole models cannot be brought to a server.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import PurePath

from bot.engine.protocol import EngineBusy, EngineFailed, Sampling
from bot.engine.remote.replicas import Replica
from bot.engine.warming import GOLDEN
from bot.settings import RemoteSettings
from storage.errors import MynahError, UnknownModel
from storage.registry import ModelRegistry
from storage.values import Message, Role

logger = logging.getLogger(__name__)

_PROOF = Sampling(temperature=0.0, max_new_tokens=8)
_UNLOAD_SECONDS = 30.0


class RemoteVersion:
    """A version that the servers answer with."""

    def __init__(self, version: str, name: str, forget: Callable[[], None] | None = None) -> None:
        self.version = version
        self.name = name
        """What the servers call it."""
        self._forget = forget

    def close(self) -> None:
        """Let the servers forget it, if it is an adapter. Blocks; not to be called on the event loop."""
        if self._forget is not None:
            self._forget()


class RemoteVersions:
    """Opens versions at all servers. Belongs to one event loop."""

    def __init__(
        self, registry: ModelRegistry, replicas: Sequence[Replica], settings: RemoteSettings, base_version: str
    ) -> None:
        self._registry = registry
        self._replicas = replicas
        self._settings = settings
        self._base_version = base_version
        self._adapters: dict[str, str] = {}

    def base(self) -> RemoteVersion:
        """The servers' own model; whether it answers shows when it is asked."""
        return RemoteVersion(self._base_version, self._settings.model)

    async def open(self, version: str) -> RemoteVersion:
        """A version that is ready to answer at one server at least.

        Raises:
            ModelDamaged, UnsafeModel, UnknownModel: it is not one to serve.
            EngineFailed: no server can serve it.
        """
        if version == self._base_version:
            return self.base()
        row = await self._registry.resolve(version)
        if row.version != version:
            raise UnknownModel(f"No model version is called {version!r}.", advice="See `mynah model list`.")
        if not self._settings.adapters:
            raise EngineFailed(
                "The model's server answers with its own model, and takes no versions.",
                advice="Set MYNAH_REMOTE__ADAPTERS=true if it is vLLM with --enable-lora.",
            )
        if row.kind != "adapter" or row.base != self._base_version:
            raise EngineFailed(
                f"{version} is no adapter over the base that the servers have.",
                advice="Train with MYNAH_TRAINER__METHOD=lora, or go back to the base.",
            )
        await asyncio.to_thread(self._registry.verify, version)
        name = adapter_name(version)
        self._adapters[name] = self._folder(version)
        try:
            await self._everywhere(name)
        except MynahError:
            del self._adapters[name]
            raise
        loop = asyncio.get_running_loop()

        def forget() -> None:
            asyncio.run_coroutine_threadsafe(self._forget(name), loop).result(_UNLOAD_SECONDS)

        return RemoteVersion(version, name, forget)

    async def refresh(self, replica: Replica) -> None:
        """Look at what a server has, and give it back what it has forgotten.

        Raises:
            EngineFailed: it cannot be asked.
        """
        has = await replica.server.models()
        for name, folder in self._adapters.items():
            if name not in has:
                await replica.server.load_adapter(name, folder)
                logger.info("adapter loaded again", extra={"adapter": name, "server": replica.server.url})
        replica.names = {*has, *self._adapters}

    def _folder(self, version: str) -> str:
        there = self._settings.models_folder
        here = self._registry.folder(version)
        return str(here) if there is None else str(PurePath(there) / here.name)

    async def _everywhere(self, name: str) -> None:
        """Load and prove an adapter at every server that can be reached."""
        results = await asyncio.gather(*(self._at(replica, name) for replica in self._replicas), return_exceptions=True)
        errors = [result for result in results if isinstance(result, BaseException)]
        for error in errors:
            if not isinstance(error, MynahError):
                raise error
            logger.warning("adapter not loaded", extra={"adapter": name, "error": type(error).__name__})
        if len(errors) == len(results):
            raise errors[0]

    async def _at(self, replica: Replica, name: str) -> None:
        await replica.server.load_adapter(name, self._adapters[name])
        for text in GOLDEN:
            try:
                said = [
                    chunk.text
                    async for chunk in replica.server.chat(
                        name,
                        [Message(Role.USER, text)],
                        _PROOF,
                        first_seconds=self._settings.first_token_seconds,
                        has_top_k=True,
                    )
                ]
            except EngineBusy:
                break  # it has work to do, so it works; others speak with it already
            if not "".join(said).strip():
                raise EngineFailed("This version has nothing to say.", advice="Go back to another version.")
        replica.names.add(name)

    async def _forget(self, name: str) -> None:
        self._adapters.pop(name, None)
        for replica in self._replicas:
            replica.names.discard(name)
            try:
                await replica.server.unload_adapter(name)
            except MynahError as error:  # a server that is away has forgotten it by itself
                logger.info("adapter not unloaded", extra={"adapter": name, "error": type(error).__name__})


def adapter_name(version: str) -> str:
    """What the servers call a version: a name that nothing else ever had."""
    return f"mynah-{version}"
