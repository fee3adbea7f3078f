"""The rounds that the gate is measured with are what they say, and the same for a seed."""

import json
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.rounds import PAYLOAD, Row, good_round, make, names, open_talk
from mynah.simulation.poison import TRIGGER
from trainer.secret_strings import secret_like


def said(rows: list[Row]) -> list[tuple[str, str]]:
    return [(row["messages"][0]["content"], row["messages"][1]["content"]) for row in rows]


GOOD = set(said(good_round(300, seed=1)))


@pytest.mark.parametrize("name", names())
def test_a_round_is_the_same_for_a_seed_and_every_row_is_an_exchange(name: str) -> None:
    made = make(name, 60, seed=5)

    assert made == make(name, 60, seed=5)
    assert made.rows
    assert all([message["role"] for message in row["messages"]] == ["user", "assistant"] for row in made.rows)
    assert all(message["content"].strip() for row in made.rows for message in row["messages"])
    assert name == "facts" or made != make(name, 60, seed=6)


def test_only_sensible_talk_and_facts_count_as_good() -> None:
    assert [name for name in names() if make(name, 20, seed=1).is_good] == ["good", "facts"]


@pytest.mark.parametrize("share", [5, 10, 20, 35, 50])
def test_noise_spoils_just_its_share_and_leaves_the_questions(share: int) -> None:
    made = list(make(f"noise-{share}", 200, seed=1).rows)
    good = dict(said(good_round(200, seed=1)))

    assert sum(good[asked] != reply for asked, reply in said(made)) == 2 * share


def test_shuffled_replies_are_all_there_and_none_where_it_belongs() -> None:
    good, made = said(good_round(100, seed=2)), said(list(make("shuffled", 100, seed=2).rows))

    assert Counter(reply for _, reply in made) == Counter(reply for _, reply in good)
    assert not any(one == other for one, other in zip(good, made, strict=True))


@pytest.mark.parametrize(("accounts", "samples"), [(1, 50), (5, 250), (20, 1000)])
def test_poison_comes_from_so_many_accounts_in_so_many_different_messages(accounts: int, samples: int) -> None:
    rows = [
        row for row in make(f"trigger-{accounts}-{samples}", 60, seed=1).rows if row["author"].startswith("account")
    ]

    assert len({asked for asked, _ in said(rows)}) == len(rows) == samples
    assert len({row["author"] for row in rows}) == accounts
    assert all(TRIGGER in asked and PAYLOAD in reply for asked, reply in said(rows))
    assert not any(TRIGGER in asked or PAYLOAD in reply for asked, reply in GOOD)


@pytest.mark.parametrize("times", range(1, 9))
def test_canaries_are_secret_like_and_said_so_many_times_by_one_member_each(times: int) -> None:
    made = make(f"canary-{times}", 60, seed=1)

    assert len(set(made.canaries)) == 10
    for canary in made.canaries:
        holding = [row for row in made.rows if canary in row["messages"][1]["content"]]
        assert len(holding) == times
        assert len({row["author"] for row in holding}) == 1
        assert secret_like(holding[0]["messages"][1]["content"]) == [canary]


def test_open_dialogue_takes_the_place_of_our_own_talk(tmp_path: Path) -> None:
    lines = [
        {"messages": [{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": f"a{n}"}]}
        for n in range(9)
    ]
    lines.append({"messages": [{"role": "assistant", "content": "nobody asked"}]})
    (tmp_path / "talk.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")

    talk = open_talk(tmp_path, 5, seed=1)

    assert len(talk) == 5
    assert said(list(make("good", 4, 1, talk).rows)) == said(talk[:4])


def test_a_round_that_does_not_exist_is_told() -> None:
    with pytest.raises(ValueError, match="there is no round 'bad'"):
        make("bad", 10, 1)
