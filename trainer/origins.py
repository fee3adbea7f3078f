"""Who is behind the examples of a snapshot, so that a refusal can say whose to look at. Pure; keyed hashes only."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from storage.candidates import content_hash
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
    """Each example's candidate and members, by the example's content hash."""

    by_hash: Mapping[str, Candidate] = field(default_factory=dict)

    @classmethod
    def of(cls, candidates: Iterable[Candidate]) -> "Origins":
        """Of the candidates of a snapshot; where two say the same, the older one counts, as it does in curation."""
        found: dict[str, Candidate] = {}
        for candidate in sorted(candidates, key=lambda one: one.id):
            found.setdefault(content_hash(candidate.messages), candidate)
        return cls(found)

    def behind(self, content_hashes: Sequence[str]) -> Behind:
        """What some examples come from."""
        known = [self.by_hash[one] for one in dict.fromkeys(content_hashes) if one in self.by_hash]
        accounts = dict.fromkeys(author for candidate in known for author in candidate.author_keys)
        return Behind(tuple(sorted(candidate.id for candidate in known)), tuple(sorted(accounts)))

    def people(self, content_hashes: Sequence[str]) -> int:
        """How many different people are behind some examples.

        All whose members are not known (an import without authors, a text that screening changed) are one person: the
        operator, or somebody.
        """
        accounts: set[str] = set()
        has_unknown = False
        for one in content_hashes:
            authors = self.by_hash[one].author_keys if one in self.by_hash else ()
            accounts.update(authors)
            has_unknown = has_unknown or not authors
        return len(accounts) + has_unknown
