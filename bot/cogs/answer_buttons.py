"""👍 👎 ✏️ under an answer. All they know is in their custom id, so they work after a restart of the bot."""

import re
from typing import Any

import discord

from bot.cogs.failures import Form, reporting
from bot.cogs.parts import BotParts
from bot.cogs.sending import send

_VOTES = {"up": (1, "👍"), "down": (-1, "👎")}


class VoteButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=r"mynah:vote:(?P<way>up|down):(?P<turn>\d{1,18})",
):
    """A vote on one answer: pressing the other one changes it, pressing the same again takes it back."""

    def __init__(self, way: str, turn_id: int) -> None:
        self.value, emoji = _VOTES[way]
        self.turn_id = turn_id
        super().__init__(
            discord.ui.Button(style=discord.ButtonStyle.secondary, emoji=emoji, custom_id=f"mynah:vote:{way}:{turn_id}")
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> "VoteButton":
        """The button that was pressed."""
        return cls(match["way"], int(match["turn"]))

    @reporting
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Count the vote."""
        parts: BotParts = interaction.client.parts
        await interaction.response.defer()
        voter = parts.author_key(interaction.user)
        is_again = await parts.store.votes.of(self.turn_id, voter) == self.value
        up, down = await parts.chat.vote(self.turn_id, voter, 0 if is_again else self.value)
        said = "Your vote is taken back." if is_again else "Thank you! Press it again to take it back."
        await send(interaction, f"{said} This answer has 👍 {up} and 👎 {down}.", is_private=True)


class BetterAnswerButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template=r"mynah:better:(?P<turn>\d{1,18})"
):
    """Opens the form for a better answer."""

    def __init__(self, turn_id: int) -> None:
        self.turn_id = turn_id
        super().__init__(
            discord.ui.Button(
                style=discord.ButtonStyle.secondary,
                emoji="✏️",
                label="Better answer",
                custom_id=f"mynah:better:{turn_id}",
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> "BetterAnswerButton":
        """The button that was pressed."""
        return cls(int(match["turn"]))

    @reporting
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Ask for the better words: a form must be the first response, so nothing is looked up before."""
        await interaction.response.send_modal(BetterAnswerForm(self.turn_id, interaction.client.parts))


class BetterAnswerForm(Form, title="A better answer"):
    """Takes a person's words for what the bot should have said."""

    words: discord.ui.TextInput["BetterAnswerForm"] = discord.ui.TextInput(
        label="What should I have said?", style=discord.TextStyle.paragraph, max_length=2000
    )

    def __init__(self, turn_id: int, parts: BotParts) -> None:
        super().__init__()
        self._turn_id = turn_id
        self._parts = parts

    async def on_submit(self, interaction: discord.Interaction, /) -> None:
        """Hand the words over, and say what became of them."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        author_key = self._parts.author_key(interaction.user)
        correction = await self._parts.chat.correct(self._turn_id, author_key, self.words.value)
        await send(interaction, correction.sentence, is_private=True)


def answer_buttons(turn_id: int, *, with_votes: bool = True) -> discord.ui.View:
    """The buttons under one answer; they never time out. What was not said cannot be voted on, but bettered."""
    view = discord.ui.View(timeout=None)
    for way in _VOTES if with_votes else ():
        view.add_item(VoteButton(way, turn_id))
    view.add_item(BetterAnswerButton(turn_id))
    return view
