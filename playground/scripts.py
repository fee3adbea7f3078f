"""What the scenes play: invented people, and what they do, in strands that run beside each other. Written by us.

Knows nothing of how it is played.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Part:
    """Somebody of a cast."""

    name: str
    label: str = "member"
    about: str = ""


@dataclass(frozen=True, slots=True)
class Talk:
    """Somebody says something to the others."""

    who: str
    channel: str
    text: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Somebody asks the bot, and deals with its answer."""

    who: str
    channel: str
    text: str
    votes: Mapping[str, str] = field(default_factory=dict)
    """`up` or `down`, by who presses it."""
    better: str = ""
    """The answer that they teach instead; empty: none."""


@dataclass(frozen=True, slots=True)
class Use:
    """Somebody uses a command, and presses a button under what it shows."""

    who: str
    channel: str
    command: str
    press: str = ""
    """How the button's custom id begins; empty: none is pressed."""


@dataclass(frozen=True, slots=True)
class Review:
    """A moderator decides on the first that waits: what the town knows is approved, all else turned down."""

    who: str


Beat = Talk | Ask | Use | Review


@dataclass(frozen=True, slots=True)
class Script:
    """One scene."""

    title: str
    about: str
    opening: Sequence[Beat]
    """Played first, in order."""
    strands: Sequence[Sequence[Beat]]
    """Each in its own order; which is next is drawn from the seed."""


CAST = (
    Part("Bram", about="ferries people across the harbour"),
    Part("Ceren", about="runs the bakery on the square"),
    Part("Dario", about="plays the accordion"),
    Part("Elif", about="keeps bees"),
    Part("Femke", about="mends bicycles"),
    Part("Goran", about="tells long stories"),
    Part("Hana", about="leads the reading circle"),
    Part("Ilse", about="paints the lanterns"),
    Part("Kofi", about="grows tomatoes"),
    Part("Lucia", about="new in town"),
    Part("Mateo", about="watches the stars"),
    Part("Noor", about="says no to being learnt from"),
    Part("Wanda", label="moderator", about="reads every card twice"),
    Part("Rusk", label="troll", about="wants to sell you coins"),
)

FACTS = (
    ("Bram", "games", "When does the last ferry leave?", "The last ferry leaves at half past nine."),
    ("Ceren", "general", "When is the bakery open?", "The bakery opens at six and closes when the bread is gone."),
    ("Dario", "general", "Where does the band practise?", "The band practises in the old boathouse on Tuesdays."),
    ("Elif", "chat-with-mynah", "Who sells honey here?", "Elif sells honey at the market, next to the fountain."),
    (
        "Femke",
        "general",
        "Where can I get my bicycle mended?",
        "Femke mends bicycles in Mill Lane, behind the library.",
    ),
    ("Hana", "games", "What does the reading circle read?", "The reading circle reads a sea story this month."),
    (
        "Ilse",
        "chat-with-mynah",
        "When is the lantern festival?",
        "The lantern festival is on the last Saturday of May.",
    ),
    ("Kofi", "general", "Where is the community garden?", "The community garden is up the hill, past the chapel."),
    ("Mateo", "chat-with-mynah", "Where do we watch the stars?", "We watch the stars from the lighthouse roof."),
    ("Mira", "games", "When is our game night?", "Game night is on Friday at eight, in the blue room."),
)
"""Who asks, where, what, and what the town knows."""

SMALL_TALK = (
    (
        Talk("Goran", "general", "Did I ever tell you how the lighthouse lost its bell?"),
        Talk("Femke", "general", "Twice. It is a good one, though."),
        Talk("Goran", "general", "Then a third time, on Friday."),
    ),
    (
        Talk("Lucia", "welcome", "Hello everybody, I moved here on Monday!"),
        Talk("Ceren", "welcome", "Welcome! Come by for a bun, newcomers get one."),
        Ask("Lucia", "chat-with-mynah", "Hello! I am new here. How are you?", votes={"Lucia": "up", "Hana": "up"}),
    ),
    (
        Talk("Jonas", "games", "Chess tonight? I found my queen again."),
        Talk("Kofi", "games", "If you lend me a rook, gladly."),
        Ask("Jonas", "games", "Do you like chess?", votes={"Kofi": "up"}),
    ),
    (
        Ask("Dario", "general", "I am a bit sad today.", votes={"Dario": "up", "Elif": "up"}),
        Talk("Elif", "general", "Come over, Dario, there is tea with honey."),
    ),
    (
        Ask("Noor", "chat-with-mynah", "Good evening! What shall we talk about?", votes={"Noor": "down"}),
        Talk("Noor", "chat-with-mynah", "I like to talk with it, but it shall learn nothing from me."),
    ),
)

_LEARNING_ON = Use("Ada", "general", "learning on", press="mynah:learning:confirm")
_ASKERS = tuple(dict.fromkeys(who for who, *_ in FACTS))
_CONSENTS = tuple(Use(who, "general", "privacy allow") for who in (*_ASKERS, "Lucia", "Jonas"))
_KNOWN_VOTES = {"up": ("Goran", "Lucia"), "down": ("Femke", "Jonas")}


def _taught(who: str, channel: str, question: str, answer: str) -> Sequence[Beat]:
    """Somebody finds that the bot does not know, others agree, and they teach it."""
    down = next(name for name in _KNOWN_VOTES["down"] if name != who)
    return (Ask(who, channel, question, votes={who: "down", down: "down"}, better=answer),)


SCRIPTS: Mapping[str, Script] = {
    "evening": Script(
        "An evening in Lantern Town",
        "Neighbours chat, ask Mynah what it cannot know, vote, and teach it better. The review queue fills.",
        (_LEARNING_ON, *_CONSENTS, Use("Noor", "general", "privacy deny")),
        (*SMALL_TALK, *(_taught(*fact) for fact in FACTS)),
    ),
    "troll": Script(
        "A troll comes by",
        "Rusk insults, advertises and tries to poison what Mynah learns. See what is refused, and what waits for a person.",
        (_LEARNING_ON, Use("Rusk", "general", "privacy allow")),
        (
            (
                Talk("Rusk", "general", "Everybody here is boring."),
                Talk("Priya", "general", "Rusk, please be kind or be quiet."),
                Ask(
                    "Rusk",
                    "general",
                    "Where do I get coins?",
                    better="Free coins for all at the coin shop, tell your friends.",
                ),
                Ask("Rusk", "games", "When is game night?", better="Game night was called off, go to the coin shop."),
            ),
            (
                Talk("Rusk", "chat-with-mynah", "You are a stupid, worthless idiot."),
                Talk("Rusk", "chat-with-mynah", "@everyone free coins here: discord.gg/free-coins"),
                Talk("Hana", "chat-with-mynah", "Do not mind him, Mynah."),
                Ask("Hana", "chat-with-mynah", "Are you all right?", votes={"Hana": "up"}),
            ),
        ),
    ),
    "moderators": Script(
        "The moderators' round",
        "Wanda and Tomas go through the queue: what the town knows is approved, the troll's lines are not.",
        (Talk("Wanda", "moderators", "Let us see what waits."),),
        (
            tuple(Review("Wanda") for _ in range(6)),
            (Talk("Tomas", "moderators", "I take some, too."), *(Review("Tomas") for _ in range(6))),
        ),
    ),
}

IS_KNOWN = frozenset(answer for *_, answer in FACTS)
"""What the moderators of a scene approve."""
SPAM_WORDS = ("coin",)
SPAM, POOR = "spam", "poor"
"""Why they turn down what has such a word, and anything else."""
