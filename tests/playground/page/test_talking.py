"""Saying and reading, in a browser, against the real server with a real bot."""

import re

from playwright.sync_api import Locator, Page, expect

from playground.seeding import PEOPLE_IDS
from tests.playground.page.conftest import OpenPage
from tests.playground.page.stage import Stage

MIRA = PEOPLE_IDS
INJECTION = (
    '<img src=x onerror="window.pwned=1"> <script>window.pwned=1</script> **<b onclick=pwned()>bold</b>** '
    "[click](javascript:window.pwned=1) <javascript:alert(1)> [data](data:text/html,x) `<i>code</i>` ||<u>hidden</u>||"
)


def field(page: Page) -> Locator:
    return page.get_by_role("textbox", name=re.compile("^Message "))


def say(page: Page, text: str) -> None:
    field(page).fill(text)
    field(page).press("Enter")


def newest(page: Page) -> Locator:
    return page.locator(".message").last


def act_as(page: Page, name: str) -> None:
    page.get_by_role("button", name=re.compile("^You act as")).first.click()
    page.get_by_role("menuitemcheckbox", name=name).click()
    expect(page.get_by_role("textbox", name=re.compile(f"as {name}"))).to_be_enabled()


def test_what_is_said_stands_in_the_talk_and_the_field_is_empty_again(page: Page) -> None:
    say(page, "the oven is **hot**")
    expect(newest(page)).to_contain_text("the oven is hot")
    expect(newest(page).locator("strong", has_text="hot")).to_be_visible()
    expect(field(page)).to_have_value("")


def test_an_answer_streams_into_one_message_and_ends_with_its_buttons(page: Page) -> None:
    say(page, "@Mynah tell me about bread")
    answer = page.locator(".message", has=page.get_by_role("button", name="Better answer"))
    expect(answer).to_contain_text("Bread is warm and good.")
    expect(answer).to_contain_text("(edited)")
    expect(answer.locator(".quote-line")).to_contain_text("@Mynah tell me about bread")
    expect(page.locator(".message")).to_have_count(2)


def test_markup_in_a_message_is_words_and_no_script_of_it_runs(page: Page) -> None:
    say(page, INJECTION)
    body = newest(page).locator(".markdown")
    expect(body).to_contain_text('<img src=x onerror="window.pwned=1"> <script>window.pwned=1</script>')
    assert body.locator("img, script, b, i, u, a").count() == 0
    assert body.locator("strong").text_content() == "<b onclick=pwned()>bold</b>"
    assert page.evaluate("window.pwned") is None


def test_markdown_is_drawn_as_discord_draws_it(page: Page) -> None:
    say(
        page,
        "# Big\n- one\n  - two\n> quoted *it*\n```py\nx = '<b>'\n```\nsee https://example.org/a_b_c. ~~no~~ @Ada, ok",
    )
    body = newest(page).locator(".markdown")
    expect(body.locator("h3")).to_have_text("Big")
    expect(body.locator("ul ul li")).to_have_text("two")
    expect(body.locator("blockquote em")).to_have_text("it")
    expect(body.locator("pre code")).to_have_text("x = '<b>'")
    expect(body.locator("a")).to_have_attribute("href", "https://example.org/a_b_c")
    expect(body.locator("s")).to_have_text("no")
    expect(body.locator(".mention")).to_have_text("@Ada")


def test_one_can_reply_edit_react_and_delete_from_the_keyboard_alone(page: Page) -> None:
    page.keyboard.type("frist")
    page.keyboard.press("Enter")
    expect(newest(page)).to_contain_text("frist")
    page.keyboard.press("ArrowUp")
    editor = page.get_by_role("textbox", name="Edit the message")
    expect(editor).to_be_focused()
    editor.press("Control+A")
    page.keyboard.type("first")
    page.keyboard.press("Enter")
    expect(newest(page)).to_contain_text("first (edited)")
    expect(field(page)).to_be_focused()
    page.keyboard.press("Shift+F6")
    expect(newest(page)).to_be_focused()
    page.keyboard.press("+")
    expect(page.get_by_role("dialog", name="Choose an emoji")).to_be_visible()
    page.keyboard.press("Enter")
    expect(newest(page).get_by_role("button", name="👍, 1 reaction")).to_have_attribute("aria-pressed", "true")
    newest(page).focus()
    page.keyboard.press("r")
    expect(page.get_by_text("Replying to")).to_be_visible()
    page.keyboard.type("second")
    page.keyboard.press("Enter")
    expect(newest(page).locator(".quote-line")).to_contain_text("first")
    newest(page).focus()
    page.keyboard.press("Delete")
    page.get_by_role("dialog").get_by_role("button", name="Delete").press("Enter")
    expect(page.locator(".message")).to_have_count(1)


def test_changing_who_one_is_keeps_the_place_and_the_draft_of_each(page: Page) -> None:
    page.get_by_role("button", name="games", exact=True).click()
    field(page).fill("half a thou")
    act_as(page, "Priya")
    expect(page.get_by_role("textbox", name="Message #games as Priya")).to_have_value("")
    expect(page.get_by_role("button", name="moderators", exact=True)).to_be_visible()
    say(page, "I moderate")
    act_as(page, "Mira")
    expect(page.get_by_role("textbox", name="Message #games as Mira")).to_have_value("half a thou")
    expect(page.get_by_role("button", name="moderators", exact=True)).to_have_count(0)
    expect(newest(page)).to_contain_text("Priya")
    page.reload()
    expect(page.get_by_role("textbox", name="as Mira")).to_be_enabled()


def test_what_the_server_refuses_is_told_and_stays_in_the_field(page: Page, stage: Stage) -> None:
    channel = stage.playground.seeded.channels["general"]
    page.route(
        "**/play/channels/*/messages?*",
        lambda route: route.abort() if route.request.method == "POST" else route.continue_(),
    )
    say(page, "do not lose me")
    expect(page.get_by_role("log", name="Notices")).to_contain_text("does not answer")
    expect(field(page)).to_have_value("do not lose me")
    assert not stage.playground.world.messages[channel]


def test_what_happened_while_the_socket_was_down_is_there_afterwards(page: Page, stage: Stage) -> None:
    field(page).fill("typing on")
    page.context.set_offline(True)
    stage.do(
        lambda: stage.playground.seeded.people.write(
            MIRA + 1, stage.playground.seeded.channels["general"], {"content": "missed?"}
        )
    )
    page.context.set_offline(False)
    expect(newest(page)).to_contain_text("missed?")
    expect(field(page)).to_have_value("typing on")


def test_thousands_of_messages_are_few_rows_and_older_ones_come_when_one_scrolls(
    open_page: OpenPage, stage: Stage
) -> None:
    channel, people = stage.playground.seeded.channels["general"], stage.playground.seeded.people

    def chatter() -> None:
        for number in range(600):
            people.write(MIRA + number % 2, channel, {"content": f"line {number}"})

    stage.do(chatter)
    page = open_page()
    expect(newest(page)).to_contain_text("line 599")
    for _ in range(60):
        page.locator(".scroller").evaluate("node => node.scrollTo(0, 0)")
        if page.get_by_text("line 0", exact=True).count():
            break
        page.wait_for_timeout(50)
    expect(page.get_by_text("line 0", exact=True)).to_be_visible()
    assert page.locator(".message").count() <= 300
    page.get_by_role("button", name="Jump to the newest").click()
    expect(newest(page)).to_contain_text("line 599")


def test_at_the_width_of_a_phone_everything_fits_and_drawers_hold_the_rest(open_page: OpenPage) -> None:
    page = open_page(width=360, height=700)
    say(page, "@Mynah " + "w" * 300)
    expect(page.get_by_role("button", name="Better answer")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    expect(page.get_by_role("button", name="games", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Channels").click()
    page.get_by_role("button", name="games", exact=True).click()
    expect(page.get_by_role("textbox", name="Message #games")).to_be_visible()
    expect(page.get_by_role("button", name="games", exact=True)).to_have_count(0)
    page.get_by_role("button", name="The loop").click()
    expect(page.get_by_role("heading", name="Break something")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Break something")).to_have_count(0)


def test_who_comes_and_goes_while_one_chooses_whom_to_act_as_is_seen_at_once(page: Page, stage: Stage) -> None:
    page.get_by_role("button", name=re.compile("^You act as")).first.click()
    menu = page.get_by_role("menu", name="Act as")
    priya = menu.get_by_role("menuitemcheckbox", name="Priya")
    priya.focus()
    newcomer = stage.do(lambda: stage.playground.seeded.people.join("Newcomer", label="member"))
    came = menu.get_by_role("menuitemcheckbox", name="Newcomer")
    expect(came).to_be_visible()
    expect(priya).to_be_focused()
    came.focus()
    stage.do(lambda: stage.playground.seeded.people.leave(newcomer.user_id))
    expect(came).to_have_count(0)
    expect(menu.locator(":focus")).to_have_count(1)
    menu.press("Escape")
    expect(menu).to_have_count(0)
