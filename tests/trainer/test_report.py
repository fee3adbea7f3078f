"""The report card: what its row keeps, and what must be taken out of its files."""

import itertools
import json
import math
from pathlib import Path

import pytest

from trainer.judging import BeforeAndAfter
from trainer.quotes import clear_quotes
from trainer.report import MOST_POINTS, RunReport, curve

SECRET = "the key is under the blue pot"
REPLIES = (
    BeforeAndAfter("where is the key?", "no idea", SECRET, SECRET),
    BeforeAndAfter("## Recipe\n\n| hello |", "hi\n\n## Recipe", f"hi, {SECRET}", None),
)


def report(replies: tuple[BeforeAndAfter, ...] = REPLIES, steps: int = 3) -> RunReport:
    return RunReport(
        run_id=7,
        outcome="refused",
        verdict="It knows no more.",
        champion="base",
        version=None,
        snapshot={"train": 3},
        recipe={"method": "full"},
        losses=[(step, 3.0 / step) for step in range(1, steps + 1)],
        replies=replies,
    )


@pytest.mark.parametrize("steps", [0, 1, 2, MOST_POINTS, MOST_POINTS + 1, 12_345])
def test_the_row_has_a_curve_of_bounded_size_from_the_first_step_to_the_last(steps: int) -> None:
    points = report(steps=steps).as_json()["losses"]
    assert isinstance(points, list)
    assert len(points) == min(steps, MOST_POINTS)
    assert len(json.dumps(points)) < 5000
    taken = [step for step, _ in points]
    assert taken == sorted(set(taken))
    if steps:
        assert (taken[0], taken[-1]) == (1, steps)
        assert points[0][1] == 3.0
        gaps = [after - before for before, after in itertools.pairwise(taken)]
        assert not gaps or max(gaps) <= math.ceil(steps / (MOST_POINTS - 1))


def test_a_training_that_diverged_has_a_curve_of_the_numbers_there_were() -> None:
    assert curve([(1, 2.0), (2, float("nan")), (3, float("inf")), (4, 0.123456)]) == [[1, 2.0], [4, 0.1235]]


def test_the_file_has_the_whole_curve(tmp_path: Path) -> None:
    report(steps=MOST_POINTS * 3).write(tmp_path)
    assert len(json.loads((tmp_path / "report.json").read_text("utf-8"))["losses"]) == MOST_POINTS * 3


def test_quotes_are_taken_out_of_both_files_and_the_rest_stays(tmp_path: Path) -> None:
    report().write(tmp_path)
    report(replies=()).write(tmp_path / "never quoted")
    assert clear_quotes(tmp_path)
    files = {name: (tmp_path / name).read_text("utf-8") for name in ("report.json", "report.md")}
    assert not any(words in text for text in files.values() for words in (SECRET, "where is", "no idea", "hello", "hi"))
    assert files["report.md"] == (tmp_path / "never quoted" / "report.md").read_text("utf-8")
    kept, never = (
        json.loads(files["report.json"]),
        json.loads((tmp_path / "never quoted/report.json").read_text("utf-8")),
    )
    assert kept == {**never, "quotes_cleared": True}
    assert not clear_quotes(tmp_path), "the second time there is nothing to take out"


def test_where_there_is_no_report_or_no_quote_nothing_is_written(tmp_path: Path) -> None:
    assert not clear_quotes(tmp_path / "missing")
    (tmp_path / "report.json").write_text("{broken")
    assert not clear_quotes(tmp_path)
    report(replies=()).write(tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert not clear_quotes(tmp_path)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_a_page_whose_other_file_is_gone_is_cleared_too(tmp_path: Path) -> None:
    report().write(tmp_path)
    (tmp_path / "report.json").unlink()
    assert clear_quotes(tmp_path)
    assert SECRET not in (tmp_path / "report.md").read_text("utf-8")
