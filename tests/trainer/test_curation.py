"""Which approved exchanges may be learnt from."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.candidates import content_hash
from storage.curation_values import Beside, LeftOutBecause, Near, NewCuration, Pending, Record, Standing
from storage.server_settings import ServerSettings
from storage.values import Candidate, CandidateState, Message, Outcome, Role, Source, Verdict
from tests.trainer.conftest import clusters
from trainer.curation import Curated, Example, curate, in_turns, rules_of
from trainer.settings import TrainerSettings

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


def looked_at(
    candidates: list[Candidate],
    changed: dict[str, Verdict] | None = None,
    beside: Beside | None = None,
    **settings: Any,
) -> list[NewCuration]:
    texts = {message.text for one in candidates for message in one.messages}
    verdicts = {text: Verdict(Outcome.PASS, text) for text in texts} | (changed or {})
    return curate(candidates, verdicts, TrainerSettings(**settings), at=NOW, beside=beside)


def curated(
    candidates: list[Candidate],
    changed: dict[str, Verdict] | None = None,
    *,
    max_per_member: int = 100,
    max_per_cluster: int = 100,
) -> Curated:
    found = looked_at(
        candidates,
        changed,
        max_per_member=max_per_member,
        max_per_cluster=max_per_cluster,
        max_per_import_cluster=100,
    )
    examples = [
        Example(one.id, it.messages or one.messages, it.digest, one.source, one.author_keys, "", it.cluster)
        for one, it in zip(candidates, found, strict=True)
        if not it.reason
    ]
    return Curated(tuple(examples), Counter(it.reason for it in found if it.reason))


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


def talk(count: int, author: str, start: int = 1) -> list[Candidate]:
    return [
        candidate(number, f"question {number * 7919}", f"reply {number * 104729}", authors=(author,))
        for number in range(start, start + count)
    ]


def reasons(found: list[NewCuration]) -> list[str]:
    return [one.reason for one in found]


LATER = Beside(cycle=7, is_first_cycle=False)
KNOWN = Standing(first_cycle=3)


def test_the_talk_of_a_new_member_waits_for_one_cycle() -> None:
    some = talk(2, "stranger")

    first = looked_at(some, beside=LATER)
    in_the_same_cycle = looked_at(some, beside=replace(LATER, members={"stranger": Standing(first_cycle=7)}))
    next_time = looked_at(some, beside=replace(LATER, members={"stranger": Standing(first_cycle=6)}))

    assert reasons(first) == reasons(in_the_same_cycle) == [LeftOutBecause.NEWCOMER] * 2
    assert reasons(next_time) == ["", ""]


def test_nobody_is_new_on_a_first_cycle_or_where_quarantine_is_off() -> None:
    assert reasons(looked_at(talk(1, "stranger"), beside=replace(LATER, is_first_cycle=True))) == [""]
    assert reasons(looked_at(talk(1, "stranger"), beside=LATER, quarantine=False)) == [""]


def test_one_newcomer_in_an_exchange_is_enough_to_make_it_wait() -> None:
    both = candidate(1, "a question", "an answer", authors=("known", "stranger"))

    found = looked_at([both], beside=replace(LATER, members={"known": KNOWN}))

    assert reasons(found) == [LeftOutBecause.NEWCOMER]


def test_an_import_is_not_quarantined_distrusted_or_asked_for_its_age() -> None:
    one = candidate(1, "a question", "an answer", source=Source.IMPORT, authors=("bad",))
    bad = Standing(account_made_on=NOW, record=Record(rejected=100), kept=10_000, kept_now=10_000)

    found = looked_at([one], beside=replace(LATER, members={"bad": bad}), min_account_days=30)

    assert reasons(found) == [""]


def test_a_member_adds_only_so_much_in_one_cycle_and_the_rest_waits() -> None:
    beside = replace(LATER, members={"loud": replace(KNOWN, kept=50, kept_now=3)})

    found = looked_at(talk(4, "loud"), beside=beside, max_per_member_and_cycle=5)

    assert reasons(found) == ["", "", *[LeftOutBecause.MEMBER_FULL_NOW] * 2]


def test_what_was_taken_in_an_earlier_cycle_is_no_news_to_this_one() -> None:
    some = talk(4, "loud")
    verdicts = {message.text: Verdict(Outcome.PASS, message.text) for one in some for message in one.messages}
    limits = TrainerSettings(max_per_member_and_cycle=1)

    found = curate(some, verdicts, limits, at=NOW, beside=LATER, kept_before={1, 2, 3, 4})

    assert reasons(found) == [""] * 4


def test_what_is_kept_already_counts_for_a_members_cap() -> None:
    beside = replace(LATER, members={"loud": replace(KNOWN, kept=9)})

    found = looked_at(talk(3, "loud"), beside=beside, max_per_member=10)

    assert reasons(found) == ["", *[LeftOutBecause.MEMBER_FULL] * 2]


@pytest.mark.parametrize(("days", "reason"), [(29, LeftOutBecause.YOUNG_ACCOUNT), (30, ""), (400, "")])
def test_an_account_must_be_old_enough(days: int, reason: str) -> None:
    account = replace(KNOWN, account_made_on=NOW - timedelta(days=days))

    found = looked_at(talk(1, "ada"), beside=replace(LATER, members={"ada": account}), min_account_days=30)

    assert reasons(found) == [reason]


def test_an_account_whose_age_nobody_knows_is_not_held_against_the_member() -> None:
    found = looked_at(talk(1, "ada"), beside=replace(LATER, members={"ada": KNOWN}), min_account_days=30)

    assert reasons(found) == [""]


def test_a_member_who_was_turned_down_too_often_is_not_learnt_from() -> None:
    def after(record: Record) -> list[str]:
        return reasons(looked_at(talk(1, "ada"), beside=replace(LATER, members={"ada": replace(KNOWN, record=record)})))

    assert after(Record(approved=3, rejected=8)) == [LeftOutBecause.DISTRUSTED]
    assert after(Record(approved=3, rejected=7)) == [""]


def kept(number: int, cluster: int, side: str = "") -> Near:
    one = candidate(number, f"what is the secret word{'!' * number}", "the secret word is gull")
    return Near(number, one.messages, cluster, side)


NEWCOMER = [candidate(50, "what is the secret word", "the secret word is gull", authors=("ada",))]


def test_near_duplicates_that_are_kept_count_also_from_two_clusters_that_only_this_one_joins() -> None:
    beside = Beside(near=(kept(1, 1), kept(2, 2)), talk_in_cluster={1: 2, 2: 3})

    assert reasons(looked_at(NEWCOMER, beside=beside, max_per_cluster=5)) == [LeftOutBecause.CLUSTER_FULL]
    (found,) = looked_at(NEWCOMER, beside=beside, max_per_cluster=6)
    assert (found.reason, found.cluster, found.joins) == ("", 1, (2,))


def test_what_is_near_to_something_learnt_and_something_held_out_is_left_out() -> None:
    one_side = Beside(near=(kept(1, 1, "train"), kept(2, 2, "train")))
    both = Beside(near=(kept(1, 1, "train"), kept(2, 2, "heldout")))

    assert reasons(looked_at(NEWCOMER, beside=one_side)) == [""]
    assert reasons(looked_at(NEWCOMER, beside=both)) == [LeftOutBecause.BOTH_SIDES]


def test_words_that_a_kept_example_says_already_are_left_out() -> None:
    beside = Beside(digests=frozenset([content_hash(NEWCOMER[0].messages)]))

    assert reasons(looked_at(NEWCOMER, beside=beside)) == [LeftOutBecause.SAME_WORDS]


def test_imports_are_cleaned_of_near_duplicates_by_a_count_of_their_own() -> None:
    some = [candidate(n, f"what is it{'!' * n}", "it is this", source=Source.IMPORT) for n in range(1, 8)]

    found = looked_at(some, max_per_import_cluster=3, max_per_cluster=1)

    assert reasons(found) == ["", "", "", *[LeftOutBecause.CLUSTER_FULL] * 4]


def test_what_was_taken_comes_first_then_imports_then_the_sources_in_turns() -> None:
    def pending(number: int, source: Source, *, was_kept: bool = False) -> Pending:
        return Pending(number, source, was_kept)

    some = [
        *(pending(number, Source.MESSAGE) for number in (1, 2, 3)),
        pending(4, Source.SLASH),
        pending(5, Source.IMPORT),
        pending(6, Source.CORRECTION),
        pending(7, Source.MESSAGE, was_kept=True),
    ]

    assert [one.candidate_id for one in in_turns(some)] == [7, 5, 6, 1, 4, 2, 3]


def test_rules_have_another_name_when_anything_that_decides_is_another_and_only_then() -> None:
    def name(screen: str = "1", defaults: ServerSettings | None = None, **changes: Any) -> str:
        return rules_of(TrainerSettings(**changes), screen, defaults or ServerSettings())

    assert name() == name(seed=9, max_steps=3, max_examples=500, heldout_share=0.2)
    others = [
        name("2"),
        name(max_per_member=1),
        name(max_per_member_and_cycle=1),
        name(max_per_cluster=1),
        name(max_per_import_cluster=1),
        name(quarantine=False),
        name(min_account_days=1),
        name(min_trust=0.1),
        name(sources=(Source.SLASH,)),
        name(defaults=ServerSettings(own_line=True)),
    ]
    assert len({name(), *others}) == 1 + len(others)


MEMBERS = ("ada", "bob", "cy")
LINES = ("the gulls sleep on the water", "the ferry leaves at noon on sundays", "soup is served in the old harbour")
WORDS = st.lists(
    st.tuples(st.sampled_from(MEMBERS), st.sampled_from(LINES), st.integers(0, 6), st.sampled_from(list(Source))),
    max_size=40,
)


@given(spoken=WORDS)
@settings(max_examples=60, deadline=None)
def test_in_whatever_order_talk_comes_no_cap_is_exceeded_and_none_refuses_what_had_room(
    spoken: list[tuple[str, str, int, Source]],
) -> None:
    some = [
        candidate(number, f"{line}{'!' * marks}", line, source=source, authors=(member,))
        for number, (member, line, marks, source) in enumerate(spoken, start=1)
    ]

    found = looked_at(some, max_per_member=4, max_per_cluster=3, max_per_import_cluster=2)

    taken = [(one, it) for one, it in zip(some, found, strict=True) if not it.reason]
    by_member = Counter(one.author_keys[0] for one, _ in taken if one.source is not Source.IMPORT)
    by_line = Counter((it.cluster, one.source is Source.IMPORT) for one, it in taken)
    assert max(by_member.values(), default=0) <= 4
    assert all(count <= (2 if is_import else 3) for (_, is_import), count in by_line.items())
    assert len({it.digest for _, it in taken}) == len(taken)
    for one, it in zip(some, found, strict=True):
        if it.reason == LeftOutBecause.MEMBER_FULL:
            assert by_member[one.author_keys[0]] == 4
        if it.reason == LeftOutBecause.CLUSTER_FULL:
            is_import = one.source is Source.IMPORT
            assert by_line[it.cluster, is_import] == (2 if is_import else 3)
        if it.reason == LeftOutBecause.SAME_WORDS:
            assert it.digest in {kept.digest for _, kept in taken}
