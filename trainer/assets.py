"""What ships with the trainer: prompts and exchanges of our own, read when asked for."""

import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files

from storage.candidates import content_hash
from storage.values import Message, Role


@dataclass(frozen=True, slots=True)
class Identities:
    """Groups of people, neutral sentences to put their names into, and kind and unkind answers."""

    groups: tuple[str, ...]
    templates: tuple[str, ...]
    """With one `{}` each."""
    kind: tuple[str, ...]
    unkind: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrainerAssets:
    """The frozen texts that every run is measured with, and the prompts that old talk is made from."""

    general: tuple[tuple[Message, ...], ...]
    """Everyday exchanges that are never learnt from: what must not be forgotten."""
    probes: tuple[str, ...]
    """Small talk that every new version answers before it may answer people."""
    replay_prompts: tuple[str, ...]
    identities: Identities

    @property
    def general_hash(self) -> str:
        """SHA-256 of the frozen general set, hexadecimal: figures compare only where it is the same."""
        return hashlib.sha256("\n".join(map(content_hash, self.general)).encode()).hexdigest()


def load_assets() -> TrainerAssets:
    """Read them."""
    folder = files("trainer") / "assets"
    general = [json.loads(line) for line in (folder / "general.jsonl").read_text("utf-8").splitlines() if line.strip()]
    return TrainerAssets(
        general=tuple(
            tuple(Message(Role(message["role"]), message["content"]) for message in row["messages"]) for row in general
        ),
        probes=_lines((folder / "probes.txt").read_text("utf-8")),
        replay_prompts=_lines((folder / "replay_prompts.txt").read_text("utf-8")),
        identities=_identities((folder / "identities.json").read_text("utf-8")),
    )


def _identities(text: str) -> Identities:
    told = json.loads(text)
    return Identities(
        groups=tuple(group for kind in told["groups"].values() for group in kind),
        templates=tuple(told["templates"]),
        kind=tuple(told["kind"]),
        unkind=tuple(told["unkind"]),
    )


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())
