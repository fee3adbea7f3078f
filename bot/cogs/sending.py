"""The one place where anything leaves for Discord.

Promises: nobody is pinged (`AllowedMentions.none()`), no message is longer than Discord takes, nothing that looks like
a secret or a link goes out, a channel gets no message twice when Discord's answer failed and it was sent anew, and a
channel or message that is gone or forbidden is no error, only a `None`.
"""

import logging
import re
import secrets
from collections.abc import Sequence
from functools import partial
from typing import Any

import discord

from bot.cogs.persisting import persistently

logger = logging.getLogger(__name__)

MAX_CHARACTERS = 2000
"""Discord's limit for a bot's message; its specification says 4,000, which bots do not get."""
_NONCE_BYTES = 12
"""24 characters; Discord takes 25."""
_FENCE = "```"
_ROOM_FOR_FENCES = 8

_SECRETS = re.compile(
    r"""
    \b[\w-]{23,28}\.[\w-]{6,7}\.[\w-]{27,}          # a Discord token
    | \b(?:sk|pk|ghp|gho|ghs|xox[abps]|hf|glpat)[-_][A-Za-z0-9_-]{16,}
    | \bAKIA[0-9A-Z]{16}\b
    | \beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}       # a JSON web token
    | -----BEGIN[ A-Z]*PRIVATE\ KEY-----
    """,
    re.VERBOSE,
)
_LINKS = re.compile(r"(?:https?://|www\.|discord(?:app)?\.(?:gg|com/invite)/)[^\s<>)\]]+", re.IGNORECASE)

Destination = discord.abc.Messageable | discord.Interaction
Sent = discord.Message | discord.PartialMessage


async def send(
    destination: Destination,
    text: str = "",
    *,
    in_reply_to: discord.Message | None = None,
    view: discord.ui.View | None = None,
    embed: discord.Embed | None = None,
    files: Sequence[discord.File] = (),
    is_private: bool = False,
) -> list[discord.Message]:
    """Send a text, in as many messages as it takes; the view, embed and files go with the last one.

    Args:
        destination: a channel, or an interaction (answered, or followed up when it was answered or deferred).
        text: any length; may be empty only with an embed.
        in_reply_to: the message that the first one answers, if it still exists.
        view: buttons.
        embed: a card.
        files: attachments.
        is_private: for interactions: only the one who asked sees it.

    Returns:
        What was sent: empty when the place is gone or forbidden.
    """
    chunks = split(presentable(text)) if text or embed is None else [""]
    sent: list[discord.Message] = []
    for index, chunk in enumerate(chunks):
        fields: dict[str, Any] = {"allowed_mentions": discord.AllowedMentions.none()}
        if chunk:
            fields["content"] = chunk
        if index == 0 and in_reply_to is not None:
            fields["reference"] = in_reply_to.to_reference(fail_if_not_exists=False)
            fields["mention_author"] = False
        if index == len(chunks) - 1:
            fields |= _extras(view, embed, files)
        try:
            sent.append(await _send(destination, fields, is_private=is_private))
        except (discord.NotFound, discord.Forbidden) as error:
            logger.info("message not sent", extra={"status": error.status, "code": error.code})
            break
    return sent


async def revise(
    message: Sent,
    text: str | None = None,
    *,
    view: discord.ui.View | None = None,
    embed: discord.Embed | None = None,
    files: Sequence[discord.File] = (),
) -> bool:
    """Replace a message's text (if one is given), buttons, card and attachments; False when it is gone or forbidden.

    An empty text takes the text away, which needs a card.
    """
    fields: dict[str, Any] = {"view": view, "embed": embed, "attachments": list(files)}
    if text is not None:
        fields["content"] = split(presentable(text))[0] if text or embed is None else None
    try:
        editing = partial(message.edit, **fields, allowed_mentions=discord.AllowedMentions.none())
        await (editing() if files else persistently(editing))  # files are read once
    except (discord.NotFound, discord.Forbidden) as error:
        logger.info("message not edited", extra={"status": error.status, "code": error.code})
        return False
    return True


async def take_back(message: Sent) -> None:
    """Delete one of our own messages; one that is gone already is fine."""
    try:
        await message.delete()
    except (discord.NotFound, discord.Forbidden) as error:
        logger.info("message not deleted", extra={"status": error.status, "code": error.code})


def presentable(text: str) -> str:
    """The text with secrets and links taken out; never empty."""
    return _LINKS.sub("[link]", _SECRETS.sub("[secret]", text)).strip() or "…"


def split(text: str, limit: int = MAX_CHARACTERS) -> list[str]:
    """The text in pieces of at most `limit` characters, cut between paragraphs, lines, sentences or words if it can be.

    A code block that is cut is closed in one piece and opened again in the next.
    """
    pieces: list[str] = []
    rest = text
    while len(rest) > limit:
        cut = _cut(rest, limit - _ROOM_FOR_FENCES)
        piece, rest = rest[:cut].rstrip(), rest[cut:].lstrip("\n ")
        if piece.count(_FENCE) % 2:
            piece, rest = f"{piece}\n{_FENCE}", f"{_FENCE}\n{rest}"
        pieces.append(piece)
    return [*pieces, rest] if rest or not pieces else pieces


def _cut(text: str, limit: int) -> int:
    """Where to cut: after the last good break in the second half of what fits, or right at the limit."""
    for ending in ("\n\n", "\n", ". ", "! ", "? ", " "):
        found = text.rfind(ending, limit // 2, limit)
        if found != -1:
            return found + len(ending)
    return limit


def _extras(view: discord.ui.View | None, embed: discord.Embed | None, files: Sequence[discord.File]) -> dict[str, Any]:
    given = {"view": view, "embed": embed, "files": list(files) or None}
    return {name: value for name, value in given.items() if value is not None}


async def _send(destination: Destination, fields: dict[str, Any], *, is_private: bool) -> discord.Message:
    if not isinstance(destination, discord.Interaction):
        # What is sent again, by us or by discord.py, has the same nonce: Discord gives the message that it has already.
        sending = partial(destination.send, **fields, nonce=secrets.token_hex(_NONCE_BYTES))
        return await (sending() if "files" in fields else persistently(sending))  # files are read once
    fields = {name: value for name, value in fields.items() if name not in {"reference", "mention_author"}}
    if not destination.response.is_done():
        await destination.response.send_message(**fields, ephemeral=is_private)
        return await destination.original_response()
    return await destination.followup.send(**fields, ephemeral=is_private, wait=True)
