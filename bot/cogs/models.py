"""`/model`: admins look at versions and choose which one answers, and confirm before anything changes."""

import re
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.cogs.admins import Admin, admin_of, deferred_admin, is_admin
from bot.cogs.canaries import CanaryCommand
from bot.cogs.cards import add_field, card, plain
from bot.cogs.champions import Champions
from bot.cogs.failures import reporting
from bot.cogs.parts import BotParts
from bot.cogs.sending import revise, send
from storage.errors import MynahError, WrongUsage
from storage.values import Alias, Evaluation, ModelVersion

_CHOICES = 25
"""Discord shows no more in an autocomplete."""
_LISTED = 20
_REASON = "Reason"
_LOOKS = {
    "promote": ("Promote", discord.ButtonStyle.success),
    "rollback": ("Roll back", discord.ButtonStyle.danger),
    "keep": ("Leave as it is", discord.ButtonStyle.secondary),
}
_REASON_CHARACTERS = 200


class Models(commands.Cog):
    """Model versions."""

    model = app_commands.Group(
        name="model",
        description="Choose which version answers (admins)",
        guild_only=True,
        default_permissions=discord.Permissions(manage_guild=True),
    )

    def __init__(self, parts: BotParts) -> None:
        self._parts = parts
        self._champions = Champions(parts)

    @model.command(name="list", description="All versions, newest first")
    async def list_versions(self, interaction: discord.Interaction[Any]) -> None:
        """List them, with the names that point to them."""
        admin = await deferred_admin(interaction, self._parts)
        versions = await self._parts.store.figures.versions(admin.line)
        names = await self._alias_names(admin.line)
        lines = [_line(version, names) for version in versions[:_LISTED]]
        if len(versions) > _LISTED:
            lines.append(f"…and {len(versions) - _LISTED} older ones")
        await send(interaction, "\n".join(lines) or "There is no version yet.", is_private=True)

    @model.command(name="show", description="Where a version comes from, and how good it is")
    @app_commands.describe(name="A version, the beginning of one, or champion or previous")
    async def show(self, interaction: discord.Interaction[Any], name: str) -> None:
        """Show one."""
        admin = await deferred_admin(interaction, self._parts)
        version = await self._champions.resolve(name, admin.line)
        names = await self._alias_names(admin.line)
        evaluations = await self._parts.store.evaluations.of_version(version.version)
        await send(interaction, embed=_details(version, names, evaluations), is_private=True)

    @model.command(name="promote", description="Let a version answer from now on")
    @app_commands.describe(name="A version, or the beginning of one", reason="Why, for the record")
    async def promote(
        self,
        interaction: discord.Interaction[Any],
        name: str,
        reason: app_commands.Range[str, 0, _REASON_CHARACTERS] = "",
    ) -> None:
        """Ask whether it is meant."""
        admin = await deferred_admin(interaction, self._parts)
        champion = await self._parts.store.aliases.current(Alias.CHAMPION, admin.line)
        version = (await self._champions.resolve(name, admin.line)).version
        if version == champion:
            raise WrongUsage(f"`{version}` answers already.", advice="Choose another: `/model list`.")
        question = await _question(self._parts, "promote", champion, version, reason)
        await send(interaction, embed=question, view=_confirmation("promote", version, champion), is_private=True)

    @model.command(name="rollback", description="Give the place back to the version before")
    @app_commands.describe(reason="Why, for the record")
    async def rollback(
        self, interaction: discord.Interaction[Any], reason: app_commands.Range[str, 0, _REASON_CHARACTERS] = ""
    ) -> None:
        """Ask whether it is meant."""
        admin = await deferred_admin(interaction, self._parts)
        await ask_about_rollback(interaction, self._parts, admin, reason)

    @model.command(name="canary", description="Try a version on a share of the channels; without options: how it goes")
    @app_commands.describe(share="Percent of the channels; 0 ends the canary", version="Which version to try")
    async def canary(
        self,
        interaction: discord.Interaction[Any],
        share: app_commands.Range[int, 0, 100] | None = None,
        version: str | None = None,
    ) -> None:
        """Start, change, show or end a canary."""
        admin = await deferred_admin(interaction, self._parts)
        await CanaryCommand(self._parts, admin).run(interaction, share, version)

    @show.autocomplete("name")
    @promote.autocomplete("name")
    @canary.autocomplete("version")
    async def _suggest(self, interaction: discord.Interaction[Any], typed: str) -> list[app_commands.Choice[str]]:
        if not await is_admin(interaction, self._parts):
            return []
        try:
            line = (await admin_of(interaction, self._parts)).line
            versions = await self._parts.store.figures.versions(line)
            names = await self._alias_names(line)
        except MynahError:  # no suggestions are better than an error under a half-typed name
            return []
        said = typed.lower().strip()
        fitting = [one for one in versions if one.version.startswith(said) or said in names.get(one.version, [])]
        return [app_commands.Choice(name=_choice(one, names), value=one.version) for one in fitting[:_CHOICES]]

    async def _alias_names(self, line: str) -> dict[str, list[str]]:
        """Version to the names that point to it."""
        names: dict[str, list[str]] = {}
        for alias in Alias:
            version = await self._parts.store.aliases.current(alias, line)
            if version is not None:
                names.setdefault(version, []).append(alias.value)
        canary = await self._parts.store.canaries.open(line)
        if canary is not None:
            names.setdefault(canary.version, []).append(f"canary {canary.share:.0%}")
        return names


class ConfirmButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=r"mynah:model:(?P<act>promote|rollback|keep):(?P<version>[a-z0-9-]{1,32}):(?P<expected>[a-z0-9-]{1,32})",
):
    """The answer to "is that meant?": it names both versions, so that an old question changes nothing new."""

    def __init__(self, act: str, version: str, expected: str) -> None:
        self.act, self.version, self.expected = act, version, expected
        label, style = _LOOKS[act]
        custom_id = f"mynah:model:{act}:{version}:{expected}"
        super().__init__(discord.ui.Button(style=style, label=label, custom_id=custom_id))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> "ConfirmButton":
        """The button that was pressed."""
        return cls(match["act"], match["version"], match["expected"])

    @reporting
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Do it, once."""
        parts: BotParts = interaction.client.parts
        admin = await admin_of(interaction, parts)
        await interaction.response.defer()
        message = await interaction.original_response()
        if self.act == "keep":
            await revise(message, "Everything stays as it is.")
            return
        champions, reason = Champions(parts), _reason_of(message)
        try:
            if self.act == "promote":
                expected = None if self.expected == "-" else self.expected
                change = await champions.promote(
                    admin, self.version, expected=expected, reason=reason or "promoted by an admin"
                )
            else:
                change = await champions.rollback(
                    admin, expected=self.expected, reason=reason or "rolled back by an admin"
                )
        except MynahError as error:
            await revise(message, str(error))
            return
        instead = f", instead of `{change.from_version}`" if change.from_version else ""
        await revise(message, f"`{change.to_version}` answers from now on{instead}. `/model rollback` takes that back.")


class RollbackButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=r"mynah:model:undo:(?P<version>[a-z0-9-]{1,32})",
):
    """Under the report of a promoted run: asks whether to go back."""

    def __init__(self, version: str) -> None:
        self.version = version
        super().__init__(
            discord.ui.Button(
                style=discord.ButtonStyle.secondary,
                label="Roll back",
                emoji="↩️",
                custom_id=f"mynah:model:undo:{version}",
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> "RollbackButton":
        """The button that was pressed."""
        return cls(match["version"])

    @reporting
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Ask the admin privately, if the version still answers."""
        parts: BotParts = interaction.client.parts
        admin = await deferred_admin(interaction, parts)
        if await parts.store.aliases.current(Alias.CHAMPION, admin.line) != self.version:
            await send(interaction, f"`{self.version}` does not answer any more.", is_private=True)
            return
        await ask_about_rollback(interaction, parts, admin, "")


async def ask_about_rollback(interaction: discord.Interaction[Any], parts: BotParts, admin: Admin, reason: str) -> None:
    """Ask an admin whether the version before shall answer again.

    Raises:
        Refused: there is none.
    """
    champion, previous = await Champions(parts).previous(admin.line)
    question = await _question(parts, "rollback", champion, previous, reason)
    await send(interaction, embed=question, view=_confirmation("rollback", previous, champion), is_private=True)


async def _question(parts: BotParts, act: str, champion: str | None, version: str, reason: str) -> discord.Embed:
    verb = "Let this version answer?" if act == "promote" else "Go back to the version before?"
    embed = card(verb, f"`{champion or 'the base'}` → **`{version}`**", colour=discord.Colour.gold())
    found = await parts.store.aliases.version(version)
    if found is not None:
        add_field(embed, "Made", f"{discord.utils.format_dt(found.created_at, 'R')}, {found.kind}", is_narrow=True)
    for one in (await parts.store.evaluations.of_version(version))[-3:]:
        add_field(embed, one.set_name, f"perplexity {one.perplexity:.2f}", is_narrow=True)
    naming = await parts.store.receipts.naming(version)
    if naming:
        who = "a member asked" if naming == 1 else f"{naming} members asked"
        add_field(
            embed,
            "⚠️ It has learnt what it should have forgotten",
            f"Since it was made, {who} to be forgotten, and it learnt from their words. "
            "With it, what their receipts promise is broken. `/retrain now` makes a clean version instead.",
        )
    add_field(embed, _REASON, plain(reason, _REASON_CHARACTERS))
    return embed


def _confirmation(act: str, version: str, expected: str | None) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    view.add_item(ConfirmButton(act, version, expected or "-"))
    view.add_item(ConfirmButton("keep", version, expected or "-"))
    return view


def _reason_of(message: discord.InteractionMessage) -> str:
    fields = message.embeds[0].fields if message.embeds else []
    return next((str(field.value) for field in fields if field.name == _REASON), "")


def _line(version: ModelVersion, names: dict[str, list[str]]) -> str:
    aliases = "".join(f" **{name}**" for name in names.get(version.version, []))
    made = discord.utils.format_dt(version.created_at, "R")
    return f"`{version.version}`{aliases} {version.kind}, {made}"


def _choice(version: ModelVersion, names: dict[str, list[str]]) -> str:
    aliases = ", ".join(names.get(version.version, []))
    made = f"{version.created_at:%d %b %H:%M}"
    return f"{version.version} {version.kind}, {made}{f' ({aliases})' if aliases else ''}"[:100]


def _details(version: ModelVersion, names: dict[str, list[str]], evaluations: list[Evaluation]) -> discord.Embed:
    embed = card(f"Version {version.version}", _line(version, names), colour=discord.Colour.blurple())
    origin = {"Base": version.base, "Parent": version.parent, "Snapshot": version.snapshot_hash, "Run": version.run_id}
    for label, value in origin.items():
        if value is not None:
            add_field(embed, label, f"`{str(value)[:16]}`", is_narrow=True)
    add_field(embed, "Note", plain(version.note, 500))
    for one in evaluations[-9:]:
        figures = f"perplexity {one.perplexity:.2f}, token accuracy {one.token_accuracy:.1%} ({one.items} items)"
        add_field(embed, one.set_name, figures)
    return embed
