"""Commands, buttons, lists, forms and menus: what one asks the bot for, and what it answers."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.playground.page.conftest import OpenPage
from tests.playground.page.test_talking import act_as, field, newest, say


@pytest.fixture
def answered(page: Page) -> Page:
    """A page with an answer of the bot, and its buttons."""
    say(page, "@Mynah hello")
    expect(page.get_by_role("button", name="Better answer")).to_be_visible()
    return page


def test_a_button_is_answered_to_the_one_who_pressed_it_only(answered: Page) -> None:
    answered.get_by_role("button", name="👍", exact=True).click()
    expect(newest(answered)).to_contain_text("Thank you for the vote!")
    expect(newest(answered)).to_contain_text("Only you can see this")
    act_as(answered, "Jonas")
    expect(answered.get_by_role("button", name="Better answer")).to_be_visible()
    expect(answered.get_by_text("Thank you for the vote!")).to_have_count(0)  # nor what a screen reader was told
    act_as(answered, "Mira")
    newest(answered).get_by_role("button", name="Dismiss message").click()
    expect(answered.locator(".message", has_text="Thank you for the vote!")).to_have_count(0)


def test_a_button_that_the_bot_does_not_answer_says_so(answered: Page) -> None:
    button = answered.get_by_role("button", name="Say nothing")
    button.click()
    expect(button).to_have_attribute("aria-busy", "true")
    expect(answered.get_by_text("The application did not respond.")).to_be_visible()
    expect(button).not_to_have_attribute("aria-busy", "true")


def test_a_form_opens_checks_what_is_missing_and_is_sent(answered: Page) -> None:
    answered.get_by_role("button", name="Better answer").click()
    form = answered.get_by_role("dialog", name="A better answer")
    form.get_by_role("textbox", name="What should I have said?").fill("Hello to you")
    form.get_by_role("button", name="Submit").click()
    expect(form.get_by_role("alert")).to_contain_text("must be filled in")
    form.get_by_role("combobox", name=re.compile("And with which drink?")).click()
    form.get_by_role("option", name="cocoa").click()
    form.get_by_role("button", name="Submit").click()
    expect(newest(answered)).to_contain_text("Noted: Hello to you with cocoa")
    expect(form).to_have_count(0)


def test_a_list_under_a_message_is_chosen_from_by_keyboard(answered: Page) -> None:
    answered.get_by_role("combobox", name="Choose a drink").focus()
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        answered.keyboard.press(key)
    expect(newest(answered)).to_contain_text("A cup of coffee for you.")


def test_a_command_is_found_filled_in_and_sent_with_options_of_every_kind(page: Page) -> None:
    page.keyboard.type("/ord")
    expect(page.get_by_role("option", name="/order")).to_be_visible()
    page.keyboard.press("Enter")
    form = page.get_by_role("form", name="Command /order")
    expect(form.get_by_role("combobox", name="item")).to_be_focused()
    page.keyboard.type("coc")
    expect(page.get_by_role("option", name="Cocoa")).to_be_visible()
    page.keyboard.press("Tab")
    form.get_by_role("textbox", name="cups").fill("9")
    page.keyboard.press("Enter")
    expect(form).to_contain_text("cups is from 1 to 5.")
    form.get_by_role("textbox", name="cups").fill("2")
    form.get_by_role("combobox", name="sweet").fill("True")
    form.get_by_role("combobox", name="guest").fill("Jon")
    page.get_by_role("option", name="@Jonas").click()
    form.get_by_role("button", name="Send /order").click()
    expect(newest(page)).to_contain_text("2 x cocoa, sweet: True, for @Jonas")
    expect(newest(page).locator(".quote-line")).to_contain_text("Mira used /order")
    expect(field(page)).to_be_focused()


def test_enter_never_chooses_for_an_option_that_need_not_be_given(page: Page) -> None:
    say(page, "/order tea")
    form = page.get_by_role("form", name="Command /order")
    form.get_by_role("textbox", name="cups").fill("1")
    form.get_by_role("combobox", name="sweet").focus()
    expect(page.get_by_role("option", name="True")).to_be_visible()
    page.keyboard.press("Enter")
    expect(newest(page)).to_contain_text("1 x tea, sweet: False, for nobody")


def test_a_command_without_what_it_needs_is_not_sent(page: Page) -> None:
    say(page, "/order")
    form = page.get_by_role("form", name="Command /order")
    form.get_by_role("button", name="Send /order").click()
    expect(form).to_contain_text("item is needed")
    form.get_by_role("button", name="Leave this command").click()
    expect(field(page)).to_be_focused()
    expect(page.locator(".message")).to_have_count(0)


def test_the_bot_suggests_while_an_option_is_typed_and_answers_with_a_card(page: Page) -> None:
    say(page, "/find")
    page.get_by_role("combobox", name="name").press_sequentially("co")
    expect(page.get_by_role("option")).to_have_text(["coffee", "cocoa"])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    card = page.locator(".embed")
    expect(card.locator(".embed-title")).to_have_text("Found cocoa")
    expect(card.locator("dt")).to_have_text(["Warm", "Cups"])
    expect(card.locator(".embed-description em")).to_have_text("kitchen")


def test_a_command_that_thinks_first_ends_in_its_answer(page: Page) -> None:
    say(page, "/whisper")
    page.get_by_role("button", name="Send /whisper").press("Enter")
    expect(newest(page)).to_contain_text("psst, only for you")
    expect(page.get_by_text("is thinking")).to_have_count(0)


def test_newer_components_are_drawn(page: Page) -> None:
    say(page, "/layout")
    page.get_by_role("button", name="Send /layout").press("Enter")
    container = newest(page).locator(".container")
    expect(container.get_by_role("heading", name="A section")).to_be_visible()
    expect(container.get_by_role("button", name="Beside")).to_be_visible()
    expect(container).to_contain_text("below")


def test_a_messages_own_menu_has_the_bots_commands(page: Page) -> None:
    say(page, "make me loud")
    newest(page).click(button="right")
    page.get_by_role("menuitem", name="Say it loudly").click()
    expect(newest(page)).to_contain_text("MAKE ME LOUD")


def test_a_thread_begins_at_a_message(page: Page) -> None:
    say(page, "let us talk apart")
    expect(newest(page)).to_contain_text("let us talk apart")
    newest(page).focus()
    page.keyboard.press("Enter")
    page.get_by_role("menuitem", name="Begin a thread").click()
    dialog = page.get_by_role("dialog", name="Begin a thread")
    dialog.get_by_role("textbox").fill("apart")
    dialog.get_by_role("button", name="Begin thread").click()
    expect(page.get_by_role("textbox", name="Message #apart")).to_be_visible()


def test_the_tour_begins_sets_the_scene_and_sees_what_was_done(open_page: OpenPage) -> None:
    page = open_page(tour=True)
    page.get_by_role("button", name="Start the tour").click()
    card = page.get_by_role("region", name="Say hello")
    card.get_by_role("button", name="Type it for me").click()
    expect(field(page)).to_have_value("@Mynah Hello! How are you today?")
    field(page).press("Enter")
    expect(page.get_by_role("region", name="Tell it whether that was good")).to_be_visible()
    page.get_by_role("button", name="👍", exact=True).click()
    expect(page.get_by_role("region", name="Turn learning on")).to_contain_text("You act as Ada")
    page.get_by_role("button", name="Leave the tour").click()
    page.reload()
    page.get_by_role("button", name="Guided tour").click()
    expect(page.get_by_role("region", name="Turn learning on")).to_be_visible()


def test_a_fault_is_begun_seen_and_survived(page: Page) -> None:
    page.get_by_role("button", name=re.compile("Ignore heartbeats")).click()
    expect(page.get_by_role("button", name="End Ignore heartbeats")).to_be_visible()
    page.get_by_role("button", name="End all").click()
    expect(page.get_by_role("button", name="End Ignore heartbeats")).to_have_count(0)
    page.get_by_role("button", name=re.compile("^Cut the connection")).click()
    expect(page.get_by_role("log", name="Notices")).to_contain_text("Cut the connection: done.")
    say(page, "@Mynah are you back?")
    expect(page.get_by_role("button", name="Better answer")).to_be_visible()


def test_a_scene_is_begun_watched_and_stopped(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^A troll comes by")).click()
    expect(page.get_by_role("progressbar", name=re.compile("A troll comes by"))).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^An evening"))).to_be_disabled()
    expect(page.get_by_role("list", name="Messages")).to_contain_text("Everybody here is boring.")
    page.get_by_role("button", name=re.compile("^You act as")).first.click()
    expect(page.get_by_role("menuitemcheckbox", name="Rusk")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Stop the scene").click()
    expect(page.get_by_role("progressbar")).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("^An evening"))).to_be_enabled()
