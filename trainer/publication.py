"""From a trained model in the work folder to the champion. Every step may be done twice: a crash between any is harmless."""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

from storage.errors import Refused
from storage.governance import SHARED_LINE
from storage.manifest import content_hash, entry_of, version_of
from storage.model_files import files_of
from storage.registry import Lineage
from storage.values import Alias, ModelVersion
from trainer.world import TrainerWorld

ACTOR = "trainer"


@dataclass(frozen=True, slots=True)
class Publication:
    """What is to be published, and over whom."""

    files: Path
    """A version's files, without a manifest."""
    lineage: Lineage
    champion: str
    """The version that the new one was compared with."""
    verdict: str
    line: str = SHARED_LINE


async def publish(world: TrainerWorld, publication: Publication) -> ModelVersion:
    """Put the version into the registry, check it there, and make it the champion.

    Raises:
        Refused: people made another version the champion meanwhile; nothing of that is changed.
    """
    staging = world.registry.staging()
    await asyncio.to_thread(shutil.copytree, publication.files, staging, dirs_exist_ok=True)
    version = await world.registry.publish(staging, publication.lineage)
    await asyncio.to_thread(world.registry.verify, version.version)
    aliases, line = world.store.aliases, publication.line
    if await aliases.current(Alias.CHAMPION, line) == version.version:
        return version
    await aliases.set(
        Alias.CHALLENGER, version.version, actor=ACTOR, reason=f"run {publication.lineage.run_id}", line=line
    )
    if await aliases.was_rolled_back(version.version, line):
        raise Refused(f"Version {version.version} was rolled back by people meanwhile.")
    if line != SHARED_LINE and await aliases.current(Alias.CHAMPION, line) is None:
        # The base answered there so far. It becomes the first champion, so that a rollback has where to go.
        await aliases.promote(publication.champion, actor=ACTOR, reason="the line begins", line=line)
    await aliases.promote(
        version.version, actor=ACTOR, reason=publication.verdict, expected_champion=publication.champion, line=line
    )
    await aliases.set(Alias.CHALLENGER, None, actor=ACTOR, reason="it is the champion now", line=line)
    return version


def foreseen_version(model: Path, kind: str, base_version: str) -> str:
    """The name that the registry will give to a model's files. Blocks."""
    files = {path.name: entry_of(path) for path in files_of(model)}
    return version_of(content_hash(kind, base_version, files))
