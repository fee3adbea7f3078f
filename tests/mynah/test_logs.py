"""Logs: their form, their place, and what they never hold."""

import ast
import json
import logging
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import StatementError

from mynah.logs import HOUSES, JsonFormatter, KeyValueFormatter, describe, log_file, set_up_logs
from mynah.settings import Settings, secrets_of
from storage.values import RunState

ROOT = Path(__file__).parents[2]
TOKEN = "made.up.discord-token"


def recorded(
    message: str, *args: object, logger: str = "bot.engine", error: Exception | None = None, **fields: object
) -> logging.LogRecord:
    caught = None if error is None else (type(error), error, error.__traceback__)
    record = logging.LogRecord(logger, logging.INFO, "", 0, message, args, caught)
    vars(record).update(fields)
    return record


def formatted(message: str, **fields: Any) -> str:
    return KeyValueFormatter().format(recorded(message, **fields))


def as_json(record: logging.LogRecord) -> dict[str, object]:
    line = JsonFormatter(secrets=(TOKEN,)).format(record)
    assert line.isascii()
    assert "\n" not in line
    told = json.loads(line)
    assert isinstance(told, dict)
    return told


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


def test_a_record_is_one_json_object_with_its_ids() -> None:
    told = as_json(recorded("answered", turn=7, model_version="abc", latency_seconds=0.5, is_candidate=False))
    assert str(told.pop("time")).endswith("Z")
    assert told == {
        "level": "info",
        "logger": "bot.engine",
        "message": "answered",
        "turn": 7,
        "model_version": "abc",
        "latency_seconds": 0.5,
        "is_candidate": False,
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param('a\n"b"\u2028\ud800', 'a\n"b"\u2028\ud800', id="signs that end lines, and half a sign"),
        pytest.param(("bounds:long", RunState.FAILED), ["bounds:long", "failed"], id="several"),
        pytest.param({1: Path("/a")}, {"1": "/a"}, id="names and values"),
        pytest.param(float("nan"), "nan", id="no number"),
        pytest.param(None, None, id="nothing"),
    ],
)
def test_any_value_is_json(value: object, expected: object) -> None:
    assert as_json(recorded("said", value=value))["value"] == expected


def test_a_field_never_hides_the_message_or_the_exception() -> None:
    told = as_json(recorded("failed", level="high", exception="none"))
    assert (told["message"], told["level"], told["its_level"], told["its_exception"]) == (
        "failed",
        "info",
        "high",
        "none",
    )
    assert "exception" not in told


def test_an_exception_is_in_the_object_without_what_people_wrote() -> None:
    words = "my secret diary"
    error = raised(StatementError(f"failed with {words!r}", "INSERT", {"text": words}, ValueError("x")))
    told = as_json(recorded("no answer", error=error))
    assert "StatementError" in str(told["exception"])
    assert "test_logs.py" in str(told["exception"])
    assert words not in json.dumps(told)


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    "record",
    [
        recorded("refused", error=RuntimeError(f"Bot {TOKEN} was refused")),
        recorded("asked", headers={"Authorization": f"Bot {TOKEN}", TOKEN: 1}),
        recorded("asked", of=(TOKEN,)),
        recorded(f"asked {TOKEN}"),
        recorded("asked %s", TOKEN, logger="aiohttp.client"),
        recorded(f"asked {TOKEN}", logger="aiohttp.client"),
    ],
    ids=["exception", "mapping", "several", "message", "argument", "template"],
)
def test_a_secret_is_blotted_out_wherever_it_stands(record: logging.LogRecord, form: str) -> None:
    formatter = JsonFormatter(secrets=(TOKEN,)) if form == "json" else KeyValueFormatter(secrets=(TOKEN,))
    line = formatter.format(record)
    assert TOKEN not in line
    assert record.levelname.lower() in line


def test_as_json_the_words_of_other_packages_stay_here() -> None:
    told = as_json(recorded("%s said %s\nin full: hush", "ada", "hush", logger="discord.client", content="hush"))
    assert told["message"] == "%s said %s"
    assert "hush" not in json.dumps(told)
    assert "ada" not in json.dumps(told)


def test_every_secret_of_the_settings_and_no_other_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "DISCORD__TOKEN": TOKEN,
        "REMOTE__KEY": "the key",
        "REMOTE__MODEL": "some/model",
        "REMOTE__URLS": "http://ada:proxy-password@gpu/v1,http://other/v1",
        "STORE__URL": "postgresql+asyncpg://mynah:pass@word@db:5432/mynah",
        "STORE__AUTHOR_KEY_SECRET": "abc",
    }.items():
        monkeypatch.setenv(f"MYNAH_{name}", value)
    assert secrets_of(Settings()) == (TOKEN, "proxy-password", "pass@word", "the key")


def test_standard_error_is_json_where_the_settings_say_so_and_the_file_stays_text(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    set_up_logs(tmp_path, process="bot", shown=logging.INFO, form="json", secrets=(TOKEN,))
    logging.getLogger("bot").error("broke", extra={"run": 3}, exc_info=raised(ValueError(f"why {TOKEN}")))
    logging.getLogger("bot").info("again")
    first, second = map(json.loads, capfd.readouterr().err.splitlines())
    assert (first["message"], first["run"], second["message"]) == ("broke", 3, "again")
    assert "ValueError: why [secret]" in first["exception"]
    file = log_file(tmp_path, "bot").read_text()
    assert "event=broke run=3" in file
    assert TOKEN not in file


def fields_logged() -> Iterator[tuple[str, str]]:
    """Where something is logged, and under which name, as far as it stands in the code as a constant."""
    for house in sorted(HOUSES):
        for path in (ROOT / house).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.keyword) and node.arg == "extra" and isinstance(node.value, ast.Dict):
                    names = [key.value for key in node.value.keys if isinstance(key, ast.Constant)]
                    yield from ((f"{path.name}:{node.value.lineno}", str(name)) for name in names)


def test_no_event_has_a_field_for_words_people_or_secrets() -> None:
    logged = list(fields_logged())
    assert len(logged) > 100
    private = {"author", "author_key", "content", "key", "member", "messages", "name", "prompt", "reply", "secret"}
    private |= {"text", "token", "user", "words"}
    assert [where for where, name in logged if name in private] == []
