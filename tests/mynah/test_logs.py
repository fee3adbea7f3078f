"""Logs: their form, their place, and what they never hold."""

import logging
import shlex
from pathlib import Path

import pytest
from sqlalchemy.exc import StatementError

from mynah.logs import KeyValueFormatter, describe, log_file, set_up_logs


def formatted(message: str, **fields: object) -> str:
    record = logging.LogRecord("bot.engine", logging.INFO, "", 0, message, (), None)
    vars(record).update(fields)
    return KeyValueFormatter().format(record)


def test_a_line_is_made_of_pairs() -> None:
    line = formatted("swapped", version="abc", seconds=1.5)
    assert line.endswith("level=info logger=bot.engine event=swapped version=abc seconds=1.5")
    assert line.startswith("time=20")


def test_a_field_never_hides_the_event_itself() -> None:
    assert " event=failed " in formatted("failed", event="on_message")


@pytest.mark.parametrize("value", ["two words", 'a "quote"', "a=b", "", "a\nb", "a\r\nlevel=error"])
def test_a_value_cannot_break_its_line_or_its_pair(value: str) -> None:
    line = formatted("said", value=value)
    assert "\n" not in line
    assert "\r" not in line
    assert len(shlex.split(line.partition(" value=")[2])) == 1


def test_the_file_gets_events_and_the_terminal_only_warnings(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    set_up_logs(tmp_path, process="bot", shown=logging.WARNING)
    logging.getLogger("bot").info("quiet")
    logging.getLogger("bot").warning("loud")
    out, err = capfd.readouterr()
    assert out == ""
    assert "event=loud" in err
    assert "quiet" not in err
    assert "event=quiet" in log_file(tmp_path, "bot").read_text()


def test_a_traceback_is_in_the_file_and_not_on_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    set_up_logs(tmp_path, process="bot", shown=logging.WARNING)
    logging.getLogger("bot").error("broke", exc_info=raised(ValueError("why")))
    err = capfd.readouterr().err
    assert "event=broke" in err
    assert "ValueError" not in err
    assert "ValueError: why" in log_file(tmp_path, "bot").read_text()


def test_setting_up_again_moves_the_file_and_writes_no_line_twice(tmp_path: Path) -> None:
    set_up_logs(tmp_path, process="bot", shown=None)
    set_up_logs(tmp_path, process="trainer", shown=None)
    logging.getLogger("trainer").info("once")
    assert log_file(tmp_path, "bot").read_text() == ""
    assert log_file(tmp_path, "trainer").read_text().count("once") == 1


def test_a_home_that_cannot_be_written_leaves_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    set_up_logs(tmp_path, process="bot", shown=logging.WARNING)
    logging.getLogger("bot").warning("still heard")
    assert "still heard" in capfd.readouterr().err


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    """The error as it is when it was raised and caught."""
    with pytest.raises(type(error)) as caught:
        raise error from cause
    return caught.value


def test_what_people_wrote_never_gets_into_a_log_through_a_database_error() -> None:
    words = "my secret diary"
    told = describe(raised(StatementError(f"failed with {words!r}", "INSERT", {"text": words}, ValueError("x"))))
    assert "secret diary" not in told
    assert "StatementError" in told
    assert "test_logs.py" in told


def test_causes_are_told_too() -> None:
    told = describe(raised(RuntimeError("could not save"), OSError("disk full")))
    assert "could not save" in told
    assert "disk full" in told
