import random

import pytest

from bot.screening.folding import Folder
from tools.screen.disguises import MEASURED, harmless_signs, left_by_folding

FOLDER = Folder()
LINE = "nobody likes that silly person"


@pytest.mark.parametrize("name", sorted(MEASURED))
def test_a_disguise_changes_the_line(name: str) -> None:
    assert MEASURED[name](LINE) != LINE


@pytest.mark.parametrize("name", ["look-alikes", "zero-width", "full width", "accents", "leet"])
def test_folding_undoes_what_is_not_learnt(name: str) -> None:
    readings = list(FOLDER.readings(FOLDER.plain(MEASURED[name](LINE))))
    assert LINE in readings


def test_what_is_learnt_as_disguised_is_no_longer_the_line() -> None:
    dice = random.Random(1)
    texts = [left_by_folding(LINE, dice, FOLDER) for _ in range(100)]
    assert sum(text != LINE for text in texts) > 60
    assert all(texts)


def test_harmless_signs_are_of_every_kind() -> None:
    texts = harmless_signs([LINE], random.Random(1), 60)
    assert len(texts) == 60
    assert any(text.isascii() for text in texts)
    assert any(not text.isascii() for text in texts)
