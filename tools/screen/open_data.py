"""The open data as examples with weak labels: word lists, annotators' counts, templates. Nobody labelled it for our six labels.

Every tenth tweet and fifth comment is never learnt, so that what people marked can judge what was grown.
"""

import csv
import hashlib
import html
import itertools
import json
import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tools.screen.examples import HARMLESS, Example

# Strong words that in chat are mostly swearing at nobody; only at somebody do they hurt.
_MILD = frozenset(["fuck", "fucking", "fuckin", "fucked", "shit", "shitty", "bullshit", "ass", "asses", "damn", "goddamn", "hell", "crap", "piss", "pissed", "badass", "dumbass", "lmfao", "lmao", "wtf", "af", "fucks", "shits", "motherfucking", "fuckery"])  # fmt: skip
_AT_SOMEBODY = re.compile(
    r"\b(?:you|u|ur|your|youre|yo|yall|he|she|him|her|they|them|these|those|this)\b", re.IGNORECASE
)

# Names that tweets often use for nobody ("life is a bitch", "my bitches"); after such a word they are meant for somebody.
_NAME_CALLING = re.compile(
    r"\b(?:(?:you|u|you're|youre|she's|shes|he's|hes)(?: are| r)?(?: such| just| being)?(?: an?)?|(?:she|he|they|y'?all)(?: is| are)(?: an?)?"
    r"|stupid|dumb|ugly|fat|lying|nasty|crazy|fake|lazy|dirty|worthless|pathetic|ignorant|trifling|broke|bitter|jealous|miserable|fucking|fuckin)"
    r"(?: (?:little|lil|ugly|stupid|dumb|fat|old|ass|fucking|lying|nasty|crazy|fake|basic))* (?:bitch(?:es)?|hoes?|cunts?|whores?|sluts?|pussy|pussies|idiots?|dicks?|assholes?)\b",
    re.IGNORECASE,
)


class Swears:
    """Finds the strong ones of the listed words; a set, because an expression of a thousand words takes minutes."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = frozenset(words)

    def found(self, text: str) -> set[str]:
        """The words, or pairs of words, that are in the text."""
        words = re.findall(r"[^\s.,!?;:\"()]+", text.lower())
        pairs = (f"{first} {second}" for first, second in itertools.pairwise(words))
        return {*self._words.intersection(words), *self._words.intersection(pairs)}


def is_kept_apart(text: str, every: int) -> bool:
    """Whether this text is never learnt, but used to calibrate and to measure."""
    return int(hashlib.sha256(text.encode()).hexdigest(), 16) % every == 0


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
        word = row["text"].lower()
        # A swear word by itself is swearing at nobody.
        toxic = 0.1 if word in _MILD or not insult else min(1.0, max(0.0, (severity - 0.6) / 1.8))
        if severity >= 1.6:
            examples.append(
                Example(row["text"], (toxic, float(severity >= 2.6), 1.0, 0.0, toxic * insult, float(slur)))
            )
            strong.append(word)
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
        found = swears.found(text)
        at_somebody = bool(_AT_SOMEBODY.search(text))
        # Annotators called slang and swearing offensive: without a strong word it is half believed, and swearing that is
        # at nobody is not believed; calling somebody names is.
        is_name_calling = bool(_NAME_CALLING.search(text))
        believed = (
            0.9 if is_name_calling else 0.4 if not found else 0.9 if found - _MILD else 0.6 if at_somebody else 0.2
        )
        toxic = min(1.0, hate + offensive * believed)
        insult = toxic * (0.8 if at_somebody or is_name_calling or hate > 0.5 else 0.4)
        examples.append(Example(text, (toxic, hate * 0.4, float(bool(found)), 0.0, insult, hate)))
    return examples


def comments(data: Path, swears: Swears) -> list[Example]:
    """Comments that people called toxic or not."""
    examples = []
    for row in _csv(data / "toxicity" / "surge_toxicity_en.csv"):
        toxic = float(row["is_toxic"] == "Toxic")
        obscene = float(bool(swears.found(row["text"])))
        text = " ".join(row["text"].split())[:400]
        examples.append(Example(text, (0.9 * toxic, 0.1 * toxic, obscene, 0.05 * toxic, 0.7 * toxic, 0.1 * toxic)))
    return examples


def identities(data: Path, dice: random.Random, most: int) -> list[Example]:
    """Sentences about who somebody is, kind or hateful, in equal numbers; at most `most` of those about names."""
    rows = list(_csv(data / "toxicity" / "jigsaw_en_sentence_templates.csv"))
    short = [row for row in rows if row["template"] != "name_adj"]
    long = [row for row in rows if row["template"] == "name_adj"]
    chosen = short + dice.sample(long, min(most, len(long)))
    violent = re.compile(r"\b(?:kill|murder|shoot|stab|burn|hang|crucify)")

    def labels(phrase: str) -> tuple[float, ...]:
        return (1.0, 0.2, 0.1, float(bool(violent.search(phrase))), 0.9, 0.7)

    return [
        Example(row["phrase"], HARMLESS if row["toxicity"] == "nontoxic" else labels(row["phrase"])) for row in chosen
    ]


_YOU = frozenset(["you", "u", "ur", "youre", "you're", "your"])
_AT_A_BOT = frozenset(["stupid", "dumb", "ugly", "suck", "sucks", "useless", "worthless", "annoying", "hate", "terrible", "horrible", "awful", "fat", "lame", "crazy", "die", "kill", "shut", "boring", "worst", "bad", "gross", "disgusting", "moron", "pathetic", "hell", "creepy", "sexy", "sex", "naked", "hot", "idiot", "idiotic", "clueless", "revolting", "loser", "fool", "corrupt", "insensitive", "busted", "whack"])  # fmt: skip
_NEVER = frozenset(["fuck", "fucking", "shit", "bitch", "sex", "porn", "naked", "boobs", "dick", "rape", "raped"])
_INSULTING = re.compile(
    r"\b(?:you(?:'re| are)?|ur|your?e?)\b(?: \w+){0,3} (?:stupid|idiot|moron|dumb|loser|fool|clueless|pathetic|ugly|jerk|liar|disgusting|hypocrite|ignorant|worthless)\b"
    r"|^(?:shut up|screw you|go to hell|idiot|moron|stupid)\b",
    re.IGNORECASE,
)
# Words by which a careless screen is alarmed; harmless sentences with one teach most.
_ALARMING = re.compile(
    r"\b(?:kill\w*|murder\w*|die[ds]?|dying|dead\w*|death|shoot\w*|shot|stab\w*|gun|bomb\w*|blood\w*|beat\w*|hit|hurt\w*|fight\w*|hate\w*|stupid|dumb|idiot\w*|ugly|fat|crazy|insane|sick|gross|disgusting|evil|suck\w*|trash|garbage|creep\w*|freak\w*|fool\w*|clown|loser\w*|jerk|liar|hell|damn|crap|gay|jew\w*|muslim\w*|black|white|women|girl\w*|nazi\w*|hitler|terrorist\w*|witch\w*|pig|rat|snake|dick|butt|punch\w*|burn\w*|poison\w*|destroy\w*|crush\w*|attack\w*|weapon\w*|knife|rob\w*|steal\w*|worst|terrible|horrible|awful|pathetic|you should|you better|shut|never|nobody|face|regret|sorry|find you|where you)\b",
    re.IGNORECASE,
)


def small_talk(data: Path, swears: Swears, dice: random.Random, most: int) -> tuple[list[str], list[str]]:
    """Harmless messages to learn, half of them with a word that alarms, and others that are kept apart.

    People who talk to people are taken at their word unless they insult by words; people who talk to a bot test it, so
    whatever says `you` and something bad to it is left out.
    """
    alarming, calm, apart = [], [], []
    for source, text in _messages(data):
        words = frozenset(re.findall(r"[\w']+", text.lower()))
        if source == "ms_chitchat" or source == "chatterbot":
            is_rude = bool(words & _NEVER or (words & _YOU and words & _AT_A_BOT) or swears.found(text))
        else:
            is_rude = bool(words & _NEVER or swears.found(text) - _MILD or _INSULTING.search(text))
        if is_rude:
            continue
        if is_kept_apart(text, 40):
            apart.append(text)
        elif _ALARMING.search(text):
            alarming.append(text)
        else:
            calm.append(text)
    chosen = dice.sample(alarming, min(most // 2, len(alarming)))
    return [*chosen, *dice.sample(calm, min(most - len(chosen), len(calm)))], apart


def all_talk(data: Path) -> list[str]:
    """Every message, rude or not, for learning which words are used alike."""
    return [text for _, text in _messages(data)]


def _messages(data: Path) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for path in sorted((data / "dialogue").glob("*.jsonl")):
        if path.name == "heldout.jsonl":
            continue
        with path.open(encoding="utf-8") as file:
            for line in file:
                for message in json.loads(line)["messages"]:
                    text = " ".join(message["content"].split())
                    if 1 < len(text) <= 400 and text not in seen:
                        seen.add(text)
                        yield path.stem, text


def heldout_talk(data: Path, most: int) -> list[str]:
    """Different messages of the held-out dialogue, which nothing learns: harmless but for a few. Always the same ones."""
    lines = (data / "dialogue" / "heldout.jsonl").read_text(encoding="utf-8").splitlines()
    texts = dict.fromkeys(message["content"] for line in lines for message in json.loads(line)["messages"])
    chat = [text for text in texts if len(text) <= 400]
    return random.Random(1).sample(chat, min(most, len(chat)))  # noqa: S311 - a sample, not a secret


def jigsaw_sample(data: Path) -> list[Example]:
    """The few comments with six labels by people; never learnt."""
    names = ("toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate")
    return [
        Example(row["comment_text"], tuple(float(row[name]) for name in names))
        for row in _csv(data / "toxicity" / "jigsaw_sample_282.csv")
    ]


def _csv(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
