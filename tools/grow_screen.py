"""Grows the small toxicity model that ships with Mynah: `python -m tools.grow_screen --data FOLDER`.

FOLDER holds `toxicity/` and `dialogue/` as the open data is laid out; none of its sentences ends up in the repository.
The labels are weak: made from word lists, annotators' counts, templates and grammars, not given by people for each of
the six labels. It writes safetensors, tokenizer, configuration and `card.json`, and prints the card's SHA-256, which
belongs into `bot.screening.checkpoint`. Seeded: the same data, seed and machine give the same words in the same order.
"""

import argparse
import csv
import hashlib
import html
import itertools
import json
import logging
import math
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast  # type: ignore[attr-defined]

from bot.screening.folding import Folder
from bot.screening.rules import read_slurs
from tools.screen_phrases import GROUP_PLURALS, GROUPS, INSULT_NOUNS, ROWS, SLOTS, filled, templates

logger = logging.getLogger(__name__)
LABELS = ("toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate")
BENIGN = (0.0,) * 6
Row = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A text and its six weak labels, 0 to 1."""

    text: str
    labels: Row


# --- the open data ------------------------------------------------------------------------------------------------


class Swears:
    """Finds the strong ones of the listed words; a set, because an expression of a thousand words takes minutes."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = frozenset(words)

    def search(self, text: str) -> bool:
        """Whether one of the words, or two together, is in the text."""
        words = re.findall(r"[^\s.,!?;:\"()]+", text.lower())
        pairs = (f"{first} {second}" for first, second in itertools.pairwise(words))
        return not self._words.isdisjoint(words) or not self._words.isdisjoint(pairs)


def profanity(data: Path) -> tuple[list[Example], Swears]:
    """The listed words as examples, and what finds the strong ones."""
    examples, strong = [], []
    for row in _csv(data / "toxicity" / "surge_profanity_en.csv"):
        severity = float(row["severity_rating"])
        categories = {row["category_1"], row["category_2"], row["category_3"]}
        slur = (
            bool(categories & {"racial / ethnic slurs", "sexual orientation / gender", "mental disability"})
            and severity >= 1.6
        )
        insult = "other / general insult" in categories or slur
        toxic = min(1.0, max(0.0, (severity - 0.6) / 1.8))
        labels = (toxic, float(severity >= 2.6), float(severity >= 1.2), 0.0, float(insult), float(slur))
        if severity >= 1.6:
            examples.append(Example(row["text"], labels))
            strong.append(row["text"].lower())
    return examples, Swears(strong)


def tweets(data: Path, swears: Swears) -> list[Example]:
    """Hate, offensive or neither, by annotators' counts; mentions, links and quotation marks of tweets are taken out."""
    examples = []
    for row in _csv(data / "toxicity" / "davidson.csv"):
        text = html.unescape(html.unescape(row["tweet"]))
        text = re.sub(r"\bRT\b|@\w+:?|https?:\S+|[\"“”]", " ", text)
        text = " ".join(text.replace("#", " ").split()).lstrip("!: ").strip()
        if len(text) < 3:
            continue
        count = float(row["count"])
        hate, offensive = float(row["hate_speech"]) / count, float(row["offensive_language"]) / count
        obscene = float(bool(swears.search(text)))
        # Annotators called slang offensive; without a listed word it is half believed.
        toxic = min(1.0, hate + offensive * (0.9 if obscene else 0.4))
        directed = bool(re.search(r"\b(?:you|u|ur|your|youre|yo)\b", text, re.IGNORECASE))
        examples.append(
            Example(
                text, (toxic, hate * 0.4, obscene * toxic, 0.0, toxic * (0.8 if directed or hate > 0.5 else 0.4), hate)
            )
        )
    return examples


def comments(data: Path, swears: Swears) -> list[Example]:
    """Comments that people called toxic or not."""
    examples = []
    for row in _csv(data / "toxicity" / "surge_toxicity_en.csv"):
        toxic = float(row["is_toxic"] == "Toxic")
        obscene = float(bool(swears.search(row["text"])))
        examples.append(
            Example(
                " ".join(row["text"].split())[:600],
                (0.9 * toxic, 0.1 * toxic, obscene * max(toxic, 0.3), 0.05 * toxic, 0.7 * toxic, 0.1 * toxic),
            )
        )
    return examples


def identities(data: Path, dice: random.Random, most: int) -> list[Example]:
    """Sentences about who somebody is, kind or hateful, in equal numbers."""
    rows = list(_csv(data / "toxicity" / "jigsaw_en_sentence_templates.csv"))
    short = [row for row in rows if row["template"] != "name_adj"]
    chosen = short + dice.sample([row for row in rows if row["template"] == "name_adj"], most)
    hateful = (1.0, 0.2, 0.1, 0.0, 0.9, 0.7)
    violent = re.compile(r"\b(?:kill|murder|shoot|stab|burn|hang|crucify)")
    return [
        Example(
            row["phrase"],
            BENIGN
            if row["toxicity"] == "nontoxic"
            else (*hateful[:3], float(bool(violent.search(row["phrase"]))), *hateful[4:]),
        )
        for row in chosen
    ]


def small_talk(data: Path, swears: Swears, dice: random.Random, most: int) -> list[Example]:
    """Ordinary talk, without what looks rude by words: a bot's testers insult it, and film talk swears."""
    you = frozenset(["you", "u", "ur", "youre", "you're", "your"])
    at_you = frozenset(INSULT_NOUNS) | frozenset(
        [
            "stupid",
            "dumb",
            "ugly",
            "suck",
            "sucks",
            "useless",
            "worthless",
            "annoying",
            "hate",
            "terrible",
            "horrible",
            "awful",
            "fat",
            "lame",
            "crazy",
            "die",
            "kill",
            "shut",
            "boring",
            "worst",
            "bad",
            "gross",
            "disgusting",
            "moron",
            "pathetic",
            "hell",
            "creepy",
            "sexy",
            "sex",
            "naked",
            "hot",
        ]
    )
    never = frozenset(["fuck", "fucking", "shit", "bitch", "sex", "porn", "naked", "boobs", "dick", "rape", "raped"])

    def is_rude(text: str) -> bool:
        words = frozenset(re.findall(r"[\w']+", text.lower()))
        return bool(words & never or (words & you and words & at_you)) or swears.search(text)

    texts: dict[str, None] = {}
    for path in sorted((data / "dialogue").glob("*.jsonl")):
        if path.name == "heldout.jsonl":
            continue
        for line in path.open(encoding="utf-8"):
            for message in json.loads(line)["messages"]:
                text = " ".join(message["content"].split())
                if 1 < len(text) <= 400:
                    texts[text] = None
    chosen = dice.sample(list(texts), min(most, len(texts)))
    return [Example(text, BENIGN) for text in chosen if not is_rude(text)]


def _csv(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


# --- our own grammars ---------------------------------------------------------------------------------------------


def composed(name: str, dice: random.Random, count: int) -> list[Example]:
    """Sentences of one grammar; every template is used about equally often."""
    several = templates(name)
    labels = ROWS[name][1]
    return [Example(filled(several[index % len(several)], dice), labels) for index in range(count)]


def slurs(dice: random.Random, count: int) -> list[Example]:
    """Slurs alone and at somebody. The list is of expressions: only plain words are used."""
    words = [re.sub(r"\(\?![^)]*\)", "", word) for word in read_slurs()]
    plain = [word.replace("?", "").replace("s$", "") for word in words if re.fullmatch(r"[a-z ?]+", word)]
    frames = (
        "{}",
        "you {}",
        "you are a {}",
        "stupid {}",
        "shut up {}",
        "look at that {}",
        "all those {}s",
        "i hate {}s",
        "dirty {}",
        "go home {}",
        "{} lol",
        "such a {}",
    )
    return [
        Example(dice.choice(frames).format(dice.choice(plain)), (1.0, 0.5, 0.6, 0.0, 0.9, 0.8)) for _ in range(count)
    ]


def scatter(example: Example, dice: random.Random, chat: list[str]) -> Example:
    """The same words as people type them: dropped marks, shouting, an emoji, a name, talk before or after."""
    text = example.text
    roll = dice.random()
    if roll < 0.10:
        text = text.upper()
    elif roll < 0.45:
        text = text.lower()
    elif roll < 0.6:
        text = text[:1].upper() + text[1:]
    if dice.random() < 0.3:
        text = text.replace("'", "").replace("’", "")
    if dice.random() < 0.3:
        text = text.rstrip(".!?")
    roll = dice.random()
    if roll < 0.08:
        text += dice.choice(
            [
                " lol",
                " lmao",
                " haha",
                " 😂",
                " 💀",
                " tbh",
                " bro",
                " man",
                " dude",
                "!!",
                "!!!",
                "...",
                " :)",
                " fr",
                " rn",
                " please",
                " pls",
            ]
        )
    elif roll < 0.12:
        text = (
            dice.choice(
                ["lol ", "bro ", "dude ", "honestly ", "hey ", "omg ", "ok ", "well ", "so ", "and ", "but ", "ngl "]
            )
            + text
        )
    elif roll < 0.16:
        text = f"{dice.choice(SLOTS['name'])} {text}"
    elif roll < 0.26 and len(text) < 160:
        # A harmless sentence beside it changes nothing.
        other = dice.choice(chat)[:160]
        text = f"{other} {text}" if dice.random() < 0.5 else f"{text}. {other}"
    return Example(text, example.labels)


_VOWELS = str.maketrans("aeiou", "*****")
_DIGITS = {"a": "4@", "e": "3", "i": "1!", "o": "0", "s": "5$", "t": "7"}


def disguise(text: str, dice: random.Random, folder: Folder) -> str:
    """What remains of a disguise after folding, or one that folding leaves alone."""
    words = text.lower().split()
    place = dice.randrange(len(words))
    word = words[place]
    roll = dice.random()
    if roll < 0.3:
        word = word[:1] + word[1:].translate(_VOWELS)
    elif roll < 0.6 and len(word) > 3:
        spot = dice.randrange(1, len(word) - 1)
        word = dice.choice(
            [
                word[:spot] + word[spot + 1 :],
                word[:spot] + word[spot] + word[spot:],
                word[: spot - 1] + word[spot] + word[spot - 1] + word[spot + 1 :],
            ]
        )
    else:
        word = "".join(
            dice.choice(_DIGITS[letter]) if letter in _DIGITS and dice.random() < 0.6 else letter for letter in word
        )
        return list(folder.readings(" ".join([*words[:place], word, *words[place + 1 :]])))[dice.choice([0, -1])]
    return " ".join([*words[:place], word, *words[place + 1 :]])


_LOOK_ALIKE_LETTERS = str.maketrans("aceiopsxykmtn", "асеіорѕхукмтп")
_ALPHABETS = ("абвгдежзийклмнопрстуфхцчшщыьэюя", "αβγδεζηθικλμνξοπρστυφχψω", "ابتثجحخدذرزسشصضطظعغفقكلمنهوي", "אבגדהוזחטיכלמנסעפצקרשת", "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわをん",
              "的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年", "가나다라마바사아자차카타파하고노도로모보소오조초코토포호", "अआइईउऊएऐओऔकखगघचछजझटठडढतथदधनपफबभमयरलवशषसह", "กขคงจฉชซญดตถทธนบปผฝพฟภมยรลวสหอ", "abcdefghijklmnopqrstuvwxyz", "asdfghjkl", "0123456789", "äöüßéèêçñãõåøæığşçłżźćńśěščřžýáíéőű")  # fmt: skip


def harmless_signs(dice: random.Random, chat: list[str], count: int) -> list[Example]:
    """Harmless talk in letters that the model cannot read: other scripts, keyboard mash, disguised small talk.

    Otherwise it learns that whoever writes unlike everybody else is rude. Disguised insults are not here: folding undoes
    them first, and what is then read is learnt with the disguises that folding leaves.
    """
    examples = []
    for index in range(count):
        roll = index % 4
        if roll == 0:
            alphabet = dice.choice(_ALPHABETS)
            text = " ".join("".join(dice.choices(alphabet, k=dice.randint(1, 8))) for _ in range(dice.randint(1, 7)))
        elif roll == 1:
            text = "".join(
                chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in dice.choice(chat)[:120]
            )
        elif roll == 2:
            text = dice.choice(chat)[:160].translate(_LOOK_ALIKE_LETTERS)
        else:
            table = str.maketrans({letter: dice.choice(signs) for letter, signs in _DIGITS.items()})
            text = dice.choice(chat)[:160].lower().translate(table)
        examples.append(Example(text, BENIGN))
    return examples


def corpus(data: Path, dice: random.Random) -> tuple[list[Example], list[Example]]:
    """Training and validation examples. What is composed twice by chance is learnt once."""
    words, swears = profanity(data)
    chat = small_talk(data, swears, dice, 60_000)
    folder = Folder()
    own_toxic = [
        *composed("insults", dice, 26_000),
        *composed("threats", dice, 16_000),
        *composed("hate", dice, 9_000),
        *composed("sexual", dice, 2_500),
        *slurs(dice, 2_000),
    ]
    own_benign = [
        *composed("benign", dice, 56_000),
        *[Example(word, BENIGN) for word in (*GROUPS, *GROUP_PLURALS, *SLOTS["name"], *SLOTS["city"])] * 4,
    ]
    own = [*own_toxic, *own_benign, *composed("swearing", dice, 3_000), *words * 2]
    open_data = [*tweets(data, swears), *comments(data, swears) * 2, *identities(data, dice, 8_000), *chat]
    talk = [example.text for example in chat]
    everything = {
        (example.text, example.labels) for example in (scatter(example, dice, talk) for example in (*own, *open_data))
    }
    examples = [Example(text, labels) for text, labels in sorted(everything)]
    unreadable = harmless_signs(dice, [*talk, *(example.text for example in own_benign)], 14_000)
    # What folding makes of them is read too.
    read = [list(folder.readings(folder.plain(example.text)))[dice.choice([0, -1])] for example in unreadable]
    examples += [*unreadable, *(Example(text, BENIGN) for text in read)]
    examples += [
        Example(disguise(example.text, dice, folder), example.labels)
        for example in dice.sample(examples, 30_000)
        if example.text.split()
    ]
    dice.shuffle(examples)
    kept = len(examples) // 50
    return examples[kept:], examples[:kept]


# --- growing ------------------------------------------------------------------------------------------------------


def grow_tokenizer(texts: Iterable[str], size: int, longest: int) -> BertTokenizerFast:
    """A lower-casing WordPiece tokenizer, as BERT's."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=64))  # noqa: S106
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(
        texts, trainers.WordPieceTrainer(vocab_size=size, min_frequency=2, special_tokens=specials, limit_alphabet=300)
    )
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return BertTokenizerFast(tokenizer_object=tokenizer, model_max_length=longest, do_lower_case=True)


def batches(encoded: list[list[int]], order: list[int], tokens: int) -> Iterator[list[int]]:
    """Indices in batches of about as many tokens, of like length, in random order."""
    pool = 4096
    for start in range(0, len(order), pool):
        part = sorted(order[start : start + pool], key=lambda index: len(encoded[index]))
        groups: list[list[int]] = [[]]
        for index in part:
            if groups[-1] and len(encoded[index]) * (len(groups[-1]) + 1) > tokens:
                groups.append([])
            groups[-1].append(index)
        random.Random(start).shuffle(groups)  # noqa: S311 - an order, not a secret
        yield from groups


@torch.enable_grad()
def learn_words(
    encoded: list[list[int]], labels: torch.Tensor, vocabulary: int, hidden: int, seed: int
) -> torch.Tensor:
    """Word vectors that already tell the labels apart when they are only averaged: vocabulary x hidden.

    It takes seconds, and saves the network the minutes in which it would notice no words at all.
    """
    torch.manual_seed(seed)
    bag = torch.nn.EmbeddingBag(vocabulary, hidden, mode="mean")
    torch.nn.init.normal_(bag.weight, std=0.05)
    top = torch.nn.Linear(hidden, labels.shape[1])
    optimizer = torch.optim.Adam([*bag.parameters(), *top.parameters()], lr=1e-2)
    dice = random.Random(seed)  # noqa: S311 - an order, not a secret
    for _ in range(2):
        order = list(range(len(encoded)))
        dice.shuffle(order)
        for start in range(0, len(order), 512):
            batch = order[start : start + 512]
            inner = [encoded[index][1:-1] or [1] for index in batch]
            offsets = torch.tensor([0, *itertools.accumulate(map(len, inner))][:-1])
            logits = top(bag(torch.tensor([token for tokens in inner for token in tokens]), offsets))
            optimizer.zero_grad()
            torch.nn.functional.binary_cross_entropy_with_logits(logits, labels[batch]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    weights = bag.weight.detach()
    return weights * (0.05 / weights.std())


def grow(
    train: list[Example],
    tokenizer: BertTokenizerFast,
    *,
    epochs: float,
    seed: int,
    hidden: int,
    layers: int,
) -> BertForSequenceClassification:
    """The model after that many epochs; the learning rate falls with the examples that are left."""
    torch.manual_seed(seed)
    config = BertConfig(  # type: ignore[call-arg]
        vocab_size=len(tokenizer), hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=hidden // 32, intermediate_size=hidden * 3,
        max_position_embeddings=tokenizer.model_max_length, num_labels=len(LABELS), problem_type="multi_label_classification",
        hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.0, pad_token_id=0,
    )  # fmt: skip
    model = BertForSequenceClassification(config)
    encoded = tokenizer([example.text for example in train], truncation=True, max_length=64)["input_ids"]
    labels = torch.tensor([example.labels for example in train])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.02, betas=(0.9, 0.98))
    loss_of = torch.nn.BCEWithLogitsLoss()
    with torch.no_grad():
        words = learn_words(encoded, labels, len(tokenizer), hidden, seed)
        model.bert.embeddings.word_embeddings.weight.copy_(words)
    logger.info("words learnt")
    step, seen, smooth = 0, 0, math.nan
    dice = random.Random(seed)  # noqa: S311
    model.train()
    while True:
        order = list(range(len(train)))
        dice.shuffle(order)
        for batch in batches(encoded, order, 2048):
            spent = seen / (epochs * len(train))
            seen += len(batch)
            if spent >= 1:
                return model
            for group in optimizer.param_groups:
                group["lr"] = 1.2e-3 * min(1.0, (step + 1) / 200) * min(1.0, (1 - spent) / 0.7 + 0.01)
            width = max(len(encoded[index]) for index in batch)
            ids = torch.tensor([encoded[index] + [0] * (width - len(encoded[index])) for index in batch])
            loss = loss_of(model(input_ids=ids, attention_mask=(ids != 0).long()).logits, labels[batch])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            step += 1
            smooth = loss.item() if math.isnan(smooth) else 0.98 * smooth + 0.02 * loss.item()
            if step % 200 == 0:
                logger.info("step %d, %.0f %%, loss %.4f", step, 100 * spent, smooth)


@torch.no_grad()
def probabilities(model: BertForSequenceClassification, tokenizer: BertTokenizerFast, texts: list[str]) -> torch.Tensor:
    """Texts by labels."""
    model.eval()  # type: ignore[no-untyped-call]
    rows = []
    for start in range(0, len(texts), 64):
        inputs = tokenizer(texts[start : start + 64], return_tensors="pt", truncation=True, padding=True)
        rows.append(torch.sigmoid(model(**inputs).logits))
    return torch.cat(rows)


def area_under_curve(scores: torch.Tensor, truths: torch.Tensor) -> float:
    """The chance that a true one scores above a false one; NaN without both."""
    positive, negative = scores[truths > 0.5], scores[truths <= 0.5]
    if not len(positive) or not len(negative):
        return math.nan
    ranks = torch.cat([positive, negative]).double().argsort().argsort().double() + 1
    return float(
        (ranks[: len(positive)].sum() - len(positive) * (len(positive) + 1) / 2) / (len(positive) * len(negative))
    )


def save(model: BertForSequenceClassification, tokenizer: BertTokenizerFast, folder: Path) -> str:
    """Write the files and the card; the card's SHA-256."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: tensor.half().contiguous() for name, tensor in model.state_dict().items()}, folder / "model.safetensors"
    )
    (folder / "model.safetensors").chmod(0o644)  # safetensors leaves it readable by its maker alone
    model.config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word, _ in vocabulary), encoding="utf-8")
    names = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt")
    hold, refuse = 0.5, 0.8
    card = {
        "files": {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names},
        "labels": LABELS,
        # Swearing at nobody is a matter for people; the severe label's weak marks are too coarse to decide by.
        "thresholds": {
            "hold": {"toxicity": hold, "obscene": 0.9, "threat": hold, "insult": hold, "identity_attack": hold},
            "refuse": {"toxicity": refuse, "threat": refuse, "insult": refuse, "identity_attack": refuse},
        },
        "window_tokens": 24,
    }
    content = (json.dumps(card, indent=2) + "\n").encode()
    (folder / "card.json").write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def main() -> None:
    """Grow it, say how good it is by its own validation examples and the Jigsaw sample, and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with toxicity/ and dialogue/")
    parser.add_argument("--out", type=Path, default=Path("bot/screening/embedded"))
    parser.add_argument(
        "--epochs",
        type=float,
        default=2.0,
        help="how often each example is learnt; one takes four minutes of a free core",
    )
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--vocabulary", type=int, default=8000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    train, validation = corpus(arguments.data, random.Random(arguments.seed))  # noqa: S311
    logger.info("%d examples to learn, %d to check", len(train), len(validation))
    tokenizer = grow_tokenizer((example.text for example in train), arguments.vocabulary, 128)
    model = grow(
        train,
        tokenizer,
        epochs=arguments.epochs,
        seed=arguments.seed,
        hidden=arguments.hidden,
        layers=arguments.layers,
    )
    digest = save(model, tokenizer, arguments.out)
    scores = probabilities(model, tokenizer, [example.text for example in validation])
    truths = torch.tensor([example.labels for example in validation])
    sample = list(_csv(arguments.data / "toxicity" / "jigsaw_sample_282.csv"))
    outside = probabilities(model, tokenizer, [row["comment_text"] for row in sample])
    marks = torch.tensor([[float(row[label]) for label in LABELS] for row in sample])
    for column, label in enumerate(LABELS):
        logger.info(
            "%s: area under the curve %.3f on weak labels, %.3f on the Jigsaw sample",
            label,
            area_under_curve(scores[:, column], truths[:, column]),
            area_under_curve(outside[:, column], marks[:, column]),
        )
    logger.info("written to %s; card %s", arguments.out, digest)


if __name__ == "__main__":
    main()
