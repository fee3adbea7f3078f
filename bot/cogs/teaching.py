"""The menus of a message: *Teach this* and *Don't learn this*.

A member may teach and keep out what they said themselves, and the answer they got; a moderator any message. Whose
consent it takes is the same for both.
"""

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat.history import is_fit
from bot.cogs.addressing import plain_text
from bot.cogs.failures import Form
from bot.cogs.parts import BotParts, server_of
from bot.cogs.permissions import Rank, rank_now
from bot.cogs.sending import send
from bot.review.teaching import Known, Said, Teaching
from storage.errors import Refused
from storage.values import Turn

_WORDS_CHARACTERS = 2000
_THANKS = "Thank you! It waits for a moderator to look at it."
_NOT_YOURS = "That is not yours to decide: ask who wrote it, or a moderator."


class TeachingMenus(commands.Cog):
    """The two context menus."""

    def __init__(self, bot: commands.Bot, parts: BotParts) -> None:
        self._bot = bot
        self._parts = parts
        self._teaching = Teaching(parts.store, parts.desk.screening, parts.chat.servers.may_learn)
        self._menus = [
            app_commands.ContextMenu(name="Teach this", callback=self.teach_this),
            app_commands.ContextMenu(name="Don't learn this", callback=self.do_not_learn_this),
        ]
        self._menus[0].guild_only = True

    async def cog_load(self) -> None:
        """Offer the menus."""
        for menu in self._menus:
            self._bot.tree.add_command(menu)

    async def cog_unload(self) -> None:
        """Take the menus away."""
        for menu in self._menus:
            self._bot.tree.remove_command(menu.name, type=menu.type)

    async def teach_this(self, interaction: discord.Interaction[Any], message: discord.Message) -> None:
        """Open a form with the message and its answer: a form must be the first response, so little is looked up."""
        known = await self._teaching.known(server_of(interaction), str(message.id))
        await self._require_own(interaction, message, known)
        if await self._teaching.is_kept_out(server_of(interaction), str(message.id), known):
            raise Refused("Somebody asked me not to learn that message.")
        if known is not None and known.answer is not None:
            await interaction.response.send_modal(BetterForm(self._parts, known.answer))
            return
        if message.author.bot or message.webhook_id is not None:
            raise Refused("I learn only from what members said and from my own answers.")
        said = self._exchange(message)
        await interaction.response.send_modal(TeachForm(self._parts, self._teaching, said))

    async def do_not_learn_this(self, interaction: discord.Interaction[Any], message: discord.Message) -> None:
        """Drop what was made from a message, and make nothing from it again."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        server = server_of(interaction)
        known = await self._teaching.known(server, str(message.id))
        if known is None and (answered := self._answered(message)) is not None:
            known = await self._teaching.known(server, answered)
        await self._require_own(interaction, message, known)
        actor = self._parts.author_key(interaction.user)
        await self._teaching.keep_out(server, [str(message.id)], known, actor)
        await send(interaction, "I will not learn that. What I had kept of it to learn is gone.", is_private=True)

    async def _require_own(
        self, interaction: discord.Interaction[Any], message: discord.Message, known: Known | None
    ) -> None:
        mine = self._parts.author_key(interaction.user)
        author = known.question.author_key if known is not None else self._parts.author_key(message.author)
        if author != mine and await rank_now(interaction, self._parts) < Rank.MODERATOR:
            raise Refused(_NOT_YOURS)

    def _answered(self, message: discord.Message) -> str | None:
        """The message that one of ours answers: while an answer is written, only Discord knows whose it is."""
        me = self._bot.user
        if me is None or message.author.id != me.id or message.reference is None:
            return None
        return None if message.reference.message_id is None else str(message.reference.message_id)

    def _exchange(self, message: discord.Message) -> tuple[Said, ...]:
        """The message a person replied to and their reply; or the message alone, whose answer is to be written."""
        earlier = message.reference.resolved if message.reference is not None else None
        if isinstance(earlier, discord.Message) and not earlier.author.bot and earlier.content.strip():
            return self._said(earlier), self._said(message)
        return (self._said(message),)

    def _said(self, message: discord.Message) -> Said:
        me = self._bot.user
        text = plain_text(message.content, me.id if me is not None else 0)
        return Said(str(message.id), self._parts.author_key(message.author), text)


class BetterForm(Form, title="Teach this answer"):
    """Takes the words that the bot should have said, or those that it said."""

    def __init__(self, parts: BotParts, answer: Turn) -> None:
        super().__init__()
        self._parts = parts
        self._turn_id = answer.id
        said = answer.text[:_WORDS_CHARACTERS] if is_fit(answer.verdict) else ""
        self.words: discord.ui.TextInput[BetterForm] = discord.ui.TextInput(
            label="What should I say there?",
            style=discord.TextStyle.paragraph,
            default=said,
            max_length=_WORDS_CHARACTERS,
        )
        self.add_item(self.words)

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Hand the words over, and say what became of them."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        teacher = self._parts.author_key(interaction.user)
        correction = await self._parts.chat.correct(self._turn_id, teacher, self.words.value)
        await send(interaction, correction.sentence, is_private=True)


class TeachForm(Form, title="Teach this"):
    """Takes an exchange between people, as the teacher would have it."""

    def __init__(self, parts: BotParts, teaching: Teaching, said: tuple[Said, ...]) -> None:
        super().__init__()
        self._parts = parts
        self._teaching = teaching
        self._said = said
        question = said[0].text[:_WORDS_CHARACTERS]
        answer = said[1].text[:_WORDS_CHARACTERS] if len(said) > 1 else ""
        self.question: discord.ui.TextInput[TeachForm] = _field("When somebody says", question)
        self.answer: discord.ui.TextInput[TeachForm] = _field("I should say", answer)
        self.add_item(self.question).add_item(self.answer)

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Keep it for review."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        teacher, channel = self._parts.author_key(interaction.user), str(interaction.channel_id)
        words = (self.question.value, self.answer.value)
        await self._teaching.teach(server_of(interaction), channel, teacher, self._said, *words)
        await send(interaction, _THANKS, is_private=True)


def _field(label: str, text: str) -> discord.ui.TextInput[TeachForm]:
    return discord.ui.TextInput(
        label=label, style=discord.TextStyle.paragraph, default=text, max_length=_WORDS_CHARACTERS
    )
