"""A version from its folder to where it can answer: verified, loaded, proved. It knows no routes and no requests."""

import asyncio
from collections.abc import Callable

import torch

from bot.engine.generation import Generation
from bot.engine.protocol import EngineFailed
from bot.engine.threads import use_threads
from bot.engine.warming import prove
from bot.engine.weights import load_weights
from bot.settings import EngineSettings
from storage.errors import MynahError, UnknownModel
from storage.registry import ModelRegistry


async def open_generation(
    registry: ModelRegistry, version: str, settings: EngineSettings, monotonic: Callable[[], float]
) -> Generation:
    """A version that is ready to answer; the work is done in a thread of its own.

    Sets the process's number of torch threads.

    Args:
        registry: holds the version, and its base if it is an adapter.
        version: a version's whole name.
        settings: of the engine.
        monotonic: seconds, for deadlines.

    Raises:
        ModelDamaged, UnsafeModel, UnknownModel: it cannot be served.
        WrongUsage: the device is not there.
        EngineFailed: it does not answer.
        DatabaseBusy: it could not be looked up.
    """
    row = await registry.resolve(version)
    if row.version != version:
        raise UnknownModel(f"No model version is called {version!r}.", advice="See `mynah model list`.")

    def work() -> Generation:
        registry.verify(row.version)
        base = None
        if row.kind == "adapter" and row.base is not None:
            registry.verify(row.base)
            base = registry.folder(row.base)
        weights = load_weights(registry.folder(row.version), base_folder=base, device=settings.device)
        use_threads(settings.threads, weights)
        make_rows = prove(weights, capacity=settings.max_running, context_tokens=settings.context_tokens)
        return Generation(
            row.version,
            weights,
            make_rows,
            max_running=settings.max_running,
            monotonic=monotonic,
            seed=torch.seed() % 2**63,
        )

    try:
        return await asyncio.to_thread(work)
    except MynahError:
        raise
    except Exception as error:
        raise EngineFailed(
            f"The model {row.version} could not be started ({type(error).__name__}).",
            advice="Roll back to another version, or look into the log.",
        ) from error
