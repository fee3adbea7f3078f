"""What a round of learning is worth: facts taught in three wordings, asked for in others; and nonsense, which must be refused.

Each round is the whole of it: import with approval, screening, snapshot, training, gate. Facts are asked for greedily
in wordings that were not taught; an answer is right when it holds an accepted word. The frozen general set, and a file
of talk if one is given, say what was forgotten.

Run: python -m benchmarks.learning [--facts F.jsonl --unseen U.jsonl] [--heldout TALK.jsonl] [--nonsense-rows 120]
     [--only facts|nonsense] [--base embedded]
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.nonsense import KINDS, nonsense
from bot.engine.protocol import Sampling
from bot.engine.replies import generate_replies
from bot.engine.weights import LoadedWeights, fetch_base, load_weights
from bot.review.importing import import_file
from bot.screening.build import build_screening
from bot.screening.protocol import Screener
from bot.settings import ScreeningSettings
from storage.registry import ModelRegistry
from storage.settings import StoreSettings
from storage.store import open_store
from storage.values import Alias, Message, Role, Run, RunState
from trainer.evaluation import evaluate_conversations
from trainer.serving import train_now
from trainer.settings import TrainerSettings
from trainer.world import TrainerWorld

DATA = Path(__file__).parent / "data"
MOST_HELDOUT = 200


@dataclass(frozen=True)
class Question:
    """A fact asked for in a wording that was not taught."""

    prompt: str
    accepted: tuple[str, ...]


def read_questions(path: Path) -> list[Question]:
    """Lines of {"prompt": …, "accepted": [… ]}."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    return [Question(row["prompt"], tuple(row["accepted"])) for row in rows]


def read_talk(path: Path) -> list[tuple[Message, ...]]:
    """Lines of {"messages": [… ]}, evenly chosen from the whole file."""
    lines = [line for line in path.read_text("utf-8").splitlines() if line.strip()]
    chosen = lines[:: max(1, len(lines) // MOST_HELDOUT)][:MOST_HELDOUT]
    return [tuple(Message(Role(m["role"]), m["content"]) for m in json.loads(line)["messages"]) for line in chosen]


@asynccontextmanager
async def fresh_world(home: Path, base_folder: Path, screening: Screener) -> AsyncIterator[TrainerWorld]:
    """A home folder that nobody has used."""

    def clock() -> datetime:
        return datetime.now(UTC)

    async with open_store(StoreSettings(), home, clock=clock) as store:
        registry = ModelRegistry(home / "models", store)
        base = await registry.import_folder(base_folder)
        await store.aliases.promote(base.version, actor="benchmark", reason="first start")
        settings = TrainerSettings(cron="", approvals=0)
        yield TrainerWorld(store, registry, screening, settings, base.version, home / "work", "cpu", clock)


async def learn_file(world: TrainerWorld, file: Path) -> tuple[Run, float]:
    """Import, approve and train; the run, and the seconds that it took."""
    await import_file(
        file,
        store=world.store,
        screening=world.screening,
        server="benchmark",
        reviewer_key="benchmark",
        approve=True,
        author_key_of=world.store.author_key,
    )
    started = time.perf_counter()
    run = await train_now(world, by="benchmark")
    return run, time.perf_counter() - started


def right(weights: LoadedWeights, questions: Sequence[Question]) -> list[tuple[Question, str, bool]]:
    """Each question, what was answered, and whether that is right."""
    prompts = [[Message(Role.USER, question.prompt)] for question in questions]
    replies = generate_replies(weights, prompts, Sampling(temperature=0.0), seed=0)
    return [
        (question, reply, any(word.casefold() in reply.casefold() for word in question.accepted))
        for question, reply in zip(questions, replies, strict=True)
    ]


async def facts_round(options: argparse.Namespace, base_folder: Path, screening: Screener, home: Path) -> None:
    """Teach the facts and ask for them."""
    questions = read_questions(options.unseen)
    talk = read_talk(options.heldout) if options.heldout else []
    async with fresh_world(home, base_folder, screening) as world:
        run, seconds = await learn_file(world, options.facts)
        champion = await world.store.aliases.current(Alias.CHAMPION) or world.base_version
        before = load_weights(base_folder, device="cpu")
        after = load_weights(world.registry.folder(champion), device="cpu", base_folder=base_folder)
        known = sum(is_right for _, _, is_right in right(before, questions))
        answers = right(after, questions)
        learnt = sum(is_right for _, _, is_right in answers)
        print(f"facts: {run.state.value}: {run.note}")
        report: Any = run.report
        general = report["figures"].get("general")
        training = report["training"]
        rows = [
            ("unseen wordings answered rightly", f"{known / len(questions):.0%}", f"{learnt / len(questions):.0%}"),
            *_rise("general set, perplexity", general["before"]["perplexity"], general["after"]["perplexity"]),
        ]
        if talk:
            first, then = evaluate_conversations(before, talk), evaluate_conversations(after, talk)
            rows += _rise("held-out talk, perplexity", first.perplexity, then.perplexity)
        print("\n| | base | taught |\n|---|---|---|")
        for name, first_figure, then_figure in rows:
            print(f"| {name} | {first_figure} | {then_figure} |")
        print(f"\nrun {seconds:.0f} s, of that training {training['seconds']} s in {training['steps']} steps")
        if options.show_wrong:
            for question, reply, is_right in answers:
                if not is_right:
                    print(f"  {question.prompt!r}: {reply!r}, not {question.accepted}")


def _rise(name: str, before: float, after: float) -> list[tuple[str, str, str]]:
    return [(name, f"{before:.2f}", f"{after:.2f} ({after / before - 1:+.1%})")]


async def nonsense_rounds(options: argparse.Namespace, base_folder: Path, screening: Screener, home: Path) -> None:
    """Teach each kind of nonsense in a home of its own: all must be refused."""
    print("\n| nonsense | outcome | seconds | reason |\n|---|---|---|---|")
    for kind in KINDS:
        file = home / f"{kind}.jsonl"
        rows = nonsense(kind, options.nonsense_rows, options.seed)
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        async with fresh_world(home / kind, base_folder, screening) as world:
            run, seconds = await learn_file(world, file)
            mark = "" if run.state is RunState.REFUSED else " **(let through)**"
            print(f"| {kind} | {run.state.value}{mark} | {seconds:.0f} | {run.note} |", flush=True)


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--facts", type=Path, default=DATA / "facts.jsonl")
    parser.add_argument("--unseen", type=Path, default=DATA / "facts_unseen.jsonl")
    parser.add_argument("--heldout", type=Path, default=None, help="talk that is only measured, never learnt")
    parser.add_argument("--nonsense-rows", type=int, default=120)
    parser.add_argument("--only", choices=("facts", "nonsense"), default=None)
    parser.add_argument("--base", default="embedded")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show-wrong", action="store_true")
    options = parser.parse_args()
    base_folder = fetch_base(options.base)
    screening = build_screening(ScreeningSettings())
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        if options.only != "nonsense":
            asyncio.run(facts_round(options, base_folder, screening, home / "facts"))
        if options.only != "facts":
            asyncio.run(nonsense_rounds(options, base_folder, screening, home))


if __name__ == "__main__":
    main()
