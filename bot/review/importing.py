"""Import of conversations that an operator vouches for, from a file of JSON lines.

Each line is `{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}], "author"?: "…",
"channel"?: "…"}`; other keys are ignored. Every message is screened. The file is read as a stream, so its size does
not matter.

Promise: the same file again adds nothing, also when the first import was killed half-way: each conversation is known
by the hash of its screened messages.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from bot.review.lines import BrokenLine, ImportedConversation, read_conversations
from bot.screening.protocol import Screener
from bot.screening.verdicts import together
from storage.candidates import content_hash
from storage.errors import Refused
from storage.store import Store
from storage.values import CandidateState, Message, NewCandidate, Outcome, Source, Verdict

_BATCH_LINES = 256
_BROKEN_LINES_KEPT = 10_000
_CHANNEL = "import"


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did."""

    lines: int = 0
    """Lines that held something; blank ones are not counted."""
    added: int = 0
    duplicates: int = 0
    """Conversations that were there already, or twice in the file."""
    approved: int = 0
    """Candidates that this import approved."""
    held: int = 0
    """Added ones that screening wants a person to look at; approved all the same when the operator vouches."""
    refused: dict[str, int] = field(default_factory=dict)
    """How many conversations were refused, by reason (`toxicity:insult`, `consent:denied`)."""
    broken: tuple[tuple[int, str], ...] = ()
    """Line number (from 1) and what is wrong, for the first 10,000 broken lines."""
    broken_lines: int = 0
    """How many lines are broken, also those that `broken` has no room for."""


async def import_file(
    path: Path,
    *,
    store: Store,
    screening: Screener,
    server: str,
    reviewer_key: str,
    approve: bool,
    author_key_of: Callable[[str], str],
) -> ImportReport:
    """Read a file of conversations into candidates; the same file again adds nothing.

    A conversation becomes one candidate: training learns every assistant message of an imported example, so one
    candidate per message would count the early ones again and again.

    Args:
        path: the file.
        store: where candidates go.
        screening: looks at every message, a batch at a time.
        server: whose candidates they become.
        reviewer_key: who vouches, when `approve` is set.
        approve: whether what screening passes or holds is approved at once, known candidates that wait included.
        author_key_of: the keyed hash of a line's `author`.

    Raises:
        WrongUsage: the file is missing, a folder, empty, or not text.
    """
    importing = _Import(store, screening, server, reviewer_key if approve else None, author_key_of)
    with closing(read_conversations(path)) as records:
        while batch := await asyncio.to_thread(_batch, records):
            await importing.take(batch)
    return importing.report()


def _batch(records: Iterator[ImportedConversation | BrokenLine]) -> list[ImportedConversation | BrokenLine]:
    return list(islice(records, _BATCH_LINES))


class _Import:
    """The counts of an import on its way."""

    def __init__(
        self,
        store: Store,
        screening: Screener,
        server: str,
        approver: str | None,
        author_key_of: Callable[[str], str],
    ) -> None:
        self._store = store
        self._screening = screening
        self._server = server
        self._approver = approver
        self._author_key_of = author_key_of
        self._counts: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._broken: list[tuple[int, str]] = []

    def report(self) -> ImportReport:
        """What was done so far."""
        counts = self._counts
        return ImportReport(
            lines=counts["lines"],
            added=counts["added"],
            duplicates=counts["duplicates"],
            approved=counts["approved"],
            held=counts["held"],
            refused=dict(self._refused.most_common()),
            broken=tuple(self._broken),
            broken_lines=counts["broken"],
        )

    async def take(self, batch: Sequence[ImportedConversation | BrokenLine]) -> None:
        """Screen and write some lines."""
        self._counts["lines"] += len(batch)
        good: list[ImportedConversation] = []
        for record in batch:
            if isinstance(record, BrokenLine):
                self._note_broken(record)
            else:
                good.append(record)
        candidates = [new for new in await self._screened(good) if new is not None]
        hashes = [content_hash(new.messages) for new in candidates]
        known = await self._store.candidates.known_hashes(self._server, hashes) if hashes else set()
        fresh = {key: new for key, new in zip(hashes, candidates, strict=True) if key not in known}
        repeated = {key: new for key, new in zip(hashes, candidates, strict=True) if key in known}
        self._counts["duplicates"] += len(candidates) - len(fresh)
        waiting = await self._add(list(fresh.values()), are_fresh=True)
        if self._approver is not None:
            waiting += await self._add(list(repeated.values()), are_fresh=False)
            await self._approve(waiting, self._approver)

    def _note_broken(self, record: BrokenLine) -> None:
        self._counts["broken"] += 1
        if len(self._broken) < _BROKEN_LINES_KEPT:
            self._broken.append((record.line, record.reason))

    async def _screened(self, conversations: Sequence[ImportedConversation]) -> list[NewCandidate | None]:
        texts = [message.text for conversation in conversations for message in conversation.messages]
        verdicts = iter(await self._screening.check(texts) if texts else [])
        return [
            self._new(conversation, list(islice(verdicts, len(conversation.messages))))
            for conversation in conversations
        ]

    def _new(self, conversation: ImportedConversation, verdicts: list[Verdict]) -> NewCandidate | None:
        for verdict in verdicts:
            if verdict.outcome is Outcome.REFUSE or verdict.is_crisis or not verdict.text.strip():
                self._refused[verdict.reasons[0] if verdict.reasons else "screening"] += 1
                return None
        author = conversation.author
        return NewCandidate(
            messages=tuple(
                Message(message.role, verdict.text)
                for message, verdict in zip(conversation.messages, verdicts, strict=True)
            ),
            server=self._server,
            channel=conversation.channel or _CHANNEL,
            source=Source.IMPORT,
            verdict=together(verdicts),
            author_keys=(self._author_key_of(author),) if author is not None else (),
        )

    async def _add(self, new: Sequence[NewCandidate], *, are_fresh: bool) -> list[int]:
        """Write some; returns the ids of those that wait."""
        waiting: list[int] = []
        added = await self._store.candidates.add_all(new) if new else []
        for one, candidate in zip(new, added, strict=True):
            if isinstance(candidate, Refused):
                self._refused["consent:denied"] += are_fresh
                continue
            if are_fresh:
                self._counts["added"] += 1
                self._counts["held"] += one.verdict.outcome is Outcome.HOLD
            if candidate.state is CandidateState.WAITING:
                waiting.append(candidate.id)
        return waiting

    async def _approve(self, waiting: Sequence[int], approver: str) -> None:
        """Approve what waits; what was decided, or lost its author's consent, since it was read is left."""
        decided = await self._store.candidates.approve_all(waiting, approver) if waiting else {}
        self._counts["approved"] += sum(not isinstance(one, Refused) for one in decided.values())
