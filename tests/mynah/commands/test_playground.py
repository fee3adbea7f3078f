"""`mynah playground`: a real process that says where the page is, lets the person in, and ends when it is told to."""

import http.client
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from mynah.commands.playground import settings_for
from mynah.loop_view import see_loop
from mynah.settings import load_settings
from mynah.world import open_world
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


def test_it_says_where_it_is_and_ends_with_its_children(home: Path, tmp_path: Path) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MYNAH_")}
    environment = inherited | {
        "MYNAH_HOME": str(home),
        "MYNAH_ENGINE__BASE": str(tiny_model("llama", tmp_path / "base")),
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }
    command = [sys.executable, "-m", "mynah", "playground", "--port", "0"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    url = urlsplit(process.stdout.readline().split()[-1])
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
