"""What a run leaves in its work folder, so that it can go on after its process died.

Every note is written whole or not at all. What cannot be read counts as not written: the run then does that part again.
"""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MOST_ATTEMPTS = 5
"""A run that kills its process each time is not tried for ever."""
CLEAN_FROM_ATTEMPT = 3
"""From this try on, what the earlier ones left is not trusted."""


class Journal:
    """The work folder of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def checkpoints(self) -> Path:
        """Where training keeps its checkpoints."""
        return self.folder / "checkpoints"

    @property
    def model(self) -> Path:
        """The files of the trained model; there only when they are whole."""
        return self.folder / "model"

    @property
    def vote_checkpoints(self) -> Path:
        """Where learning from votes keeps its checkpoints."""
        return self.folder / "checkpoints-votes"

    @property
    def voted_model(self) -> Path:
        """The files of the model that has learnt from votes, too."""
        return self.folder / "model-voted"

    def model_at(self, strength: float) -> Path:
        """The files of the model so far on the way from the base to the trained one."""
        return self.model if strength == 1 else self.folder / f"model-{strength:g}".replace(".", "_")

    def begin(self) -> int:
        """Count an attempt; the first is 1. From `CLEAN_FROM_ATTEMPT` on, what was made before is removed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        attempts = int((self.read("attempts") or {}).get("attempts", 0)) + 1
        self.note("attempts", {"attempts": attempts})
        if attempts >= CLEAN_FROM_ATTEMPT and self.read("passed") is None:
            self.clear()
        return attempts

    def note(self, name: str, facts: Mapping[str, object]) -> None:
        """Write some facts."""
        beside = self.folder / f"{name}.writing"
        with beside.open("w", encoding="utf-8") as file:
            json.dump(facts, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, self.folder / f"{name}.json")

    def read(self, name: str) -> dict[str, Any] | None:
        """The facts of that name, if they were written."""
        try:
            facts = json.loads((self.folder / f"{name}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return facts if isinstance(facts, dict) else None

    def clear(self) -> None:
        """Forget what was made: checkpoints, model and notes, but not how often it was tried."""
        for path in (self.checkpoints, *self.folder.glob("model*")):
            shutil.rmtree(path, ignore_errors=True)
        for name in ("recipe", "room", "training", "passed"):
            (self.folder / f"{name}.json").unlink(missing_ok=True)
        self.clear_votes()

    def clear_votes(self) -> None:
        """Forget what was learnt from votes, but not from which."""
        for path in (self.vote_checkpoints, self.voted_model):
            shutil.rmtree(path, ignore_errors=True)
        for name in ("vote-recipe", "voted"):
            (self.folder / f"{name}.json").unlink(missing_ok=True)

    def finish(self) -> None:
        """Remove what only a run under way needs; the report card stays, and the list of voted examples (`votes.json`)."""
        self.clear()
        for name in ("attempts", "snapshot"):
            (self.folder / f"{name}.json").unlink(missing_ok=True)
