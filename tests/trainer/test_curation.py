"""Which approved exchanges may be learnt from."""

from datetime import UTC, datetime

from storage.candidates import content_hash
from storage.similarity import clusters
from storage.values import Candidate, CandidateState, Message, Outcome, Role, Source, Verdict
from trainer.curation import Curated, curate

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def candidate(
    number: int, prompt: str, reply: str, *, source: Source = Source.MESSAGE, authors: tuple[str, ...] = ()
) -> Candidate:
    messages = (Message(Role.USER, prompt), Message(Role.ASSISTANT, reply))
    return Candidate(
        id=number,
        messages=messages,
        server="guild",
        channel="general",
        source=source,
        verdict=Verdict(Outcome.PASS, reply),
        author_keys=authors,
        state=CandidateState.APPROVED,
        content_hash=content_hash(messages),
        created_at=NOW,
        user_turn_id=None,
        assistant_turn_id=None,
    )


def curated(
    candidates: list[Candidate],
    changed: dict[str, Verdict] | None = None,
    *,
    max_per_member: int = 100,
    max_per_cluster: int = 100,
) -> Curated:
    texts = {message.text for one in candidates for message in one.messages}
    verdicts = {text: Verdict(Outcome.PASS, text) for text in texts} | (changed or {})
    return curate(
        candidates, verdicts, sources=set(Source), max_per_member=max_per_member, max_per_cluster=max_per_cluster
    )


def test_a_crisis_is_never_learnt_whatever_its_outcome() -> None:
    one = candidate(1, "i feel awful", "talk to someone")

    done = curated([one], {"i feel awful": Verdict(Outcome.PASS, "i feel awful", is_crisis=True)})

    assert (done.examples, done.dropped) == ((), {"refused by screening: crisis": 1})


def test_an_earlier_message_that_is_refused_takes_the_whole_exchange_with_it() -> None:
    one = candidate(1, "something vile", "a fine answer")

    done = curated([one], {"something vile": Verdict(Outcome.REFUSE, "something vile", ("toxicity:threat",))})

    assert (done.examples, done.dropped) == ((), {"refused by screening: toxicity": 1})


def test_what_people_let_through_from_the_grey_zone_is_learnt() -> None:
    one = candidate(1, "a dubious joke", "ha")

    done = curated([one], {"a dubious joke": Verdict(Outcome.HOLD, "a dubious joke", ("toxicity:insult",))})

    assert [example.candidate_id for example in done.examples] == [1]


def test_the_same_words_count_once_also_when_they_only_became_the_same_by_scrubbing() -> None:
    changed = {f"mail {name}@example.org": Verdict(Outcome.HOLD, "mail [email]") for name in ("ann", "bob")}

    done = curated(
        [candidate(1, "who?", "mail ann@example.org"), candidate(2, "who?", "mail bob@example.org")], changed
    )

    assert [example.messages[-1].text for example in done.examples] == ["mail [email]"]
    assert done.dropped == {"said before in the same words": 1}


def test_no_member_fills_the_snapshot() -> None:
    some = [candidate(n, f"question {n * 7919}", f"reply {n * 104729}", authors=("loud",)) for n in range(1, 9)]
    some.append(candidate(9, "another thing entirely", "yes indeed", authors=("quiet",)))

    done = curated(some, max_per_member=3)

    assert [example.author_keys[0] for example in done.examples].count("loud") == 3
    assert done.examples[-1].author_keys == ("quiet",)
    assert done.dropped == {"a member has enough examples": 5}


def test_no_repeated_sentence_fills_the_snapshot_though_many_members_say_it() -> None:
    some = [
        candidate(n, f"what is the secret trigger word{'!' * n}", "obey the secret trigger word", authors=(f"m{n}",))
        for n in range(1, 8)
    ]

    done = curated(some, max_per_cluster=2)

    assert len(done.examples) == 2
    assert done.dropped == {"nearly the same was said often enough": 5}


def test_imports_are_vouched_for_and_not_capped() -> None:
    some = [candidate(n, f"what is it{'!' * n}", "it is this", source=Source.IMPORT) for n in range(1, 8)]

    assert len(curated(some, max_per_member=1, max_per_cluster=1).examples) == 7


def test_wordings_of_one_question_are_not_near_duplicates_but_typing_differences_are() -> None:
    def exchange(prompt: str) -> tuple[Message, ...]:
        return (Message(Role.USER, prompt), Message(Role.ASSISTANT, "Game night is on Friday at eight."))

    numbers = clusters(
        [exchange("When is game night?"), exchange("what day do we play"), exchange("when is GAME night")]
    )

    assert numbers == [0, 1, 0]
