"""What a member's next words say about the answer they got, without a model and without keeping anything of them.

A hint for the order of the review queue, never a decision: a wrong guess only moves a card.
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
        "actually",
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
    if words[0] in _NO or " ".join(words).startswith(_NOT_SO):
        return Feedback.CORRECTED
    if alikeness(question, next_words) >= _SAME_QUESTION:
        return Feedback.ASKED_AGAIN
    if len(words) <= _FEW_WORDS and not _THANKS.isdisjoint(words):
        return Feedback.THANKED
    return None
