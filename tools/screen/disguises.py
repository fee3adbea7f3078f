"""How people hide words from a screen: the ways that are measured, and the ways that are learnt.

What folding undoes (look-alikes, invisible signs, wide letters, accents) need not be learnt, only measured. What it leaves
(stars for vowels, dropped or doubled letters, words run together) is learnt, with other rules than those measured.
"""

import random
from collections.abc import Callable

from bot.screening.folding import Folder

_LOOK_ALIKES = str.maketrans("aceiopsxy", "асеіорѕху")
_LEET = str.maketrans("aeiost", "@31057")
_DIGIT_LEET = str.maketrans("aeost", "43057")


def zero_width(line: str) -> str:
    """An invisible space between all letters."""
    return "\u200b".join(line)


def wide(line: str) -> str:
    """Full-width letters."""
    return "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in line)


def accented(line: str) -> str:
    """A mark on every letter; the same letter always gets the same."""
    return "".join(letter + random.Random(letter).choice("\u0301\u0308\u0323") for letter in line)  # noqa: S311


def longest_spaced(line: str) -> str:
    """The longest word, letter by letter."""
    longest = max(line.split(), key=len)
    return line.replace(longest, " ".join(longest), 1)


def spaced(line: str) -> str:
    """Every word letter by letter, with two spaces between words."""
    return "  ".join(" ".join(word) for word in line.split())


def dotted(line: str) -> str:
    """Every word with dots between its letters."""
    return " ".join(".".join(word) for word in line.split())


MEASURED: dict[str, Callable[[str], str]] = {
    "look-alikes": lambda line: line.translate(_LOOK_ALIKES),
    "zero-width": zero_width,
    "full width": wide,
    "accents": accented,
    "leet": lambda line: line.translate(_LEET),
    "leet, digits only": lambda line: line.translate(_DIGIT_LEET),
    "longest word spaced": longest_spaced,
    "spaced out": spaced,
    "dotted": dotted,
}

_STARS = str.maketrans("aeiou", "*****")
_SIGNS = {"a": "4@", "e": "3", "i": "1!", "o": "0", "s": "5$", "t": "7", "b": "8", "g": "9"}
_LEARNT_LOOK_ALIKES = str.maketrans("aceiopsxykmtn", "асеіорѕхукмтп")
_ALPHABETS = ("абвгдежзийклмнопрстуфхцчшщыьэюя", "αβγδεζηθικλμνξοπρστυφχψω", "ابتثجحخدذرزسشصضطظعغفقكلمنهوي", "אבגדהוזחטיכלמנסעפצקרשת", "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわをん",
              "的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年", "가나다라마바사아자차카타파하고노도로모보소오조초코토포호", "अआइईउऊएऐओऔकखगघचछजझटठडढतथदधनपफबभमयरलवशषसह", "กขคงจฉชซญดตถทธนบปผฝพฟภมยรลวสหอ", "abcdefghijklmnopqrstuvwxyz", "asdfghjkl", "0123456789", "äöüßéèêçñãõåøæığşçłżźćńśěščřžýáíéőű")  # fmt: skip


def leet(text: str, dice: random.Random, share: float) -> str:
    """Digits and signs for about that share of the letters that have one."""
    return "".join(
        dice.choice(_SIGNS[letter]) if letter in _SIGNS and dice.random() < share else letter for letter in text.lower()
    )


def left_by_folding(text: str, dice: random.Random, folder: Folder) -> str:
    """The text with a disguise that folding leaves, or what remains of one after folding."""
    words = text.lower().split()
    place = max(dice.randrange(len(words)), dice.randrange(len(words)))
    word = words[place]
    roll = dice.random()
    if roll < 0.2:
        words[place] = word[:1] + word[1:].translate(_STARS)
    elif roll < 0.4 and len(word) > 3:
        spot = dice.randrange(1, len(word) - 1)
        words[place] = dice.choice(
            [word[:spot] + word[spot + 1 :], word[:spot] + word[spot] + word[spot:], word[:spot] + "*" + word[spot + 1 :]]
        )  # fmt: skip
    elif roll < 0.55:
        return "".join(words)[:64] if len(words) < 8 else " ".join([*words[:place], "".join(words[place:])])
    elif roll < 0.65:
        # Each word spaced: what folding joins keeps its marks, and single letters stay alone.
        return spaced(text) if roll < 0.6 else dotted(text)
    else:
        return list(folder.readings(leet(" ".join(words), dice, dice.choice([0.5, 1.0]))))[dice.choice([0, -1, -2])]
    return " ".join(words)


def harmless_signs(chat: list[str], dice: random.Random, count: int) -> list[str]:
    """Harmless talk in letters that the model cannot read: other scripts, keyboard mash, disguised small talk.

    Otherwise it learns that whoever writes unlike everybody else is rude. Disguised insults are not here: folding undoes
    them first, and what is then read is learnt with the disguises that folding leaves.
    """
    texts = []
    for index in range(count):
        roll = index % 6
        if roll == 0:
            alphabet = dice.choice(_ALPHABETS)
            text = " ".join("".join(dice.choices(alphabet, k=dice.randint(1, 8))) for _ in range(dice.randint(1, 7)))
        elif roll == 1:
            text = wide(dice.choice(chat)[:120])
        elif roll == 2:
            text = dice.choice(chat)[:160].translate(_LEARNT_LOOK_ALIKES)
        elif roll == 3:
            text = leet(dice.choice(chat)[:160], dice, 1.0)
        elif roll == 4:
            text = dice.choice([spaced, dotted])(dice.choice(chat)[:80].lower())
        else:
            text = "".join(dice.choice(chat)[:40].lower().split())
        texts.append(text)
    return texts
