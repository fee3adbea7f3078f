"""`/config`: an admin's choices for their server, as `ServerSettings` has them: its fields, bounds and reasons.

Channels and roles are picked, long words are written in a form, the rest is typed with suggestions. Every change is in
the audit log. Learning itself is turned on elsewhere: `/learning on` shows what Discord demands first.
"""

import re
from collections.abc import Collection, Sequence
from typing import Any, Literal, cast

import discord
from discord import app_commands
from discord.ext import commands
from pydantic.fields import FieldInfo

from bot.cogs.admins import Admin, admin_of, deferred_admin, is_admin, is_admin_with
from bot.cogs.cards import add_field, card, plain
from bot.cogs.failures import Form, reporting
from bot.cogs.parts import BotParts
from bot.cogs.sending import revise, send
from storage.errors import Refused, WrongUsage
from storage.server_settings import CONFIRMATION, ServerSettings
from storage.timetable import quiet_hours, timetable
from storage.values import Source

_CHANNELS = ("chat_channels", "review_channel", "announce_channel")
_ROLES = ("reviewer_roles", "admin_roles")
_MANY = ("chat_channels", "reviewer_roles", "admin_roles")
_WORDS = ("persona", "crisis_text", "consent_channel_line")
_ELSEWHERE = ("learning_on", *CONFIRMATION)
NAMES = tuple(name for name in ServerSettings.model_fields if name not in _ELSEWHERE)
_SUGGESTED = {
    "quorum": ("1", "2", "3"),
    "retention_days": ("30", "90", "365"),
    "messages_per_minute": ("5", "10", "20", "60"),
    "hold_above": ("0.3", "0.5", "0.7"),
    "refuse_above": ("0.7", "0.8", "0.9"),
    "quiet_hours": ("22:00-07:00", "08:00-23:00", "none"),
    "time_zone": ("UTC", "Europe/Lisbon", "America/New_York", "Asia/Tokyo"),
    "schedule": ("every night at 4", "mondays 03:30", "every 6 hours", "never"),
    "sources": (", ".join(Source), *Source),
}
_PICKED_AT_ONCE = 25
_FORM_CHARACTERS = 2000
_SHOWN_CHARACTERS = 150

Select = discord.ui.ChannelSelect[discord.ui.View] | discord.ui.RoleSelect[discord.ui.View]


class Configuration(commands.Cog):
    """The choices of a server."""

    config = app_commands.Group(
        name="config",
        description="Choose how Mynah works in this server (admins)",
        guild_only=True,
        default_permissions=discord.Permissions(manage_guild=True),
    )

    def __init__(self, parts: BotParts) -> None:
        self._parts = parts

    @config.command(name="show", description="What holds in this server")
    async def show(self, interaction: discord.Interaction[Any]) -> None:
        """Show every setting, and which were chosen here."""
        admin = await deferred_admin(interaction, self._parts)
        table = self._parts.store.server_settings
        embed = settings_card(await table.get(admin.server), await table.own(admin.server))
        await send(interaction, embed=embed, is_private=True)

    @config.command(name="set", description="Choose; without a value you get a picker or a form")
    @app_commands.describe(
        name="What to choose", value="The choice; leave it away to pick channels, roles or write text"
    )
    async def choose(
        self,
        interaction: discord.Interaction[Any],
        name: app_commands.Range[str, 1, 60],
        value: app_commands.Range[str, 1, 2000] | None = None,
    ) -> None:
        """Choose, or show what to choose with."""
        admin = await admin_of(interaction, self._parts)
        name = _known(name)
        if value is not None:
            await interaction.response.defer(ephemeral=True, thinking=True)
            await send(
                interaction, await keep(interaction, self._parts, admin, name, _read(name, value)), is_private=True
            )
            return
        settings = await self._parts.store.server_settings.get(admin.server)
        if name in _CHANNELS or name in _ROLES:
            view = discord.ui.View(timeout=None)
            view.add_item(Picker(name, settings))
            await send(interaction, f"**{_title(name)}**: {_reason(name)}", view=view, is_private=True)
        elif name in _WORDS:
            await interaction.response.send_modal(WordsForm(self._parts, name, getattr(settings, name) or ""))
        else:
            raise WrongUsage(
                f"Choose what {_title(name).lower()} shall be.", advice=f"{_reason(name)} Give it as `value:`."
            )

    @config.command(name="unset", description="Take a choice back: the operator's setting holds again")
    @app_commands.describe(name="What to take back")
    async def unset(self, interaction: discord.Interaction[Any], name: app_commands.Range[str, 1, 60]) -> None:
        """Take it back."""
        admin = await deferred_admin(interaction, self._parts)
        name = _known(name)
        settings = await self._parts.store.server_settings.unset(admin.server, name, admin.key)
        text = f"**{_title(name)}** is as the operator set it: {_shown(name, getattr(settings, name))}"
        await send(interaction, text, is_private=True)

    @choose.autocomplete("name")
    @unset.autocomplete("name")
    async def _suggest_names(self, interaction: discord.Interaction[Any], typed: str) -> list[app_commands.Choice[str]]:
        if not await is_admin(interaction, self._parts):
            return []
        said = typed.strip().lower().replace(" ", "_")
        fitting = [name for name in NAMES if said in name]
        return [app_commands.Choice(name=f"{_title(name)}: {_reason(name)}"[:100], value=name) for name in fitting[:25]]

    @choose.autocomplete("value")
    async def _suggest_values(
        self, interaction: discord.Interaction[Any], typed: str
    ) -> list[app_commands.Choice[str]]:
        if not await is_admin(interaction, self._parts):
            return []
        name = str(getattr(interaction.namespace, "name", ""))
        if name not in NAMES:
            return []
        known = ("on", "off") if _field(name).annotation is bool else _SUGGESTED.get(name, ())
        said = typed.strip().lower()
        return [app_commands.Choice(name=one, value=one) for one in map(str, known) if said in one.lower()]


class Picker(
    discord.ui.DynamicItem[Select],
    template=r"mynah:config:pick:(?P<name>[a-z_]{1,40})",
):
    """Picks the channels or roles of one setting."""

    def __init__(self, name: str, settings: ServerSettings | None = None) -> None:
        self.name = name
        many = name in _MANY
        options: dict[str, Any] = {
            "custom_id": f"mynah:config:pick:{name}",
            "min_values": 0,
            "max_values": _PICKED_AT_ONCE if many else 1,
            "placeholder": f"Pick {_title(name).lower()}",
        }
        chosen = (
            [] if settings is None else [int(one) for one in _ids(getattr(settings, name))][: options["max_values"]]
        )
        kind: Literal["channel", "role"] = "channel" if name in _CHANNELS else "role"
        options["default_values"] = [
            discord.SelectDefaultValue(id=one, type=discord.SelectDefaultValueType[kind]) for one in chosen
        ]
        item: Select
        if kind == "channel":
            item = discord.ui.ChannelSelect(
                channel_types=[discord.ChannelType.text, discord.ChannelType.news], **options
            )
        else:
            item = discord.ui.RoleSelect(**options)
        super().__init__(item)

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> "Picker":
        """The picker that was used."""
        picker = cls(_known(match["name"]))
        picker.item = cast("Select", item)
        return picker

    @reporting
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Keep what was picked; nothing picked is a choice too."""
        parts: BotParts = interaction.client.parts
        admin = await admin_of(interaction, parts)
        await interaction.response.defer()
        picked = [str(one.id) for one in self.item.values]
        value: object = picked if self.name in _MANY else (picked[0] if picked else None)
        if value is None:
            await parts.store.server_settings.unset(admin.server, self.name, admin.key)
            text = f"**{_title(self.name)}**: none"
        else:
            text = await keep(interaction, parts, admin, self.name, value)
        await revise(await interaction.original_response(), text)


class WordsForm(Form, title="Your words"):
    """Takes the words of one setting."""

    def __init__(self, parts: BotParts, name: str, now: str) -> None:
        super().__init__(title=_title(name))
        self._parts = parts
        self._name = name
        longest = min(_longest(name), _FORM_CHARACTERS)
        self.words: discord.ui.TextInput[WordsForm] = discord.ui.TextInput(
            label=_title(name),
            placeholder=_reason(name)[:100],
            style=discord.TextStyle.paragraph,
            default=now[:longest] or None,
            max_length=longest,
            required=name == "crisis_text",
        )
        self.add_item(self.words)

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Keep them, if the person still may."""
        admin = await deferred_admin(interaction, self._parts)
        text = await keep(interaction, self._parts, admin, self._name, self.words.value.strip())
        await send(interaction, text, is_private=True)


async def keep(interaction: discord.Interaction[Any], parts: BotParts, admin: Admin, name: str, value: object) -> str:
    """Write a choice, and say what holds now.

    Raises:
        WrongUsage: the value cannot be used; says what can.
        Refused: the one who asks would be no admin any more.
    """
    if name == "admin_roles" and not is_admin_with(interaction.user, parts, _ids(value)):
        raise Refused("You would be no admin any more.", advice="Pick a role that you have among them.")
    settings = await parts.store.server_settings.set(admin.server, name, value, admin.key)
    return f"**{_title(name)}** is now: {_shown(name, getattr(settings, name))}"


def settings_card(settings: ServerSettings, own: Collection[str]) -> discord.Embed:
    """Every setting; those that were chosen in this server stand out."""
    embed = card(
        "How Mynah works here",
        f"Learning is **{'on' if settings.learning_on else 'off'}** (`/learning`). "
        "What was chosen here is **bold**; the rest is as the operator set it.",
        colour=discord.Colour.blurple(),
    )
    groups = {
        "People": (*_ROLES, "quorum"),
        "Places": _CHANNELS,
        "Learning": ("sources", "own_line", "leaving_is_denial", "retention_days", "canary_promotes"),
        "Talking": (*_WORDS, "messages_per_minute", "hold_above", "refuse_above"),
        "Times": ("schedule", "quiet_hours", "time_zone"),
    }
    listed = {name for names in groups.values() for name in names}
    groups["More"] = tuple(name for name in NAMES if name not in listed)
    for title, names in groups.items():
        lines = []
        for name in names:
            label = f"**{_title(name)}**" if name in own else _title(name)
            lines.append(f"{label}: {_shown(name, getattr(settings, name))}")
        add_field(embed, title, "\n".join(lines))
    return embed


def _known(name: str) -> str:
    said = name.strip().lower().replace(" ", "_")
    if said in _ELSEWHERE:
        raise WrongUsage("Learning is not turned on or off like this.", advice="Use `/learning on` or `/learning off`.")
    if said not in NAMES:
        raise WrongUsage(
            f"There is no setting {name[:60]!r}.", advice="Begin to type, and choose from what is suggested."
        )
    return said


def _read(name: str, value: str) -> object:
    """A typed value, as the setting takes it; what is wrong with it the setting says itself."""
    said = value.strip()
    if name in _CHANNELS or name in _ROLES:
        found = re.findall(r"\d{1,20}", said)
        if not found and said.lower() not in {"none", "-"}:
            raise WrongUsage(
                f"{said[:60]!r} names no {'channel' if name in _CHANNELS else 'role'}.",
                advice="Leave the value away: you get a picker.",
            )
        return found if name in _MANY else (found[0] if found else None)
    if name == "sources":
        return [one for one in re.split(r"[,\s]+", said.lower()) if one]
    if name == "quiet_hours":
        return quiet_hours(said)
    if name == "schedule":
        return "" if said.lower() in {"never", "off", "none"} else timetable(said).line
    if name in _WORDS or name == "time_zone":
        return said
    if _field(name).annotation is bool:
        known = {"on": True, "yes": True, "true": True, "off": False, "no": False, "false": False}
        if said.lower() not in known:
            raise WrongUsage(f"{said[:60]!r} is neither on nor off.", advice="Say `on` or `off`.")
        return known[said.lower()]
    try:
        return float(said) if "." in said else int(said)
    except ValueError:
        raise WrongUsage(f"{said[:60]!r} is no number.", advice=_reason(name)) from None


def _ids(value: object) -> Sequence[str]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(map(str, cast("Sequence[object]", value)))


def _shown(name: str, value: object) -> str:
    if value is None or value in ((), ""):
        return "none" if name not in _WORDS or value is None else "nothing"
    if name in _CHANNELS:
        return " ".join(f"<#{one}>" for one in _ids(value)[:10])
    if name in _ROLES:
        return " ".join(f"<@&{one}>" for one in _ids(value)[:10])
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return plain(str(value), _SHOWN_CHARACTERS)


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _field(name: str) -> FieldInfo:
    return ServerSettings.model_fields[name]


def _longest(name: str) -> int:
    lengths = [limit for one in _field(name).metadata if isinstance(limit := getattr(one, "max_length", None), int)]
    return min(lengths, default=_FORM_CHARACTERS)


_REASONS = {
    "sources": "Which sources may be learnt from: message, slash, correction, import.",
    "own_line": "Whether this server has a model of its own, apart from all others.",
    "leaving_is_denial": "Whether who leaves the server has thereby said no to learning.",
    "retention_days": "Talk older than this is deleted; 1 to 3650.",
    "quorum": "How many moderators must approve an example; 1 to 10.",
    "canary_promotes": "Whether a canary that proves itself is promoted without asking.",
    "reviewer_roles": "Roles that may review; none: who may manage messages.",
    "admin_roles": "Roles that may retrain and change settings; none: who may manage the server.",
    "chat_channels": "Channels where every message is answered.",
    "review_channel": "Where cards of waiting examples are posted.",
    "announce_channel": "Where new versions are told of.",
    "consent_channel_line": "What a member is told at first contact, in one line.",
    "persona": "Who Mynah is here: put before every conversation.",
    "messages_per_minute": "One member's limit; 1 to 600.",
    "hold_above": "From which probability a person must look; 0 to 1.",
    "refuse_above": "From which probability text is refused; 0 to 1.",
    "crisis_text": "What a person who sounds in danger is told.",
    "schedule": "When Mynah is trained, in words or as a crontab line.",
    "quiet_hours": "When nothing begins or is announced by itself, such as 22:00-07:00.",
    "time_zone": "Of the schedule and the quiet hours, such as Europe/Lisbon.",
}


def _reason(name: str) -> str:
    return _REASONS.get(name, "")
