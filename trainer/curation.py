"""Which approved exchanges a run may learn from, and why the others may not. Pure: verdicts and limits come in.

Approval is not enough. Every text is screened again with the screens of today, sources that the operator has since
excluded are left out, and no member and no repeated sentence may fill the snapshot: a few hundred copies are enough to
plant a habit, whatever the size of the rest (so the caps are counts, not shares).
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from storage.candidates import content_hash
from storage.similarity import clusters
from storage.values import Candidate, Message, Outcome, Role, Source, Verdict


@dataclass(frozen=True, slots=True)
class Example:
    """An exchange that will be learnt or held out."""

    candidate_id: int
    messages: tuple[Message, ...]
    content_hash: str
    """Of the messages as they are here, not of the candidate's row."""
    source: Source
    author_keys: tuple[str, ...]
    place: str
    """Server and channel."""
    cluster: int
    """Exchanges with the same number are near-duplicates."""


@dataclass(frozen=True, slots=True)
class Curated:
    """What is left, and how many were dropped for which reason."""

    examples: tuple[Example, ...]
    dropped: Mapping[str, int]


def curate(
    candidates: Sequence[Candidate],
    verdicts: Mapping[str, Verdict],
    *,
    sources: Collection[Source],
    max_per_member: int,
    max_per_cluster: int,
) -> Curated:
    """The candidates that may be learnt from, in order of their ids, their texts as screening wants them kept.

    Args:
        candidates: approved, with consent.
        verdicts: today's verdict on every message's text.
        sources: those that the operator lets us learn from.
        max_per_member: examples that any one author may have; imports are not counted.
        max_per_cluster: examples that are nearly the same; imports are not counted.
    """
    dropped: Counter[str] = Counter()
    seen: set[str] = set()
    kept: list[Example] = []
    for candidate in sorted(candidates, key=lambda one: one.id):
        if candidate.source not in sources:
            dropped[f"source {candidate.source.value} is not learnt from"] += 1
            continue
        found = [verdicts[message.text] for message in candidate.messages]
        if reason := _refusal(found):
            dropped[f"refused by screening: {reason}"] += 1
            continue
        messages = tuple(Message(m.role, v.text) for m, v in zip(candidate.messages, found, strict=True))
        if not _is_exchange(messages):
            dropped["not a message and its answer"] += 1
            continue
        digest = content_hash(messages)
        if digest in seen:
            dropped["said before in the same words"] += 1
            continue
        seen.add(digest)
        place = f"{candidate.server}\n{candidate.channel}"
        kept.append(Example(candidate.id, messages, digest, candidate.source, candidate.author_keys, place, len(kept)))
    return _capped(kept, dropped, max_per_member, max_per_cluster)


def _refusal(verdicts: Sequence[Verdict]) -> str | None:
    """What screening objects to (`toxicity`, `personal-data`, …), or None."""
    for verdict in verdicts:
        if verdict.is_crisis:
            return "crisis"
        if verdict.outcome is Outcome.REFUSE:
            return verdict.reasons[0].split(":")[0] if verdict.reasons else "no reason given"
    return None


def _is_exchange(messages: Sequence[Message]) -> bool:
    return (
        any(message.role is Role.USER and message.text.strip() for message in messages[:-1])
        and messages[-1].role is Role.ASSISTANT
        and bool(messages[-1].text.strip())
    )


def _capped(kept: Sequence[Example], dropped: Counter[str], max_per_member: int, max_per_cluster: int) -> Curated:
    """The examples within the caps; the newest ones go first when there are too many."""
    members: Counter[str] = Counter()
    in_cluster: Counter[int] = Counter()
    examples: list[Example] = []
    for example, cluster in zip(kept, clusters([example.messages for example in kept]), strict=True):
        if example.source is not Source.IMPORT:
            if any(members[author] >= max_per_member for author in example.author_keys):
                dropped["a member has enough examples"] += 1
                continue
            if in_cluster[cluster] >= max_per_cluster:
                dropped["nearly the same was said often enough"] += 1
                continue
            members.update(example.author_keys)
            in_cluster[cluster] += 1
        examples.append(
            Example(
                example.candidate_id,
                example.messages,
                example.content_hash,
                example.source,
                example.author_keys,
                example.place,
                cluster,
            )
        )
    return Curated(tuple(examples), dict(dropped))
