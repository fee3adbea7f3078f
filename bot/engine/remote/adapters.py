"""Registry versions on vLLM servers: each an adapter under a name of its own, proved before it answers.

Promises: a name is never used twice, since a server may answer a name that was used before from stale caches; a version
answers on a replica only after that replica listed it and answered the golden prompts with it; it is unloaded only when
no request uses it; a replica that was restarted, and so has forgotten its adapters, gets them again. The registry is
the hand-off: a server reads the folder that the trainer published.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from bot.engine.golden import GOLDEN
from bot.engine.protocol import EngineAway, EngineFailed
from bot.engine.remote.errors import NotServed, ServerRefused, ServerTrouble
from bot.engine.remote.patience import Patience
from bot.engine.remote.replicas import Replica
from bot.engine.remote.server import ListedModel
from storage.errors import ModelDamaged, MynahError, Refused
from storage.registry import ModelRegistry

logger = logging.getLogger(__name__)

_PROOF_TOKENS = 6
_PROOF_SECONDS = 60.0


@dataclass(eq=False)
class ServedVersion:
    """A version that model servers answer with; `Loaded`, as the fleet wants it."""

    version: str
    unload: Callable[[str], None] = field(repr=False)

    def close(self) -> None:
        """Have it unloaded everywhere. Blocks; called from a thread."""
        self.unload(self.version)


class Adapters:
    """Which versions the replicas have. Belongs to one event loop."""

    def __init__(
        self,
        registry: ModelRegistry,
        replicas: Sequence[Replica],
        *,
        model: str,
        base_version: str,
        folder: str | None,
        new_mark: Callable[[], str] = lambda: secrets.token_hex(4),
    ) -> None:
        """Load nothing yet.

        Args:
            registry: holds the versions.
            replicas: all serve the same model.
            model: what they call it.
            base_version: what the registry calls it; adapters over another base are refused.
            folder: where the servers see the registry's folder; None: under the same path.
            new_mark: ends a new name, so that no name comes twice.
        """
        self._registry = registry
        self._replicas = replicas
        self._model = model
        self._base_version = base_version
        self._folder = folder
        self._new_mark = new_mark
        self._wanted: set[str] = set()
        self._loading: dict[Replica, asyncio.Lock] = {replica: asyncio.Lock() for replica in replicas}
        self._loop = asyncio.get_running_loop()

    async def open(self, version: str) -> ServedVersion:
        """Have a version on every replica that is there; the others get it when they come back.

        Raises:
            EngineAway: no replica is there. It is not kept.
            Refused: these servers cannot serve it.
            UnknownModel, UnsafeModel, ModelDamaged: the version is not whole.
            EngineFailed: a replica did not take it, or does not answer with it.
        """
        served = await self.expect(version)
        try:
            await self.load(version)
        except BaseException:
            await self._let_go(version)
            raise
        return served

    async def expect(self, version: str) -> ServedVersion:
        """Have a version loaded as soon as a replica is there; checks it without asking any.

        Raises:
            Refused: these servers cannot serve it.
            UnknownModel, UnsafeModel, ModelDamaged: the version is not whole.
        """
        row = await self._registry.resolve(version)
        if row.version != self._base_version:
            if row.kind != "adapter":
                raise Refused(
                    f"Version {version} has all weights of its own, and the model servers take adapters only.",
                    advice=f"Promote the base ({self._base_version}), or a version that MYNAH_TRAINER__METHOD=lora made.",
                )
            if row.base != self._base_version:
                raise Refused(
                    f"Version {version} was trained over another base than the one that MYNAH_ENGINE__BASE selects.",
                    advice="Promote a version of this base: see `mynah model list`.",
                )
            await asyncio.to_thread(self._registry.verify, version)
        self._wanted.add(version)
        return ServedVersion(version, self._unload_from_thread)

    async def load(self, version: str) -> None:
        """Have an expected version on every replica that is there.

        Raises:
            EngineAway: no replica is there; it is loaded when one is.
            EngineFailed, ModelDamaged: a replica did not take it, or does not answer with it.
        """
        results = await asyncio.gather(
            *(self._load(replica, version) for replica in self._replicas), return_exceptions=True
        )
        errors = [result for result in results if isinstance(result, BaseException)]
        refusals = [error for error in errors if not isinstance(error, EngineAway)]
        if refusals:
            raise refusals[0]
        if len(errors) == len(self._replicas):
            raise errors[0]

    async def look(self) -> None:
        """See how all replicas are, and load what one lacks, such as after its restart. Raises nothing of ours."""
        await asyncio.gather(*(self._look_at(replica) for replica in self._replicas))

    async def reload(self, replica: Replica, version: str, lost: str) -> None:
        """A replica says that it does not know a name: have the version under a new one.

        Raises:
            EngineFailed: it did not take it.
        """
        if replica.names.get(version) == lost:  # nobody has done it meanwhile
            del replica.names[version]
        await self._load(replica, version)

    async def _look_at(self, replica: Replica) -> None:
        try:
            listed = await replica.look()
            for version in [version for version, name in replica.names.items() if name not in listed]:
                logger.warning("model server forgot a version", extra={"model_version": version})
                del replica.names[version]
            for version in sorted(self._wanted):
                await self._load(replica, version)
        except MynahError as error:
            logger.warning("model server not well", extra={"server": replica.server.url, "error": type(error).__name__})

    async def _load(self, replica: Replica, version: str) -> None:
        """Load, look whether it is listed, and prove it. One after another on each replica."""
        async with self._loading[replica]:
            if version in replica.names or version not in self._wanted:
                return
            if version == self._base_version:
                await self._check_listed(replica, self._model)
                replica.names[version] = self._model
                return
            name = f"mynah-{version}-{self._new_mark()}"
            here = self._registry.folder(version).absolute()
            folder = str(here) if self._folder is None else str(PurePath(self._folder) / here.name)
            try:
                await replica.server.load_adapter(name, folder)
                await self._check_listed(replica, name)
                await prove(replica, name)
            except NotServed as error:
                raise ServerRefused(
                    f"The model server could not load version {version}. {error.what}",
                    advice="Start vLLM with VLLM_ALLOW_RUNTIME_LORA_UPDATING=True and --enable-lora, and let it see the "
                    "folder of models (MYNAH_REMOTE__MODELS_FOLDER).",
                ) from error
            except BaseException:
                await self._unload(replica, name)
                raise
            replica.names[version] = name
            logger.info("version loaded", extra={"model_version": version, "server": replica.server.url})

    async def _check_listed(self, replica: Replica, name: str) -> None:
        listed: dict[str, ListedModel] = await replica.look()
        if name not in listed:
            raise ServerTrouble(
                f"The model server {replica.server.url} does not list {name}.",
                advice="Check MYNAH_REMOTE__MODEL, or look into the server's log.",
            )

    def _unload_from_thread(self, version: str) -> None:
        asyncio.run_coroutine_threadsafe(self._let_go(version), self._loop).result()

    async def _let_go(self, version: str) -> None:
        self._wanted.discard(version)
        await asyncio.gather(*(self._forget(replica, version) for replica in self._replicas))

    async def _forget(self, replica: Replica, version: str) -> None:
        async with self._loading[replica]:
            name = replica.names.pop(version, self._model)
            if name != self._model:
                await self._unload(replica, name)

    async def _unload(self, replica: Replica, name: str) -> None:
        """Never an error: an adapter that stays takes a place until the server is restarted, and answers nobody."""
        try:
            await replica.server.unload_adapter(name)
        except NotServed:
            pass
        except EngineFailed as error:
            logger.warning("version not unloaded", extra={"server": replica.server.url, "error": type(error).__name__})


async def prove(replica: Replica, name: str) -> None:
    """Ask the golden prompts under a name.

    Raises:
        ModelDamaged: it has nothing to say.
        EngineFailed: it does not answer, or another model does.
    """
    said = ""
    for prompt in GOLDEN:
        body: dict[str, Any] = {
            "model": name,
            "messages": [{"role": "user", "content": prompt}],
            "stream": True,
            "temperature": 0.0,
            "max_tokens": _PROOF_TOKENS,
        }
        patience = Patience(asyncio.get_running_loop().time() + _PROOF_SECONDS)
        try:
            async with aclosing(replica.server.chat(body, patience)) as chunks:
                async for chunk in chunks:
                    said += chunk.delta
                    if chunk.model not in {None, name}:
                        raise ServerTrouble(
                            f"The model server answered {name} with another model.", advice="Restart the server."
                        )
        except TimeoutError as error:
            raise EngineAway("The model server took too long over a golden prompt.") from error
    if not said.strip():
        raise ModelDamaged("This version has nothing to say.", advice="Roll back to another version.")
