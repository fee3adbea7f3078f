"""What a run of the trainer needs of the world, built once and passed in."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.screening.protocol import Screener
from bot.tracing import NO_TRACER, Tracer
from storage.registry import ModelRegistry
from storage.store import Store
from trainer.settings import TrainerSettings


@dataclass(frozen=True)
class TrainerWorld:
    """The world at the trainer's edge."""

    store: Store
    registry: ModelRegistry
    screening: Screener
    settings: TrainerSettings
    base_version: str
    """The registered model that every run starts from."""
    work_folder: Path
    """Snapshots, checkpoints, replay and report cards; ours alone, inside the home folder."""
    device: str
    """`auto`, `cpu`, `cuda` or `mps`."""
    clock: Callable[[], datetime]
    threads: int | None = None
    """CPU threads of one forward pass. None: what suits the model."""
    golden_file: Path | None = None
    """Conversations that the operator pins; it need not be there."""
    tracer: Tracer = NO_TRACER
    """Writes down how long the stages of a run take."""
