"""How many clicks a full queue takes: the figure that decides whether moderators keep doing it."""

from random import Random
from typing import Any

from storage.values import CandidateState
from tests.bot.cogs.reviewing import NOTHING, labels, shown, waits, walk
from tests.bot.cogs.server import Server

CANDIDATES, CLUSTERS, MOST_CLICKS = 100, 30, 40
MARKS = ("?", "!", "...", " please?")
SYLLABLES = [
    "ba",
    "ce",
    "di",
    "fo",
    "gu",
    "ha",
    "je",
    "ki",
    "lo",
    "mu",
    "na",
    "pe",
    "ri",
    "so",
    "tu",
    "va",
    "we",
    "xi",
    "yo",
    "zu",
]


def sentence(dice: Random, words: int) -> str:
    """Words that nobody has said before."""
    return " ".join("".join(dice.choices(SYLLABLES, k=3)) for _ in range(words))


async def fill_the_queue(server: Server) -> None:
    """Clusters of exchanges that differ by a mark or a word, as when people copy what works; in mixed order."""
    dice = Random(4)
    clusters = [(sentence(dice, 12), sentence(dice, 16)) for _ in range(CLUSTERS)]
    for number in range(CANDIDATES):
        question, reply = clusters[number % CLUSTERS]
        mark = MARKS[number // CLUSTERS]
        await waits(server, question + mark, reply + mark, author=(server.ann, server.bob)[number % 2])


async def test_a_moderator_clears_a_hundred_candidates_with_few_clicks(server: Server) -> None:
    await fill_the_queue(server)
    assert len(await server.parts.store.candidates.by_state(CandidateState.WAITING, limit=200)) == CANDIDATES
    card = await walk(server)
    clicks = 1
    while NOTHING not in shown(card):
        clicks += 1
        assert clicks <= MOST_CLICKS
        await server.moderator.click(card.response.message, label=quickest(card))
    counts = await server.parts.store.candidates.counts()
    assert counts[CandidateState.APPROVED] == CANDIDATES
    assert clicks > CLUSTERS  # or the clusters were not what they should be


def quickest(card: Any) -> str:
    """The button that says yes to most."""
    said = labels(card.response.message)
    return next((label for label in said if label.startswith("Approve all")), "Approve")
