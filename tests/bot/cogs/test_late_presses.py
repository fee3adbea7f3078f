from typing import Any

import discord

from bot.cogs.client import MynahBot
from tests.bot.cogs.drives import open_better_answer
from tests.bot.cogs.server import Server


def field(form: Any) -> str:
    [row] = form.modal["components"]
    return str((row["components"][0] if "components" in row else row["component"])["custom_id"])


async def test_words_in_a_form_that_a_restart_made_forget_come_back_to_whoever_wrote_them(server: Server) -> None:
    form, _ = await open_better_answer(server)
    await server.env.restart_bot(MynahBot(server.parts))
    sent = await server.ann.submit_modal(form, {field(form): "Good day, and how do you do?"})
    assert sent.ephemeral
    assert "Please open it again" in sent.response.content
    assert "Good day, and how do you do?" in sent.response.content


async def test_a_form_that_is_known_is_answered_once(server: Server) -> None:
    form, _ = await open_better_answer(server)
    sent = await server.ann.submit_modal(form, {field(form): "Good day!"})
    told = [one.content for one in (sent.response, *sent.followups) if one is not None]
    assert len(told) == 1
    assert "waits for a moderator" in told[0]


async def test_a_button_that_nothing_knows_says_so(server: Server) -> None:
    view = discord.ui.View(timeout=None).add_item(discord.ui.Button(label="Old", custom_id="mynah:gone:1"))
    await server.env.bot.get_channel(server.channel.id).send("?", view=view)
    message = server.last()
    await server.env.restart_bot(MynahBot(server.parts))
    server.expects_errors = True
    pressed = await server.ann.click(message, label="Old")
    assert pressed.response.ephemeral
    assert "older than I am" in pressed.response.content
