"""A browser, and a page open in it as one of the server's people."""

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from playground.server import Options
from tests.playground.page.stage import Stage, open_stage

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SECONDS = 20
"""What a loaded machine may take for one thing to be seen."""

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Closed with its module: as long as it is open, its event loop runs in this thread, and no other test's can."""
    if CHROMIUM is None:
        pytest.skip("no chromium is installed; on Debian: apt-get install chromium")
    expect.set_options(timeout=SECONDS * 1000)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def opened_stage() -> Iterator[Stage]:
    with open_stage(Options(ports=(0,), limits_are_enforced=False)) as opened:
        yield opened


@pytest.fixture
def stage(opened_stage: Stage) -> Stage:
    """A stage on which nothing was said yet."""
    opened_stage.do(opened_stage.clear)
    return opened_stage


@pytest.fixture
def open_page(browser: Browser, stage: Stage) -> Iterator[OpenPage]:
    """Opens the page; fails the test if a script failed, or if the content policy had to stop something."""
    wrong: list[str] = []
    contexts = []

    def open_it(*, width: int = 1280, height: int = 800, tour: bool = False) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(SECONDS * 1000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
        if not tour:
            page.add_init_script("localStorage['mynah.tour'] ??= JSON.stringify({at: 0, isOpen: false})")
        page.goto(stage.playground.page_url)
        expect(page.get_by_role("textbox", name="Message #general")).to_be_enabled()
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert not wrong


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    return open_page()
