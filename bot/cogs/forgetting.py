"""The question before everything of a member is deleted, and the receipt after it.

Promises: only the member can answer, within ten minutes, also after a restart of the bot; a second press does nothing;
the member's Discord id is kept only when they ask to be told later, and only until they are told.
"""

import re
from typing import Any

import discord

from bot.cogs.dated import PATTERN, Asked
from bot.cogs.failures import reporting
from bot.cogs.parts import BotParts, server_of
from bot.cogs.sending import revise, send
from storage.errors import Refused
from storage.values import ForgetReceipt

_EVERYWHERE = "*"
_VERSIONS_NAMED = 20
_ANSWERS = {
    "delete": ("Delete", discord.ButtonStyle.danger),
    "tell": ("Delete, and tell me when it is unlearnt", discord.ButtonStyle.danger),
    "keep": ("Keep", discord.ButtonStyle.secondary),
}


async def ask_whether_to_forget(interaction: discord.Interaction[Any], parts: BotParts, *, everywhere: bool) -> None:
    """Answer a deferred interaction with the question: what would go, and what would stay."""
    server = None if everywhere else server_of(interaction)
    summary = await parts.store.members.summary(parts.author_key(interaction.user), server=server)
    examples = sum(summary.candidates.values())
    there = f"{summary.turns} messages with my answers to them, {examples} examples and {summary.votes} votes"
    lines = [
        f"Delete everything I keep of you **{'everywhere' if everywhere else 'here'}**? That is {there}.",
        "It cannot be undone, and I will not learn from you again unless you allow it.",
    ]
    answers = ["delete", "keep"]
    if summary.versions:
        lines.append(
            f"{len(summary.versions)} versions of me have learnt from you. The next one is made without your words. "
            "If you like, I write you a direct message when it answers; I note your Discord id for that, until then."
        )
        answers.insert(1, "tell")
    asked, view = Asked.now(interaction, parts), discord.ui.View(timeout=None)
    for answer in answers:
        view.add_item(ForgetButton(answer, "all" if everywhere else "here", asked))
    await send(interaction, "\n".join(lines), view=view, is_private=True)


class ForgetButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=rf"mynah:forget:(?P<answer>delete|tell|keep):(?P<scope>here|all):{PATTERN}",
):
    """One answer to the question."""

    def __init__(self, answer: str, scope: str, asked: Asked) -> None:
        self.answer = answer
        self.scope = scope
        self.asked = asked
        label, style = _ANSWERS[answer]
        custom_id = f"mynah:forget:{answer}:{scope}:{asked.text}"
        super().__init__(discord.ui.Button(style=style, label=label, custom_id=custom_id))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> "ForgetButton":
        """The button that was pressed."""
        return cls(match["answer"], match["scope"], Asked.parse(match["user"], match["asked"]))

    @reporting
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Delete, and turn the question into the receipt."""
        parts: BotParts = interaction.client.parts
        self.asked.require_open(interaction, parts, command="/privacy forget")
        await interaction.response.defer()
        message = await interaction.original_response()
        if self.answer == "keep":
            await revise(message, "Nothing was deleted.")
            return
        author_key = parts.author_key(interaction.user)
        server = None if self.scope == "all" else server_of(interaction)
        await self._require_first(parts, author_key, server)
        notify_id = str(interaction.user.id) if self.answer == "tell" else None
        receipt = await parts.chat.forget(author_key, server=server, notify_id=notify_id)
        await revise(message, _receipt_text(receipt, is_told_later=notify_id is not None))

    async def _require_first(self, parts: BotParts, author_key: str, server: str | None) -> None:
        """A question is answered once.

        Raises:
            Refused: everything was deleted since it was asked.
        """
        where = _EVERYWHERE if server is None else server
        for receipt in await parts.store.receipts.of(author_key):
            # The question's time is in whole seconds, so it is never later than what followed it.
            if receipt.server == where and receipt.created_at >= self.asked.at:
                raise Refused("That was done already.", advice="`/privacy show` tells what is kept of you now.")


def _receipt_text(receipt: ForgetReceipt, *, is_told_later: bool) -> str:
    lines = [
        f"**Receipt {receipt.id}**",
        f"Deleted: {receipt.turns} messages, {receipt.candidates} examples, {receipt.votes} votes.",
        "I will not learn from you again unless you allow it.",
    ]
    if receipt.versions:
        named = ", ".join(f"`{version}`" for version in receipt.versions[-_VERSIONS_NAMED:])
        lines.append(f"Versions that had learnt from you: {named}. The next version is made without your words.")
    if is_told_later:
        lines.append(
            "I will write you a direct message when it answers, and then forget your id too. "
            "For that, your direct messages must be open to me."
        )
    return "\n".join(lines)
