"""Takes out what says who or where somebody is: the kept text has placeholders, and the exchange is not learnt.

It goes by form alone and knows no names. It does not keep the bot from answering. What it must leave alone matters as
much: dates, times, prices, scores, versions and game talk are not personal data (the tests list them).
"""

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.screening.subject import NOTHING_FOUND, Finding, Subject
from storage.values import Outcome


@dataclass(frozen=True, slots=True)
class Pattern:
    """One kind of personal data."""

    kind: str
    """As in `personal-data:<kind>` and in the placeholder `[kind]`."""
    expression: re.Pattern[str]
    is_real: Callable[[re.Match[str]], bool] = lambda match: True
    """What the form alone cannot say, such as a checksum."""


_I = re.IGNORECASE


def _before(match: re.Match[str], characters: int = 40) -> str:
    """What stands before a match, up to the last line or sentence end."""
    return re.split(r"[.!?\n]\s", match.string[max(0, match.start() - characters) : match.start()])[-1].lower()


def _digits(match: re.Match[str]) -> str:
    return re.sub(r"\D", "", match.group())


_CARD_FORMS = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3[068]\d{12}|(?:6011|65\d\d|35\d\d)\d{12}"
)


def _is_card(match: re.Match[str]) -> bool:
    digits = _digits(match)
    if not _CARD_FORMS.fullmatch(digits):
        return False
    doubled = [int(digit) * (1 + position % 2) for position, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _is_iban(match: re.Match[str]) -> bool:
    iban = match.group().replace(" ", "").upper()
    if not 15 <= len(iban) <= 34:
        return False
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1


_VERSION_WORDS = re.compile(r"(?:version|release|patch|build|firmware|driver|update|section|chapter|\bv|\bver)\W*$")
_PUBLIC_RESOLVERS = {"1.1.1.1", "1.0.0.1", "8.8.8.8", "8.8.4.4", "9.9.9.9"}


def _is_address(match: re.Match[str]) -> bool:
    try:
        address = ipaddress.ip_address(match.group())
    except ValueError:
        return False
    if address.is_loopback or address.is_unspecified or address.is_multicast or str(address) in _PUBLIC_RESOLVERS:
        return False
    if address.version == 6:
        return match.group().count(":") >= 4 or ("::" in match.group() and len(match.group()) >= 6)
    return not str(address).startswith("255.") and not _VERSION_WORDS.search(_before(match, 16))


_PHONE_WORDS = re.compile(
    r"\b(?:call|phone|text|tel|telephone|whats ?app|signal|telegram|number|cell|mobile|sms|dial|ring|reach|fax|contact|handy)\b"
)
_NOT_PHONE = {"0123456789", "1234567890", "9876543210", "0987654321"}


def _is_phone(match: re.Match[str]) -> bool:
    digits = _digits(match)
    is_amount = bool(re.fullmatch(r"\+?\d{1,3}(?:[ .,]000)+", match.group().strip()))
    return 8 <= len(digits) <= 15 and digits not in _NOT_PHONE and len(set(digits)) > 2 and not is_amount


def _is_phone_in_context(match: re.Match[str]) -> bool:
    digits = _digits(match)
    return 7 <= len(digits) <= 15 and digits not in _NOT_PHONE and bool(_PHONE_WORDS.search(_before(match)))


_HOME_WORDS = re.compile(
    r"\b(?:i live|we live|i'm living|lives?|living|address|home|house|ship|mail|send|deliver|come over|pick (?:me|him|her|us) up|moved|staying|my place|our place)\b"
)


def _is_home(match: re.Match[str]) -> bool:
    after = match.string[match.end() : match.end() + 40]
    has_area = re.match(r",?\s*(?:(?:apt|apartment|flat|unit|suite)\b|[A-Z][\w ]+,?\s+[A-Z]{2}\s+\d{5}\b)", after)
    return bool(_HOME_WORDS.search(_before(match, 60)) or has_area)


def _is_password(match: re.Match[str]) -> bool:
    return bool(re.search(r"\d", match["value"])) and bool(re.search(r"[^\W\d]", match["value"]))


_SECRETS = r"""
    (?<![\w-])(?:
      [MNO][\w-]{23,27}\.[\w-]{6,7}\.[\w-]{27,45}          # Discord
    | gh[pousr]_[A-Za-z0-9]{36,} | github_pat_\w{22,} | glpat-[\w-]{20,}
    | sk-(?:proj-|ant-)?[A-Za-z0-9_-]{20,} | (?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}
    | (?:AKIA|ASIA)[0-9A-Z]{16} | AIza[\w-]{35} | ya29\.[\w-]{20,} | hf_[A-Za-z0-9]{30,} | npm_[A-Za-z0-9]{36}
    | pypi-[\w-]{40,} | xox[abeoprs]-[\w-]{10,} | \d{8,10}:AA[\w-]{33}
    | eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}
    )
    | https://(?:\w+\.)?discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d+/[\w-]+
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----[\s\S]*?(?:-----END\ [A-Z ]*PRIVATE\ KEY-----|\Z)
"""

PATTERNS: tuple[Pattern, ...] = (
    Pattern("secret", re.compile(_SECRETS, re.VERBOSE)),
    Pattern("credentials", re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/@:]{1,100}:[^\s/@]{1,200}@[^\s/]+", _I)),
    Pattern(
        "password",
        re.compile(
            r"\b(?:password|passwort|passwd|passcode|pwd|login)\s*(?:is|[:=])\s*[\"'`]?(?P<value>[^\s\"'`]{4,64})", _I
        ),
        _is_password,
    ),
    Pattern("email", re.compile(r"(?<![\w.+-])[\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,5}[^\W\d_]{2,24}\b")),
    Pattern(
        "email",
        re.compile(
            r"\b[\w.+-]{1,64}\s?(?:[(\[{<]\s?at\s?[)\]}>]\s?[\w-]{1,63}\s?(?:[(\[{<]\s?dot\s?[)\]}>]|\bdot\b|\.)"
            r"|\bat\s[\w-]{1,63}\sdot\b)\s?[a-z]{2,10}\b",
            _I,
        ),
    ),
    Pattern("mention", re.compile(r"<@!?\d{15,21}>")),
    Pattern("iban", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b", _I), _is_iban),
    Pattern("card", re.compile(r"(?<![\w.+-])\d(?:[ -]?\d){12,18}(?![\w-])"), _is_card),
    Pattern("id-number", re.compile(r"(?<![\w-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")),
    Pattern(
        "birth-date",
        re.compile(
            r"\b(?:date of birth|d\.?o\.?b\.?|i was born on|my birthday is|my birthdate is)\s*(?:is|:)?\s*"
            r"(?:\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}-\d{2}-\d{2}|\w+ \d{1,2}(?:st|nd|rd|th)?,? \d{4}|\d{1,2}(?:st|nd|rd|th)? \w+ \d{4})",
            _I,
        ),
    ),
    Pattern("ip", re.compile(r"(?<![\w.:])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)"), _is_address),
    Pattern("ip", re.compile(r"(?<![\w:.])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:])", _I), _is_address),
    Pattern("phone", re.compile(r"(?<![\w.+-])(?:\+|00)[1-9][\d ()./-]{6,18}\d(?![\w-])"), _is_phone),
    Pattern(
        "phone",
        re.compile(r"(?<![\w.+$€£-])(?:1[ .-])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[ .-])\d{3}[ .-]\d{4}(?![\w-])"),
        _is_phone,
    ),
    Pattern("phone", re.compile(r"(?<![\w.,:+-])0\d(?:[ .-]\d{2}){4}(?![\w-])"), _is_phone),
    Pattern(
        "phone",
        re.compile(r"(?<![\w.,:+-])\(?0\d{2,4}\)?(?:[ /-]?\d{5,8}|[ /-]\d{3,4}[ -]\d{3,4})(?![\w-])"),
        _is_phone,
    ),
    Pattern(
        "phone", re.compile(r"(?<![\w.,:$€£+-])(?<!\d )\d(?:[ .()-]{0,2}\d){6,14}(?![\w-]| ?\d)"), _is_phone_in_context
    ),
    Pattern("id", re.compile(r"(?<![\w:&#/@.-])\d{17,20}(?![\w.])")),
    Pattern(
        "address",
        re.compile(
            r"\b\d{1,5}[a-z]?,? (?:[^\W\d_][\w.'-]{0,24} ){1,4}?(?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct"
            r"|way|place|pl|terrace|crescent|close|parkway|highway|square|row)\b\.?"
            r"|\b[^\W\d_][\w-]{1,24}(?:straße|strasse|str\.|weg|gasse|platz) \d{1,4}[a-z]?\b",
            _I,
        ),
        _is_home,
    ),
)
_WORTH_A_LOOK = re.compile(r"\d|@|-----BEGIN|\bat\b|[\w-]{16}", _I)


def scrub(text: str) -> tuple[str, tuple[str, ...]]:
    """The text with placeholders such as `[email]`, and the kinds that were found, in the order of `PATTERNS`."""
    kinds: list[str] = []
    if not _WORTH_A_LOOK.search(text):
        return text, ()

    def replaced(pattern: Pattern) -> Callable[[re.Match[str]], str]:
        def one(match: re.Match[str]) -> str:
            if not pattern.is_real(match):
                return match.group()
            kinds.append(pattern.kind)
            return f"[{pattern.kind}]"

        return one

    for pattern in PATTERNS:
        text = pattern.expression.sub(replaced(pattern), text)
    return text, tuple(dict.fromkeys(kinds))


class PersonalData:
    """Scrubs, and refuses for learning. A moderator may write the exchange anew."""

    name = "personal-data"
    scrubs = True
    version = "1"

    def examine(self, subjects: Sequence[Subject]) -> list[Finding]:
        """`personal-data:<kind>` for each kind; where only the folded copy shows it, that copy is kept, scrubbed."""
        return [self._one(subject) for subject in subjects]

    def _one(self, subject: Subject) -> Finding:
        text, kinds = scrub(subject.kept)
        if subject.plain != subject.original:
            plain_text, plain_kinds = scrub(subject.plain)
            if set(plain_kinds) - set(kinds):
                text, kinds = plain_text, plain_kinds
        if not kinds:
            return NOTHING_FOUND
        return Finding(Outcome.REFUSE, tuple(f"personal-data:{kind}" for kind in kinds), text=text)
