"""The same words as people type them, harmless or not: dropped marks, shouting, short forms, slips, a name, talk beside it."""

import random
import re

_AFTER = [" lol", " lmao", " haha", " 😂", " 💀", " tbh", " bro", " man", " dude", "!!", "!!!", "...", " :)", " fr", " rn", " please", " pls", " ngl", " 🙄", " omg", "?", "??", " ok", " now", " again", " today", " honestly", " smh", " ffs", " :(", " xd"]  # fmt: skip
_BEFORE = ["lol ", "bro ", "dude ", "honestly ", "hey ", "omg ", "ok ", "well ", "so ", "and ", "but ", "ngl ", "man ", "wow ", "look ", "like ", "bruh ", "i think ", "because ", "also ", "yeah ", "no ", "oh ", "god ", "wait ", "i mean ", "listen, ", "sorry but ", "fr ", "just saying, ", "guys "]  # fmt: skip
_SHORT = {
    "you": "u", "your": "ur", "you're": "ur", "are": "r", "people": "ppl", "because": "cuz", "though": "tho", "okay": "ok",
    "going to": "gonna", "want to": "wanna", "got to": "gotta", "i am": "im", "please": "pls", "what": "wat", "with": "w",
    "don't know": "dunno", "right now": "rn", "to be honest": "tbh", "somebody": "smb", "someone": "sm1", "thanks": "thx",
    "tonight": "tn", "tomorrow": "tmrw", "probably": "prob", "them": "em", "about": "abt", "really": "rly", "before": "b4",
    "the fuck": "tf", "as fuck": "af", "shut up": "stfu", "fucking": "fkn", "stupid": "stoopid", "and": "n", "why": "y",
    "the": "da", "that": "dat", "this": "dis", "something": "sth", "everyone": "every1", "mother": "mum", "mom": "mum",
}  # fmt: skip
_SHORT_WORD = re.compile(rf"\b(?:{'|'.join(sorted(_SHORT, key=len, reverse=True))})\b")
_LONG_FORMS = {"im": "i am", "i'm": "i am", "you're": "you are", "youre": "you are", "don't": "do not", "can't": "cannot", "won't": "will not", "i'll": "i will", "it's": "it is", "he's": "he is", "she's": "she is"}  # fmt: skip


class Habits:
    """Types a text as somebody would."""

    def __init__(self, dice: random.Random, names: list[str], chat: list[str]) -> None:
        """Keep them.

        Args:
            dice: decides.
            names: who may be addressed.
            chat: harmless sentences that may stand beside a text without changing what it is.
        """
        self._dice = dice
        self._names = names
        self._chat = chat

    def typed(self, text: str) -> str:
        """The text, typed in some way."""
        return self._case(self._marks(self._beside(self._short(text))))

    def _short(self, text: str) -> str:
        roll = self._dice.random()
        if roll < 0.12:
            return _SHORT_WORD.sub(
                lambda match: _SHORT[match.group()] if self._dice.random() < 0.6 else match.group(), text
            )
        if roll < 0.2:
            return " ".join(_LONG_FORMS.get(word, word) for word in text.split(" "))
        if roll < 0.25:
            words = text.split(" ")
            place = self._dice.randrange(len(words))
            words[place] = re.sub(
                r"([aeioulsy])", lambda match: match.group() * self._dice.randint(2, 4), words[place], count=1
            )
            return " ".join(words)
        if roll < 0.30:
            return self._slip(text)
        return text

    def _slip(self, text: str) -> str:
        words = text.split(" ")
        place = self._dice.randrange(len(words))
        word = words[place]
        if len(word) > 4:
            spot = self._dice.randrange(1, len(word) - 1)
            words[place] = self._dice.choice(
                [word[:spot] + word[spot + 1 :], word[: spot + 1] + word[spot:], word[: spot - 1] + word[spot] + word[spot - 1] + word[spot + 1 :]]
            )  # fmt: skip
        return " ".join(words)

    def _beside(self, text: str) -> str:
        roll = self._dice.random()
        if roll < 0.10:
            return text + self._dice.choice(_AFTER)
        if roll < 0.16:
            return self._dice.choice(_BEFORE) + text
        if roll < 0.20:
            name = self._dice.choice(self._names)
            return self._dice.choice([f"{name} {text}", f"{name}, {text}", f"{text} {name}", f"@{name} {text}"])
        if roll < 0.32 and len(text) < 160:
            other = self._dice.choice(self._chat)[:120]
            joint = self._dice.choice([". ", ", ", " ", " and ", " but ", "! ", " so ", " because ", "\n"])
            return f"{other}{joint}{text}" if self._dice.random() < 0.5 else f"{text}{joint}{other}"
        return text

    def _marks(self, text: str) -> str:
        if self._dice.random() < 0.3:
            text = text.replace("'", "").replace("’", "")
        if self._dice.random() < 0.35:
            return text.rstrip(".!?")
        return text + self._dice.choice([".", "!", ""]) if text[-1:].isalnum() and self._dice.random() < 0.3 else text

    def _case(self, text: str) -> str:
        roll = self._dice.random()
        if roll < 0.08:
            return text.upper()
        if roll < 0.4:
            return text.lower()
        return text[:1].upper() + text[1:] if roll < 0.6 else text
