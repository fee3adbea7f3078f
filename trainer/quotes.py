"""Quotes in a report that lies on the disk, and taking them out. Knows the report's form, and no model."""

import json
import os
from pathlib import Path

from storage.run_quotes import without_quotes

REPLIES = "## Replies"
"""The heading over the quotes in `report.md`; each reply under it is a row of a table."""


def clear_quotes(folder: Path) -> bool:
    """Take the replies out of the report that lies in a folder; False: there is none, or it has none. Blocks.

    Raises:
        OSError: it cannot be read or written.
    """
    return any([_clear_json(folder / "report.json"), _clear_page(folder / "report.md")])


def _clear_json(path: Path) -> bool:
    try:
        report = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    if not isinstance(report, dict) or not report.get("replies"):
        return False
    _replace(path, json.dumps(without_quotes(report), indent=2, ensure_ascii=False) + "\n")
    return True


def _clear_page(path: Path) -> bool:
    """Cut the section of replies: each is a row of a table, so that the next heading is ours for sure."""
    if not path.is_file():
        return False
    before, heading, section = path.read_text("utf-8").partition(f"\n{REPLIES}\n")
    if not heading:
        return False
    _, next_heading, rest = section.partition("\n## ")
    _replace(path, f"{before}{next_heading}{rest}")
    return True


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(f"{path.name}.writing")
    beside.write_text(text, "utf-8")
    os.replace(beside, path)
