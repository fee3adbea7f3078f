import random

import pytest

from tools.grammar import Template
from tools.screen.corpus import KINDS
from tools.screen.grammar import PHRASES, Grammar, Words, is_held_out

WORDS = Words({"animal": ["cat", "owl"], "name": ["Ada"], "oddname": ["Dick"]})


def sentences(line: str) -> set[str]:
    dice = random.Random(1)
    return {WORDS.filled(Template(line), dice) for _ in range(200)}


def test_a_bar_is_a_choice_and_nothing_may_be_chosen() -> None:
    assert sentences("(hi|hello) there( friend|)") == {
        "hi there",
        "hello there",
        "hi there friend",
        "hello there friend",
    }


def test_choices_may_lie_inside_choices() -> None:
    assert sentences("a (b (c|d)|e)") == {"a b c", "a b d", "an e"}


def test_a_word_is_drawn_from_its_slot_with_the_right_article() -> None:
    assert sentences("I saw a {animal}") == {"I saw a cat", "I saw an owl"}


def test_a_name_is_sometimes_one_that_nobody_has() -> None:
    names = sentences("{name}")
    assert "Ada" in names
    assert len(names) > 5


def test_choices_are_counted() -> None:
    assert Template("(a|b (c|d)) {animal}").choices(WORDS.count) == 6


@pytest.mark.parametrize("line", ["(a|b", "a (b|(c)", "a) b"])
def test_a_bracket_that_is_not_closed_or_opened_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="bracket"):
        _ = Template(line).parts


@pytest.mark.parametrize("name", sorted(path.stem for path in PHRASES.glob("*.txt")))
def test_every_template_that_ships_can_be_filled(name: str) -> None:
    words, dice = Words.read(), random.Random(1)
    for template in Grammar([name], words).templates:
        text = words.filled(template, dice)
        assert text
        assert not set("{}|") & set(text), template.line


def test_every_phrase_file_is_learnt() -> None:
    assert sorted(path.stem for path in PHRASES.glob("*.txt")) == sorted(name for kind in KINDS for name in kind.files)


def test_what_checks_shares_no_template_with_what_is_learnt() -> None:
    grammar = Grammar(["insults"], Words({}))
    apart = [template for template in grammar.templates if is_held_out(template)]
    assert 0 < len(apart) < len(grammar.templates) / 4
