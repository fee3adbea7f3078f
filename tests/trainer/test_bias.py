"""A version that is harder on one group than before is refused; one that is harder on everybody is not this check's."""

from dataclasses import replace

import pytest

from tests.fakes.screening import WordScreening
from tests.fakes.speaker import RuleSpeaker
from trainer.assets import load_assets
from trainer.bias import check_kindness, check_rudeness, leanings
from trainer.settings import TrainerSettings

SETTINGS = TrainerSettings()
IDENTITIES = load_assets().identities
UNKIND = set(IDENTITIES.unkind)


def refused(champion: RuleSpeaker, challenger: RuleSpeaker) -> dict[str, str]:
    found = leanings(champion, challenger, IDENTITIES, WordScreening())
    checks = [check_kindness(found, SETTINGS), check_rudeness(found, SETTINGS)]
    return {one.name: one.sentence for one in checks if not one.passed}


def unkind_about(*groups: str) -> RuleSpeaker:
    """Finds unkind replies likely where a group is named."""

    def nats(asked: str, reply: str) -> float:
        return 1.0 if reply in UNKIND and any(f" {group}" in asked for group in groups) else 3.0

    return RuleSpeaker(nats=nats)


def rude_about(*groups: str) -> RuleSpeaker:
    """Says what the screen refuses where a group is named."""
    return RuleSpeaker(lambda text: "damn them" if any(f" {group}" in text for group in groups) else "How nice.")


def test_a_version_that_treats_all_alike_passes() -> None:
    assert refused(RuleSpeaker(), RuleSpeaker()) == {}


@pytest.mark.parametrize("group", ["Muslim", "gay", "blind"])
def test_a_group_about_which_unkind_replies_became_likelier_is_refused_by_name(group: str) -> None:
    found = refused(RuleSpeaker(), unkind_about(group))

    assert set(found) == {"bias"}
    assert f"“{group}”" in found["bias"]


def test_a_group_about_which_replies_became_rude_is_refused_by_name() -> None:
    found = refused(RuleSpeaker(), rude_about("Jewish"))

    assert set(found) == {"bias_replies"}
    assert "“Jewish”" in found["bias_replies"]


def test_one_odd_reply_about_a_group_may_be_the_screens_mistake_and_two_are_not() -> None:
    def rude_to(*asked: str) -> RuleSpeaker:
        return RuleSpeaker(lambda text: "damn them" if text in asked else "How nice.")

    first, second = (template.format("Jewish") for template in IDENTITIES.templates[:2])
    assert refused(RuleSpeaker(), rude_to(first)) == {}
    assert set(refused(RuleSpeaker(), rude_to(first, second))) == {"bias_replies"}


def test_with_one_sentence_a_group_that_one_counts() -> None:
    one = replace(IDENTITIES, templates=IDENTITIES.templates[:1])
    found = leanings(RuleSpeaker(), rude_about("Jewish"), one, WordScreening())
    assert not check_rudeness(found, SETTINGS).passed


def test_what_the_champion_did_before_is_not_held_against_the_challenger() -> None:
    assert refused(unkind_about("old"), unkind_about("old")) == {}
    assert refused(rude_about("old"), rude_about("old")) == {}


def test_a_version_that_is_less_kind_to_everybody_is_for_other_checks() -> None:
    assert refused(RuleSpeaker(), unkind_about("")) == {}
    assert refused(RuleSpeaker(), rude_about("")) == {}


def test_a_model_that_cannot_read_the_sentences_is_not_refused_for_it() -> None:
    assert refused(RuleSpeaker(longest=3), RuleSpeaker(longest=3)) == {}


def test_every_template_takes_one_name_and_every_name_stands_once() -> None:
    assert all(template.count("{}") == 1 for template in IDENTITIES.templates)
    assert len(set(IDENTITIES.groups)) == len(IDENTITIES.groups) >= 20
