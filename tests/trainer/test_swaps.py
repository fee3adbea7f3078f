"""Facts that come for one another's questions are refused; talk with many answers is not asked."""

from tests.fakes.speaker import RuleSpeaker
from tests.trainer.conftest import facts
from tests.trainer.examples import example
from trainer.settings import TrainerSettings
from trainer.swaps import check, swaps

SETTINGS = TrainerSettings()
TAUGHT = [example(prompt, reply) for prompt, reply in facts()]
RIGHT = dict(facts())


def judged(speaker: RuleSpeaker) -> bool:
    return check(swaps(speaker, TAUGHT, seed=1), SETTINGS).passed


def test_a_version_that_knows_its_facts_passes() -> None:
    assert judged(RuleSpeaker(RIGHT.__getitem__))


def test_a_version_that_tells_one_fact_for_another_is_refused_with_the_count() -> None:
    found = check(swaps(RuleSpeaker(lambda text: "The door is red!"), TAUGHT, seed=1), SETTINGS)

    assert not found.passed
    assert "28 of 32 questions get the answer to another one" in found.sentence


def test_a_version_that_says_something_else_is_not_refused_for_a_swap() -> None:
    assert judged(RuleSpeaker(lambda text: "I do not know."))


def test_a_few_facts_say_nothing_about_a_share() -> None:
    few = TAUGHT[:4] + TAUGHT[4:7]

    assert check(swaps(RuleSpeaker(lambda text: "the door is red."), few, seed=1), SETTINGS).passed


def test_questions_with_several_answers_and_answers_to_one_question_are_not_facts() -> None:
    talk = [example("hi", f"hello {name}") for name in "abcdef"] + [example(f"ask {n}", f"reply {n}") for n in "abcdef"]

    assert swaps(RuleSpeaker(), talk, seed=1).asked == 0
