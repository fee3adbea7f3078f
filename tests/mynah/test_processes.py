"""Real processes, as people start them. Few: each takes seconds to load."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fakes.models import tiny_model


@pytest.fixture
def environment(home: Path, tmp_path: Path) -> dict[str, str]:
    """Of a person with a tiny base."""
    base = tiny_model("llama", tmp_path / "base")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MYNAH_")}
    return inherited | {
        "MYNAH_HOME": str(home),
        "MYNAH_ENGINE__BASE": str(base),
        "MYNAH_ENGINE__MAX_NEW_TOKENS": "8",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }


def mynah(environment: dict[str, str], *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mynah", *arguments]
    return subprocess.run(command, env=environment, input=said, capture_output=True, text=True, check=False)


def test_one_question_gets_the_reply_and_nothing_else(environment: dict[str, str]) -> None:
    done = mynah(environment, "chat", "--once", "hello there", "--json")
    assert done.returncode in (0, 3), done.stderr  # a tiny random model may babble what screening refuses
    assert done.stderr == ""
    document = json.loads(done.stdout)
    assert document["reply"]
    assert document["kind"] in {"answer", "refusal"}


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_nothing_to_say_is_wrong_usage(environment: dict[str, str], text: str) -> None:
    done = mynah(environment, "chat", "--once", text)
    assert done.returncode == 2
    assert done.stdout == ""


def test_hostile_lines_get_a_verdict_each(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "mynah", "screen", "--json"]
    lines = [b"", b"x" * 100_000, b"nul \x00 inside", b"\xed\xa0\x80 surrogate", b"\xff\xfe", b"a" + b"\xcc\x81" * 3000]
    done = subprocess.run(command, env=environment, input=b"\n".join(lines) + b"\n", capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    verdicts = json.loads(done.stdout)["verdicts"]
    assert len(verdicts) == len(lines)
    assert verdicts[1]["outcome"] == "refuse"


def test_help_is_there_without_loading_anything(environment: dict[str, str]) -> None:
    code = "import sys; from mynah.app import app; app(['--help'], standalone_mode=False); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    loaded = set(done.stdout.split())
    assert "chat" in done.stdout
    assert not loaded & {"torch", "transformers", "sqlalchemy", "discord", "pydantic", "rich.console"}


def test_a_reader_that_goes_away_leaves_no_traceback(environment: dict[str, str]) -> None:
    command = f"{sys.executable} -m mynah status --json | true"
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_a_supervised_trainer_ends_when_it_is_told_to(environment: dict[str, str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "mynah", "trainer"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    log = Path(environment["MYNAH_HOME"]) / "logs" / "trainer.log"
    while not (log.exists() and "champion set" in log.read_text()) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert out == b""
    assert b"Traceback" not in err
