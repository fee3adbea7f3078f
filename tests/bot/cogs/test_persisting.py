"""What fails on its way to Discord is tried again, and what Discord says no to is not."""

from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
import pytest

from bot.cogs import persisting
from bot.cogs.persisting import persistently


def answered(status: int) -> Any:
    return SimpleNamespace(status=status, reason="")


class Line:
    """Fails as it is told, and then works."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.tries = 0

    async def __call__(self) -> str:
        """One request."""
        self.tries += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three tries, without waiting between them."""
    monkeypatch.setattr(persisting, "WAITS_SECONDS", (0, 0))


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(discord.DiscordServerError(answered(503), ""), id="503"),
        pytest.param(aiohttp.ServerDisconnectedError(), id="no answer"),
        pytest.param(ConnectionResetError(), id="cut"),
        pytest.param(TimeoutError(), id="too late"),
    ],
)
async def test_what_did_not_get_through_is_tried_again(error: Exception) -> None:
    line = Line(error, error)
    assert await persistently(line) == "done"
    assert line.tries == 3


async def test_it_gives_up_in_the_end_and_says_why() -> None:
    line = Line(*[discord.DiscordServerError(answered(503), "") for _ in range(9)])
    with pytest.raises(discord.DiscordServerError):
        await persistently(line)
    assert line.tries == 3


@pytest.mark.parametrize("kind", [discord.Forbidden, discord.NotFound])
async def test_a_no_is_taken_for_a_no(kind: type[discord.HTTPException]) -> None:
    line = Line(kind(answered(403), ""))
    with pytest.raises(kind):
        await persistently(line)
    assert line.tries == 1
