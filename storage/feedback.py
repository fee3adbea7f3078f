"""What a member's next words say about the answer they got, without a model and without keeping anything of them.

A hint for the order of the review queue and for counting, never a decision: a wrong guess only moves a card. In doubt
nothing is said. The rules, in this order:

- *corrected*: it begins with a no ("no, it's Friday"), with "actually" about what was said ("actually it's Friday"), or
  with words such as "that's not right". "No problem", "no thanks", "no idea" and the like say nothing.
- *asked again*: it is much like what was asked before (half of the letter runs in common).
- *thanked*: it is short and has a word of thanks. "Thanks for nothing" and "thanks, but" say nothing.
"""

from storage.governance import Feedback
from storage.similarity import alikeness, normalised

_SAME_QUESTION = 0.5
_THANKS = frozenset(
    [
        "thanks",
        "thank",
        "thx",
        "ty",
        "tysm",
        "cheers",
        "perfect",
        "gracias",
        "danke",
        "merci",
        "obrigado",
        "obrigada",
        "grazie",
        "bedankt",
        "dank",
        "tack",
        "takk",
        "tak",
        "kiitos",
        "dziękuję",
        "dzięki",
        "děkuji",
        "díky",
        "спасибо",
        "дякую",
        "teşekkürler",
        "arigato",
        "ありがとう",
        "谢谢",
        "감사합니다",
        "شكرا",
        "תודה",
    ]
)
_NO = frozenset(
    [
        "no",
        "nope",
        "nah",
        "wrong",
        "incorrect",
        "false",
        "nein",
        "falsch",
        "non",
        "faux",
        "nej",
        "nei",
        "fel",
        "feil",
        "fout",
        "nee",
        "ei",
        "väärin",
        "nie",
        "źle",
        "não",
        "errado",
        "nao",
        "incorrecto",
        "sbagliato",
        "нет",
        "неверно",
        "ні",
        "hayır",
        "yanlış",
        "いいえ",
        "不对",
        "아니요",
    ]
)
_NOT_SO = ("that s not", "thats not", "that is not", "not true", "not right", "it s actually", "i meant", "i said")
_NO_COMPLAINT = frozenset(
    [
        *("problem", "problems", "worries", "worry", "prob", "probs", "thanks", "thank", "thx", "ty", "need", "rush"),
        *("idea", "clue", "doubt", "way", "kidding", "joke", "offence", "offense", "one", "matter", "more", "big"),
    ]
)
"""After a "no" that is about something else."""
_ABOUT_WHAT_WAS_SAID = frozenset(
    ["it", "its", "that", "thats", "this", "no", "not", "he", "she", "they", "there", "you"]
)
_DOUBTFUL_THANKS = (
    "thanks for nothing",
    "thank you for nothing",
    "thanks but",
    "thank you but",
    "no thanks",
    "no thank",
)
_FEW_WORDS = 12


def feedback_in(question: str, next_words: str) -> Feedback | None:
    """What the words after an answer say about it; None: nothing that can be told.

    Args:
        question: what the member had asked.
        next_words: what the same member said next.
    """
    words = normalised(next_words).split()
    if not words:
        return None
    said = " ".join(words)
    if said.startswith(_NOT_SO) or _says_no(words):
        return Feedback.CORRECTED
    if alikeness(question, next_words) >= _SAME_QUESTION:
        return Feedback.ASKED_AGAIN
    is_thanks = len(words) <= _FEW_WORDS and not _THANKS.isdisjoint(words)
    return Feedback.THANKED if is_thanks and not said.startswith(_DOUBTFUL_THANKS) else None


def _says_no(words: list[str]) -> bool:
    first, then = words[0], next(iter(words[1:]), "")
    if first == "actually":
        return then in _ABOUT_WHAT_WAS_SAID
    return first in _NO and then not in _NO_COMPLAINT
