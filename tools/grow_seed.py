"""Grows the small chat model that ships with Mynah: `python -m tools.grow_seed --data FOLDER --work FOLDER`.

FOLDER of data holds `dialogue/` and `licences/` as the open data is laid out; none of its sentences ends up in the
repository. Four stages, each left in the work folder and not repeated: talk is prepared and our own words are put
beside it; a model is grown at a steady learning rate; it grows on with our words while the rate falls to nothing; and
it is polished, half of what it reads being ours. Interrupted, the same command goes on. Seeded; hours of a CPU.
"""

import argparse
import logging
import random
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bot.screening.build import build_screening
from bot.settings import ScreeningSettings
from tools.seed.words import LICENCE, SOURCE, prompts, without_prompts, words
from trainer.growing.dataset import Dataset, DatasetWriter, is_dataset, open_dataset
from trainer.growing.growth import Growth, Length, Order, grow
from trainer.growing.preparing import prepare
from trainer.growing.preparing_options import Options
from trainer.growing.pretraining import Onlooker, Plan
from trainer.growing.sizes import choose_size
from trainer.growing.variations import USUAL

logger = logging.getLogger(__name__)

WORDS = Path(__file__).with_name("seed")
PEOPLE = ("self_dialogue", "synthetic_persona_chat", "topical_chat")
"""Talk between people, from which either side is learnt."""
VARIATIONS = replace(USUAL, symmetric=PEOPLE)
OPEN = {"topical_chat": 2.0, "synthetic_persona_chat": 2.0, "ms_chitchat": 0.5, "chatterbot": 4.0}
"""How often a source is read in an epoch; the one that repeats itself most, least."""
OUR_SHARE = 3.0
"""How often our words are read in an epoch of the second stage: about a fifth of its tokens."""
POLISH = {
    "self_dialogue": 0.2,
    "topical_chat": 0.4,
    "synthetic_persona_chat": 0.4,
    "ms_chitchat": 0.1,
    "chatterbot": 1.0,
    SOURCE: 2.0,
}
"""Of the last stage: half of it our words, the rest so that talk of several turns is not forgotten."""
POLISH_RATE = 0.3
"""Of the usual learning rates, at the beginning of the last stage."""
STEADY_TOKENS, FALLING_TOKENS, POLISH_TOKENS = 12e6, 12e6, 2.5e6
SEED = 1
STAGE = Plan(steps=1, tokens_a_step=4096, decay_share=1.0, short_share=0.0, compiled=True, seed=SEED)
"""What the stages have in common; the steps follow from the tokens."""


def main() -> None:
    """Prepare, grow, grow on, and put the files where they ship from."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with dialogue/ and licences/")
    parser.add_argument("--work", type=Path, required=True, help="folder for the stages; keep it to go on")
    parser.add_argument("--out", type=Path, default=Path("bot/engine/embedded"))
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    import torch

    torch.set_num_threads(arguments.threads)
    talk = together(open_talk(arguments.data, arguments.work / "open"), arguments.work / "talk")
    steady = arguments.work / "steady"
    if not steady.exists():
        told(grow(steady_order(talk), steady, onlooker()))
    fallen = arguments.work / "fallen"
    if not fallen.exists():
        told(grow(falling_order(talk, steady), fallen, onlooker()))
    seed = arguments.work / "seed"
    if not seed.exists():
        told(grow(polishing_order(talk, fallen), seed, onlooker()))
    ship(seed, arguments.data / "licences", arguments.out)


def open_talk(data: Path, folder: Path) -> Dataset:
    """The open dialogue, cleaned and screened; the held-out file is never looked at."""
    if is_dataset(folder):
        return open_dataset(folder)
    screening = build_screening(ScreeningSettings())
    options = Options(heldout_share=0.01, skip=("heldout.jsonl", "*.json"), seed=SEED)
    return prepare(
        [str(data / "dialogue")],
        folder,
        options,
        screening=screening,
        clock=lambda: datetime.now(UTC),
        on_step=lambda step: logger.info("%s: %d conversations", step.what, step.conversations),
    )


def together(talk: Dataset, folder: Path) -> Dataset:
    """The open talk and our words, in one dataset; nothing in it says one of the prompts that the model is judged by."""
    if is_dataset(folder):
        return open_dataset(folder)
    judged_by = prompts(WORDS)
    with DatasetWriter(folder) as writer:
        for one in without_prompts(talk.train(), judged_by):
            writer.add(one, is_held_out=False)
        for one in words(WORDS, random.Random(SEED)):  # noqa: S311 - an order, not a secret
            writer.add(one, is_held_out=False)
        for one in talk.heldout():
            writer.add(one, is_held_out=True)
        sources = {source: {"licences": [licence]} for source, licence in {**talk.licences, SOURCE: LICENCE}.items()}
        return writer.finish({"sources": sources, "open_talk": talk.content_hash}, f"# {folder.name}\n")


def steady_order(talk: Dataset) -> Order:
    """From nothing, mostly open talk, the learning rate never falling."""
    return _order(talk, STEADY_TOKENS, {**OPEN, SOURCE: 0.0}, replace(STAGE, decay_share=0.0))


def falling_order(talk: Dataset, start: Path) -> Order:
    """On from there with our words, and a learning rate that falls all the way."""
    repeats = {**OPEN, "ms_chitchat": 1.0, SOURCE: OUR_SHARE}
    return _order(talk, FALLING_TOKENS, repeats, replace(STAGE, seed=SEED + 1), start)


def polishing_order(talk: Dataset, start: Path) -> Order:
    """The last touch: mostly who it is and how it answers plain words."""
    plan = replace(
        STAGE,
        matrix_rate=POLISH_RATE * STAGE.matrix_rate,
        other_rate=POLISH_RATE * STAGE.other_rate,
        seed=SEED + 2,
    )
    return _order(talk, POLISH_TOKENS, POLISH, plan, start)


def _order(talk: Dataset, tokens: float, repeats: Mapping[str, float], plan: Plan, start: Path | None = None) -> Order:
    return Order(
        dataset=talk,
        size=choose_size("micro"),
        plan=plan,
        length=Length(tokens=tokens),
        start=start,
        variations=VARIATIONS,
        repeats=repeats,
    )


def onlooker() -> Onlooker:
    """Tells of each point of the curve."""
    return Onlooker(
        on_point=lambda point: logger.info(
            "step %d, %.2f M tokens: loss %.3f, held-out perplexity %.2f",
            point.step,
            point.tokens / 1e6,
            point.loss,
            point.perplexity,
        )
    )


def told(growth: Growth) -> None:
    """Log the figures."""
    for source, figures in growth.figures.items():
        logger.info(
            "%s: %.3f bits a byte, accuracy %.1f %%", source, figures.bits_per_byte, 100 * figures.token_accuracy
        )


def ship(model: Path, licences: Path, out: Path) -> None:
    """Copy the model's files and the licences of what it read; the card beside them is written by hand."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "licences").mkdir(exist_ok=True)
    for path in _shipped(model):
        shutil.copyfile(path, out / path.name)
    for source in sorted({*OPEN, *PEOPLE}):
        if (licences / f"{source}.txt").is_file():  # some licences are named by their address only
            shutil.copyfile(licences / f"{source}.txt", out / "licences" / f"{source}.txt")
    logger.info("written to %s", out)


def _shipped(model: Path) -> Iterator[Path]:
    for path in sorted(model.iterdir()):
        if path.suffix in {".json", ".jinja", ".safetensors"} and path.name != "growth.json":  # it names folders
            yield path


if __name__ == "__main__":
    main()
