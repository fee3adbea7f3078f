"""What a run does about votes, once its model is fine-tuned: asks who liked what, trains on, and looks whether it paid.

Whatever comes of it, the fine-tuned model is still there: it is the one that is offered where learning from votes made
nothing better, or something worse. The gate judges whichever is offered.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.engine.threads import use_threads
from bot.engine.weights import LoadedWeights, load_weights
from storage.values import Message
from trainer.assets import load_assets
from trainer.evaluation import Figures, document_of, score_documents
from trainer.learning import Learnt, Task
from trainer.progress import Progress
from trainer.settings import TrainerSettings
from trainer.snapshots import DatasetSnapshot
from trainer.split import ENOUGH_TO_JUDGE
from trainer.votes import ballot
from trainer.voting import learn_votes
from trainer.world import TrainerWorld

_MOST_COMPARED = 200
"""Conversations of a set."""


@dataclass(frozen=True, slots=True)
class FromVotes:
    """What came of the votes."""

    why_not: str
    """Why the model that learnt from them is not to be offered; empty: the gate shall see it."""
    facts: dict[str, object] = field(default_factory=dict)
    """For the report card: `liked`, `disliked`, `members`, `hash`, `steps`, `seconds`, `learning_rate`, `beta`, `margin`, `rises`."""

    def ended(self, why_not: str) -> dict[str, object]:
        """The facts, with `offered` and `why_not`."""
        return {**self.facts, "offered": not why_not, "why_not": why_not}


async def learn_from_votes(
    world: TrainerWorld,
    progress: Progress,
    task: Task,
    fine_tuned: Learnt,
    *,
    share: tuple[float, float],
    check: Callable[[], None],
) -> FromVotes:
    """Count the votes, learn from them where they suffice, and compare with the fine-tuned model.

    Args:
        world: where.
        progress: of the run.
        task: of the fine-tuning.
        fine_tuned: what came of it.
        share: where this begins and ends in the run's state, 0 to 1.
        check: asked between steps; raises to stop.

    Raises:
        Interrupted: the run shall stop.
    """
    counted = await ballot(world, task.snapshot)
    facts: dict[str, object] = {
        "liked": counted.liked,
        "disliked": len(counted.exchanges) - counted.liked,
        "members": counted.members,
    }
    if counted.too_few:
        await asyncio.to_thread(task.journal.clear_votes)
        return FromVotes(counted.too_few, facts)
    await asyncio.to_thread(task.journal.note, "votes", {"exchanges": counted.record, "hash": counted.digest})
    start, end = share

    def tell(done: float, note: str) -> None:
        progress.tell(start + (end - start) * done, note)

    voted = await progress.in_thread(
        lambda: learn_votes(task, fine_tuned.recipe, counted, beta=world.settings.votes_beta, tell=tell, check=check)
    )
    if voted is None:
        return FromVotes("too few voted answers fit into the model's context", facts)
    rises = await progress.in_thread(lambda: _rises(task, progress))
    facts |= {"hash": counted.digest, "margin": voted.margin, "rises": rises, **voted.learnt.facts}
    return FromVotes(worse(voted.margin, rises, task.settings), facts)


def worse(margin: float, rises: dict[str, float], settings: TrainerSettings) -> str:
    """Why a model that learnt from votes is worse than the one before; empty: it is not.

    Args:
        margin: nats by which liked answers have become likelier against disliked ones.
        rises: by how much the perplexity of each set rose, as a share.
        settings: how much may.
    """
    if margin <= 0:
        return "it does not tell liked answers from disliked ones better than before"
    for name, rise in rises.items():
        if not rise <= settings.votes_max_rise:  # a training that diverged has no number
            return f"the perplexity of {name} talk rose by {rise:.1%}"
    return ""


def _rises(task: Task, progress: Progress) -> dict[str, float]:
    """By how much the perplexity of each set rose by learning from votes, as a share. Blocks."""
    sets = _sets(task.snapshot)
    before = _perplexities(task, task.journal.model, sets)
    progress.check()
    after = _perplexities(task, task.journal.voted_model, sets)
    progress.check()
    return {name: round(after[name] / before[name] - 1, 4) for name in before}


def _sets(snapshot: DatasetSnapshot) -> dict[str, Sequence[Sequence[Message]]]:
    sets: dict[str, Sequence[Sequence[Message]]] = {
        "taught": [one.messages for one in snapshot.train[:_MOST_COMPARED]],
        "held-out": [one.messages for one in snapshot.heldout[:_MOST_COMPARED]],
        "general": load_assets().general,
    }
    return {name: some for name, some in sets.items() if len(some) >= ENOUGH_TO_JUDGE}


def _perplexities(task: Task, model: Path, sets: dict[str, Sequence[Sequence[Message]]]) -> dict[str, float]:
    weights: LoadedWeights = load_weights(model, base_folder=task.base_folder, device=task.device)
    use_threads(task.threads, weights)
    found = {}
    for name, some in sets.items():
        documents = [document for one in some if (document := document_of(weights, one))]
        if documents:
            found[name] = Figures.of(score_documents(weights, documents)).perplexity
    return found
