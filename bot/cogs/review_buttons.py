"""The buttons, menus and forms of a review card. All they know is in their custom id, so they outlive a restart."""

import re
from enum import StrEnum
from typing import Any

import discord

from bot.cogs.failures import Form, reporting
from bot.cogs.parts import BotParts, server_of
from bot.cogs.permissions import Rank, require_now
from bot.cogs.review_acts import Done, ReviewActs, Reviewer
from bot.cogs.review_card import is_shown_whole, whole_text
from bot.cogs.review_key import PATTERN, CardKey, Face
from bot.cogs.review_showing import ReviewShowing
from bot.cogs.sending import revise, send
from bot.review.desk import ReviewSheet, Side
from bot.review.wording import REASONS
from storage.errors import Refused
from storage.governance import RejectReason
from storage.values import CandidateState

_FORM_CHARACTERS = 4000
_REASON_CHARACTERS = 300


class Act(StrEnum):
    """What a button does."""

    APPROVE = "yes"
    APPROVE_ALIKE = "all"
    EDIT = "edit"
    UNDO = "undo"
    NEXT = "next"
    FIRST = "first"
    BLOCK = "block"
    WHOLE = "whole"


_LOOKS = {
    Act.APPROVE: ("Approve", "✅", discord.ButtonStyle.success),
    Act.APPROVE_ALIKE: ("Approve all", "🗂️", discord.ButtonStyle.success),
    Act.EDIT: ("Edit", "✏️", discord.ButtonStyle.primary),
    Act.UNDO: ("Undo", "↩️", discord.ButtonStyle.secondary),
    Act.NEXT: ("Next", "⏭️", discord.ButtonStyle.secondary),
    Act.FIRST: ("From the beginning", "🔁", discord.ButtonStyle.primary),
    Act.BLOCK: ("Block the member…", "🚫", discord.ButtonStyle.danger),
    Act.WHOLE: ("Whole text", "📄", discord.ButtonStyle.secondary),
}


class ReviewButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=rf"mynah:review:(?P<act>[a-z]+):{PATTERN}",
):
    """One press on a card."""

    def __init__(self, act: Act, key: CardKey, *, label: str | None = None, row: int | None = None) -> None:
        self.act, self.key = act, key
        name, emoji, style = _LOOKS[act]
        custom_id = f"mynah:review:{act.value}:{key.text}"
        super().__init__(discord.ui.Button(style=style, label=label or name, emoji=emoji, custom_id=custom_id, row=row))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> "ReviewButton":
        """The button that was pressed."""
        return cls(Act(match["act"]), CardKey.parse(match))

    @reporting
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Do it, and show what is next."""
        await require_moderator(interaction)
        if self.act is Act.EDIT:
            await interaction.response.send_modal(await _edit_form(interaction, self.key))
        elif self.act is Act.WHOLE:
            await _send_whole(interaction, self.key)
        elif self.act is Act.BLOCK:
            await _ask_whom(interaction, self.key)
        elif self.key.face is Face.CHANNEL and self.act is Act.FIRST:
            await interaction.response.defer(ephemeral=True, thinking=True)
            await showing(interaction).first()
        else:
            await interaction.response.defer()
            acts = acts_of(interaction, self.key)
            doing = {Act.APPROVE: acts.approve, Act.APPROVE_ALIKE: acts.approve_alike, Act.UNDO: acts.undo}
            done = await doing[self.act]() if self.act in doing else Done()
            await showing(interaction).after(done, None if self.act is Act.FIRST else self.key)


class RejectMenu(
    discord.ui.DynamicItem[discord.ui.Select[discord.ui.View]], template=rf"mynah:reject:(?P<many>one|all):{PATTERN}"
):
    """Says no, with a reason."""

    def __init__(self, key: CardKey, count: int = 1, *, row: int | None = None) -> None:
        self.key, self.is_for_all = key, count > 1
        super().__init__(
            discord.ui.Select(
                custom_id=f"mynah:reject:{'all' if self.is_for_all else 'one'}:{key.text}",
                placeholder=f"🗑️ Reject all {count} because…" if self.is_for_all else "🗑️ Reject because…",
                options=[discord.SelectOption(label=text, value=reason.value) for reason, text in REASONS.items()],
                row=row,
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> "RejectMenu":
        """The menu that was used."""
        return cls(CardKey.parse(match), 2 if match["many"] == "all" else 1)

    @reporting
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Say no, or ask for the reason."""
        await require_moderator(interaction)
        [reason] = self.item.values
        if reason == RejectReason.OTHER:
            await interaction.response.send_modal(ReasonForm(self.key, is_for_all=self.is_for_all))
            return
        await interaction.response.defer()
        await _reject(interaction, self.key, reason, is_for_all=self.is_for_all)


class BlockButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=r"mynah:block:(?P<side>asker|writer):(?P<candidate>\d{1,18})",
):
    """Confirms that a member is kept out of learning."""

    def __init__(self, side: Side, candidate_id: int) -> None:
        self.side, self.candidate_id = side, candidate_id
        label = {Side.ASKER: "Block who said it", Side.WRITER: "Block who wrote the better answer"}[side]
        custom_id = f"mynah:block:{side.value}:{candidate_id}"
        super().__init__(discord.ui.Button(style=discord.ButtonStyle.danger, label=label, custom_id=custom_id))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> "BlockButton":
        """The button that was pressed."""
        return cls(Side(match["side"]), int(match["candidate"]))

    @reporting
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Block, and let the cards of the member's words say so."""
        await require_moderator(interaction)
        await interaction.response.defer()
        parts: BotParts = interaction.client.parts
        server = server_of(interaction)
        await parts.desk.block(self.candidate_id, parts.author_key(interaction.user), side=self.side, server=server)
        await revise(
            await interaction.original_response(),
            "Blocked: nothing of this member is learnt from now on, and what waited is rejected. "
            "`/review unblock` lifts it.",
        )
        await showing(interaction).posts.refresh_stale(server)


class EditForm(Form, title="The reply to learn"):
    """Takes a moderator's words for the last reply."""

    def __init__(self, key: CardKey, reply: str) -> None:
        super().__init__()
        self._key = key
        self.reply: discord.ui.TextInput[EditForm] = discord.ui.TextInput(
            label="What I should have said",
            style=discord.TextStyle.paragraph,
            default=reply,
            max_length=_FORM_CHARACTERS,
        )
        self.add_item(self.reply)

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Approve with these words, and show what is next."""
        await require_moderator(interaction)
        await interaction.response.defer()
        await showing(interaction).after(await acts_of(interaction, self._key).edit(self.reply.value), self._key)


class ReasonForm(Form, title="Why not?"):
    """Takes a moderator's own reason."""

    reason: discord.ui.TextInput["ReasonForm"] = discord.ui.TextInput(label="Reason", max_length=_REASON_CHARACTERS)

    def __init__(self, key: CardKey, *, is_for_all: bool) -> None:
        super().__init__()
        self._key = key
        self._is_for_all = is_for_all

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Say no, and show what is next."""
        await require_moderator(interaction)
        await interaction.response.defer()
        await _reject(interaction, self._key, self.reason.value, is_for_all=self._is_for_all)


ITEMS = (ReviewButton, RejectMenu, BlockButton)
"""To be registered once, so that presses on old cards are understood."""


def card_view(sheet: ReviewSheet, face: Face) -> discord.ui.View:
    """What can be done with a card."""
    key = CardKey.of(face, sheet)
    view = discord.ui.View(timeout=None)
    if sheet.candidate.state is not CandidateState.WAITING:
        return view.add_item(ReviewButton(Act.UNDO, key))
    together = sheet.item.near_duplicates + 1
    view.add_item(ReviewButton(Act.APPROVE, key, row=0))
    if together > 1:
        view.add_item(ReviewButton(Act.APPROVE_ALIKE, key, label=f"Approve all {together}", row=0))
    view.add_item(ReviewButton(Act.EDIT, key, row=0))
    if face is Face.WALK:
        view.add_item(ReviewButton(Act.NEXT, key, row=0))
    view.add_item(ReviewButton(Act.UNDO, key, row=0))
    view.add_item(RejectMenu(key, row=1))
    if together > 1:
        view.add_item(RejectMenu(key, together, row=2))
    view.add_item(ReviewButton(Act.BLOCK, key, row=3))
    if not is_shown_whole(sheet.candidate):
        view.add_item(ReviewButton(Act.WHOLE, key, row=3))
    if face is Face.CHANNEL:
        view.add_item(ReviewButton(Act.FIRST, key, label="Walk the queue in private", row=3))
    return view


def end_view(*, may_begin_again: bool) -> discord.ui.View:
    """What can be done at the end of the queue."""
    view = discord.ui.View(timeout=None)
    if may_begin_again:
        view.add_item(ReviewButton(Act.FIRST, CardKey.at_the_end()))
    return view.add_item(ReviewButton(Act.UNDO, CardKey.at_the_end()))


def showing(interaction: discord.Interaction[Any]) -> ReviewShowing:
    """What shows cards to whoever pressed."""
    return ReviewShowing(interaction, card_view, end_view)


def acts_of(interaction: discord.Interaction[Any], key: CardKey) -> ReviewActs:
    """What whoever pressed can do with a card."""
    parts: BotParts = interaction.client.parts
    return ReviewActs(parts.desk, Reviewer(parts.author_key(interaction.user), server_of(interaction)), key)


async def require_moderator(interaction: discord.Interaction[Any]) -> None:
    """Let pass only who may review in the server where they press.

    Raises:
        Refused: they may not.
    """
    await require_now(interaction, Rank.MODERATOR, interaction.client.parts)


async def _edit_form(interaction: discord.Interaction[Any], key: CardKey) -> EditForm:
    """A form must be the first response, so only the reply is looked up before."""
    parts: BotParts = interaction.client.parts
    sheet = await parts.desk.sheet(key.candidate_id, server=server_of(interaction))
    reply = sheet.candidate.messages[-1].text
    if len(reply) > _FORM_CHARACTERS:
        raise Refused("That reply is too long for a form.", advice="The operator can use `mynah review edit`.")
    return EditForm(CardKey.of(key.face, sheet), reply)


async def _send_whole(interaction: discord.Interaction[Any], key: CardKey) -> None:
    await interaction.response.defer(ephemeral=True, thinking=True)
    parts: BotParts = interaction.client.parts
    sheet = await parts.desk.sheet(key.candidate_id, server=server_of(interaction))
    await send(interaction, "Every word of it:", files=[whole_text(sheet.candidate)], is_private=True)


async def _ask_whom(interaction: discord.Interaction[Any], key: CardKey) -> None:
    await interaction.response.defer(ephemeral=True, thinking=True)
    parts: BotParts = interaction.client.parts
    sides = await parts.desk.sides(key.candidate_id, server=server_of(interaction))
    if not sides:
        raise Refused("It cannot be told whose words these are.", advice="Reject them instead.")
    view = discord.ui.View(timeout=None)
    for side in sides:
        view.add_item(BlockButton(side, key.candidate_id))
    text = (
        "Keep this member out of learning in this server? What of theirs waits is rejected, what was approved is no "
        "longer learnt. They can still talk to me. Dismiss this message to do nothing."
    )
    await send(interaction, text, view=view, is_private=True)


async def _reject(interaction: discord.Interaction[Any], key: CardKey, reason: str, *, is_for_all: bool) -> None:
    acts = acts_of(interaction, key)
    done = await (acts.reject_alike(reason) if is_for_all else acts.reject(reason))
    await showing(interaction).after(done, key)
