"""A thousand members in a hundred channels talk to the bot: how long until its first words and its whole answer?

The bot is a process of its own and talks to the playground's stand-in over real sockets, without Discord's rate limits,
so that the bot is measured. First members drawn at random speak at a steady rate; then everybody speaks at once,
which is far more than it can answer: who is not answered must be told so politely.

Run: python -m benchmarks.playground_load [--members 1000] [--channels 100] [--rate 2] [--seconds 120] [--model embedded]
"""

import argparse
import asyncio
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bot_process import BotProcess, bot_in
from benchmarks.crowd import Asked, Crowd, crowd_in, percentile
from playground.server import Options, Playground, open_playground

WAKING_SECONDS = 300.0
PATIENCE_SECONDS = 240.0


@dataclass(frozen=True)
class Load:
    """How much is asked of the bot."""

    members: int
    channels: int
    rate: float
    """Messages a second in the steady part."""
    seconds: float
    """Of the steady part."""
    patience_seconds: float = PATIENCE_SECONDS


@dataclass(frozen=True)
class Outcome:
    """What was asked in each part."""

    steady: Sequence[Asked]
    burst: Sequence[Asked]

    @property
    def unheard(self) -> int:
        """How many heard neither an answer nor a refusal: it must be none."""
        return sum(one.whole_at is None for one in (*self.steady, *self.burst))

    @property
    def twice(self) -> int:
        """How many were answered by more than one message: it must be none."""
        return sum(len(one.replies) > 1 for one in (*self.steady, *self.burst))


async def talk(crowd: Crowd, load: Load) -> Outcome:
    """Let the members speak, first steadily and then all at once, and wait until they have heard."""
    steady = await crowd.steady(load.rate, load.seconds)
    await crowd.heard(steady, load.patience_seconds)
    burst = await crowd.burst()
    await crowd.heard(burst, load.patience_seconds)
    return Outcome(steady, burst)


async def measure(
    server: Playground, load: Load, home: Path, settings: Mapping[str, str]
) -> tuple[Outcome, BotProcess]:
    """The same with the bot as a process, from its first start."""
    async with (
        crowd_in(server, members=load.members, channels=load.channels) as crowd,
        bot_in(server, home, settings) as bot,
    ):
        if not await crowd.connected(WAKING_SECONDS):
            raise SystemExit(f"The bot did not come: {(home / 'bot.out').read_text()[-2000:]}")
        outcome = await talk(crowd, load)
    return outcome, bot


def table(load: Load, outcome: Outcome) -> list[str]:
    """The figures of both parts, as rows."""
    rows = [
        "| part | asked | answered | first words p50 s | p99 s | whole answer p50 s | p99 s | refused politely | unheard |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, asked in ((f"steady, {load.rate:g} a second", outcome.steady), ("all at once", outcome.burst)):
        answered = [one for one in asked if one.is_answered]
        firsts = [one.first_at - one.at for one in answered if one.first_at is not None]
        wholes = [one.whole_at - one.at for one in answered if one.whole_at is not None]
        figures = [f"{percentile(values, share):.2f}" for values in (firsts, wholes) for share in (0.5, 0.99)]
        refused = sum(bool(one.refusal) for one in asked)
        unheard = sum(one.whole_at is None for one in asked)
        rows.append(f"| {name} | {len(asked)} | {len(answered)} | {' | '.join(figures)} | {refused} | {unheard} |")
    return rows


async def _run(load: Load, settings: Mapping[str, str]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        async with open_playground(Options(ports=(0,), limits_are_enforced=False)) as server:
            outcome, bot = await measure(server, load, Path(folder), settings)
    print(f"{load.members} members in {load.channels} channels\n")
    print("\n".join(table(load, outcome)))
    print("\nWhat those heard who were not answered:")
    for words, count in Counter(one.refusal for one in (*outcome.steady, *outcome.burst) if one.refusal).most_common():
        print(f"- {count} × “{words}”")
    held = bot.resident
    print(f"\nMemory of the bot process: most {max(held):.0f} MiB, at the end {held[-1]:.0f} MiB")
    print(
        f"Answered twice: {outcome.twice}. Heard nothing: {outcome.unheard}. Died: {'yes' if bot.has_died else 'no'}."
    )
    return not (outcome.twice or outcome.unheard or bot.has_died)


def main() -> None:
    """Measure and print tables; exit code 1 when somebody heard nothing, or twice, or the bot died."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--members", type=int, default=1000)
    arguments.add_argument("--channels", type=int, default=100)
    arguments.add_argument("--rate", type=float, default=2.0, help="messages a second in the steady part")
    arguments.add_argument("--seconds", type=float, default=120.0, help="of the steady part")
    arguments.add_argument("--model", default="embedded")
    given = arguments.parse_args()
    load = Load(given.members, given.channels, given.rate, given.seconds)
    if not asyncio.run(_run(load, {"MYNAH_ENGINE__BASE": given.model})):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
