"""Why Mynah said something: the version that answered, what it was made from and helped by, and the examples nearest to it.

Promises: only whoever asks sees it; nothing of another server is shown, no names, and no example from a channel that
whoever asks cannot read.
"""

from dataclasses import dataclass, replace
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.failures import report
from bot.cogs.parts import DIRECT_MESSAGES, BotParts, server_of
from bot.cogs.permissions import Rank, rank_now
from bot.cogs.quoting import quoted
from bot.cogs.sending import send
from storage.errors import MynahError, WrongUsage
from storage.governance import Neighbour
from storage.recalls import Helped
from storage.values import Candidate, ModelVersion, Role, Turn

_EXAMPLES = 3
_LOOKED_AT = 12
"""Examples that are found; those that the member may not read are left out."""
_QUOTED_CHARACTERS = 350
_HISTORY = 60
"""Turns of a channel in which the last answer to somebody is looked for."""
_MENU = "Why this answer?"
_HELPED_BY = "Recalled for this answer, not yet trained in then"


@dataclass(frozen=True, slots=True)
class _Behind:
    """What is known to be behind an answer."""

    answer: Turn
    version: ModelVersion | None
    examples: tuple[Neighbour, ...]
    hidden: int
    """Near examples from channels that whoever asks cannot read."""
    helped: Helped
    """What was put before the model for this answer, as far as whoever asks may read it."""


class Why(commands.Cog):
    """`/why`, and the same as an entry in a message's menu."""

    def __init__(self, bot: commands.Bot, parts: BotParts) -> None:
        self._bot = bot
        self._parts = parts
        self._menu = app_commands.ContextMenu(name=_MENU, callback=self._of_message)
        self._menu.error(_report)

    async def cog_load(self) -> None:
        """Add the entry to the messages' menu."""
        self._bot.tree.add_command(self._menu)

    async def cog_unload(self) -> None:
        """Take it away."""
        self._bot.tree.remove_command(self._menu.name, type=self._menu.type)

    @app_commands.command(description="Where Mynah's last answer to you here came from")
    async def why(self, interaction: discord.Interaction[Any]) -> None:
        """Explain the newest answer to whoever asks in this channel."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        answer = await self._last_answer(interaction)
        if answer is None:
            raise WrongUsage(
                "I have not answered you here lately.",
                advice=f"Ask about any answer of mine by its menu: Apps → {_MENU}",
            )
        await self._explain(interaction, answer)

    async def _of_message(self, interaction: discord.Interaction[Any], message: discord.Message) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = await self._parts.store.conversations.turn_by_external_id(server_of(interaction), str(message.id))
        is_mine = self._bot.user is not None and message.author.id == self._bot.user.id
        if found is None or found.role is not Role.ASSISTANT or not is_mine:
            raise WrongUsage(
                "I know nothing about that message." if is_mine else "That message is not an answer of mine.",
                advice="Choose an answer of mine that has 👍 and 👎 under it.",
            )
        await self._explain(interaction, found)

    async def _last_answer(self, interaction: discord.Interaction[Any]) -> Turn | None:
        conversations = self._parts.store.conversations
        conversation = await conversations.current(server_of(interaction), str(interaction.channel_id))
        turns = await conversations.history(conversation.id, limit=_HISTORY)
        author_key = self._parts.author_key(interaction.user)
        asked = {turn.id for turn in turns if turn.author_key == author_key}
        return next((turn for turn in reversed(turns) if turn.role is Role.ASSISTANT and turn.reply_to in asked), None)

    async def _explain(self, interaction: discord.Interaction[Any], answer: Turn) -> None:
        version = await self._version(answer)
        near = await self._near(server_of(interaction), answer, version)
        sees_all = await rank_now(interaction, self._parts) >= Rank.MODERATOR
        readable = [one for one in near if sees_all or _may_read(interaction, one.candidate)]
        helped = await self._helped(server_of(interaction), answer)
        shown = tuple(one for one in helped.candidates if sees_all or _may_read(interaction, one))
        behind = _Behind(
            answer,
            version,
            tuple(readable[:_EXAMPLES]),
            len(near) - len(readable),
            replace(helped, candidates=shown, not_shown=helped.not_shown + len(helped.candidates) - len(shown)),
        )
        await send(interaction, embed=_embed(behind, server_of(interaction)), is_private=True)

    async def _helped(self, server: str, answer: Turn) -> Helped:
        if answer.reply_to is None:
            return Helped((), 0)
        return await self._parts.store.recalls.behind(server, answer.reply_to)

    async def _version(self, answer: Turn) -> ModelVersion | None:
        if answer.model_version is None:
            return None
        try:
            return await self._parts.registry.resolve(answer.model_version)
        except MynahError:  # taken out of the registry since
            return None

    async def _near(self, server: str, answer: Turn, version: ModelVersion | None) -> list[Neighbour]:
        """Approved examples of this server that the version had. Direct messages have none: nothing is learnt there."""
        if version is None or version.snapshot_hash is None or server == DIRECT_MESSAGES:
            return []
        question = await self._parts.store.conversations.turn(answer.reply_to) if answer.reply_to is not None else None
        words = f"{question.text}\n{answer.text}" if question is not None else answer.text
        return await self._parts.store.candidates.nearest_approved(
            server, words, limit=_LOOKED_AT, snapshot_hash=version.snapshot_hash
        )


async def _report(interaction: discord.Interaction[Any], error: app_commands.AppCommandError) -> None:
    await report(interaction, error)


def _may_read(interaction: discord.Interaction[Any], candidate: Candidate) -> bool:
    """Whether whoever asks can read the channel that an example comes from; no for places that are gone or unknown."""
    user, guild = interaction.user, interaction.guild
    if guild is None or not isinstance(user, discord.Member) or not candidate.channel.isdecimal():
        return False
    channel = guild.get_channel_or_thread(int(candidate.channel))
    if channel is None:
        return False
    if isinstance(channel, discord.Thread) and channel.is_private() and channel.id != interaction.channel_id:
        return False
    may = channel.permissions_for(user)
    return may.read_messages and may.read_message_history


def _embed(behind: _Behind, server: str) -> discord.Embed:
    embed = discord.Embed(title=_MENU, description=_version_text(behind))
    for number, one in enumerate(behind.examples, start=1):
        embed.add_field(
            name=f"Example {number}: {one.score:.0%} of the words in common",
            value=_example(one.candidate, "Learnt reply"),
            inline=False,
        )
    for helper in behind.helped.candidates:
        embed.add_field(name=_HELPED_BY, value=_example(helper, "Approved reply"), inline=False)
    if server == DIRECT_MESSAGES:
        note = "Nothing is learnt from direct messages, so there are no examples to show."
    elif behind.version is None or behind.version.snapshot_hash is None:
        note = ""
    elif behind.examples:
        note = "Approved examples with the most words in common. A model mixes all it has read: none of them need be the cause."
    else:
        note = "No approved example that you can read here is near it. A model mixes all it has read."
    if behind.hidden:
        note += f" {behind.hidden} near ones are from channels that you cannot read."
    if note:
        embed.set_footer(text=note)
    return embed


def _version_text(behind: _Behind) -> str:
    name = behind.answer.model_version
    if name is None:
        return "No model wrote this: it is a fixed text."
    lines = [f"Version `{name}` answered {discord.utils.format_dt(behind.answer.created_at, 'R')}."]
    version = behind.version
    if version is None:
        lines.append("It is no longer in the registry, so I cannot say what it was made from.")
    elif version.snapshot_hash is None:
        lines.append("It is a base model: nothing that was said here has been learnt into it.")
    else:
        lines.append(f"Trained {discord.utils.format_dt(version.created_at, 'f')}.")
        lines.append(f"Snapshot (training set): `{version.snapshot_hash[:16]}`")
    if behind.helped.candidates:
        lines.append("An approved exchange was put before the model for it, since it had not learnt that one.")
    elif behind.helped.not_shown:
        lines.append("An approved exchange was put before the model for it, which cannot be shown to you (any more).")
    return "\n".join(lines)


def _example(candidate: Candidate, label: str) -> str:
    *_, question, reply = candidate.messages
    asked, _ = quoted(question.text, _QUOTED_CHARACTERS)
    answered, _ = quoted(reply.text, _QUOTED_CHARACTERS)
    return f"Somebody said\n{asked}\n\n{label}\n{answered}"
