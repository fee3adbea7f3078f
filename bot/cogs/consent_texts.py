"""How a member's decision and its consequences are told; the same words wherever they decide."""

from bot.cogs.parts import DIRECT_MESSAGES, BotParts

_DECISIONS = {
    True: "You **allow** me to learn from what you say to me here, and from your 👍 and 👎. `/privacy deny` takes that back.",
    False: "You do **not** allow me to learn from you here. `/privacy allow` would change that.",
    None: "You have not decided, so I do **not** learn from you here. `/privacy allow` would change that.",
}


async def consent_text(parts: BotParts, server: str, author_key: str) -> str:
    """Where a member stands in a server.

    Raises:
        DatabaseBusy: it cannot be read now.
    """
    consent = await parts.chat.consent(server, author_key)
    lines = [_DECISIONS[consent]]
    if await parts.store.blocks.is_blocked(server, author_key):
        lines.append(
            "The moderators have **blocked** you from learning here: whatever you decide, I learn nothing from you."
        )
    lines.append(await place_text(parts, server))
    return "\n".join(lines)


async def place_text(parts: BotParts, server: str) -> str:
    """Whether anything is learnt in a server at all."""
    if server == DIRECT_MESSAGES:
        return "Nothing is learnt from direct messages, from anybody."
    if await parts.chat.may_learn_in(server):
        return "Moderators look at every example before I learn it."
    return "Learning is off in this server: at the moment nothing is learnt from anybody."
