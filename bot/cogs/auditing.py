"""`/audit`: who decided what in this server, newest first, page by page. Never what members said.

Actors stand in the log as keyed hashes: it tells one from another, and names nobody but the one who looks.
"""

import re
from collections.abc import Sequence
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.admins import Admin, admin_of, deferred_admin, is_admin
from bot.cogs.cards import card, shortened
from bot.cogs.failures import reporting
from bot.cogs.parts import BotParts
from bot.cogs.sending import revise, send
from storage.values import AuditEntry

_PAGE = 10
_ACTIONS = (
    "config",
    "learning on",
    "learning off",
    "retrain",
    "cancel run",
    "promote",
    "rollback",
    "canary",
    "end canary",
    "approve",
    "edit",
    "reject",
    "undo",
    "block",
    "lift block",
    "keep out",
    "announce",
    "forget",
    "purge",
)
_KEY = re.compile(r"[0-9a-f]{64}")
_FIGURE = re.compile(r"[\w.:+*/,%-]{1,40}")
"""What may be shown of an entry's details: figures, ids and names of choices; free words could be a member's."""
_NUMBERED = re.compile(r"[a-z]{1,20} \d{1,20}")
"""A subject such as `run 7`."""
_ALL = "all"


class Auditing(commands.Cog):
    """The audit log of a server."""

    def __init__(self, parts: BotParts) -> None:
        self._parts = parts

    @app_commands.command(description="Who decided what here, newest first (admins)")
    @app_commands.describe(action="Only decisions of this kind")
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_guild=True)
    async def audit(
        self, interaction: discord.Interaction[Any], action: app_commands.Range[str, 1, 40] | None = None
    ) -> None:
        """Show the newest page."""
        admin = await deferred_admin(interaction, self._parts)
        kind = action if action is None else action.strip().lower()
        embed, view = await _page(self._parts, admin, kind, None)
        await send(interaction, embed=embed, view=view, is_private=True)

    @audit.autocomplete("action")
    async def _suggest(self, interaction: discord.Interaction[Any], typed: str) -> list[app_commands.Choice[str]]:
        if not await is_admin(interaction, self._parts):
            return []
        said = typed.strip().lower()
        return [app_commands.Choice(name=one, value=one) for one in _ACTIONS if said in one]


class PageButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=r"mynah:audit:(?P<before>\d{1,18}):(?P<action>[a-z -]{1,40})",
):
    """Goes to older decisions, or back to the newest."""

    def __init__(self, before_id: int, action: str) -> None:
        self.before_id, self.action = before_id, action
        super().__init__(
            discord.ui.Button(
                style=discord.ButtonStyle.secondary,
                label="Older" if before_id else "Newest",
                emoji="⏬" if before_id else "⏫",
                custom_id=f"mynah:audit:{before_id}:{action}",
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> "PageButton":
        """The button that was pressed."""
        return cls(int(match["before"]), match["action"])

    @reporting
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Turn the page."""
        parts: BotParts = interaction.client.parts
        admin = await admin_of(interaction, parts)
        await interaction.response.defer()
        action = None if self.action == _ALL else self.action
        embed, view = await _page(parts, admin, action, self.before_id or None)
        await revise(await interaction.original_response(), embed=embed, view=view)


async def _page(
    parts: BotParts, admin: Admin, action: str | None, before_id: int | None
) -> tuple[discord.Embed, discord.ui.View]:
    entries = await parts.store.audit.latest(limit=_PAGE + 1, server=admin.server, before_id=before_id, action=action)
    view = discord.ui.View(timeout=None)
    kind = action if action is not None and re.fullmatch(r"[a-z -]{1,40}", action) else _ALL
    if before_id is not None:
        view.add_item(PageButton(0, kind))
    if len(entries) > _PAGE:
        view.add_item(PageButton(entries[_PAGE - 1].id, kind))
    return audit_card(entries[:_PAGE], admin.key), view


def audit_card(entries: Sequence[AuditEntry], reader_key: str) -> discord.Embed:
    """A page of the log."""
    if not entries:
        return card("Audit log", "Nothing was decided here yet.")
    lines = [_line(entry, reader_key) for entry in entries]
    return card("Audit log", "\n".join(lines), colour=discord.Colour.blurple())


def _line(entry: AuditEntry, reader_key: str) -> str:
    when = discord.utils.format_dt(entry.created_at, "R")
    actor = "**you**" if entry.actor == reader_key else _name(entry.actor)
    details = ", ".join(
        f"{name} {shown}"
        for name, value in entry.details.items()
        if name not in {"message", "channel", "reason"} and (shown := _shown(value)) is not None
    )
    subject = f" `{_name(entry.subject)}`" if _is_name(entry.subject) else ""
    return shortened(f"{when} {actor}: {entry.action}{subject}{f' ({details})' if details else ''}", 300)


def _is_name(text: str) -> bool:
    """Whether a text is an id or the name of a choice, and not somebody's words."""
    return any(pattern.fullmatch(text) for pattern in (_KEY, _FIGURE, _NUMBERED))


def _name(text: str) -> str:
    """An actor or a subject as a page can show it: the beginning of a key tells people apart."""
    if _KEY.fullmatch(text):
        return f"…{text[:6]}"
    return text if _is_name(text) else "…"


def _shown(value: object) -> str | None:
    if isinstance(value, bool) or value is None:
        return {True: "on", False: "off", None: "none"}[value]
    if isinstance(value, int | float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return f"{len(value)} chosen"
    text = str(value)
    return _name(text) if _KEY.fullmatch(text) or _FIGURE.fullmatch(text) else None
