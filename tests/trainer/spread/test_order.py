"""What the one that asks and those that train tell each other."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.progress import Why
from trainer.spread.order import Folder
from trainer.spread.rank import work


def test_what_is_told_arrives_once_and_a_half_line_is_waited_for(tmp_path: Path) -> None:
    first, asking = Folder(tmp_path), Folder(tmp_path)
    asking.ask({"kind": "growth"})
    assert list(asking.told()) == []
    first.tell({"step": 1})
    with (tmp_path / "told.jsonl").open("a") as file:
        file.write('{"step": 2')
    assert list(asking.told()) == [{"step": 1}]
    assert list(asking.told()) == []
    with (tmp_path / "told.jsonl").open("a") as file:
        file.write('{"step": 3}\n')  # of the process that was started in the place of the killed one
    first.tell({"step": 4})
    assert list(asking.told()) == [{"step": 4}]


def test_a_new_order_forgets_how_the_last_one_ended(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.ask({"kind": "growth"})
    folder.ask_to_stop(Why.CANCELLED)
    folder.end({"interrupted": "cancelled"})
    assert folder.asked_to_stop() is Why.CANCELLED
    folder.ask({"kind": "growth"})
    assert (folder.asked_to_stop(), folder.outcome()) == (None, None)


def test_those_that_train_stop_when_the_one_that_asked_is_gone(tmp_path: Path) -> None:
    code = f"from trainer.spread.order import Folder; import pathlib; Folder(pathlib.Path({str(tmp_path)!r})).ask({{}})"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3], env={**os.environ})
    assert Folder(tmp_path).asked_to_stop() is Why.LOST


@pytest.mark.parametrize("outcome", [{"done": {"steps": 3}}, {"interrupted": "stopping"}])
def test_who_is_started_anew_after_the_end_does_nothing_again(tmp_path: Path, outcome: dict[str, object]) -> None:
    place = Folder(tmp_path)
    place.ask({"kind": "none of those there are", "device": "cpu"})
    place.end(outcome)
    work(tmp_path)
    assert place.outcome() == outcome


def test_who_was_left_behind_by_a_killed_trainer_leaves_its_successors_order_alone(tmp_path: Path) -> None:
    place, left_behind = Folder(tmp_path), Folder(tmp_path)
    first = place.ask({"kind": "none of those there are", "device": "cpu"})
    assert left_behind.take(first) is not None
    assert left_behind.asked_to_stop() is None
    second = place.ask({"kind": "none of those there are", "device": "cpu"})
    assert left_behind.asked_to_stop() is Why.LOST
    left_behind.end({"interrupted": "lost"})
    work(tmp_path, first)  # as the agent that lives on starts it anew
    assert place.outcome() is None
    assert place.take(second) is not None
    (tmp_path / "order.json").unlink()
    assert left_behind.asked_to_stop() is Why.LOST
