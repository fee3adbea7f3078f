import random
from collections.abc import Callable

import pytest

from bot.engine.answer_text import AnswerText, goes_in_circles
from bot.engine.renderer import PromptRenderer
from bot.engine.weights import LoadedWeights
from tests.fakes.models import KINDS, Kind

Load = Callable[[Kind], LoadedWeights]
BY_KIND = pytest.mark.parametrize("kind", KINDS)


def spell(weights: LoadedWeights, text: str) -> list[int]:
    return [int(token) for token in weights.tokenizer.encode(text, add_special_tokens=False)]


def deltas_of(renderer: PromptRenderer, ids: list[int]) -> tuple[list[str], AnswerText]:
    answer = AnswerText(renderer)
    deltas = [answer.add(token) for token in ids]
    return [*deltas, answer.finish()], answer


@BY_KIND
@pytest.mark.parametrize("said", ["hello there, you", "naïve 👩‍👩‍👧‍👦 family 🇫🇷 żółć 漢字", "a  b\n\n c", "🙂"])
def test_deltas_join_to_the_text_and_never_hold_half_a_character(kind: Kind, said: str, weights_of: Load) -> None:
    weights = weights_of(kind)
    deltas, answer = deltas_of(weights.renderer, spell(weights, f"  {said} \n"))
    assert "".join(deltas) == answer.text == said
    assert not any("\ufffd" in delta for delta in deltas)
    assert any(delta for delta in deltas[:-1]) or len(said) == 1


@BY_KIND
def test_any_tokens_at_all_make_clean_text(kind: Kind, weights_of: Load) -> None:
    weights = weights_of(kind)
    chance = random.Random(7)
    for _ in range(30):
        ids = [chance.randrange(len(weights.tokenizer)) for _ in range(40)]
        deltas, answer = deltas_of(weights.renderer, ids)
        assert "".join(deltas) == answer.text == answer.text.strip()
        assert "\ufffd" not in answer.text
        answer.text.encode("utf-8")


@BY_KIND
def test_a_character_cut_off_by_the_end_is_left_out_and_what_stood_before_it_is_kept(
    kind: Kind, weights_of: Load
) -> None:
    weights = weights_of(kind)
    ids = spell(weights, "bye 🙂")
    _, answer = deltas_of(weights.renderer, ids[:-1])
    assert answer.text == "bye"


@BY_KIND
def test_an_end_token_ends_the_answer(kind: Kind, weights_of: Load) -> None:
    weights = weights_of(kind)
    end = min(weights.renderer.stop_ids)
    _, answer = deltas_of(weights.renderer, [*spell(weights, "bye"), end, *spell(weights, " more")])
    assert answer.has_ended
    assert answer.text == "bye"


def test_the_users_next_line_is_never_shown_not_even_its_beginning(weights_of: Load) -> None:
    weights = weights_of("gpt2")
    deltas, answer = deltas_of(weights.renderer, spell(weights, " fine\nUser: and you?"))
    assert answer.has_ended
    assert "".join(deltas) == answer.text == "fine"


def test_what_only_looks_like_the_users_next_line_is_shown_in_the_end(weights_of: Load) -> None:
    weights = weights_of("gpt2")
    _, answer = deltas_of(weights.renderer, spell(weights, " fine\nUse it, Use\nUs"))
    assert answer.text == "fine\nUse it, Use\nUs"


@pytest.mark.parametrize(
    "ids",
    [[5] * 16, [1, 2, 3] * 6, [*range(40), *([7, 8, 9, 10, 11, 12, 13] * 3)], list(range(24)) * 3],
    ids=["one-token", "three", "after-good-text", "a-long-round"],
)
def test_an_answer_that_only_repeats_itself_goes_in_circles(ids: list[int]) -> None:
    assert goes_in_circles(ids)


@pytest.mark.parametrize(
    "ids",
    [[], [5] * 12, [1, 2, 3, 4] * 2, list(range(100)), [1, 2, 3] * 3, [5] * 15 + [6]],
    ids=["empty", "a-long-laugh", "said-twice", "all-different", "a-chant", "got-out-of-it"],
)
def test_ordinary_repetition_does_not(ids: list[int]) -> None:
    assert not goes_in_circles(ids)


def test_an_answer_that_goes_in_circles_ends(weights_of: Load) -> None:
    weights = weights_of("llama")
    _, answer = deltas_of(weights.renderer, spell(weights, "no ") * 100)
    assert answer.has_ended
    assert len(answer.ids) < 100
