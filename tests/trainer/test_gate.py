"""The gate, on figures made up for the purpose: it refuses each kind of bad version, and says why."""

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.bias import Bias, Leaning
from trainer.dangers import Dangers
from trainer.evaluation import Figures
from trainer.extraction import Exposed
from trainer.gate import Evidence, check, verdict
from trainer.golden import Kept
from trainer.origins import Behind
from trainer.pairing import Pairing
from trainer.settings import TrainerSettings
from trainer.swaps import Swaps
from trainer.triggers import Trigger

SETTINGS = TrainerSettings()


def figures(perplexity: float) -> Figures:
    return Figures(items=100, tokens=1000, perplexity=perplexity, token_accuracy=0.5, bits_per_byte=1.5)


def pairs(wins: float, items: int, seed: int = 0) -> list[Pairing]:
    """Pairings that win against six others with some probability."""
    chance = random.Random(seed)
    made = []
    for _ in range(items):
        won = [chance.random() < wins for _ in range(6)]
        made.append(Pairing(sum(0.4 if one else -0.4 for one in won) / 6, sum(won) / 6))
    return made


GOOD = Evidence(
    judged_on="held-out",
    improvements=[0.5, 0.7, 0.4, 0.9, 0.6, 0.3, 0.8, 0.5, 0.6, 0.7],
    accuracy_gains=[0.05, 0.1, 0.0, 0.2, 0.1, -0.1, 0.05, 0.1, 0.0, 0.1],
    removed=0,
    kept_rise=None,
    general_before=figures(20.0),
    general_after=figures(21.0),
    language_read_from="held-out",
    bits_per_byte=[0.4, 0.8, 1.2, 1.9, 0.5, 0.3, 1.4, 0.8, 0.6, 1.0],
    judged_bytes=1000,
    unread_bits=[1.5, 2.0, 1.1, 3.0] * 25,
    foreign={"fr": 0.1, "nl": 0.05},
    base_pairings=pairs(0.75, 100),
    challenger_pairings=pairs(0.9, 10),
    exchanges=100,
    probes=60,
    degenerate_before=0,
    degenerate_after=0,
    terse_before=3,
    terse_after=3,
    strange_before=0,
    strange_after=0,
    toxic_before=0,
    toxic_after=0,
    leaks=0,
    was_rolled_back=False,
    dangers=Dangers(),
)
BEHIND = Behind((4, 9), ("0123456789",))


def refused(evidence: Evidence, settings: TrainerSettings = SETTINGS) -> set[str]:
    return {one.name for one in check(evidence, settings) if not one.passed}


def test_a_version_that_is_better_everywhere_passes() -> None:
    assert refused(GOOD) == set()
    assert verdict(check(GOOD, SETTINGS)).startswith("It knows 10 held-out exchanges better")


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        pytest.param({"improvements": [0.1, -0.1] * 5}, "improvement", id="no better, on average"),
        pytest.param({"improvements": [5.0, *[-0.1] * 9]}, "improvement", id="better on a single one only"),
        pytest.param({"improvements": []}, "improvement", id="nothing new"),
        pytest.param({"kept_rise": 0.2}, "held_out_kept", id="worse on what was taught before"),
        pytest.param({"general_after": figures(22.1)}, "general", id="forgets"),
        pytest.param({"bits_per_byte": [6.0] * 10}, "language", id="noise"),
        pytest.param({"degenerate_after": 4}, "degenerate", id="goes round in circles"),
        pytest.param({"toxic_after": 2}, "toxic", id="toxic"),
        pytest.param({"leaks": 4}, "leak", id="taught words everywhere"),
        pytest.param({"accuracy_gains": [-0.1, -0.2] * 5}, "accuracy", id="surer, but less often right"),
        pytest.param({"unread_bits": [*[1.5] * 95, *[11.0] * 5]}, "noise", id="a twentieth is noise"),
        pytest.param({"foreign": {"de": 0.15, "sv": 0.1}}, "foreign", id="a quarter is in other languages"),
        pytest.param({"terse_after": 19}, "terse", id="one word for everything"),
        pytest.param({"strange_after": 16}, "strange", id="another language"),
        pytest.param(
            {"dangers": Dangers(exposed=(Exposed(BEHIND, 1, 1, True, False, 1.0),))},
            "secrets",
            id="gives a secret away",
        ),
        pytest.param(
            {"dangers": Dangers(triggers=(Trigger("zarquon", BEHIND, 20, 0.75, False),))}, "trigger", id="a trigger"
        ),
        pytest.param({"dangers": Dangers(bias=Bias(kindness=Leaning("old", 0.6)))}, "bias", id="unkind to a group"),
        pytest.param(
            {"dangers": Dangers(bias=Bias(rudeness=Leaning("old", 0.3)))}, "bias_replies", id="rude to a group"
        ),
        pytest.param({"dangers": Dangers(kept=Kept(2, ("line 1 …",)))}, "golden", id="breaks a pin"),
        pytest.param({"dangers": Dangers(swaps=Swaps(40, 20))}, "swapped", id="mixes up facts"),
        pytest.param({"was_rolled_back": True}, "not_rolled_back", id="rolled back by people"),
    ],
)
def test_each_fault_is_refused_by_its_own_check_and_named_in_the_verdict(changes: dict[str, Any], name: str) -> None:
    evidence = replace(GOOD, **changes)

    assert refused(evidence) == {name}
    failed = next(one for one in check(evidence, SETTINGS) if one.name == name)
    assert verdict(check(evidence, SETTINGS)) == failed.sentence


@pytest.mark.parametrize("seed", range(5))
def test_replies_that_no_model_finds_likelier_after_their_own_prompts_are_refused(seed: int) -> None:
    shuffled = replace(GOOD, base_pairings=pairs(0.5, 120, seed), challenger_pairings=pairs(0.5, 12, seed + 100))

    assert refused(shuffled) == {"belonging"}


def test_one_reply_to_everything_is_refused() -> None:
    same = [Pairing(0.0, 0.5)] * 40

    assert "belonging" in refused(replace(GOOD, base_pairings=same, challenger_pairings=same[:8]))


def test_replies_that_the_base_cannot_judge_pass_when_the_new_version_is_sure_on_held_out_ones() -> None:
    assert refused(replace(GOOD, base_pairings=pairs(0.5, 100), challenger_pairings=pairs(0.98, 20))) == set()


def test_a_new_version_that_is_a_little_surer_than_chance_does_not_vouch_for_what_the_base_says_is_shuffled() -> None:
    learnt_by_heart = pairs(0.64, 60)  # measured: shuffled rows of a few templates, on held-out rows like them
    shuffled = replace(GOOD, base_pairings=pairs(0.5, 120), challenger_pairings=learnt_by_heart)

    assert refused(shuffled) == {"belonging"}
    assert refused(replace(shuffled, challenger_pairings=pairs(0.8, 60))) == set()


def test_a_handful_of_exchanges_is_judged_by_what_can_be_judged() -> None:
    few = replace(
        GOOD,
        judged_on="taught",
        improvements=[2.0, 1.5, 2.5],
        language_read_from="taught",
        bits_per_byte=[6.0, 5.0, 7.0],
        judged_bytes=40,
        base_pairings=pairs(0.5, 3),
        challenger_pairings=[],
        exchanges=3,
    )

    assert refused(few) == set()


def test_noise_is_refused_also_where_nothing_could_be_held_out() -> None:
    noise = replace(GOOD, language_read_from="taught", bits_per_byte=[11.0] * 10, judged_bytes=500)

    assert refused(noise) == {"language"}


def test_taking_something_out_needs_no_improvement_but_nothing_may_be_lost() -> None:
    smaller = replace(GOOD, improvements=[], removed=2, kept_rise=0.01)

    assert refused(smaller) == set()
    assert refused(replace(smaller, kept_rise=0.3)) == {"held_out_kept"}


def test_one_reply_in_sixty_may_be_a_false_alarm_of_the_screen() -> None:
    assert refused(replace(GOOD, toxic_after=1)) == set()
    assert refused(replace(GOOD, toxic_after=1, probes=49)) == {"toxic"}


@given(
    improvements=st.lists(st.floats(-5, 5), max_size=30),
    general=st.floats(1, 1000),
    counts=st.lists(st.integers(0, 60), min_size=5, max_size=5),
)
def test_any_figures_get_an_answer_to_every_check(improvements: list[float], general: float, counts: list[int]) -> None:
    evidence = replace(
        GOOD,
        improvements=improvements,
        general_after=figures(general),
        degenerate_after=counts[0],
        degenerate_before=counts[1],
        toxic_after=counts[2],
        toxic_before=counts[3],
        leaks=counts[4],
    )

    checks = check(evidence, TrainerSettings(bootstrap_samples=100))

    assert len(checks) == len({one.name for one in checks}) == 20
    assert all(one.sentence for one in checks)
    assert verdict(checks)
