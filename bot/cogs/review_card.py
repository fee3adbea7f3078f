"""The card a moderator sees: one candidate, as text and buttons. What it must know is in the custom ids."""

import io
import re
from typing import Any

import discord

from bot.cogs.failures import Form, reporting
from bot.cogs.parts import BotParts, server_of
from bot.cogs.permissions import Rank, require
from bot.cogs.sending import revise, send
from bot.review.desk import ReviewCard
from storage.errors import MynahError
from storage.values import Candidate, CandidateState, Message, Role

_DESCRIPTION_CHARACTERS = 3500
"""An embed's description takes 4,096, all of an embed 6,000."""
_FORM_CHARACTERS = 4000
_NOTHING_WAITS = "Nothing waits for you to review. 🎉"
_ACTIONS = {
    "approve": ("Approve", "✅", discord.ButtonStyle.success),
    "edit": ("Edit", "✏️", discord.ButtonStyle.primary),
    "reject": ("Reject", "🗑️", discord.ButtonStyle.danger),
    "next": ("Next", "⏭️", discord.ButtonStyle.secondary),
}


async def first_card(interaction: discord.Interaction[Any], parts: BotParts) -> None:
    """Answer an interaction that was deferred with the first card of the queue."""
    card = await parts.desk.next(parts.author_key(interaction.user), server=server_of(interaction))
    if card is None:
        await send(interaction, _NOTHING_WAITS, is_private=True)
        return
    await send(interaction, embed=_embed(card), view=_buttons(card), files=_files(card), is_private=True)


class ReviewButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=r"mynah:review:(?P<action>approve|edit|reject|next):(?P<candidate>\d{1,18})",
):
    """A decision about one candidate."""

    def __init__(self, action: str, candidate_id: int) -> None:
        self.action = action
        self.candidate_id = candidate_id
        label, emoji, style = _ACTIONS[action]
        custom_id = f"mynah:review:{action}:{candidate_id}"
        super().__init__(discord.ui.Button(style=style, label=label, emoji=emoji, custom_id=custom_id))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> "ReviewButton":
        """The button that was pressed."""
        return cls(match["action"], int(match["candidate"]))

    @reporting
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Decide, and show the next card."""
        parts: BotParts = interaction.client.parts
        require(interaction, Rank.MODERATOR, parts.settings)
        if self.action == "edit":
            card = await parts.desk.card(self.candidate_id)
            require_server(interaction, card.candidate)
            await interaction.response.send_modal(EditForm(card.candidate, parts))
            return
        await interaction.response.defer()
        await _decide(interaction, parts, self.action, self.candidate_id)


class EditForm(Form, title="The reply to learn"):
    """Takes a moderator's words for the last reply."""

    def __init__(self, candidate: Candidate, parts: BotParts) -> None:
        super().__init__()
        self._candidate_id = candidate.id
        self._parts = parts
        self.reply: discord.ui.TextInput[EditForm] = discord.ui.TextInput(
            label="The bot's reply",
            style=discord.TextStyle.paragraph,
            default=candidate.messages[-1].text[:_FORM_CHARACTERS],
            max_length=_FORM_CHARACTERS,
        )
        self.add_item(self.reply)

    async def on_submit(self, interaction: discord.Interaction, /) -> None:
        """Approve with these words, and show the next card."""
        await interaction.response.defer()
        require(interaction, Rank.MODERATOR, self._parts.settings)
        await _decide(interaction, self._parts, "edit", self._candidate_id, reply=self.reply.value)


def require_server(interaction: discord.Interaction[Any], candidate: Candidate) -> None:
    """Let pass only candidates of the server where the moderator is.

    Raises:
        MynahError: it is another's.
    """
    if candidate.server != server_of(interaction):
        raise MynahError("That candidate belongs to another server.")


async def _decide(
    interaction: discord.Interaction[Any], parts: BotParts, action: str, candidate_id: int, *, reply: str = ""
) -> None:
    reviewer, server, desk = parts.author_key(interaction.user), server_of(interaction), parts.desk
    problem = ""
    try:
        if action == "approve":
            await desk.approve(candidate_id, reviewer, server=server)
        elif action == "edit":
            await desk.edit(candidate_id, reviewer, reply, server=server)
        elif action == "reject":
            await desk.reject(candidate_id, reviewer, server=server)
    except MynahError as error:
        problem = str(error)
    if problem:
        await send(interaction, problem, is_private=True)
        if await _still_waits(parts, candidate_id):  # such as refused words: the moderator can try again
            return
    card = await desk.next(reviewer, after_id=candidate_id, server=server)
    message = await interaction.original_response()
    if card is None:
        await revise(message, _NOTHING_WAITS)
    else:
        await revise(message, embed=_embed(card), view=_buttons(card), files=_files(card))


async def _still_waits(parts: BotParts, candidate_id: int) -> bool:
    candidate = await parts.store.candidates.get(candidate_id)
    return candidate is not None and candidate.state is CandidateState.WAITING


def _buttons(card: ReviewCard) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    for action in _ACTIONS:
        view.add_item(ReviewButton(action, card.candidate.id))
    return view


def _embed(card: ReviewCard) -> discord.Embed:
    candidate = card.candidate
    text = _exchange(candidate.messages)
    if len(text) > _DESCRIPTION_CHARACTERS:
        text = f"{text[:_DESCRIPTION_CHARACTERS]}…\n\n**All of it is in the attached file.**"
    embed = discord.Embed(title=f"Candidate {candidate.id}", description=text)
    embed.add_field(name="Screening", value=_screening(candidate), inline=True)
    embed.add_field(name="Votes", value=f"👍 {card.votes_up}  👎 {card.votes_down}", inline=True)
    embed.add_field(name="Source", value=candidate.source.value, inline=True)
    embed.set_footer(text=f"{card.waiting} waiting in all")
    return embed


def _files(card: ReviewCard) -> list[discord.File]:
    text = _exchange(card.candidate.messages)
    if len(text) <= _DESCRIPTION_CHARACTERS:
        return []
    return [discord.File(io.BytesIO(text.encode("utf-8")), filename=f"candidate-{card.candidate.id}.txt")]


def _exchange(messages: tuple[Message, ...]) -> str:
    names = {Role.USER: "Person", Role.ASSISTANT: "Mynah", Role.SYSTEM: "System"}
    *context, question, answer = [(names[message.role], message.text) for message in messages]
    lines = [f"*{name}: {discord.utils.escape_markdown(text)}*" for name, text in context]
    for name, text in (question, answer):
        lines.append(f"**{name}:** {discord.utils.escape_markdown(text)}")
    return "\n".join(lines)


def _screening(candidate: Candidate) -> str:
    highest = sorted(candidate.verdict.scores.items(), key=lambda item: item[1], reverse=True)[:3]
    scores = ", ".join(f"{label} {score:.2f}" for label, score in highest)
    reasons = ", ".join(candidate.verdict.reasons)
    return "\n".join(part for part in (candidate.verdict.outcome.value, reasons, scores) if part)[:1000]
