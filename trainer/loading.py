"""A registered version as weights that can be read: verified first, an adapter under its base. Blocks."""

from pathlib import Path

from bot.engine.weights import LoadedWeights, load_weights
from storage.values import ModelVersion
from trainer.world import TrainerWorld


def checked_folder(world: TrainerWorld, version: str) -> Path:
    """The folder of a version whose files are what its manifest says.

    Raises:
        MynahError: they are not, or there is none.
    """
    world.registry.verify(version)
    return world.registry.folder(version)


def loaded(world: TrainerWorld, version: ModelVersion) -> LoadedWeights:
    """The weights of a version."""
    under = checked_folder(world, version.base) if version.kind == "adapter" and version.base else None
    return load_weights(checked_folder(world, version.version), base_folder=under, device=world.device)
