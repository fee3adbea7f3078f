"""The words of approved candidates, and which of these are nearest to some others: no model, no text twice.

Rare words tell more than common ones. A word that almost every candidate has is left out when there are better ones.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session
from sqlmodel import col

from storage.candidate_rows import messages_from_json
from storage.similarity import prompt_of, reply_of, word_keys
from storage.tables import CandidateRow, CandidateWordRow

_MOST_WORDS = 64
"""Of a query; the rarest are taken."""
_MOST_READ = 20_000
"""Rows of the index that one search reads."""


def index_words(session: Session, row: CandidateRow) -> None:
    """Let a candidate be found by its words."""
    unindex_words(session, row)
    if keys := words_of(row):
        session.execute(insert(CandidateWordRow), [{"candidate_id": row.id, "word": key} for key in keys])


def words_of(row: CandidateRow) -> tuple[int, ...]:
    """The keys under which a candidate is found."""
    messages = messages_from_json(row.messages)
    return word_keys(row.server, f"{prompt_of(messages)} {reply_of(messages)}")


def unindex_words(session: Session, row: CandidateRow) -> None:
    """Let a candidate be found no more."""
    session.execute(delete(CandidateWordRow).where(col(CandidateWordRow.candidate_id) == row.id))


def nearest(session: Session, server: str, text: str, *, limit: int) -> Sequence[tuple[int, float]]:
    """Ids of a server's indexed candidates near a text, with the share of telling words in common, best first."""
    keys = word_keys(server, text)
    counted = session.execute(
        select(col(CandidateWordRow.word), func.count())
        .where(col(CandidateWordRow.word).in_(keys))
        .group_by(col(CandidateWordRow.word))
    )
    frequency: dict[int, int] = {word: count for word, count in counted}  # noqa: C416 - rows are not tuples to mypy
    taken = _telling(frequency)
    if not taken:
        return []
    weight = {word: 1 / math.log2(1 + frequency.get(word, 0)) if word in frequency else 1.0 for word in keys}
    common: dict[int, float] = defaultdict(float)
    for word, candidate_id in session.execute(
        select(col(CandidateWordRow.word), col(CandidateWordRow.candidate_id)).where(
            col(CandidateWordRow.word).in_(taken)
        )
    ):
        common[candidate_id] += weight[word]
    whole = sum(weight.values())
    best = sorted(common.items(), key=lambda found: (-found[1], -found[0]))[:limit]
    return [(candidate_id, shared / whole) for candidate_id, shared in best]


def _telling(frequency: Mapping[int, int]) -> list[int]:
    """The rarest words, as far as reading their rows stays cheap; at least one."""
    taken: list[int] = []
    rows = 0
    for word, count in sorted(frequency.items(), key=lambda found: (found[1], found[0]))[:_MOST_WORDS]:
        rows += count
        if taken and rows > _MOST_READ:
            break
        taken.append(word)
    return taken
