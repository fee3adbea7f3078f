"""How rows look to a person at a terminal. Plain text; knows no colours and no terminal."""

from collections.abc import Mapping
from datetime import datetime

from storage.values import AliasChange, Candidate, ModelVersion, Outcome, Role, Run

SPEAKERS = {Role.USER: "they", Role.ASSISTANT: "bot", Role.SYSTEM: "system"}


def candidate_lines(candidate: Candidate) -> list[str]:
    """A candidate example: its id, where it comes from, and its messages."""
    doubt = f", screening: {', '.join(candidate.verdict.reasons)}" if candidate.verdict.outcome != Outcome.PASS else ""
    head = f"#{candidate.id} ({candidate.source.value}, {candidate.state.value}{doubt})"
    return [head, *(f"  {SPEAKERS[message.role]}: {one_line(message.text)}" for message in candidate.messages)]


def one_line(text: str, *, at_most: int = 300) -> str:
    """A text in one line of limited length, without characters that move the cursor."""
    flat = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return flat if len(flat) <= at_most else flat[: at_most - 1] + "…"


def safe_text(text: str) -> str:
    """A text as it may be printed: line breaks stay, control characters (and so escape sequences) do not."""
    return "".join(character for character in text if character in "\n\t" or character.isprintable())


def version_line(version: ModelVersion, names: Mapping[str, str]) -> str:
    """A model version: its name, its aliases, what it is, when it was made."""
    aliases = ", ".join(alias for alias, target in names.items() if target == version.version)
    what = "base" if version.base is None else f"{version.kind} of {version.base}"
    note = f"  {one_line(version.note, at_most=60)}" if version.note else ""
    return f"{version.version}  {aliases or '-':<20}  {what:<28}  {moment(version.created_at)}{note}"


def change_line(change: AliasChange) -> str:
    """A move of an alias."""
    where = f"{change.from_version or 'nothing'} → {change.to_version or 'nothing'}"
    return f"{moment(change.created_at)}  {change.alias.value} {change.action.value}: {where} ({change.reason}){_of_line(change.line)}"


def run_line(run: Run) -> str:
    """A run of the trainer in one line."""
    note = f": {run.note}" if run.note else ""
    return f"run {run.id} {run.state.value} {run.progress:.0%}{_of_line(run.line)}{note}"


def _of_line(line: str) -> str:
    return f" for server {line}" if line else ""


def moment(when: datetime) -> str:
    """A time for people, in their own time zone."""
    return when.astimezone().strftime("%Y-%m-%d %H:%M")
