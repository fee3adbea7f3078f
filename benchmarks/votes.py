"""What learning from votes changes: the same round with and without it.

A made-up community taught a bot forty facts in three wordings. Half of its answers were right and liked; the other half
gave another fact's answer, were disliked, and got a better one. Both rounds learn the same examples; what is compared is
what is answered in wordings that nobody taught, how likely the wrong answers are there, and the frozen general set.

Run: python -m benchmarks.votes [--base embedded] [--seed 1]
"""

import argparse
import asyncio
import json
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.learning import DATA, SERVER, Question, fresh_world, read_questions, right
from bot.engine.weights import fetch_base, load_weights
from bot.screening.build import build_screening
from bot.settings import ScreeningSettings
from storage.values import Alias, RunState
from tests.fakes.answered import answered, voted_on
from trainer.serving import train_now
from trainer.world import TrainerWorld

VOTERS = ("ann", "bob", "cyd", "dan", "eve", "fay", "gus", "hal")


async def community(world: TrainerWorld, rows: list[list[str]], seed: int) -> None:
    """Half of the facts answered rightly, half with another fact's answer."""
    chance = random.Random(seed)
    for member in VOTERS:
        await world.store.consents.set(SERVER, member, allowed=True)
    replies = sorted({reply for _, reply in rows})
    disliked = set(replies[: len(replies) // 2])
    for number, (question, reply) in enumerate(rows):
        wrong = chance.choice([one for one in replies if one != reply])
        voter = VOTERS[number % len(VOTERS)]
        if reply in disliked:
            await voted_on(world.store, await answered(world.store, SERVER, question, wrong, reply), -1, voter)
        else:
            await voted_on(world.store, await answered(world.store, SERVER, question, reply), 1, voter)


async def round_of(options: argparse.Namespace, base: Path, home: Path, *, votes: bool) -> None:
    """One round, and what it is worth."""
    screening = build_screening(ScreeningSettings())
    lines = [json.loads(line) for line in options.facts.read_text("utf-8").splitlines() if line.strip()]
    rows = [[message["content"] for message in line["messages"]] for line in lines if len(line["messages"]) == 2]
    questions: list[Question] = read_questions(options.unseen)
    async with fresh_world(home, base, screening, votes=votes, max_per_member=1000) as world:
        await community(world, rows, options.seed)
        started = time.perf_counter()
        run = await train_now(world, by="benchmark")
        seconds = time.perf_counter() - started
        report: Any = run.report
        told = report["from_votes"]
        if run.state is not RunState.PROMOTED:
            print(f"votes {votes}: {run.state.value}: {run.note}")
            return
        champion = await world.store.aliases.current(Alias.CHAMPION) or world.base_version
        after = load_weights(world.registry.folder(champion), device="cpu", base_folder=base)
        known = sum(is_right for _, _, is_right in right(after, questions))
        general = report["figures"]["general"]["after"]["perplexity"]
        print(
            f"| {'with' if votes else 'without'} votes | {known / len(questions):.0%} | {general:.2f} | {seconds:.0f} |"
        )
        print(f"  {json.dumps(told, ensure_ascii=False)}", flush=True)


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--facts", type=Path, default=DATA / "facts.jsonl")
    parser.add_argument("--unseen", type=Path, default=DATA / "facts_unseen.jsonl")
    parser.add_argument("--base", default="embedded")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    base = fetch_base(options.base)
    print("| round | unseen wordings answered rightly | general set, perplexity | seconds |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for votes in (False, True):
            asyncio.run(round_of(options, base, Path(scratch) / str(votes), votes=votes))


if __name__ == "__main__":
    main()
