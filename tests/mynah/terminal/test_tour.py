"""The guided tour: with its own suggestions, with other words, and with steps left out."""

from storage.values import Alias, RunState
from tests.mynah.terminal.conftest import BASE, TAUGHT, Stage, Typist


def test_nobody_typing_the_tour_takes_its_own_suggestions_to_the_end(typed: Typist, stage: Stage) -> None:
    told = typed("/tour")
    headings = [line.split()[1] for line in told.splitlines() if line.startswith("── ")]
    assert headings == ["Talk", "Teach", "Approve", "Retrain", "Before", "Rollback"]
    assert "takes its own suggestions" in told
    assert f"From now on {TAUGHT} answers" in told
    assert "Squawk: When is our game night?" in told
    assert "On Friday at eight." in told
    assert "Now it's yours" in told
    assert stage.engine.version == TAUGHT


def test_an_empty_line_takes_the_suggestion(typed: Typist, stage: Stage) -> None:
    typed("/tour", "", "", "", "", "", "", "", "", "")
    assert stage.engine.version == TAUGHT


def test_typing_something_else_uses_that(typed: Typist, stage: Stage) -> None:
    typed("/tour", "Good evening", "Where is the treasure?", "Under the palm.", "yes", "yes")
    assert stage.world is not None
    [learnt] = typed.session.call(stage.world.store.candidates.learnable())
    assert [message.text for message in learnt.messages] == ["Where is the treasure?", "Under the palm."]


def test_the_tour_says_what_the_policy_forbids_and_that_the_model_is_small(typed: Typist) -> None:
    told = typed("/tour", "quit")
    assert "rule 21" in told
    assert "tiny" in told


def test_quitting_leaves_to_the_conversation(typed: Typist) -> None:
    told = typed("/tour", "quit", "hello")
    assert "The tour ends here" in told
    assert "Squawk: hello" in told


def test_a_step_may_be_skipped(typed: Typist, stage: Stage) -> None:
    told = typed("/tour", "skip", "quit")
    assert "Skipped." in told
    assert "── Teach" in told
    assert stage.engine.seen == []


def test_who_does_not_consent_is_not_learnt_from(typed: Typist, stage: Stage) -> None:
    told = typed("/tour", "", "", "", "no")
    assert "I learn nothing from you" in told
    assert "── Retrain" not in told
    assert stage.engine.version == BASE


def test_what_is_not_approved_is_not_learnt(typed: Typist, stage: Stage) -> None:
    told = typed("/tour", "", "", "", "yes", "no")
    assert "never be learnt" in told
    assert "── Retrain" not in told


def test_a_model_that_the_gate_refuses_is_told_honestly(typed: Typist, stage: Stage) -> None:
    stage.outcome = RunState.REFUSED
    told = typed("/tour")
    assert "Refused by the gate" in told
    assert "── Before" not in told
    assert "Now it's yours" in told


def test_the_tour_can_roll_back(typed: Typist, stage: Stage) -> None:
    told = typed("/tour", "", "", "", "yes", "yes", "yes", "", "yes")
    assert f"{BASE} answers again" in told
    assert stage.world is not None
    assert typed.session.call(stage.world.store.aliases.current(Alias.CHAMPION)) == BASE
