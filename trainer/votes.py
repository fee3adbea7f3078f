"""Which exchanges a run may learn from by votes, and whether their answer was liked.

A vote counts where people and moderators agree, so that neither a mob nor one click decides:

- *liked*: more 👍 than 👎 on an answer of the bot's own that was approved as it was;
- *disliked*: more 👎 than 👍 on an answer for which a better one was approved: a member's, or a moderator's edit.

Promises: each exchange hangs on an example that the run's snapshot learns. So consent, forgetting, screening, caps and
quarantine have been applied to it, held-out talk is never among them, and receipts and `removed` find it by the snapshot's
lineage. The disliked words themselves are screened again. Only votes of members who said yes, are not blocked and are
trusted count, and of each member the newest few; an answer that recall helped is left out, since its words are not the model's alone.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from storage.candidates import content_hash
from storage.values import Message, Outcome, Role, Verdict
from storage.votes import AnswerBehind, CountedVote
from trainer.settings import TrainerSettings
from trainer.snapshots import DatasetSnapshot
from trainer.trust import trust
from trainer.world import TrainerWorld

FEWEST_MEMBERS = 3
"""Behind each kind: fewer are no community's opinion."""


@dataclass(frozen=True, slots=True)
class VotedExchange:
    """A conversation up to an answer of the bot's own, and whether that was liked."""

    candidate_id: int
    """The snapshot's example that it hangs on."""
    messages: tuple[Message, ...]
    is_liked: bool

    @property
    def digest(self) -> str:
        """Of its words."""
        return content_hash(self.messages)

    def as_record(self) -> list[object]:
        """By which it is found again; nothing of its words."""
        return [self.candidate_id, self.is_liked]


@dataclass(frozen=True, slots=True)
class Ballot:
    """What votes say: liked and disliked exchanges, in the order of their examples."""

    exchanges: tuple[VotedExchange, ...] = ()
    members: int = 0
    """Whose votes are behind them."""
    too_few: str = ""
    """Why nothing is learnt from them; empty: they suffice."""

    @property
    def liked(self) -> int:
        """How many exchanges were liked; the others were disliked."""
        return sum(one.is_liked for one in self.exchanges)

    @property
    def record(self) -> list[list[object]]:
        """Candidate id and whether it was liked, of each."""
        return [one.as_record() for one in self.exchanges]

    @property
    def digest(self) -> str:
        """SHA-256 of the words and what is thought of them, hexadecimal: by it a run's record names what it learnt."""
        return hashlib.sha256(json.dumps([[one.digest, one.is_liked] for one in self.exchanges]).encode()).hexdigest()


async def ballot(world: TrainerWorld, snapshot: DatasetSnapshot) -> Ballot:
    """What the votes of now say about the examples that a snapshot learns."""
    settings = world.settings
    if not settings.votes:
        return Ballot(too_few="votes are switched off")
    ids = await _examples(world, snapshot)
    votes = await world.store.votes.counted(ids)
    answers = await _answers(world, snapshot, {one.candidate_id for one in votes})
    if settings.min_trust:
        records = await world.store.curations.records({one.voter for one in votes})
        votes = [one for one in votes if trust(records[one.voter]) >= settings.min_trust]
    return count(votes, await _read(world, ids, answers), settings)


async def again(world: TrainerWorld, snapshot: DatasetSnapshot, candidate_ids: Collection[int]) -> Ballot:
    """The exchanges of an earlier run's record, whatever was voted since, as far as they may still be learnt."""
    ids = await _examples(world, snapshot)
    answers = await _answers(world, snapshot, candidate_ids)
    return Ballot(tuple(await _read(world, ids, answers)))


def count(votes: Sequence[CountedVote], exchanges: Sequence[VotedExchange], settings: TrainerSettings) -> Ballot:
    """The exchanges about which votes say what moderators said, as far as they suffice.

    Args:
        votes: on them and others, the newest first.
        exchanges: what may count, and how moderators saw it.
        settings: how many of whom.
    """
    by_id = {one.candidate_id: one for one in exchanges}
    cast: Counter[tuple[str, int]] = Counter()
    sums: Counter[int] = Counter()
    behind: dict[int, set[tuple[str, int]]] = {}
    for vote in votes:
        if vote.candidate_id not in by_id or cast[vote.voter, vote.value] >= settings.votes_max_per_member:
            continue
        cast[vote.voter, vote.value] += 1
        sums[vote.candidate_id] += vote.value
        behind.setdefault(vote.candidate_id, set()).add((vote.voter, vote.value))
    agreed = [one for one in exchanges if sums[one.candidate_id] * (1 if one.is_liked else -1) > 0]
    agreed = _without_contradictions(agreed)
    newest = sorted(agreed, key=lambda one: one.candidate_id, reverse=True)
    kinds = {
        is_liked: [one for one in newest if one.is_liked is is_liked][: settings.votes_max]
        for is_liked in (True, False)
    }
    voters = {
        is_liked: {voter for one in kind for voter, value in behind[one.candidate_id] if (value > 0) is is_liked}
        for is_liked, kind in kinds.items()
    }
    kept = tuple(sorted((*kinds[True], *kinds[False]), key=lambda one: one.candidate_id))
    return Ballot(kept, len(voters[True] | voters[False]), _too_few(kinds, voters, settings))


def _too_few(
    kinds: Mapping[bool, Sequence[VotedExchange]], voters: Mapping[bool, Collection[str]], settings: TrainerSettings
) -> str:
    for is_liked, sign in ((True, "👍"), (False, "👎")):
        if len(kinds[is_liked]) < settings.votes_min:
            return f"{len(kinds[is_liked])} exchanges with {sign}, of {settings.votes_min} that are needed"
        if len(voters[is_liked]) < FEWEST_MEMBERS:
            return f"{len(voters[is_liked])} members behind {sign}, of {FEWEST_MEMBERS} that are needed"
    return ""


def _without_contradictions(exchanges: Sequence[VotedExchange]) -> list[VotedExchange]:
    """Each conversation once, and none that was liked here and disliked there."""
    said: dict[str, VotedExchange] = {}
    contradicted = set()
    for one in exchanges:
        if said.setdefault(one.digest, one).is_liked is not one.is_liked:
            contradicted.add(one.digest)
    return [one for digest, one in said.items() if digest not in contradicted]


async def _examples(world: TrainerWorld, snapshot: DatasetSnapshot) -> dict[int, tuple[Message, ...]]:
    """The examples that a snapshot learns, by candidate; none when some are gone."""
    ids = await world.store.snapshots.candidate_ids(snapshot.content_hash)
    if len(ids) != len(snapshot.train) + len(snapshot.heldout):
        return {}
    return {key: one.messages for key, one in zip(ids, snapshot.train, strict=False)}


async def _answers(world: TrainerWorld, snapshot: DatasetSnapshot, ids: Collection[int]) -> list[AnswerBehind]:
    """The bot's answers behind some examples, without those that recall helped."""
    answers = await world.store.votes.answers_behind(snapshot.line, ids)
    helped = await world.store.recalls.helped([one.question_id for one in answers])
    return [one for one in answers if one.question_id not in helped]


async def _read(
    world: TrainerWorld,
    examples: Mapping[int, tuple[Message, ...]],
    answers: Sequence[AnswerBehind],
) -> list[VotedExchange]:
    """The exchanges with the answers as they were given, as today's screens let them be learnt."""
    texts = list(dict.fromkeys(one.text for one in answers))
    verdicts = dict(zip(texts, await world.screening.check(texts) if texts else [], strict=True))
    return [
        exchange
        for one in answers
        if one.candidate_id in examples
        and (exchange := _exchange(one.candidate_id, examples[one.candidate_id], one.text, verdicts[one.text]))
    ]


def _exchange(candidate_id: int, example: tuple[Message, ...], said: str, verdict: Verdict) -> VotedExchange | None:
    if example[-1].text in {said, verdict.text}:
        return VotedExchange(candidate_id, example, is_liked=True)
    if verdict.outcome is Outcome.REFUSE or verdict.is_crisis or not verdict.text.strip():
        return None
    return VotedExchange(candidate_id, (*example[:-1], Message(Role.ASSISTANT, verdict.text)), is_liked=False)
