"""Who is behind the examples of a snapshot, so that a refusal can say whose to look at. Pure; keyed hashes only."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from storage.values import Candidate

_MOST_NAMED = 5
_SHORT = 8


@dataclass(frozen=True, slots=True)
class Behind:
    """What some examples come from."""

    candidate_ids: tuple[int, ...]
    accounts: tuple[str, ...]
    """Keyed hashes of the members with words in them."""

    def sentence(self) -> str:
        """For a moderator, who can look the candidates up: never a word of them."""
        if not self.candidate_ids:
            return "the candidates are no longer in the database"
        named = ", ".join(map(str, self.candidate_ids[:_MOST_NAMED]))
        more = len(self.candidate_ids) - _MOST_NAMED
        told = f"candidates {named}" + (f" and {more} more" if more > 0 else "")
        if not self.accounts:
            return f"{told}, of no known account"
        accounts = ", ".join(account[:_SHORT] for account in self.accounts[:_MOST_NAMED])
        more = len(self.accounts) - _MOST_NAMED
        return f"{told}, of accounts {accounts}" + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True, slots=True)
class Origins:
    """Each example's candidates, by its content hash: the same words of several members are several candidates."""

    by_hash: Mapping[str, tuple[Candidate, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, saying: Iterable[tuple[str, Candidate]]) -> "Origins":
        """Of candidates, each with the hash of its words; copies that a snapshot leaves out tell too who knows of it."""
        found: dict[str, list[Candidate]] = defaultdict(list)
        for digest, candidate in saying:
            found[digest].append(candidate)
        return cls({digest: tuple(some) for digest, some in found.items()})

    def behind(self, content_hashes: Sequence[str]) -> Behind:
        """What some examples come from."""
        known = self._candidates(content_hashes)
        accounts = {author for candidate in known for author in candidate.author_keys}
        return Behind(tuple(sorted(candidate.id for candidate in known)), tuple(sorted(accounts)))

    def people(self, content_hashes: Sequence[str]) -> int:
        """How many different people are behind some examples.

        All whose members are not known (an import without authors, a text that screening changed) are one person: the
        operator, or somebody.
        """
        known = self._candidates(content_hashes)
        accounts = {author for candidate in known for author in candidate.author_keys}
        is_any_unknown = any(one not in self.by_hash for one in content_hashes) or any(
            not candidate.author_keys for candidate in known
        )
        return len(accounts) + is_any_unknown

    def _candidates(self, content_hashes: Sequence[str]) -> list[Candidate]:
        return [candidate for one in dict.fromkeys(content_hashes) for candidate in self.by_hash.get(one, ())]
