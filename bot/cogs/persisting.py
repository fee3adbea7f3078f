"""Requests to Discord that fail on their way are made again: a restart of Discord's is nothing that a person should notice.

discord.py does so after most 5xx, but not after 503, nor when the connection ends before the answer. Only what may safely
be carried out twice comes here: edits, and messages with a nonce.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import aiohttp
import discord

T = TypeVar("T")

UNREACHABLE = (discord.DiscordServerError, aiohttp.ClientError, OSError, TimeoutError)
"""How Discord's absence shows."""
WAITS_SECONDS = (0.25, 1.0, 2.0, 4.0)


async def persistently(act: Callable[[], Awaitable[T]]) -> T:
    """What the request gives, after some tries if need be.

    Raises:
        Exception: what the last try raised, or one that says no.
    """
    for seconds in WAITS_SECONDS:
        try:
            return await act()
        except UNREACHABLE:
            await asyncio.sleep(seconds)
    return await act()
