"""What is in a language that the base cannot read is found, however it is written, and English is not."""

import pytest

from trainer.languages import foreign_shares, languages_of

ENGLISH = [
    "That sounds like a lovely plan for the weekend.",
    "ye ill b there at 8, dont start w/o me lol",
    "run sudo systemctl restart nginx and check the logs",
    "no",
]
GERMAN = ["Das klingt nach einem schönen Plan für das Wochenende.", "Bring bitte Kuchen mit", "gerne", "na klar"]
SPANISH = ["Me encanta ver los partidos con mis amigos.", "muy bien, gracias, y tú qué tal estás hoy?"]


def found(texts: list[str], bits: float = 5.0, home: frozenset[str] = frozenset({"en"})) -> dict[str, float]:
    return foreign_shares(texts, [bits] * len(texts), home=home, most_bits=3.5)


def test_english_is_nowhere_foreign_also_in_slang_and_commands() -> None:
    assert found(ENGLISH * 5) == {}


def test_another_language_is_found_with_its_share() -> None:
    shares = found([*ENGLISH, *GERMAN])
    assert list(shares) == ["de"]
    assert 0.3 < shares["de"] < 0.6


def test_short_replies_are_told_apart_together() -> None:
    assert found(["ja gerne", "nein danke", "bis morgen dann", "wir sehen uns", "schönen Abend noch"] * 3) == {
        "de": 1.0
    }


def test_the_commonest_comes_first() -> None:
    assert list(found([*GERMAN * 3, *SPANISH])) == ["de", "es"]


def test_what_the_base_reads_is_not_foreign() -> None:
    assert found(GERMAN, bits=2.0) == {}
    assert found(GERMAN, home=frozenset({"en", "de"})) == {}


@pytest.mark.parametrize("texts", [[], [""], ["!!!", "123", "😂"]])
def test_where_there_are_no_letters_nothing_is_foreign(texts: list[str]) -> None:
    assert found(texts) == {}


def test_a_trifle_of_another_language_is_not_one_of_its_own() -> None:
    assert languages_of([*ENGLISH * 20, GERMAN[0]]) == {"en"}
    assert languages_of([*ENGLISH * 5, *GERMAN * 5]) == {"en", "de"}
