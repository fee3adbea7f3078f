"""What a preparation did, counted: the card for programs and the page for people. It never quotes what was said."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from trainer.growing.sources import Skipped
from trainer.growing.sources_values import Broken, Reading

UNKNOWN_LICENCE = "unknown"
_EXAMPLES = 20
_MAX_SOURCES = 1_000
_OTHERS = "other sources"
_MAX_LICENCES = 20
_IN_BRACKETS = re.compile(r" ?\([^()]*\)")
_NUMBER = re.compile(r"(?<=message )\d+|(?<=has )\d+(?= columns)")


@dataclass
class Amount:
    """How much talk."""

    conversations: int = 0
    turns: int = 0
    characters: int = 0

    def add(self, texts: Sequence[str]) -> None:
        """One more conversation."""
        self.conversations += 1
        self.turns += len(texts)
        self.characters += sum(map(len, texts))


@dataclass
class SourceTally:
    """What came from one source, and where it went."""

    read: Amount = field(default_factory=Amount)
    train: Amount = field(default_factory=Amount)
    heldout: Amount = field(default_factory=Amount)
    licences: Counter[str] = field(default_factory=Counter)
    """To conversations read."""


@dataclass
class Tally:
    """Everything that is counted on the way."""

    reading: Reading = field(default_factory=Reading)
    files: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    broken: Counter[str] = field(default_factory=Counter)
    broken_examples: list[str] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    """Conversations, by reason."""
    shortened: Counter[str] = field(default_factory=Counter)
    """Conversations that end before a bad turn, by what is bad about it."""
    changed: Counter[str] = field(default_factory=Counter)
    sources: dict[str, SourceTally] = field(default_factory=dict)

    def name_of(self, source: str) -> str:
        """The source under which to count; after a thousand, all others are one."""
        return source if source in self.sources or len(self.sources) < _MAX_SOURCES else _OTHERS

    def source(self, source: str) -> SourceTally:
        """The counts of a source."""
        return self.sources.setdefault(self.name_of(source), SourceTally())

    def licence(self, source: SourceTally, licence: str | None) -> None:
        """Whose terms one more conversation of a source is under."""
        name = licence or UNKNOWN_LICENCE
        if name not in source.licences and len(source.licences) >= _MAX_LICENCES:
            name = "other"
        source.licences[name] += 1

    def add_broken(self, broken: Broken) -> None:
        """One more line that is no conversation."""
        kind = _NUMBER.sub("…", _IN_BRACKETS.sub("", broken.reason))  # what all lines of the kind have in common
        self.broken[kind] += 1
        if len(self.broken_examples) < _EXAMPLES:
            self.broken_examples.append(f"{broken.where}: {broken.reason}")

    def total(self, part: str) -> Amount:
        """Over all sources; `part` is `read`, `train` or `heldout`."""
        amounts = [getattr(source, part) for source in self.sources.values()]
        return Amount(*(sum(getattr(one, key) for one in amounts) for key in asdict(Amount())))

    def without_licence(self) -> list[str]:
        """Sources with talk under unknown terms."""
        return sorted(name for name, source in self.sources.items() if UNKNOWN_LICENCE in source.licences)

    def facts(self) -> dict[str, Any]:
        """The counts as the card has them."""
        return {
            "conversations": {part: asdict(self.total(part)) for part in ("read", "train", "heldout")},
            "sources": {
                name: {
                    "licences": dict(sorted(source.licences.items())),
                    **{part: asdict(getattr(source, part)) for part in ("read", "train", "heldout")},
                }
                for name, source in sorted(self.sources.items())
            },
            "dropped": _ordered(self.dropped),
            "shortened": _ordered(self.shortened),
            "changed": _ordered(self.changed + self.reading.changed),
            "left_out": _ordered(self.reading.left_out),
            "broken": _ordered(self.broken),
            "broken_examples": self.broken_examples,
            "files_read": self.files,
            "skipped": [asdict(one) for one in self.skipped],
        }


def _ordered(counts: Counter[str]) -> dict[str, int]:
    """The counts above zero, the largest first; equal ones by name."""
    return dict(
        sorted(((name, count) for name, count in counts.items() if count), key=lambda pair: (-pair[1], pair[0]))
    )


def readme_of(name: str, facts: Mapping[str, Any]) -> str:
    """The card for people, in Markdown; `{content_hash}` is left for the writer to fill in."""
    title = name.replace("{", "(").replace("}", ")")
    return "\n".join([f"# {title}", "", *_lines(facts)]).replace("\n\n\n", "\n\n") + "\n"


def _lines(facts: Mapping[str, Any]) -> Iterator[str]:
    yield "Talk prepared by `mynah prepare`, to grow a model from. `card.json` says the same for programs."
    yield ""
    for note in facts["notes"]:
        yield f"> **{_plain(note)}**"
        yield ""
    train, heldout, read = (facts["conversations"][part] for part in ("train", "heldout", "read"))
    yield "| | conversations | turns | characters |"
    yield "|---|---:|---:|---:|"
    for label, one in (("read", read), ("`train.jsonl`", train), ("`heldout.jsonl`", heldout)):
        yield f"| {label} | {one['conversations']:,} | {one['turns']:,} | {one['characters']:,} |"
    yield ""
    yield "Content hash: `{content_hash}` (`sha256sum train.jsonl heldout.jsonl | sha256sum`)"
    yield ""
    yield "## Sources"
    yield ""
    yield "| source | licence | read | to learn from | held out |"
    yield "|---|---|---:|---:|---:|"
    for name, source in facts["sources"].items():
        counts = " | ".join(f"{source[part]['conversations']:,}" for part in ("read", "train", "heldout"))
        yield f"| {_plain(name)} | {_plain('; '.join(source['licences']))} | {counts} |"
    yield ""
    for title, key, unit in SECTIONS:
        if facts[key]:
            yield f"## {title}"
            yield ""
            yield f"| {unit} | |"
            yield "|---:|---|"
            yield from (f"| {count:,} | {_plain(reason)} |" for reason, count in facts[key].items())
            yield ""
    if facts["skipped"]:
        yield "## Files not read"
        yield ""
        yield from (f"- {_plain(one['name'])}: {_plain(one['reason'])}" for one in facts["skipped"])
        yield ""
    yield "## How it was made"
    yield ""
    for key, value in facts["options"].items():
        yield f"- {key.replace('_', ' ')}: {_plain(value)}"
    yield f"- screen: {facts['screen']['version']}" + ("" if facts["screen"]["is_whole"] else " (personal data only)")
    yield f"- made at: {facts['created_at']}"


SECTIONS = (
    ("Dropped", "dropped", "conversations"),
    ("Cut before a bad turn", "shortened", "conversations"),
    ("Changed", "changed", "times"),
    ("Left out while reading", "left_out", "messages"),
    ("Could not be read", "broken", "lines"),
)
"""Title, the card's key, and what is counted."""


def _plain(value: object) -> str:
    """Something as text in a cell of a table."""
    if value is None or value == () or value == []:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return " ".join(text.split()).replace("|", "\\|").replace("{", "(").replace("}", ")")
