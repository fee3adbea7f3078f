"""Refuses by form: invites, mass mentions, floods, piled-up marks, control words of prompts, and a few words and threats.

Small models miss rare words, so the worst ones are a list (`embedded/slurs.rot13.txt`, scrambled so that nobody meets it
by accident). It reads the folded forms; what a word means in its sentence is for the toxicity screen.
"""

import codecs
import hashlib
import inspect
import re
import sys
import unicodedata
from collections.abc import Callable, Sequence
from importlib.resources import files

from bot.screening.subject import NOTHING_FOUND, Finding, Subject
from storage.values import Outcome

_INVITE = re.compile(
    r"\b(?:discord(?:app)?\s?\.\s?(?:gg|com/invite|me|io)|dsc\.gg|discord\.com/oauth2/authorize|invite\.gg)\s?[/?]\s?\S+",
    re.IGNORECASE,
)
_MASS_MENTION = re.compile(r"(?<![\w.])@(?:everyone|here)\b", re.IGNORECASE)
# What models write between turns; as text in a prompt they would forge a turn.
_CONTROL = re.compile(
    r"<\s?\|[^|<>\n]{1,40}\|\s?>|<[｜|][^<>\n]{1,40}[｜|]>|\[/?INST\]|<</?SYS>>|</?s>|</?(?:start_of_turn|end_of_turn)>|<(?:bos|eos|pad|unk|mask|sep|cls|eot)>|\[/?(?:SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS)\]",
    re.IGNORECASE,
)
_MARKS = 4  # on one letter; Thai and Hebrew get by with three
_SAME_CHARACTER = re.compile(r"([^\s.\-_=*~#])\1{29,}|([.\-_=*~#])\2{199,}")
_SAME_WORD = re.compile(r"(?:\b|(?<=\s))(\S{1,40})(?:\s+\1){14,}(?!\S)")

_GO_DIE = re.compile(
    r"(?<!not )(?<!dont )(?<!never )(?<!to )(?<!you )(?<!u )\b(?:go )?(?:kys|kill (?:yourself|urself|yourselves|ur ?self|yo ?self)|neck yourself|hang yourself|unalive yourself)\b"
    r"|\b(?:you|u|ya) (?:should|need to|could|can|gotta|oughta) (?:just |all |really )?(?:kill (?:yourself|urself)|die\b(?! hard| trying| in (?:the|this|a)| your| the| it)|kys|hang yourself|go die|rot in hell)"
    r"|\bgo (?:and )?(?:die\b(?! in (?:the game|minecraft|lava))|hang yourself|jump off a (?:cliff|bridge)|drink bleach|play in traffic|drown yourself|shoot yourself)"
    r"|\b(?:i )?(?:really )?hope (?:that )?(?:you|u|ur (?:mom|mum|family|kids)|your (?:mom|mum|mother|family|whole family|kids|children)) (?:all )?(?:dies?|gets? (?:cancer|raped|killed|murdered|shot|hit by)|burns? (?:in hell|alive)|suffers?|rots?|chokes?)\b"
    r"|\b(?:drink|chug|swallow) bleach\b(?! (?:is|was|can|could|if|by|will|be|dont))|\bdie (?:in a fire|slowly you|you (?:piece|stupid|fat|ugly|worthless|little))",
)
_WILL = r"(?:will|ill|im going to|i am going to|going to|gonna|imma|ima|im gonna|im finna|am gonna|wanna|want to|about to|we will|were gonna|were going to|swear ill|should|could)"
_THREAT = re.compile(
    rf"\b(?:{_WILL})(?: \w+){{0,3}} (?:kill|murder|stab|strangle|behead|decapitate|rape|dismember|skin|slaughter|gut|shoot|lynch|torture|choke|execute|poison|butcher) (?:you|u|ya|your (?:\w+ )?(?:mom|mum|mother|dad|father|family|parents|kids|children|wife|sister|brother|dog|cat|girlfriend)|ur (?:mom|mum|family|kids|dog))\b"
    rf"|\b{_WILL}(?: \w+){{0,3}} (?:slit|cut|slash) (?:your|ur) (?:throat|face|head)"
    rf"|\b{_WILL}(?: \w+){{0,3}} (?:break|smash|snap|bash|cave|crush|blow)(?: in)? (?:your|ur) (?:\w+ )?(?:legs?|arms?|neck|teeth|jaw|skull|face|head|bones|nose|fingers|kneecaps|brains)\b"
    rf"|\b{_WILL}(?: \w+){{0,3}} (?:beat|smash|hit|punch|kick) (?:you|u|ya|your (?:face|head|ass|teeth)|ur (?:face|head|ass)) (?:up\b|to death|until you|in the (?:face|head|teeth|throat)|so hard|senseless|bloody|in$|in you|with a (?:bat|hammer|pipe|brick|crowbar))"
    rf"|\b{_WILL}(?: \w+){{0,3}} (?:burn|blow up|bomb|torch|shoot up|set fire to) (?:your|ur|the|you|this|that) ?(?:house|home|school|family|alive|car|apartment|office|church|mosque|synagogue|down)"
    r"|\b(?:i )?(?:know|found|find out|track down|have|got) (?:out )?where (?:you|u|ur|your|your family|your kids) (?:live|lives|sleep|sleeps|work|works|go to school)\b"
    rf"|\b{_WILL} (?:\w+ ){{0,2}}(?:hunt|track) (?:you|u|ya) down\b|\b(?:come|coming|show up|showing up) (?:to|at) (?:your|ur) (?:house|home|door|school|place) (?:and|with|to) (?:\w+ ){{0,3}}(?:kill|beat|hurt|shoot|stab|knife|gun|bat|break|murder|end)\b"
    r"|\b(?:you are|youre|ur|you re|u r|you will be|youll be) (?:a )?dead (?:man|meat|woman|to me you)\b|\byou (?:will|are going to|gonna|re gonna|wont live to) (?:die (?:tonight|tomorrow|soon|slowly|screaming|painfully)|regret (?:being born|this when)|pay with your life|bleed out|see tomorrow)\b"
    r"|\bwatch your back\b(?:.*\b(?:kill|dead|coming for|get you|find you|hurt|bleed)\b)|\b(?:your|ur) days are numbered\b|\bput a bullet (?:in|through) (?:you|your|ur)\b|\bbullet (?:in|through) (?:your|ur) (?:head|skull|brain)\b"
)
_SENTENCE_END = re.compile(r"[.!?;]+\s|\n")
_PLAY = re.compile(
    r"\b(?:game|games|match|round|ranked|lobby|minecraft|fortnite|valorant|mario|kart|smash|chess|uno|monopoly|gta|cod|csgo|overwatch|league|apex|boss|raid|pvp|duel|1v1|dnd|mafia|werewolf|among us|level|spar|arena|tekken|mortal kombat|street fighter"
    r"|npc|creeper|zombies?|ingame|in game|respawn|catan|rematch|dodgeball|laser tag|paintball|quiz|trivia)\b"
)


def _bare(text: str) -> str:
    return " ".join(re.sub(r"[^\w]+|_", " ", text.lower().replace("'", "").replace("’", "")).split())


def read_slurs() -> tuple[str, ...]:
    """The expressions of the list, in the clear; each matches a whole word of folded text."""
    scrambled = (files("bot.screening") / "embedded" / "slurs.rot13.txt").read_text(encoding="utf-8")
    lines = [line for line in scrambled.splitlines() if line and not line.startswith("#")]
    return tuple(codecs.decode(line, "rot13") for line in lines)


class Rules:
    """What form alone gives away."""

    name = "rules"
    scrubs = True

    def __init__(self, slurs: Sequence[str]) -> None:
        self._slurs = re.compile(rf"\b(?:{'|'.join(slurs)})\b") if slurs else None
        source = inspect.getsource(sys.modules[__name__]) + "\n".join(slurs)
        self.version = hashlib.sha256(source.encode()).hexdigest()[:12]

    def examine(self, subjects: Sequence[Subject]) -> list[Finding]:
        """`rules:<what>` for each rule that is broken."""
        return [self._one(subject) for subject in subjects]

    def _one(self, subject: Subject) -> Finding:
        broken = [(name, blocks) for name, blocks, breaks in self._rules() if breaks(subject)]
        if not broken:
            return NOTHING_FOUND
        return Finding(
            Outcome.REFUSE,
            tuple(f"rules:{name}" for name, _ in broken),
            blocks_reply=any(blocks for _, blocks in broken),
            text=_CONTROL.sub("[control]", subject.kept),
        )

    def _rules(self) -> tuple[tuple[str, bool, Callable[[Subject], bool]], ...]:
        """Name, whether it also blocks the reply, and the rule."""
        return (
            ("invite", True, lambda subject: any(map(_INVITE.search, (subject.original, subject.plain)))),
            ("mass-mention", False, lambda subject: any(map(_MASS_MENTION.search, (subject.original, subject.plain)))),
            ("control", True, lambda subject: any(map(_CONTROL.search, (subject.original, subject.plain)))),
            ("zalgo", False, _has_piled_marks),
            (
                "flood",
                False,
                lambda subject: bool(_SAME_CHARACTER.search(subject.plain) or _SAME_WORD.search(subject.plain)),
            ),
            ("slur", True, self._has_slur),
            ("threat", True, _has_threat),
        )

    def _has_slur(self, subject: Subject) -> bool:
        return self._slurs is not None and any(self._slurs.search(form.lower()) for form in subject.forms)


def _has_threat(subject: Subject) -> bool:
    return any(_GO_DIE.search(_bare(form)) or any(map(_threatens, _SENTENCE_END.split(form))) for form in subject.forms)


def _threatens(sentence: str) -> bool:
    """A game named in the same sentence excuses it; one named elsewhere does not."""
    bare = _bare(sentence)
    return bool(_THREAT.search(bare) and not _PLAY.search(bare))


def _has_piled_marks(subject: Subject) -> bool:
    if subject.original.isascii():
        return False
    pile = 0
    for character in subject.original:
        pile = pile + 1 if unicodedata.category(character) in {"Mn", "Me"} else 0
        if pile >= _MARKS:
            return True
    return False
