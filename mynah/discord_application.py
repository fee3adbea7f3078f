"""What Discord says about a bot's token, asked once over plain HTTP, before the bot ever connects.

Knows three facts of Discord's API: where an application describes itself, the flags of its intents, and how an invite
link is made. The address is passed in, so that a test runs a Discord of its own.
"""

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from storage.errors import MynahError, WrongUsage

API = "https://discord.com/api/v10"
PORTAL = "https://discord.com/developers/applications"
INVITE = "https://discord.com/oauth2/authorize"
SCOPES = "bot applications.commands"

MESSAGE_CONTENT_FLAGS = (1 << 18) | (1 << 19)
"""GATEWAY_MESSAGE_CONTENT, and the same for a bot in fewer than 100 servers."""

PERMISSIONS = {
    "add reactions": 1 << 6,
    "view channels": 1 << 10,
    "send messages": 1 << 11,
    "embed links": 1 << 14,
    "attach files": 1 << 15,
    "read message history": 1 << 16,
    "send messages in threads": 1 << 38,
}
"""What the bot asks for when it is invited, and nothing more."""

TOKEN_FORM = re.compile(r"[A-Za-z0-9_-]{18,}\.[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{27,}")


@dataclass(frozen=True, slots=True)
class Application:
    """A bot's application, as Discord describes it."""

    id: str
    name: str
    reads_messages: bool
    """Whether the message content intent is switched on in the Developer Portal."""

    @property
    def invite_link(self) -> str:
        """Where the owner of a server adds the bot."""
        query = {"client_id": self.id, "scope": SCOPES, "permissions": str(sum(PERMISSIONS.values()))}
        return f"{INVITE}?{urlencode(query)}"

    @property
    def portal_link(self) -> str:
        """Where the application's intents are switched."""
        return f"{PORTAL}/{self.id}/bot"


def looks_like_a_token(token: str) -> bool:
    """Whether a text has a bot token's form: three parts with dots between."""
    return TOKEN_FORM.fullmatch(token) is not None


async def ask_discord(token: str, *, api: str = API, timeout_seconds: float = 15.0) -> Application:
    """The application that a token belongs to.

    Raises:
        WrongUsage: Discord does not know the token, or it cannot be one.
        MynahError: Discord could not be reached, or answered something else.
    """
    import aiohttp

    if not token.isascii() or not token.isprintable() or any(map(str.isspace, token)):
        raise WrongUsage("That is not a bot token: it has characters that no token has.", advice=_WHERE)
    timeout = aiohttp.ClientTimeout(total=timeout_seconds)
    headers = {"Authorization": f"Bot {token}", "User-Agent": "DiscordBot (mynah, 0.1)"}
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers, trust_env=True) as session,
            session.get(f"{api}/applications/@me") as response,
        ):
            status = response.status
            body = await response.json(content_type=None) if status == 200 else None
    except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
        raise MynahError(
            f"Discord could not be reached ({type(error).__name__}).",
            advice="Check the network (or HTTPS_PROXY), then try again.",
        ) from None
    if status in (401, 403):
        raise WrongUsage("Discord does not know this token.", advice=_WHERE)
    if not isinstance(body, dict) or not str(body.get("id", "")).isdigit():
        raise MynahError(f"Discord answered with something unexpected (HTTP {status}).", advice="Try again later.")
    flags = body.get("flags")
    return Application(
        id=str(body["id"]),
        name=str(body.get("name", "")),
        reads_messages=isinstance(flags, int) and bool(flags & MESSAGE_CONTENT_FLAGS),
    )


_WHERE = f"Copy it anew: {PORTAL}, your application, Bot, Reset Token."
