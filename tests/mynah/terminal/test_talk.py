"""The conversation at the terminal, typed line by line."""

import pytest

from storage.values import Alias, CandidateState, RunState
from tests.mynah.terminal.conftest import BASE, TAUGHT, Stage, Typist

LEARNT = ("game night?", "/teach On Friday.", "y", "/review", "a")


def test_what_is_typed_is_answered(typed: Typist) -> None:
    assert "bot> Squawk: hello" in typed("hello")


def test_quit_ends_the_conversation(typed: Typist) -> None:
    assert "never said" not in typed("/quit", "never said")


def test_an_empty_line_says_nothing(typed: Typist, stage: Stage) -> None:
    typed("", "   ")
    assert stage.engine.seen == []


def test_an_unknown_command_is_not_said_to_the_bot(typed: Typist, stage: Stage) -> None:
    assert "There is no command /dance" in typed("/dance now")
    assert stage.engine.seen == []


def test_every_command_of_the_help_exists(typed: Typist) -> None:
    help_text = typed("/help")
    names = {word for line in help_text.splitlines() for word in line.split()[:2] if word.startswith("/")}
    assert len(names) > 8
    told = typed(*(f"{name}" for name in sorted(names - {"/quit", "/tour"})))
    assert "There is no command" not in told


def test_a_better_answer_waits_for_review(typed: Typist) -> None:
    told = typed("When is game night?", "/teach On Friday.", "y")
    assert "waits as #1" in told


def test_teaching_asks_for_consent_first(typed: Typist) -> None:
    told = typed("hello", "/teach Good day!", "y")
    assert "May I learn from what you write here?" in told
    assert "waits as #1" in told


def test_without_consent_nothing_is_kept(typed: Typist, stage: Stage) -> None:
    typed("hello", "/teach Good day!", "n")
    assert stage.world is not None
    counts = typed.session.call(stage.world.store.candidates.counts())
    assert counts.get(CandidateState.WAITING, 0) == 0


def test_consent_is_asked_once(typed: Typist) -> None:
    told = typed("hello", "/teach Good day!", "n", "/teach Good day!")
    assert told.count("May I learn") == 1


def test_teaching_before_anything_was_said_explains_itself(typed: Typist) -> None:
    assert "Say something first" in typed("/teach what?")


def test_teaching_nothing_explains_itself(typed: Typist) -> None:
    assert "/teach what I should have said" in typed("hello", "/teach")


def test_votes_are_counted(typed: Typist, stage: Stage) -> None:
    assert "Noted" in typed("hello", "/good", "/bad")
    assert stage.world is not None
    assert typed.session.call(stage.world.store.votes.tally(2)) == (0, 1)


def test_a_vote_needs_an_answer(typed: Typist) -> None:
    assert "no answer to vote on" in typed("/good")


@pytest.mark.parametrize(
    ("choice", "state"), [("a", CandidateState.APPROVED), ("r", CandidateState.REJECTED), ("s", CandidateState.WAITING)]
)
def test_a_review_decides(typed: Typist, stage: Stage, choice: str, state: CandidateState) -> None:
    typed("hello", "/teach Good day!", "y", "/review", choice)
    assert stage.world is not None
    candidate = typed.session.call(stage.world.store.candidates.get(1))
    assert candidate is not None
    assert candidate.state == state


def test_a_review_may_put_other_words(typed: Typist, stage: Stage) -> None:
    typed("hello", "/teach Good day!", "y", "/review", "e", "A very good day!")
    assert stage.world is not None
    [learnt] = typed.session.call(stage.world.store.candidates.learnable())
    assert learnt.messages[-1].text == "A very good day!"


def test_words_that_screening_refuses_are_not_approved_by_an_edit(typed: Typist, stage: Stage) -> None:
    typed("hello", "/teach Good day!", "y", "/review", "e", "damn")
    assert stage.world is not None
    assert typed.session.call(stage.world.store.candidates.learnable()) == []


def test_a_review_of_nothing_says_so(typed: Typist) -> None:
    assert "Nothing waits for review" in typed("/review")


def test_retraining_ends_with_the_new_model_answering(typed: Typist) -> None:
    told = typed(*LEARNT, "/retrain", "game night?")
    assert "Promoted: better in every way" in told
    assert f"From now on {TAUGHT} answers, instead of {BASE}." in told
    assert told.rstrip().endswith("On Friday at eight.")


def test_retraining_with_nothing_approved_says_what_to_do(typed: Typist) -> None:
    assert "Nothing is approved yet" in typed("/retrain")


def test_a_refused_run_leaves_the_model_that_was(typed: Typist, stage: Stage) -> None:
    stage.outcome = RunState.REFUSED
    told = typed(*LEARNT, "/retrain", "/model")
    assert "Refused by the gate" in told
    assert f"{BASE} answers" in told


def test_a_trainer_that_does_not_start_is_not_waited_for(typed: Typist, stage: Stage) -> None:
    stage.trainer_given_up = True
    told = typed("hello", "/teach Good day!", "y", "/review", "a", "/retrain")
    assert "The trainer does not start." in told


def test_a_rollback_brings_the_model_before_back(typed: Typist, stage: Stage) -> None:
    told = typed(*LEARNT, "/retrain", "/rollback", "game night?")
    assert f"{BASE} answers again, instead of {TAUGHT}." in told
    assert told.rstrip().endswith("Squawk: game night?")
    assert stage.world is not None
    assert typed.session.call(stage.world.store.aliases.current(Alias.CHAMPION)) == BASE


def test_a_rollback_from_the_first_model_is_refused_kindly(typed: Typist) -> None:
    assert "There is no earlier champion" in typed("/rollback")


def test_a_reset_forgets_the_conversation(typed: Typist, stage: Stage) -> None:
    typed("one", "/reset", "two")
    assert [message.text for message in stage.engine.seen[-1]] == ["two"]


def test_escape_sequences_never_reach_the_terminal(typed: Typist) -> None:
    assert "\x1b" not in typed("hello \x1b[2J\x1b]0;owned\x07")


def test_a_failing_engine_is_an_apology_not_an_end(typed: Typist, stage: Stage) -> None:
    typed("hello")
    stage.screening.fail_with = RuntimeError("broken")
    told = typed("one")
    assert "Traceback" not in told
    stage.screening.fail_with = None
    assert "Squawk: two" in typed("two")
