"""`mynah playground`, and `mynah run` without a token: a process that says where the page is, and ends when told to."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mynah.commands.playground import _play, has_windows, settings_for
from mynah.invocation import Invocation
from mynah.loop_view import see_loop
from mynah.settings import load_settings
from mynah.world import open_world
from storage.errors import MynahError
from tests.fakes.models import tiny_model
from tests.playground.town import open_town


async def test_the_bot_finds_the_stand_in_by_settings_alone() -> None:
    async with open_town() as town:
        given = settings_for(town.server)
    assert given["MYNAH_DISCORD__API_URL"] == town.server.api_url
    assert given["MYNAH_DISCORD__GATEWAY_URL"] == town.server.gateway_url
    assert given["MYNAH_DISCORD__PERMISSION_TO_TRAIN_CONFIRMED"] == "true"
    assert given["MYNAH_DISCORD__ADMIN_ROLE_IDS"] == ""


async def test_the_panel_shows_a_home_in_which_nothing_happened_yet(home: Path) -> None:
    async with open_world(load_settings(home)) as world:
        document = await see_loop(world)
    assert document["status"]["turns"] == 0
    assert [document[name] for name in ("turns", "waiting", "runs", "versions", "moves")] == [[], [], [], [], []]


def environment(home: Path, base: str) -> dict[str, str]:
    """Of somebody without a token."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MYNAH_")}
    return inherited | {
        "MYNAH_HOME": str(home),
        "MYNAH_ENGINE__BASE": base,
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }


def started(home: Path, base: str, *arguments: str, **more: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "mynah", *arguments]
    variables = environment(home, base) | more
    return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_without_a_token_run_ends_in_the_page_and_ctrl_c_ends_all(home: Path, tmp_path: Path) -> None:
    process = started(home, str(tiny_model("llama", tmp_path / "base")), "run")
    assert process.stdout is not None
    said = iter(process.stdout.readline, "")
    url = urlsplit(next(line for line in said if "http" in line).split()[-1])
    connection = http.client.HTTPConnection(url.netloc)
    connection.request("GET", f"/?{url.query}")
    assert connection.getresponse().status == 303
    connection.close()
    log = home / "logs" / "playground.log"
    while log.read_text().count("child started") < 2 and process.poll() is None:
        time.sleep(0.05)
    children = [
        int(line.partition("child_pid=")[2].split()[0]) for line in log.read_text().splitlines() if "child_pid=" in line
    ]
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert len(children) == 2
    assert not any(Path(f"/proc/{child}").exists() for child in children)


def answer_of(port: int, path: str) -> tuple[int, bytes] | None:
    """Status and body; None: nobody listens there."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    except OSError:
        return None
    finally:
        connection.close()


def test_the_bot_of_the_playground_tells_how_it_does_where_a_port_is_set(home: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    base = str(tiny_model("llama", tmp_path / "base"))
    process = started(home, base, "playground", "--port", "0", MYNAH_TELEMETRY__BOT_PORT=str(port))
    while answer_of(port, "/readyz") != (200, b'{"ready": true, "checks": {"database": true, "discord": true}}'):
        assert process.poll() is None
        time.sleep(0.1)
    told = answer_of(port, "/metrics")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert told is not None
    assert b"mynah_discord_connected 1.0" in told[1]


def test_a_ctrl_c_while_it_loads_ends_it_without_a_traceback(home: Path) -> None:
    process = started(home, "embedded", "playground", "--port", "0")
    while not (home / "logs").exists() and process.poll() is None:  # the settings are read, the rest is on its way
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err


async def test_a_port_that_is_taken_is_said_with_what_to_do(home: Path) -> None:
    async with open_town() as town:
        with pytest.raises(MynahError, match="Try another --port"):
            await _play(Invocation(home=home), port=town.server.port, opens_browser=False)


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        pytest.param("linux", {}, False, id="headless"),
        pytest.param("linux", {"DISPLAY": ":0"}, True, id="X"),
        pytest.param("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True, id="Wayland"),
        pytest.param("darwin", {}, True, id="Mac"),
    ],
)
def test_the_page_opens_only_where_a_browser_has_a_window(
    monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, str], expected: bool
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert has_windows() is expected
