import pytest

from bot.screening.bounds import prepare
from bot.screening.crisis import Crisis
from bot.screening.folding import Folder
from bot.screening.subject import Finding
from storage.values import Outcome
from tests.bot.screening.crisis_lines import IN_DANGER, NOT_IN_DANGER, lines

FOLDER, CRISIS = Folder(), Crisis()


def found(text: str) -> Finding:
    [finding] = CRISIS.examine([prepare(text, FOLDER, 4000)])
    return finding


@pytest.mark.parametrize("text", lines(IN_DANGER))
def test_a_person_in_danger_is_heard(text: str) -> None:
    finding = found(text)
    assert finding.is_crisis
    assert finding.blocks_reply
    assert finding.outcome is Outcome.REFUSE


@pytest.mark.parametrize("text", [line for line in lines(NOT_IN_DANGER) if "song is called" not in line])
def test_idioms_games_and_news_are_left_alone(text: str) -> None:
    assert found(text) == Finding()


@pytest.mark.parametrize("text", ["the song is called I want to die", "in the movie she says I want to kill myself"])
def test_what_reads_like_fiction_is_held_for_a_person_and_answered(text: str) -> None:
    finding = found(text)
    assert (finding.outcome, finding.reasons) == (Outcome.HOLD, ("crisis:unclear",))
    assert not finding.is_crisis
    assert not finding.blocks_reply


def test_one_serious_sentence_among_harmless_ones_is_heard() -> None:
    assert found("Game was fun. I played minecraft. I want to kill myself. Anyway, bye!").is_crisis
