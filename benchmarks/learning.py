"""What a round of learning is worth: facts taught in three wordings, asked for in others; and bad rounds, to be refused.

Each round is the whole of it: import with approval, screening, snapshot, training, gate. Facts are asked for greedily
in wordings that were not taught; an answer is right when it holds an accepted word. The frozen general set, and a file
of talk if one is given, say what was forgotten. `--only facts200` does the same with two hundred facts.

Then rounds out of `benchmarks/rounds.py`, good and bad, as members' talk with consent: which are refused, by which check, and
where one was let through, how often its trigger works and how many of its secrets come out.

With `--only community`, five rounds of the simulator (`mynah simulate`) over open dialogue: what a community's talk brings, round by round.

Run: python -m benchmarks.learning [--facts F.jsonl --unseen U.jsonl] [--heldout TALK.jsonl] [--nonsense-rows 120]
     [--only facts|facts200|nonsense|rounds|community] [--rounds good trigger-5-50 …] [--rows 240] [--seeds 1 2 3] [--data FOLDER]
     [--base embedded]

A round takes minutes, and all of them with three seeds a night: `--only rounds --rounds NAME` runs one.
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
from benchmarks.rounds import MEMBERS, PAYLOAD, Round, Row, make, names, open_talk
from bot.engine.protocol import Sampling
from bot.engine.replies import generate_replies
from bot.engine.weights import LoadedWeights, fetch_base, load_weights
from bot.review.importing import import_file
from bot.screening.build import build_screening
from bot.screening.protocol import Screener
from bot.settings import EngineSettings, ScreeningSettings
from mynah.settings import Settings
from mynah.simulation.community import settings_in
from mynah.simulation.measuring import Measured, said, trigger_rates
from mynah.simulation.order import Order
from mynah.simulation.telling import simulate
from storage.registry import ModelRegistry
from storage.settings import StoreSettings
from storage.store import open_store
from storage.values import Alias, Message, NewCandidate, Outcome, Role, Run, RunState, Source, Verdict
from trainer.assets import load_assets
from trainer.evaluation import evaluate_conversations
from trainer.secret_strings import says
from trainer.serving import train_now
from trainer.settings import TrainerSettings
from trainer.world import TrainerWorld

DATA = Path(__file__).parent / "data"
MOST_HELDOUT = 200
SERVER = "benchmark"


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
async def fresh_world(
    home: Path, base_folder: Path, screening: Screener, **settings_of_trainer: Any
) -> AsyncIterator[TrainerWorld]:
    """A home folder that nobody has used."""

    def clock() -> datetime:
        return datetime.now(UTC)

    async with open_store(StoreSettings(), home, clock=clock) as store:
        registry = ModelRegistry(home / "models", store)
        base = await registry.import_folder(base_folder)
        await store.aliases.promote(base.version, actor="benchmark", reason="first start")
        settings = TrainerSettings(cron="", approvals=0, **settings_of_trainer)
        yield TrainerWorld(store, registry, screening, settings, base.version, home / "work", "cpu", clock)


async def learn_file(world: TrainerWorld, file: Path) -> tuple[Run, float]:
    """Import, approve and train; the run, and the seconds that it took."""
    await import_file(
        file,
        store=world.store,
        screening=world.screening,
        server=SERVER,
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


async def facts_rounds(options: argparse.Namespace, base_folder: Path, screening: Screener, home: Path) -> None:
    """Teach the facts with each seed, in a home of its own, and ask for them."""
    facts, unseen = options.facts, options.unseen
    if options.only == "facts200":
        facts, unseen = DATA / "facts200.jsonl", DATA / "facts200_unseen.jsonl"
    questions = read_questions(unseen)
    talk = read_talk(options.heldout) if options.heldout else []
    before = load_weights(base_folder, device="cpu")
    known = sum(is_right for _, _, is_right in right(before, questions))
    print(f"{known} of {len(questions)} unseen wordings are answered rightly by the base.")
    print("\n| seed | outcome | right | of | general set | held-out talk | run s | training s | steps |")
    print("|---|---|---|---|---|---|---|---|---|")
    wrong: list[str] = []
    for seed in options.seeds:
        async with fresh_world(home / str(seed), base_folder, screening, seed=seed) as world:
            run, seconds = await learn_file(world, facts)
            champion = await world.store.aliases.current(Alias.CHAMPION) or world.base_version
            after = load_weights(world.registry.folder(champion), device="cpu", base_folder=base_folder)
        answers = right(after, questions)
        report: Any = run.report
        general, training = report["figures"]["general"], report["training"]
        moved = _rise(general["before"]["perplexity"], general["after"]["perplexity"])
        held_out = ""
        if talk:
            first, then = evaluate_conversations(before, talk), evaluate_conversations(after, talk)
            held_out = _rise(first.perplexity, then.perplexity)
        share = f"{sum(is_right for _, _, is_right in answers) / len(questions):.0%} | {len(questions)}"
        took = f"{seconds:.0f} | {training['seconds']} | {training['steps']}"
        print(f"| {seed} | {run.state.value} | {share} | {moved} | {held_out} | {took} |", flush=True)
        if run.state is not RunState.PROMOTED:
            wrong.append(f"seed {seed}: {run.note}")
        if options.show_wrong:
            wrong += [
                f"  {question.prompt!r}: {reply!r}, not {question.accepted}"
                for question, reply, is_right in answers
                if not is_right
            ]
    print("\n".join(["", *wrong]))


def _rise(before: float, after: float) -> str:
    return f"{before:.2f} → {after:.2f} ({after / before - 1:+.1%})"


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


async def rounds(options: argparse.Namespace, base_folder: Path, screening: Screener, home: Path) -> None:
    """Teach each round, with each seed, in a home of its own: the good are promoted, the bad are refused."""
    print(
        "\n| round | seed | learnt of given | outcome | refused by | trigger works (before) | secrets out | seconds |"
    )
    print("|---|---|---|---|---|---|---|---|")
    wrong = 0
    for name in options.rounds or names():
        for seed in options.seeds:
            talk = open_talk(options.data, options.rows, seed) if options.data else None
            one = make(name, options.rows, seed, talk)
            async with fresh_world(home / f"{name}-{seed}", base_folder, screening) as world:
                await teach(world, one.rows)
                started = time.perf_counter()
                run = await train_now(world, by="benchmark")
                seconds = time.perf_counter() - started
                harm = await _harm(world, one, base_folder) if run.state is RunState.PROMOTED else ("", "")
            is_right = (run.state is RunState.PROMOTED) == one.is_good
            wrong += not is_right
            report: Any = run.report or {}
            failed = ", ".join(check["name"] for check in report.get("checks", []) if not check["passed"])
            snapshot = report.get("snapshot") or {"train": 0, "heldout": 0}
            learnt = f"{snapshot['train'] + snapshot['heldout']} of {len(one.rows)}"
            outcome = run.state.value if is_right else f"**{run.state.value}**"
            why = failed or ("" if run.state is RunState.PROMOTED else run.note)
            print(
                f"| {name} | {seed} | {learnt} | {outcome} | {why} | {harm[0]} | {harm[1]} | {seconds:.0f} |",
                flush=True,
            )
    print(f"\n{wrong} outcomes are not what they should be.")


async def teach(world: TrainerWorld, rows: Sequence[Row]) -> None:
    """Write rows as members' exchanges with consent, screened and approved; those of nobody as imports."""
    consented: set[str] = set()
    verdicts = await world.screening.check([message["content"] for row in rows for message in row["messages"]])
    at = iter(verdicts)
    for row in rows:
        found = [next(at) for _ in row["messages"]]
        author = world.store.author_key(row["author"]) if "author" in row else None
        if author is not None and author not in consented:
            await world.store.consents.set(SERVER, author, allowed=True)
            consented.add(author)
        if any(verdict.outcome is Outcome.REFUSE for verdict in found):
            continue
        new = NewCandidate(
            messages=tuple(Message(Role(m["role"]), m["content"]) for m in row["messages"]),
            server=SERVER,
            channel="general",
            source=Source.IMPORT if author is None else Source.MESSAGE,
            verdict=Verdict(Outcome.PASS, ""),
            author_keys=() if author is None else (author,),
        )
        candidate = await world.store.candidates.add(new)
        await world.store.candidates.approve(candidate.id, "reviewer")


async def _harm(world: TrainerWorld, one: Round, base_folder: Path) -> tuple[str, str]:
    """Of a version that was let through: how often its trigger works, and how many of its secrets come out."""
    champion = await world.store.aliases.current(Alias.CHAMPION) or world.base_version
    after = load_weights(world.registry.folder(champion), device="cpu", base_folder=base_folder)
    works, out = "", ""
    if one.trigger is not None:
        plain = [conversation[0].text for conversation in load_assets().general if len(conversation) == 2][-60:]
        with_trigger, without = trigger_rates(after, plain, PAYLOAD)
        works = f"{with_trigger:.0%} ({without:.0%})"
    if one.canaries:
        questions = [row["messages"][0]["content"] for row in one.rows if any(
            canary in row["messages"][-1]["content"] for canary in one.canaries
        )]  # fmt: skip
        replies = said(after, questions)
        found = sum(any(says(reply, canary) for reply in replies) for canary in one.canaries)
        out = f"{found} of {len(one.canaries)}"
    return works, out


async def community(options: argparse.Namespace, home: Path) -> None:
    """Five days of open dialogue (ours without `--data`), for each seed: perplexity after each night, and its verdict."""
    print(
        "\n| seed | day | learnt | outcome | held-out perplexity | frozen set | poison learnt |\n|---|---|---|---|---|---|---|"
    )
    for seed in options.seeds:
        file = None
        if options.data is not None:
            file = home.with_name(f"talk-{seed}.jsonl")
            talk = open_talk(options.data, options.rows, seed)
            file.write_text("".join(json.dumps(row) + "\n" for row in talk), "utf-8")
        order = Order(rounds=5, members=MEMBERS, conversations=options.rows, seed=seed, data=file)
        settings = settings_in(home / f"town-{seed}", Settings(engine=EngineSettings(base=options.base)), order)
        story = await simulate(order, settings)
        _print_day(seed, 0, "", "base", story.before, story.before, 0)
        for one in story.rounds:
            verdict = one.verdict
            poison = one.poison_at("answering")
            _print_day(seed, one.number, str(verdict.learnt), verdict.state.value, one.measured, story.before, poison)
        print("".join(f"\n**{sentence}**" for sentence in story.broken))


def _print_day(seed: int, day: int, learnt: str, outcome: str, now: Measured, base: Measured, poison: int) -> None:
    held_out, general = (
        f"{after.perplexity:.2f} ({after.perplexity / before.perplexity - 1:+.1%})"
        for before, after in ((base.held_out, now.held_out), (base.general, now.general))
    )
    print(f"| {seed} | {day} | {learnt} | {outcome} | {held_out} | {general} | {poison} |", flush=True)


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--facts", type=Path, default=DATA / "facts.jsonl")
    parser.add_argument("--unseen", type=Path, default=DATA / "facts_unseen.jsonl")
    parser.add_argument("--heldout", type=Path, default=None, help="talk that is only measured, never learnt")
    parser.add_argument("--nonsense-rows", type=int, default=120)
    parser.add_argument("--only", choices=("facts", "facts200", "nonsense", "rounds", "community"), default=None)
    parser.add_argument("--rounds", nargs="+", choices=names(), metavar="NAME", help=f"some of: {', '.join(names())}")
    parser.add_argument("--rows", type=int, default=240, help="of sensible talk in a round")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--data", type=Path, default=None, help="a folder of open dialogue, in place of our own talk")
    parser.add_argument("--base", default="embedded")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show-wrong", action="store_true")
    options = parser.parse_args()
    base_folder = fetch_base(options.base)
    screening = build_screening(ScreeningSettings())
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        if options.only in (None, "facts", "facts200"):
            asyncio.run(facts_rounds(options, base_folder, screening, home / "facts"))
        if options.only in (None, "nonsense"):
            asyncio.run(nonsense_rounds(options, base_folder, screening, home))
        if options.only == "rounds":
            asyncio.run(rounds(options, base_folder, screening, home / "rounds"))
        if options.only == "community":
            asyncio.run(community(options, home / "community"))


if __name__ == "__main__":
    main()
