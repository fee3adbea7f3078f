"""A small bot for the page's tests: a real discord.py client that shows everything the page must be able to show."""

import asyncio
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

STREAMED = ("Bread", "Bread is **warm**", "Bread is **warm** and good.")
DRINKS = ("tea", "coffee", "cocoa", "cider")


class Form(discord.ui.Modal, title="A better answer"):
    """Asks for words, and for a drink."""

    words: discord.ui.TextInput["Form"] = discord.ui.TextInput(
        label="What should I have said?", style=discord.TextStyle.paragraph, min_length=3
    )
    drink: discord.ui.Label["Form"] = discord.ui.Label(
        text="And with which drink?",
        component=discord.ui.Select(options=[discord.SelectOption(label=drink) for drink in DRINKS]),
    )

    async def on_submit(self, interaction: discord.Interaction[Any]) -> None:
        """Say what was filled in, to that person only."""
        select = self.drink.component
        assert isinstance(select, discord.ui.Select)
        await interaction.response.send_message(f"Noted: {self.words.value} with {select.values[0]}", ephemeral=True)


class Buttons(discord.ui.View):
    """Under each answer."""

    def __init__(self) -> None:
        super().__init__(timeout=None)

    @discord.ui.button(emoji="👍", custom_id="mynah:vote:up:1")
    async def vote(self, interaction: discord.Interaction[Any], button: discord.ui.Button[Any]) -> None:
        """Count it."""
        await interaction.response.send_message("Thank you for the vote!", ephemeral=True)

    @discord.ui.button(emoji="✏️", label="Better answer", custom_id="form")
    async def better(self, interaction: discord.Interaction[Any], button: discord.ui.Button[Any]) -> None:
        """Open the form."""
        await interaction.response.send_modal(Form())

    @discord.ui.button(label="Say nothing", style=discord.ButtonStyle.danger, custom_id="nothing")
    async def nothing(self, interaction: discord.Interaction[Any], button: discord.ui.Button[Any]) -> None:
        """Never answer."""

    @discord.ui.select(
        placeholder="Choose a drink", custom_id="drink", options=[discord.SelectOption(label=one) for one in DRINKS]
    )
    async def drink(self, interaction: discord.Interaction[Any], select: discord.ui.Select[Any]) -> None:
        """Say what was chosen."""
        await interaction.response.send_message(f"A cup of {select.values[0]} for you.")


class Performer(commands.Bot):
    """Answers mentions in pieces, and has a command of each kind."""

    def __init__(self) -> None:
        intents = discord.Intents(guilds=True, messages=True, message_content=True)
        super().__init__(command_prefix=commands.when_mentioned, intents=intents)
        self.is_on_stage = asyncio.Event()
        acts: list[app_commands.Command[Any, Any, Any] | app_commands.ContextMenu] = [
            order,
            find,
            whisper,
            shout,
            _layout(),
        ]
        for act in acts:
            self.tree.add_command(act)

    async def setup_hook(self) -> None:
        """Register the commands."""
        self.add_view(Buttons())
        await self.tree.sync()

    async def on_ready(self) -> None:
        """Now people can talk to it."""
        self.is_on_stage.set()

    async def on_message(self, message: discord.Message) -> None:
        """Answer a mention in pieces."""
        if self.user is None or message.author.bot or not self.user.mentioned_in(message):
            return
        answer = await message.reply(STREAMED[0])
        for text in STREAMED[1:]:
            await answer.edit(content=text)
        await answer.edit(content=STREAMED[-1], view=Buttons())


@app_commands.command(description="Order something")
@app_commands.describe(item="What", cups="How many", sweet="With sugar", guest="For whom")
@app_commands.choices(item=[app_commands.Choice(name=drink.title(), value=drink) for drink in DRINKS])
async def order(
    interaction: discord.Interaction[Any],
    item: str,
    cups: app_commands.Range[int, 1, 5],
    sweet: bool = False,
    guest: discord.Member | None = None,
) -> None:
    """Say the order back."""
    whom = guest.mention if guest else "nobody"
    await interaction.response.send_message(f"{cups} x {item}, sweet: {sweet}, for {whom}")


@app_commands.command(description="Find a drink")
@app_commands.describe(name="Its name")
async def find(interaction: discord.Interaction[Any], name: str) -> None:
    """Say it back, as a card."""
    embed = discord.Embed(title=f"Found {name}", description="In the *kitchen*.", colour=0x3BA55D)
    embed.add_field(name="Warm", value="yes").add_field(name="Cups", value="4")
    embed.set_footer(text="from the shelf")
    await interaction.response.send_message(embed=embed)


@find.autocomplete("name")
async def _find_name(interaction: discord.Interaction[Any], current: str) -> list[app_commands.Choice[str]]:
    return [app_commands.Choice(name=drink, value=drink) for drink in DRINKS if current.lower() in drink]


@app_commands.command(description="Say something to you alone")
async def whisper(interaction: discord.Interaction[Any]) -> None:
    """Think, then whisper."""
    await interaction.response.defer(ephemeral=True, thinking=True)
    await interaction.followup.send("psst, only for you", ephemeral=True)


@app_commands.context_menu(name="Say it loudly")
async def shout(interaction: discord.Interaction[Any], message: discord.Message) -> None:
    """Repeat a message in capitals."""
    await interaction.response.send_message(message.content.upper())


def _layout() -> app_commands.Command[Any, Any, Any]:
    @app_commands.command(name="layout", description="Newer components")
    async def layout(interaction: discord.Interaction[Any]) -> None:
        view = discord.ui.LayoutView()
        section: discord.ui.Section[Any] = discord.ui.Section(
            "## A section", "with words", accessory=discord.ui.Button(label="Beside", custom_id="beside")
        )
        view.add_item(
            discord.ui.Container(
                section, discord.ui.Separator(), discord.ui.TextDisplay("below"), accent_colour=0x5865F2
            )
        )
        await interaction.response.send_message(view=view)

    return layout
