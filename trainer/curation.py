"""Which approved exchanges a run may learn from, and why the others may not. Pure.

Verdicts, limits, and what is kept already come in; what becomes of each candidate goes out.

Approval is not enough. Every text is screened again with the screens of today, sources that the operator has since
excluded are left out, and no member and no repeated sentence may fill the snapshot: a few hundred copies are enough to
plant a habit, whatever the size of the rest (so the caps are counts, not shares). Caps, quarantine and trust are about
members' talk; what an operator imports is vouched for, and only screened and cleaned of what says the same.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, zip_longest

from storage.candidates import content_hash
from storage.curation_values import Beside, LeftOutBecause, NewCuration, Pending, Standing
from storage.server_settings import ServerSettings
from storage.similarity import Print
from storage.values import Candidate, Message, Outcome, Role, Source, Verdict
from trainer.settings import TrainerSettings
from trainer.trust import trust

_RULES = 1
"""Of this module, `trainer.trust` and `storage.similarity`: counts up when the same input could get another outcome."""
_SETTINGS = {
    "sources",
    "max_per_member",
    "max_per_member_and_cycle",
    "max_per_cluster",
    "max_per_import_cluster",
    "quarantine",
    "min_account_days",
    "min_trust",
}
_COMPARED = 8
"""Exchanges of one bucket that a newcomer is compared with; more would be quadratic in copies of one exchange."""


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
    side: str = ""
    """Where it was in an earlier snapshot: `train`, `heldout`, or in none."""


@dataclass(frozen=True, slots=True)
class Curated:
    """What is left, and how many were dropped for which reason."""

    examples: tuple[Example, ...]
    dropped: Mapping[str, int]


def rules_of(settings: TrainerSettings, screen_version: str, defaults: ServerSettings) -> str:
    """The name of all that decides: outcomes under another name are no longer good."""
    told = [
        _RULES,
        screen_version,
        settings.model_dump(mode="json", include=_SETTINGS),
        defaults.model_dump(mode="json", include={"sources", "own_line"}),
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def in_turns(pending: Sequence[Pending]) -> list[Pending]:
    """In which order to look: what was taken before, then imports, then the sources of talk in turns, oldest first."""
    before = [one for one in pending if one.was_kept]
    imports = [one for one in pending if not one.was_kept and one.source is Source.IMPORT]
    talk: dict[Source, list[Pending]] = defaultdict(list)
    for one in pending:
        if not one.was_kept and one.source is not Source.IMPORT:
            talk[one.source].append(one)
    turns = chain.from_iterable(zip_longest(*(talk[source] for source in sorted(talk))))
    return [*before, *imports, *(one for one in turns if one is not None)]


def as_learnt(candidate: Candidate, verdicts: Mapping[str, Verdict]) -> tuple[Message, ...]:
    """A candidate's messages as screening wants them kept."""
    return tuple(Message(message.role, verdicts[message.text].text) for message in candidate.messages)


def curate(
    candidates: Sequence[Candidate],
    verdicts: Mapping[str, Verdict],
    settings: TrainerSettings,
    *,
    at: datetime,
    beside: Beside | None = None,
    kept_before: Collection[int] = (),
) -> list[NewCuration]:
    """What becomes of some candidates, in the given order: the first ones have the first right.

    Args:
        candidates: approved, with consent.
        verdicts: today's verdict on every message's text.
        settings: caps and thresholds.
        at: the time.
        beside: what is kept already; None: nothing.
        kept_before: ids of those that an earlier look took: no news to a cycle, and their members no newcomers.
    """
    look = _Look(settings, at, beside or Beside(), kept_before)
    return [look.at(candidate, verdicts) for candidate in candidates]


class _Look:
    """One look at some candidates: what was taken so far counts for the later ones."""

    def __init__(self, settings: TrainerSettings, at: datetime, beside: Beside, kept_before: Collection[int]) -> None:
        self._settings = settings
        self._at = at
        self._beside = beside
        self._kept_before = kept_before
        self._digests = set(beside.digests)
        self._near = _NearOnes()
        for one in beside.near:
            self._near.add(Print.of(one.messages), one.cluster, one.side)
        self._talk = Counter(beside.talk_in_cluster)
        self._imports = Counter(beside.imports_in_cluster)
        self._kept: Counter[str] = Counter({key: one.kept for key, one in beside.members.items()})
        self._kept_now: Counter[str] = Counter({key: one.kept_now for key, one in beside.members.items()})

    def at(self, candidate: Candidate, verdicts: Mapping[str, Verdict]) -> NewCuration:
        """What becomes of the next one."""
        messages = as_learnt(candidate, verdicts)
        digest = content_hash(messages)
        own = Print.of(messages)
        alike = self._near.alike(own)
        near = sorted({cluster for cluster, _ in alike}) or [candidate.id]
        reason = (
            self._why_unfit(candidate, messages, verdicts)
            or self._why_no_news(candidate, digest, alike)
            or self._why_not_of_these(candidate)
        )
        if not reason:
            self._digests.add(digest)
            self._take(candidate, own, near)
        changed = messages if messages != candidate.messages else None
        joins = () if reason else tuple(near[1:])
        return NewCuration(candidate.id, candidate.content_hash, reason, digest, changed, near[0], joins)

    def _take(self, candidate: Candidate, own: Print, near: Sequence[int]) -> None:
        """Count it for the later ones; the clusters that it is near to are one from now on."""
        first = near[0]
        self._near.add(own, first, "")
        for other in near[1:]:
            self._near.join(other, first)
            for counts in (self._talk, self._imports):
                counts[first] += counts.pop(other, 0)
        if candidate.source is Source.IMPORT:
            self._imports[first] += 1
        else:
            self._talk[first] += 1
            self._kept.update(candidate.author_keys)
            self._kept_now.update(() if candidate.id in self._kept_before else candidate.author_keys)

    def _why_unfit(self, candidate: Candidate, messages: Sequence[Message], verdicts: Mapping[str, Verdict]) -> str:
        if candidate.source not in self._settings.sources:
            return f"source {candidate.source.value} is not learnt from"
        if reason := _refusal([verdicts[message.text] for message in candidate.messages]):
            return f"refused by screening: {reason}"
        return "" if _is_exchange(messages) else LeftOutBecause.NO_EXCHANGE.value

    def _why_no_news(self, candidate: Candidate, digest: str, alike: Collection[tuple[int, str]]) -> str:
        if digest in self._digests:
            return LeftOutBecause.SAME_WORDS.value
        if len({side for _, side in alike if side}) > 1:
            return LeftOutBecause.BOTH_SIDES.value
        is_import = candidate.source is Source.IMPORT
        counts = self._imports if is_import else self._talk
        cap = self._settings.max_per_import_cluster if is_import else self._settings.max_per_cluster
        together = sum(counts[one] for one in {cluster for cluster, _ in alike})
        return LeftOutBecause.CLUSTER_FULL.value if together >= cap else ""

    def _why_not_of_these(self, candidate: Candidate) -> str:
        if candidate.source is Source.IMPORT:
            return ""
        is_new = candidate.id not in self._kept_before
        for key in candidate.author_keys:
            if reason := self._why_not_of(key, is_new=is_new):
                return reason.value
        return ""

    def _why_not_of(self, key: str, *, is_new: bool) -> LeftOutBecause | None:
        settings, standing = self._settings, self._beside.members.get(key, Standing())
        if trust(standing.record) < settings.min_trust:
            return LeftOutBecause.DISTRUSTED
        youngest = self._at - timedelta(days=settings.min_account_days)
        if standing.account_made_on is not None and standing.account_made_on > youngest:
            return LeftOutBecause.YOUNG_ACCOUNT
        if is_new and self._is_newcomer(standing):
            return LeftOutBecause.NEWCOMER
        if self._kept[key] >= settings.max_per_member:
            return LeftOutBecause.MEMBER_FULL
        if is_new and self._kept_now[key] >= settings.max_per_member_and_cycle:
            return LeftOutBecause.MEMBER_FULL_NOW
        return None

    def _is_newcomer(self, standing: Standing) -> bool:
        beside = self._beside
        if not self._settings.quarantine or beside.is_first_cycle:
            return False
        return standing.first_cycle is None or standing.first_cycle >= beside.cycle


class _NearOnes:
    """Kept exchanges by their bands."""

    def __init__(self) -> None:
        self._buckets: dict[int, list[int]] = defaultdict(list)
        self._kept: list[tuple[Print, int, str]] = []
        self._joined: dict[int, int] = {}

    def add(self, one: Print, cluster: int, side: str) -> None:
        """Keep one."""
        self._kept.append((one, cluster, side))
        for band in one.bands:
            self._buckets[band].append(len(self._kept) - 1)

    def join(self, cluster: int, into: int) -> None:
        """Two clusters are one from now on."""
        self._joined[cluster] = into

    def alike(self, one: Print) -> set[tuple[int, str]]:
        """Cluster and side of those that say nearly the same."""
        met = {index for band in one.bands for index in self._buckets.get(band, ())[:_COMPARED]}
        alike = [self._kept[index] for index in met if one.is_like(self._kept[index][0])]
        return {(self._now(cluster), side) for _, cluster, side in alike}

    def _now(self, cluster: int) -> int:
        while cluster in self._joined:
            cluster = self._joined[cluster]
        return cluster


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
