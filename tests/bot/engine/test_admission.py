from contextlib import ExitStack

import pytest

from bot.engine.admission import Admission
from bot.engine.protocol import EngineBusy
from storage.errors import WrongUsage


@pytest.fixture
def admission() -> Admission:
    return Admission(max_requests=3, max_per_member=2)


def test_a_member_may_have_only_so_many(admission: Admission) -> None:
    with admission.place("ann", "1"), admission.place("ann", "2"):
        with pytest.raises(EngineBusy, match="last message"), admission.place("ann", "3"):
            pass
        with admission.place("bob", "3"):
            assert admission.admitted == 3


def test_all_together_may_have_only_so_many(admission: Admission) -> None:
    with ExitStack() as places:
        for member in ("ann", "bob", "cem"):
            places.enter_context(admission.place(member, member))
        with pytest.raises(EngineBusy, match="try again"), admission.place("dee", "dee"):
            pass


def test_a_place_is_given_back_also_after_an_error(admission: Admission) -> None:
    for _ in range(10):
        with pytest.raises(ZeroDivisionError), admission.place("ann", "1"):
            raise ZeroDivisionError
    assert admission.admitted == 0


def test_one_id_cannot_be_in_twice(admission: Admission) -> None:
    with admission.place("ann", "1"):
        with pytest.raises(WrongUsage), admission.place("bob", "1"):
            pass
        assert admission.admitted == 1
