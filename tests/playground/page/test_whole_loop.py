"""The guided tour to its end, in a browser, with the processes that people start: the bot, the trainer, the embedded model.

The round is a tiny one, of one example and the fewest steps; it is a real one all the same, judged by the real gate.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.playground.page.test_talking import field

SECONDS_TO_WAKE = 120
SECONDS_TO_LEARN = 600
"""What a loaded machine may take; at rest it is a fraction of it."""

SETTINGS = {
    "MYNAH_ENGINE__TEMPERATURE": "0",  # the same words each time
    "MYNAH_ENGINE__MAX_NEW_TOKENS": "24",
    "MYNAH_TRAINER__BOOTSTRAP_SAMPLES": "100",
    "MYNAH_TRAINER__POLL_SECONDS": "0.2",
    "OMP_NUM_THREADS": "1",
}

pytestmark = [pytest.mark.whole_loop, pytest.mark.timeout(1200)]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Of a playground that somebody has just started in an empty home."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MYNAH_")}
    environment = inherited | SETTINGS | {"MYNAH_HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-m", "mynah", "playground", "--port", "0", "--no-open"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process.stdout.readline().split()[-1]
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err


class Tour:
    """The tour's card, and what it asks for."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def comes_to(self, title: str, *, seconds: float = SECONDS_TO_WAKE) -> Locator:
        """The card of a step, once it is there."""
        card = self.page.locator("#tour").get_by_role("region", name=title)
        expect(card).to_be_visible(timeout=seconds * 1000)
        return card

    def says(self, title: str) -> None:
        """Let the tour write its message, and send it."""
        self._type(title)
        expect(field(self.page)).not_to_have_value("")
        self.page.keyboard.press("Enter")

    def commands(self, title: str) -> None:
        """Let the tour write its command, and send it."""
        self._type(title)
        expect(self.page.get_by_role("form", name="Command")).to_be_visible()
        self.page.keyboard.press("Enter")

    def _type(self, title: str) -> None:
        self.comes_to(title).get_by_role("button", name="Type it for me").click()

    def presses(self, kind: str) -> None:
        """Press the newest button of a kind, once it is there."""
        self.page.locator(f'.message button[data-custom-id^="{kind}"]').last.click()


def loop_of(page: Page) -> Any:
    """How Mynah's loop stands."""
    return page.evaluate("fetch('/play/loop').then((answer) => answer.json())")


def champion_of(page: Page) -> Any:
    return next(one for one in loop_of(page)["versions"] if "champion" in one["aliases"])


def test_the_tour_goes_from_hello_to_a_new_version_and_back(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 1600, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(SECONDS_TO_WAKE * 1000)
    tour = Tour(page)
    page.goto(address)
    page.get_by_role("button", name="Start the tour").click()

    tour.says("Say hello")
    tour.comes_to("Tell it whether that was good")
    tour.presses("mynah:vote:up")
    tour.commands("Turn learning on")
    tour.presses("mynah:learning:confirm")
    tour.commands("Allow it for yourself")
    base = champion_of(page)

    tour.says("Ask what it cannot know")
    tour.comes_to("Give a better answer").get_by_role("button", name="Fill it in for me").click()
    form = page.get_by_role("dialog", name="A better answer")
    expect(form.get_by_role("textbox")).to_have_value(re.compile("blue room"))
    form.get_by_role("button", name="Submit").click()
    tour.commands("Review it as a moderator")
    tour.presses("mynah:review:yes")

    tour.commands("Train a new version")
    tour.comes_to("Watch it learn")
    expect(page.locator(".panel-run .stage-now")).to_be_visible()  # while it runs, one sees how far it is
    card = tour.comes_to("Read its report card", seconds=SECONDS_TO_LEARN)
    run = loop_of(page)["runs"][0]
    assert run["state"] == "promoted", run["note"]
    assert champion_of(page)["version"] == run["version"] != base["version"]
    expect(page.locator(".embed").last).to_contain_text(run["version"])
    card.get_by_role("button", name="I have read it").click()

    tour.says("Ask again, in other words")
    rollback = tour.comes_to("Take it back")
    expect(rollback).to_contain_text("Friday at eight")
    tour.commands("Take it back")
    tour.presses("mynah:model:rollback")
    tour.commands("Be forgotten")
    assert champion_of(page)["version"] == base["version"]
    tour.presses("mynah:forget:delete")
    tour.comes_to("Break something")
    receipt = page.locator(".message", has_text="Receipt")
    expect(receipt).to_contain_text(f"Versions that had learnt from you: {run['version']}")
    page.get_by_role("button", name=re.compile("^Cut the connection")).click()
    tour.comes_to("That was the tour. Now it is yours.")
    context.close()
