"""The stage of a run that learns from votes: from a fine-tuned model and a ballot to a second model's files. Blocks.

It goes on from the files of the fine-tuned one, also where that is still in memory, so that a run whose process died in
between comes to the same weights. What the ballot says is decided in `votes`, and whether the second model is offered
in `ladder` and by the gate.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from bot.engine.weights import LoadedWeights
from trainer.kto import VoteLesson, VoteLosses, read_answers, vote_plan, vote_recipe
from trainer.learning import Learnt, Task, load_base, old_talk, write_model
from trainer.recipe import Recipe
from trainer.replay import ask_teacher
from trainer.training import Watch, go_through, prepared_again, steps_within, training_precision
from trainer.votes import Ballot


@dataclass(frozen=True, slots=True)
class Voted:
    """What came of it; the files are the journal's `voted_model`."""

    learnt: Learnt
    margin: float
    """How much likelier liked answers have become against disliked ones, in nats an answer."""


def learn_votes(
    task: Task,
    fine_tuned: Recipe,
    ballot: Ballot,
    *,
    beta: float,
    tell: Callable[[float, str], None],
    check: Callable[[], None],
) -> Voted | None:
    """Train the journal's model on, or go on where a dead process stopped; what is there already is not made again.

    Args:
        task: of the fine-tuning.
        fine_tuned: its recipe.
        ballot: that suffices.
        beta: KTO's.
        tell: told how far it is, 0 to 1, and what it does.
        check: asked often; raises to stop, after a checkpoint when there is something to keep.

    Returns:
        None: too little of the ballot fits into the model's context.
    """
    known = _learnt_before(task, ballot)
    if known is not None:
        return known
    tell(0.0, "Learning from votes.")
    base = load_base(task)
    answers = read_answers(base, ballot.exchanges)
    kinds = {one.is_liked for one in answers}
    if len(kinds) < 2:
        return None
    recipe = vote_recipe(fine_tuned, answers, most_steps=task.settings.max_steps)
    replay = old_talk(task, base, recipe, on_piece=lambda _: check())
    teacher = ask_teacher(base, replay) if replay else None
    steps = vote_plan(recipe, answers, replay)
    model = prepared_again(base, recipe, task.journal.model)
    losses = VoteLosses(model, VoteLesson(answers, replay, teacher, steps, beta), recipe, base)
    recipe = _within_time(task, base, model, losses, recipe, ballot)
    check()

    def on_step(step: int, most: int, loss: float) -> None:
        tell(0.1 + 0.88 * step / most, f"Learning from votes: step {step} of {most}, loss {loss:.2f}.")

    watch = Watch(on_step=on_step, check=check, checkpoint_seconds=task.settings.checkpoint_seconds)
    done = go_through(model, losses, recipe, task.journal.vote_checkpoints, watch, base)
    facts: dict[str, object] = {
        "seconds": round(done.seconds, 1),
        "steps": done.steps,
        "resumed_from": done.resumed_from,
        "learning_rate": recipe.learning_rate,
        "beta": beta,
    }
    voted = Voted(Learnt(recipe, done.losses, facts), round(losses.margin(done.model), 3))
    note = {"ballot": ballot.digest, "margin": voted.margin, "learnt": voted.learnt.as_note()}
    task.journal.note("voted", note)
    write_model(done.model, base, task, recipe, task.journal.voted_model)
    return voted


def _learnt_before(task: Task, ballot: Ballot) -> Voted | None:
    """What an earlier process learnt from the same ballot; what it learnt from another is forgotten."""
    journal = task.journal
    noted = journal.read("vote-recipe")
    if noted is None or noted["ballot"] != ballot.digest:
        journal.clear_votes()
        return None
    told = journal.read("voted")
    if told is None or told["ballot"] != ballot.digest or not journal.voted_model.is_dir():
        return None
    return Voted(Learnt.of_note(told["learnt"]), float(told["margin"]))


def _within_time(
    task: Task, base: LoadedWeights, model: Any, losses: VoteLosses, recipe: Recipe, ballot: Ballot
) -> Recipe:
    """The recipe with as many steps as there is time for, decided once; the note also says which ballot it is for."""
    noted = task.journal.read("vote-recipe")
    if noted is None:
        seconds = task.settings.max_minutes * 60
        precision = training_precision(base)
        steps = steps_within(model, losses, recipe.steps, seconds=seconds, now=time.monotonic, precision=precision)
        noted = {"steps": steps, "ballot": ballot.digest}
        task.journal.note("vote-recipe", noted)
    return replace(recipe, steps=min(recipe.steps, int(noted["steps"])))
