"""The evidence for the gate: base, champion and challenger on the same items. Blocks; it decides nothing."""

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial

from bot.engine.weights import LoadedWeights
from bot.screening.protocol import Screener
from storage.similarity import normalised, prompt_of, reply_of
from storage.values import Message, Outcome, Role
from trainer.assets import TrainerAssets
from trainer.comparison import Comparison
from trainer.dangers import Speakers, look_for_dangers
from trainer.evaluation import Figures, ItemScore, can_read, document_of, score_documents
from trainer.gate import ENOUGH_TO_ASK_CHALLENGER, Evidence
from trainer.golden import Golden
from trainer.languages import foreign_shares, languages_of
from trainer.origins import Origins
from trainer.packing import Document
from trainer.pairing import pairings
from trainer.probes import ask, is_degenerate, is_terse, leaks, strange
from trainer.settings import TrainerSettings
from trainer.snapshots import Conversation, DatasetSnapshot
from trainer.speaker import WeightsSpeaker
from trainer.split import ENOUGH_TO_JUDGE

MOST_TAUGHT_JUDGED = 200
_SHOWN_TAUGHT = 5
_SHOWN_PROBES = 4
_TELLING_BYTES = 20
"""Of a reply, from which its bits a byte say whether it is noise."""


@dataclass(frozen=True, slots=True)
class Contestants:
    """The models that are compared. The champion may be the base itself."""

    base: LoadedWeights
    champion: LoadedWeights
    challenger: LoadedWeights


@dataclass(frozen=True, slots=True)
class BeforeAndAfter:
    """One prompt, and what was and will be answered."""

    prompt: str
    before: str
    after: str
    taught: str | None
    """The answer that was taught; None for small talk."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What was measured: for the gate, for the tables, and for people."""

    evidence: Evidence
    figures: dict[str, tuple[Figures, Figures]]
    """Set name to the champion's figures and the challenger's."""
    replies: tuple[BeforeAndAfter, ...]
    comparisons: dict[str, Comparison]
    """Set name to how surely the challenger is better or worse there."""


def judge(
    contestants: Contestants,
    snapshot: DatasetSnapshot,
    *,
    champion_learnt: Collection[str],
    champion_heard_of: Collection[str],
    removed: int,
    was_rolled_back: bool,
    origins: Origins,
    pinned: Sequence[Golden],
    assets: TrainerAssets,
    screening: Screener,
    settings: TrainerSettings,
    on_part: Callable[[float], None] = lambda _: None,
) -> Judged:
    """Compare the models.

    Args:
        contestants: the models.
        snapshot: what the challenger learnt, and what was held out.
        champion_learnt: content hashes of what the champion learnt: no news, and held out from the challenger only.
        champion_heard_of: content hashes of all that was approved when the champion was made: no news either.
        removed: how many of those may no longer be learnt from.
        was_rolled_back: whether people took this version back.
        origins: who is behind the snapshot's examples.
        pinned: the operator's golden conversations.
        assets: the frozen set and the probes.
        screening: to read the replies with.
        settings: thresholds that decide what is counted, and the seed of every sample that is drawn.
        on_part: told how much is done, 0 to 1; may raise to stop.
    """
    base, champion, challenger = contestants.base, contestants.champion, contestants.challenger
    seed = settings.seed
    chance = random.Random(seed)  # noqa: S311 - a repeatable choice, not a secret
    heldout = [one for one in snapshot.heldout if one.content_hash not in champion_learnt]
    taught = _some(snapshot.train, champion_heard_of, chance)
    scored_heldout = _Scored.of(champion, challenger, heldout)
    on_part(0.1)
    scored_taught = _Scored.of(champion, challenger, taught)
    on_part(0.2)
    general = [document for one in assets.general if (document := document_of(base, one))]
    general_base = score_documents(base, general)
    general_champion = general_base if champion is base else score_documents(champion, general)
    general_challenger = score_documents(challenger, general)
    on_part(0.3)

    fresh_taught = [one.content_hash not in champion_heard_of for one in scored_taught.conversations]
    fresh_heldout = [one.content_hash not in champion_heard_of for one in scored_heldout.conversations]
    if sum(fresh_heldout) >= ENOUGH_TO_JUDGE:
        judged_on, judged = "held-out", scored_heldout.pairs(fresh_heldout)
    else:
        judged_on, judged = "taught", scored_taught.pairs(fresh_taught) + scored_heldout.pairs(fresh_heldout)

    everything = [one.messages for one in (*snapshot.train, *snapshot.heldout)]
    base_pairings = pairings(base, everything, everything, seed=seed)
    on_part(0.4)
    heldout_messages = [one.messages for one in scored_heldout.conversations]
    # Not among the taught prompts: of those it knows by heart that another reply follows.
    challenger_pairings = (
        pairings(challenger, heldout_messages, heldout_messages, seed=seed)
        if len(heldout_messages) >= ENOUGH_TO_ASK_CHALLENGER
        else []
    )
    on_part(0.45)
    unread = scored_taught.before if champion is base else score_documents(base, scored_taught.documents)
    if len(scored_heldout.after) >= ENOUGH_TO_JUDGE:
        read, basis = scored_heldout.after, "held-out"
    else:
        read, basis = unread, "taught"
    on_part(0.5)

    probes = [probe for probe in assets.probes if can_read(base, [Message(Role.USER, probe)])]
    replies_base = ask(base, probes)
    replies_champion = replies_base if champion is base else ask(champion, probes)
    replies_challenger = ask(challenger, probes)
    taught_replies = {normalised(reply_of(messages)): reply_of(messages) for messages in everything}
    on_part(0.6)
    dangers = look_for_dangers(
        Speakers(*(WeightsSpeaker(one) for one in (base, champion, challenger))),
        snapshot.train,
        origins=origins,
        pinned=pinned,
        assets=assets,
        screening=screening,
        settings=settings,
        on_part=lambda share: on_part(0.6 + 0.35 * share),
    )
    evidence = Evidence(
        judged_on=judged_on,
        improvements=[before.loss - after.loss for before, after in judged],
        accuracy_gains=[(after.correct - before.correct) / max(1, before.tokens) for before, after in judged],
        removed=removed,
        kept_rise=scored_heldout.rise([not fresh for fresh in fresh_heldout]),
        general_before=Figures.of(general_base),
        general_after=Figures.of(general_challenger),
        language_read_from=basis,
        bits_per_byte=[score.bits_per_byte for score in read],
        judged_bytes=sum(score.utf8_bytes for score in read),
        unread_bits=[score.bits_per_byte for score in unread if score.utf8_bytes >= _TELLING_BYTES],
        foreign=foreign_shares(
            [_replies(one.messages) for one in scored_taught.conversations],
            [score.bits_per_byte for score in unread],
            home=languages_of([_replies(messages) for messages in assets.general]),
            most_bits=settings.max_foreign_bits,
        ),
        base_pairings=base_pairings,
        challenger_pairings=challenger_pairings,
        exchanges=len(everything),
        probes=len(probes),
        degenerate_before=sum(map(is_degenerate, replies_champion)),
        degenerate_after=sum(map(is_degenerate, replies_challenger)),
        terse_before=sum(map(is_terse, replies_champion)),
        terse_after=sum(map(is_terse, replies_challenger)),
        strange_before=strange(base, probes, replies_champion, bits=settings.max_read_bits),
        strange_after=strange(base, probes, replies_challenger, bits=settings.max_read_bits),
        toxic_before=_refused(screening, replies_champion),
        toxic_after=_refused(screening, replies_challenger),
        leaks=len(leaks(base, probes, replies_challenger, replies_base, taught_replies)),
        was_rolled_back=was_rolled_back,
        dangers=dangers,
    )
    sets = {
        "heldout": (scored_heldout.before, scored_heldout.after),
        "taught": (scored_taught.before, scored_taught.after),
        "general": (general_champion, general_challenger),
    }
    figures = {name: (Figures.of(before), Figures.of(after)) for name, (before, after) in sets.items() if before}
    compare = partial(
        Comparison.of, samples=settings.bootstrap_samples, confidence=settings.confidence, seed=settings.seed
    )
    comparisons = {name: found for name in figures if (found := compare(*sets[name])) is not None}
    shown = _shown_taught(champion, challenger, scored_taught.conversations, fresh_taught, chance)
    talk = [
        BeforeAndAfter(prompt, before, after, None)
        for prompt, before, after in zip(probes, replies_champion, replies_challenger, strict=True)
    ][:_SHOWN_PROBES]
    on_part(1.0)
    return Judged(evidence, figures, (*shown, *talk), comparisons)


@dataclass(frozen=True, slots=True)
class _Scored:
    """Some conversations, scored with the champion and the challenger."""

    conversations: list[Conversation]
    documents: list[Document]
    before: list[ItemScore]
    after: list[ItemScore]

    @classmethod
    def of(cls, champion: LoadedWeights, challenger: LoadedWeights, wanted: Sequence[Conversation]) -> "_Scored":
        read = [(one, document_of(champion, one.messages)) for one in wanted]
        conversations = [one for one, document in read if document is not None]
        documents = [document for _, document in read if document is not None]
        return cls(
            conversations, documents, score_documents(champion, documents), score_documents(challenger, documents)
        )

    def pairs(self, wanted: Sequence[bool]) -> list[tuple[ItemScore, ItemScore]]:
        """The same conversation with both, for those that are wanted."""
        both = zip(self.before, self.after, strict=True)
        return [pair for pair, is_wanted in zip(both, wanted, strict=True) if is_wanted]

    def rise(self, wanted: Sequence[bool]) -> float | None:
        pairs = self.pairs(wanted)
        if len(pairs) < ENOUGH_TO_JUDGE:
            return None
        return Figures.of([a for _, a in pairs]).perplexity / Figures.of([b for b, _ in pairs]).perplexity - 1


def _some(
    conversations: Sequence[Conversation], heard_of: Collection[str], chance: random.Random
) -> list[Conversation]:
    """As many as are judged, the news first: a few new exchanges must not drown in a large snapshot."""
    shuffled = chance.sample(list(conversations), len(conversations))
    return sorted(shuffled, key=lambda one: one.content_hash in heard_of)[:MOST_TAUGHT_JUDGED]


def _replies(messages: Sequence[Message]) -> str:
    return " ".join(message.text for message in messages if message.role is Role.ASSISTANT)


def _refused(screening: Screener, replies: Sequence[str]) -> int:
    return sum(
        verdict.outcome is Outcome.REFUSE for verdict in screening.screen([reply for reply in replies if reply.strip()])
    )


def _shown_taught(
    champion: LoadedWeights,
    challenger: LoadedWeights,
    conversations: Sequence[Conversation],
    is_fresh: Sequence[bool],
    chance: random.Random,
) -> list[BeforeAndAfter]:
    """A few taught prompts with what was answered and what will be; the newly taught ones first."""
    fresh = [one for one, new in zip(conversations, is_fresh, strict=True) if new] or list(conversations)
    short: dict[str, tuple[Message, ...]] = {}
    for one in chance.sample(fresh, len(fresh)):
        if len(one.messages) == 2 and can_read(challenger, one.messages[:1]):
            short.setdefault(normalised(reply_of(one.messages)), one.messages)
    chosen = list(short.values())[:_SHOWN_TAUGHT]
    prompts = [prompt_of(messages) for messages in chosen]
    if not prompts:
        return []
    return [
        BeforeAndAfter(prompt, before, after, reply_of(messages))
        for messages, prompt, before, after in zip(
            chosen, prompts, ask(champion, prompts), ask(challenger, prompts), strict=True
        )
    ]
