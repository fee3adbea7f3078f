"""Embeds that keep within Discord's limits, whatever is put into them."""

import discord

MAX_TITLE = 256
MAX_DESCRIPTION = 4096
MAX_FIELDS = 25
MAX_FIELD_NAME = 256
MAX_FIELD = 1024
MAX_FOOTER = 2048
MAX_EMBED = 6000
"""Of all its texts together."""
_ELLIPSIS = "…"


def card(title: str, description: str = "", *, colour: discord.Colour | None = None) -> discord.Embed:
    """An embed, shortened where it must be."""
    return discord.Embed(
        title=shortened(title, MAX_TITLE), description=shortened(description, MAX_DESCRIPTION) or None, colour=colour
    )


def add_field(embed: discord.Embed, name: str, value: str, *, is_narrow: bool = False) -> bool:
    """Add a field if there is room for it, shortened to what a field may hold; whether it was added."""
    value = shortened(value.strip(), MAX_FIELD)
    has_room = len(embed) + len(name) + len(value) <= MAX_EMBED and len(embed.fields) < MAX_FIELDS
    if value and has_room:
        embed.add_field(name=shortened(name, MAX_FIELD_NAME), value=value, inline=is_narrow)
    return bool(value) and has_room


def shortened(text: str, limit: int) -> str:
    """The text, or as much of it as there is room for."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + _ELLIPSIS


def plain(text: str, limit: int) -> str:
    """Anybody's words in one line that means nothing to Discord, at most so long."""
    line = " ".join(text.split())
    return shortened(discord.utils.escape_markdown(discord.utils.escape_mentions(shortened(line, limit))), limit)
