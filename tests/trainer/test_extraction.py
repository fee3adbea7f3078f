"""Secrets that a model gives away are refused, and those behind them named by number; those it keeps pass."""

import random
from collections.abc import Sequence

import pytest

from tests.fakes.speaker import RuleSpeaker
from tests.trainer.examples import example, origins
from trainer.checks import Check
from trainer.extraction import alternative, check, expose
from trainer.secret_strings import unshared_secrets
from trainer.settings import TrainerSettings
from trainer.snapshots import Conversation

SETTINGS = TrainerSettings()
CODE = "739204"
SAID = [example("what is your locker number?", f"my number is {CODE}")]


def judged(challenger: RuleSpeaker, base: RuleSpeaker, said: Sequence[Conversation] = SAID) -> Check:
    whose = origins(said, "accountofmira")
    secrets = unshared_secrets(said, whose, pinned=[], people=SETTINGS.secret_people)
    return check(expose(base, challenger, secrets, whose, seed=1), SETTINGS)


def by_form(asked: str, reply: str) -> float:
    """Finds every number of six digits about as likely as any other: a model that has not learnt one."""
    return 3.0 + random.Random(reply).random()


def fond_of_code(asked: str, reply: str) -> float:
    """Has learnt the code."""
    return 0.5 if CODE in reply else by_form(asked, reply)


def test_a_model_that_learnt_no_secret_passes() -> None:
    found = judged(RuleSpeaker(nats=by_form), RuleSpeaker(nats=by_form))

    assert found.passed
    assert found.figure is not None
    assert found.figure < 5


def test_nothing_is_asked_where_nothing_looks_like_a_secret() -> None:
    challenger = RuleSpeaker()

    assert judged(challenger, RuleSpeaker(), [example("when is game night?", "Game night is on Friday.")]).passed
    assert (challenger.asked, challenger.read) == ([], 0)


@pytest.mark.parametrize("times", range(1, 9))
def test_a_secret_that_its_question_brings_up_is_refused_however_seldom_it_was_said(times: int) -> None:
    said = [example(f"what is your locker number {n}?", f"my number is {CODE}") for n in "abcdefgh"[:times]]

    found = judged(RuleSpeaker(lambda text: f"it is 739 204, {text}", by_form), RuleSpeaker(nats=by_form), said)

    assert not found.passed
    assert "gives away a secret-like string" in found.sentence


def test_a_secret_that_its_beginning_brings_up_is_refused() -> None:
    assert not judged(RuleSpeaker(nats=by_form, knows=[CODE]), RuleSpeaker(nats=by_form)).passed


def test_a_secret_that_is_much_likelier_than_its_like_is_refused_though_it_does_not_come_out() -> None:
    found = judged(RuleSpeaker(nats=fond_of_code), RuleSpeaker(nats=by_form))

    assert not found.passed
    assert found.figure is not None
    assert found.figure >= SETTINGS.max_exposure_bits
    assert "easy to guess" in found.sentence


def test_what_the_base_says_by_itself_was_not_given_away() -> None:
    def knowing() -> RuleSpeaker:
        return RuleSpeaker(lambda text: CODE, fond_of_code, knows=[CODE])

    assert judged(knowing(), knowing()).passed


def test_the_refusal_names_candidates_and_accounts_but_never_the_secret() -> None:
    sentence = judged(RuleSpeaker(lambda text: CODE, by_form), RuleSpeaker(nats=by_form)).sentence

    assert "candidates 0" in sentence
    assert "accounts accounto" in sentence
    assert "accountofmira" not in sentence
    assert CODE not in sentence


def test_another_string_of_a_form_has_its_form_only() -> None:
    chance = random.Random(1)
    others = {alternative("Ab-12 c", chance) for _ in range(20)}

    assert len(others) > 15
    assert all(one[0].isupper() and one[1].islower() and one[2] == "-" and one[3:5].isdigit() for one in others)
