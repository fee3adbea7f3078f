"""The tokenizer that is grown from talk."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerBase

from storage.errors import WrongUsage
from trainer.growing.tokenising import FEWEST_TOKENS, MARKS, grow_tokenizer, load_tokenizer

TEXTS = ["the cat sat on the mat", "the dog sat on the cat", "12345 is a number"] * 5
TALK = [
    {"role": "system", "content": "You are a bird."},
    {"role": "user", "content": "Hello?"},
    {"role": "assistant", "content": " Tweet! "},
    {"role": "user", "content": "Again"},
    {"role": "assistant", "content": "Tweet, tweet."},
]


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return grow_tokenizer(TEXTS, 300, 64)


def test_the_marks_have_the_first_ids(tokenizer: PreTrainedTokenizerBase) -> None:
    assert tokenizer.convert_tokens_to_ids(list(MARKS)) == list(range(len(MARKS)))
    assert (tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id) == (0, 1, 2)


@given(text=st.text())
def test_any_text_comes_back_as_it_was(tokenizer: PreTrainedTokenizerBase, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


def test_digits_are_never_put_together(tokenizer: PreTrainedTokenizerBase) -> None:
    assert tokenizer.tokenize("12345") == list("12345")


def test_a_longer_conversation_begins_with_the_tokens_of_a_shorter_one(tokenizer: PreTrainedTokenizerBase) -> None:
    whole = tokenizer.apply_chat_template(TALK, return_dict=False)
    for turns in (2, 4):
        asked = tokenizer.apply_chat_template(TALK[:turns], add_generation_prompt=True, return_dict=False)
        assert whole[: len(asked)] == asked


def test_the_template_marks_exactly_the_assistants_words_and_their_end(tokenizer: PreTrainedTokenizerBase) -> None:
    rendered: Any = tokenizer.apply_chat_template(TALK, return_dict=True, return_assistant_tokens_mask=True)
    learnt = [token for token, mask in zip(rendered["input_ids"], rendered["assistant_masks"], strict=True) if mask]
    assert tokenizer.decode(learnt) == "Tweet!<|end|>Tweet, tweet.<|end|>"


def test_it_is_the_same_after_saving(tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path)
    loaded = load_tokenizer(tmp_path)
    assert loaded.get_vocab() == tokenizer.get_vocab()
    assert loaded.chat_template == tokenizer.chat_template


def test_a_vocabulary_without_room_for_every_byte_is_refused() -> None:
    with pytest.raises(WrongUsage, match=str(FEWEST_TOKENS)):
        grow_tokenizer(TEXTS, FEWEST_TOKENS - 1, 64)


def test_no_text_gives_a_tokenizer_of_bytes() -> None:
    assert len(grow_tokenizer([], 1000, 64)) == FEWEST_TOKENS
