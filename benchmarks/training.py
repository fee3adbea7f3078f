"""Useful tokens a second in training: packed rows and a loss on the assistant's words, beside the plain loop.

The plain loop is what one writes first: each example padded to 512 tokens, the loss over everything (padding too), Adam
at 3e-5. Ours is the trainer's own: the same loop as in a run, with its replay and without. Useful tokens are the
assistant's tokens of the taught examples; both train a copy of the same base on the same examples, in turns.

Run: python -m benchmarks.training [--facts F.jsonl] [--steps 6] [--rounds 3] [--threads 1] [--base embedded]
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bot.engine.weights import LoadedWeights, fetch_base, load_weights
from storage.values import Message, Role
from trainer.assets import load_assets
from trainer.evaluation import document_of
from trainer.packing import Document
from trainer.recipe import choose, plan
from trainer.replay import ReplayCache, ask_teacher
from trainer.settings import TrainerSettings
from trainer.training import Lesson, Watch, train

DATA = Path(__file__).parent / "data"
PADDED = 512
PLAIN_BATCH = 8


def read_documents(path: Path, weights: LoadedWeights) -> list[Document]:
    """The examples of an import file as the model reads them."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    talks = [tuple(Message(Role(m["role"]), m["content"]) for m in row["messages"]) for row in rows]
    return [document for talk in talks if (document := document_of(weights, talk)) is not None]


def plain_rate(base: Path, documents: Sequence[Document], steps: int) -> float:
    """Useful tokens a second of the plain loop."""
    import torch

    weights = load_weights(base, device="cpu")
    model, pad = weights.model.train(), weights.renderer.pad_id
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-5)
    useful, started = 0, time.perf_counter()
    for step in range(steps):
        batch = [documents[(step * PLAIN_BATCH + place) % len(documents)] for place in range(PLAIN_BATCH)]
        ids = torch.tensor([[*one.ids, *[pad] * (PADDED - len(one.ids))][:PADDED] for one in batch])
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        useful += sum(one.learnt_tokens for one in batch)
    return useful / (time.perf_counter() - started)


def our_rate(base: Path, documents: Sequence[Document], steps: int, *, replay_share: float, scratch: Path) -> float:
    """Useful tokens a second of the trainer's loop; making the old talk is not counted, as it is made once a base."""
    weights = load_weights(base, device="cpu")
    sizes = [len(one.ids) for one in documents]
    settings = TrainerSettings(max_steps=steps, replay_share=replay_share)
    parameters = sum(parameter.numel() for parameter in weights.model.parameters())
    recipe = choose(settings, parameters=parameters, taught_sizes=sizes)
    replay: list[Document] = []
    if recipe.replay_tokens:
        cache = ReplayCache(scratch / "replay", load_assets().replay_prompts, base_version="benchmark", seed=1)
        replay = cache.documents(weights, tokens=2000)
    lesson = Lesson(
        taught=documents,
        replay=replay,
        teacher=ask_teacher(weights, replay) if replay else None,
        steps=plan(recipe, taught_sizes=[[size] for size in sizes], replay_sizes=[len(one.ids) for one in replay]),
    )
    useful = sum(documents[index].learnt_tokens for step in lesson.steps for index in step.taught)
    with tempfile.TemporaryDirectory(dir=scratch) as checkpoints:
        watch = Watch(on_step=lambda *_: None, check=lambda: None, checkpoint_seconds=3600)
        started = time.perf_counter()
        train(weights, lesson, recipe, Path(checkpoints), watch)
        return useful / (time.perf_counter() - started)


def main() -> None:
    """Measure, and print Markdown."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--facts", type=Path, default=DATA / "facts.jsonl")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--base", default="embedded")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    base = fetch_base(options.base)
    documents = read_documents(options.facts, load_weights(base, device="cpu"))
    rates: dict[str, list[float]] = {"plain loop": [], "ours, half of it replay": [], "ours, no replay": []}
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        our_rate(base, documents, 1, replay_share=0.5, scratch=scratch)  # makes the old talk, and warms up
        for _ in range(options.rounds):
            rates["plain loop"].append(plain_rate(base, documents, options.steps))
            for name, share in (("ours, half of it replay", 0.5), ("ours, no replay", 0.0)):
                steps = 4 * options.steps
                rates[name].append(our_rate(base, documents, steps, replay_share=share, scratch=scratch))
    plain = statistics.median(rates["plain loop"])
    print("| loop | useful tokens/s (median) | lowest to highest | against plain |\n|---|---|---|---|")
    for name, found in rates.items():
        middle = statistics.median(found)
        print(f"| {name} | {middle:.0f} | {min(found):.0f} to {max(found):.0f} | {middle / plain:.1f} × |")


if __name__ == "__main__":
    main()
