"""Grows the small chat model that ships with Mynah: `python -m tools.grow_seed --data FOLDER --work FOLDER`.

FOLDER of data holds `dialogue/` and `licences/` as the open data is laid out; none of its sentences ends up in the
repository. Talk is prepared and our own words are put beside it. Then a model grows in stages, each left in the work
folder and not repeated: at a steady learning rate; with our words while the rate falls; polished, most of what it reads
being ours; and more than once again with a rate that rises and falls, and a polish. A polish reads people's talk and ours
by halves, another one goes on from it with mostly ours, and the model goes on from half way between these two. Then twice
the rate falls to nothing over talk that is read less often, and from half way between those two once more from a low rate;
and from half way along that again. What ships lies two fifths of the way between where that began and where it ended.
Interrupted, the same command goes on. Seeded; hours of a CPU.
"""

import argparse
import logging
import random
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from bot.screening.build import build_screening
from bot.settings import ScreeningSettings
from tools.seed.words import LICENCE, SOURCES, prompts, without_prompts, words
from trainer.growing.dataset import Dataset, DatasetWriter, is_dataset, open_dataset
from trainer.growing.growth import Growth, Length, Order, grow
from trainer.growing.preparing import prepare
from trainer.growing.preparing_options import Options
from trainer.growing.pretraining import Onlooker, Plan
from trainer.growing.sizes import choose_size
from trainer.growing.variations import USUAL
from trainer.interpolation import interpolate

logger = logging.getLogger(__name__)

WORDS = Path(__file__).with_name("seed")
PEOPLE = ("self_dialogue", "synthetic_persona_chat", "topical_chat")
"""Talk between people, from which either side is learnt."""
VARIATIONS = replace(USUAL, symmetric=PEOPLE)
OPEN = {"topical_chat": 2.0, "synthetic_persona_chat": 2.0, "ms_chitchat": 0.5, "chatterbot": 4.0}
"""How often a source is read in an epoch; the one that repeats itself most, least."""
GROWING = {**OPEN, "ms_chitchat": 1.0, **dict.fromkeys(SOURCES, 3.0)}
"""With our words: about a fifth of the tokens."""
RISING = {
    **OPEN,
    "topical_chat": 1.5,
    "synthetic_persona_chat": 1.5,
    "mynah_everyday": 4.0,
    "mynah_self": 4.0,
    "mynah_talks": 4.0,
    "mynah_knowledge": 2.0,
}
"""Of the second growing: our words are a third of the tokens; small talk is read more often than questions of fact."""
POLISH = {
    "self_dialogue": 0.25,
    "topical_chat": 0.3,
    "synthetic_persona_chat": 0.3,
    "ms_chitchat": 0.1,
    "chatterbot": 1.0,
    "mynah_everyday": 4.0,
    "mynah_self": 4.0,
    "mynah_talks": 3.0,
    "mynah_knowledge": 1.5,
}
"""Of the polish: most of it our words, the rest so that talk of several turns is not forgotten."""
BROADENING = {**OPEN, "ms_chitchat": 0.3, **dict.fromkeys(SOURCES, 1.5)}
"""Of the third growing: most of it people's talk, so that what it says is said as people say it."""
NARROWING = {**BROADENING, "ms_chitchat": 0.2, "mynah_everyday": 3.0, "mynah_self": 3.0, "mynah_talks": 3.0}
"""Of its end: our words are a third of the tokens again."""
FINISH = {
    **POLISH,
    "self_dialogue": 0.5,
    "topical_chat": 0.6,
    "synthetic_persona_chat": 0.6,
    "ms_chitchat": 0.05,
}
"""Of the last polish: half of it our words."""
REGROWING = {
    "topical_chat": 0.8,
    "synthetic_persona_chat": 0.8,
    "ms_chitchat": 0.5,
    "chatterbot": 2.0,
    **dict.fromkeys(SOURCES, 1.5),
}
"""Of the fourth growing: the long chats, of which there are few, are not read more often than the rest any more."""
RIPENING = {**REGROWING, "mynah_everyday": 2.0, "mynah_self": 2.0, "mynah_talks": 2.0}
"""Of the growing after it."""
CALMING = {**RIPENING, "ms_chitchat": 1.5}
"""Of a growing at a low rate: short exchanges, open ones and ours, are read more often again."""
WORDING = {**CALMING, "mynah_everyday": 1.2, "mynah_self": 1.2, "mynah_knowledge": 1.0}
"""Of the end, at a low rate as well: with the composed wordings ours are a third of the tokens when each is read about once."""
HIGH, MIDDLE, LOW = 0.6, 0.4, 0.25
"""Learning rates, of the usual ones: where a growing after the first begins, where the last ones do, and where a polish does."""
SEED = 1
STAGE = Plan(steps=1, tokens_a_step=4096, decay_share=1.0, short_share=0.0, compiled=True, seed=SEED)
"""What the stages have in common; the steps follow from the tokens."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One growing of the seed, on from the stage before."""

    name: str
    """Of its folder."""
    tokens: float
    repeats: Mapping[str, float]
    """How often a source is read in an epoch."""
    plan: Plan


@dataclass(frozen=True, slots=True)
class Blend:
    """The model between those of two stages."""

    name: str
    """Of its folder."""
    of: tuple[str, str]
    share: float = 0.5
    """Of the way from the first to the second."""


def at(plan: Plan, share: float) -> Plan:
    """The same plan at a share of its learning rates."""
    return replace(plan, matrix_rate=share * plan.matrix_rate, other_rate=share * plan.other_rate)


STAGES = (
    Stage("steady", 12e6, {**OPEN, **dict.fromkeys(SOURCES, 0.0)}, replace(STAGE, decay_share=0.0)),
    Stage("fallen", 12e6, GROWING, replace(STAGE, seed=SEED + 1)),
    Stage("polished", 2.5e6, POLISH, replace(at(STAGE, LOW), seed=SEED + 2)),
    Stage("risen", 12e6, RISING, replace(at(STAGE, HIGH), least_rate=LOW / HIGH, short_share=0.75, seed=SEED + 3)),
    Stage("settled", 2.5e6, POLISH, replace(at(STAGE, LOW), short_share=0.75, seed=SEED + 4)),
    Stage("broad", 16e6, BROADENING, replace(at(STAGE, HIGH), decay_share=0.0, short_share=0.6, seed=SEED + 5)),
    Stage("narrow", 15e6, NARROWING, replace(at(STAGE, HIGH), least_rate=LOW / HIGH, short_share=0.6, seed=SEED + 6)),
    Stage("shaped", 5e6, FINISH, replace(at(STAGE, LOW), short_share=0.5, seed=SEED + 7)),
    Stage("turned", 4.5e6, POLISH, replace(at(STAGE, LOW), short_share=0.75, seed=SEED + 8)),
    Blend("blended", ("shaped", "turned")),
    Stage("regrown", 20e6, REGROWING, replace(at(STAGE, MIDDLE), weight_decay=0.1, short_share=0.6, seed=SEED + 9)),
    Stage("ripened", 14e6, RIPENING, replace(at(STAGE, MIDDLE), weight_decay=0.1, short_share=0.6, seed=SEED + 10)),
    Blend("joined", ("regrown", "ripened")),
    Stage("calmed", 9e6, CALMING, replace(at(STAGE, 0.15), short_share=0.6, seed=SEED + 11)),
    Blend("calm", ("joined", "calmed")),
    Stage("worded", 7.5e6, WORDING, replace(at(STAGE, 0.18), short_share=0.6, seed=SEED + 12)),
    Blend("seed", ("calm", "worded"), 0.4),
)


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
    start = None
    for stage in STAGES:
        folder = arguments.work / stage.name
        if isinstance(stage, Blend) and not folder.exists():
            one, other = (arguments.work / name for name in stage.of)
            interpolate(one, other, stage.share, folder)
        elif isinstance(stage, Stage) and not folder.exists():
            told(grow(order(talk, stage, start), folder, onlooker()))
        start = folder
    ship(arguments.work / STAGES[-1].name, arguments.data / "licences", arguments.out)


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
        licences = {**talk.licences, **dict.fromkeys(SOURCES, LICENCE)}
        sources = {source: {"licences": [licence]} for source, licence in licences.items()}
        return writer.finish({"sources": sources, "open_talk": talk.content_hash}, f"# {folder.name}\n")


def order(talk: Dataset, stage: Stage, start: Path | None) -> Order:
    """What is to be grown at a stage, from where the stage before ended."""
    return Order(
        dataset=talk,
        size=choose_size("micro"),
        plan=stage.plan,
        length=Length(tokens=stage.tokens),
        start=start,
        variations=VARIATIONS,
        repeats=stage.repeats,
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
