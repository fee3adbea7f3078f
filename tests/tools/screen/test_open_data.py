import random
from pathlib import Path

import pytest

from tests.tools.screen.data import write_open_data
from tools.screen.open_data import all_talk, heldout_talk, identities, jigsaw_sample, profanity, small_talk, tweets


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_open_data(tmp_path / "data")


def test_a_swear_word_is_obscene_and_no_insult(data: Path) -> None:
    labels = {example.text: example.labels for example in profanity(data)[0]}
    assert labels["fuck"][2] == 1.0
    assert labels["fuck"][4] == 0.0
    assert labels["numbskull"][4] > 0.5
    assert "heck" not in labels


def test_a_tweet_that_swears_at_nobody_is_not_unkind_and_a_hateful_one_is(data: Path) -> None:
    examples = tweets(data, profanity(data)[1])
    swearing = [example for example in examples if example.text.startswith("fuck")]
    hateful = [example for example in examples if example.text.startswith("those")]
    assert not any(example.is_unkind for example in swearing)
    assert all(example.is_unkind for example in hateful)


def test_a_tweet_that_calls_somebody_names_is_unkind_and_the_same_word_for_a_thing_is_not(data: Path) -> None:
    found = {example.text: example for example in tweets(data, profanity(data)[1])}
    assert found["you stupid bitch"].is_unkind
    assert found["you stupid bitch"].labels[4] > 0.5
    assert not found["monday is a bitch"].is_unkind


def test_what_tweets_add_is_taken_out(data: Path) -> None:
    assert tweets(data, profanity(data)[1])[0].text == "& the weather is nice 0"


def test_violence_against_somebody_for_what_they_are_is_a_threat(data: Path) -> None:
    labels = {example.text: example.labels for example in identities(data, random.Random(1), 10)}
    assert labels["kill deaf"][3] == 1.0
    assert not any(labels["hug deaf"])


def test_insults_are_no_small_talk_and_what_is_kept_apart_is_not_learnt(data: Path) -> None:
    chosen, apart = small_talk(data, profanity(data)[1], random.Random(1), 500)
    assert chosen
    assert not any("stupid" in text for text in [*chosen, *apart])
    assert not set(chosen) & set(apart)


def test_the_held_out_dialogue_is_never_read(data: Path) -> None:
    assert "never learn this" not in all_talk(data)


def test_the_held_out_dialogue_is_there_to_measure_on(data: Path) -> None:
    assert heldout_talk(data, 5) == ["never learn this"]


def test_the_jigsaw_sample_keeps_its_six_labels(data: Path) -> None:
    assert {example.labels for example in jigsaw_sample(data)} == {(0.0,) * 6, (1.0,) * 6}
