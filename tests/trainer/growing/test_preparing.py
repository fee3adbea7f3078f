"""Preparation from end to end: what is kept, what is dropped and why, and that nothing half-made is left."""

import errno
import json
import random
import shutil
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from storage.errors import MynahError, WrongUsage
from storage.values import Verdict
from tests.fakes.screening import WordScreening
from tests.trainer.growing.talking import export, line, said, write
from trainer.growing import preparing, sources, staging
from trainer.growing.cleaning import LOWERED, SPELT
from trainer.growing.dataset import CARD, HELDOUT, README, TRAIN, Dataset, DatasetWriter, open_dataset
from trainer.growing.preparing import NEAR_COPY, Step, prepare
from trainer.growing.preparing_options import Options
from trainer.growing.sources_decoding import OTHER_ENCODING
from trainer.growing.sources_values import FoundTalk, Turn
from trainer.growing.staging import COPY
from trainer.growing.trimming import EMPTY, JOINED, OPENING, TOO_SHORT

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
Prepare = Callable[..., Dataset]


@pytest.fixture
def make(tmp_path: Path) -> Prepare:
    """Prepares files into `tmp_path / "out"`, with all options at hand."""

    def made(*given: Path, out: str = "out", screening: WordScreening | None = None, **more: Any) -> Dataset:
        arguments = {key: more.pop(key) for key in ("spelling", "replaces", "on_step") if key in more}
        return prepare(
            [str(path) for path in given],
            tmp_path / out,
            Options(**more),
            screening=screening or WordScreening(),
            clock=lambda: NOW,
            **arguments,
        )

    return made


def chatter(count: int, seed: int = 1, **more: object) -> str:
    """Lines of JSON that differ from one another."""
    dice = random.Random(seed)
    words = ["".join(dice.choices("abcdefghijklmnopqrst", k=dice.randint(3, 8))) for _ in range(400)]
    return "".join(line(*(" ".join(dice.choices(words, k=6)) for _ in range(4)), **more) for _ in range(count))


def texts(dataset: Dataset) -> list[list[str]]:
    """What every conversation says, on either side."""
    return [
        [message["content"] for message in talk.messages]
        for side in (dataset.train(), dataset.heldout())
        for talk in side
    ]


def test_talk_of_every_format_comes_together(make: Prepare, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    write(folder / "a.jsonl", line("one", "eins"))
    write(folder / "b.csv", "prompt,response\ntwo,zwei\n")
    write(folder / "c.txt", "user: three\nbot: drei\n")
    write(folder / "d.json", export([said(1, "ann", "four"), said(2, "ben", "vier")]))
    dataset = make(folder)
    assert sorted(texts(dataset)) == [["four", "vier"], ["one", "eins"], ["three", "drei"], ["two", "zwei"]]
    assert set(dataset.card["sources"]) == {"a.jsonl", "b.csv", "c.txt", "d.json"}
    assert dataset.card["files"].keys() == {TRAIN, HELDOUT}
    dataset.verify()


def test_the_same_talk_and_options_make_the_same_dataset(make: Prepare, tmp_path: Path) -> None:
    path = write(tmp_path / "talk.jsonl", chatter(300))
    first, again = make(path), make(path, out="again")
    assert first.content_hash == again.content_hash
    assert {**first.card} == {**again.card}
    assert make(path, out="seed", seed=2).content_hash != first.content_hash


def test_about_the_share_is_held_out_and_no_conversation_is_on_both_sides(make: Prepare, tmp_path: Path) -> None:
    dataset = make(write(tmp_path / "talk.jsonl", chatter(300)), heldout_share=0.1)
    heldout, train = list(dataset.heldout()), list(dataset.train())
    assert (len(heldout), len(train)) == (30, 270)
    assert not [talk for talk in heldout if talk in train]


def test_both_views_of_a_conversation_are_on_one_side(make: Prepare, tmp_path: Path) -> None:
    talk = "".join(
        f"Ann: {one} first\nBen: {one} second\nAnn: {one} third\n\n" for one in ("lamp", "boat", "tree", "king")
    )
    dataset = make(write(tmp_path / "talk.txt", talk), heldout_share=0.25)
    [first, second] = dataset.heldout()
    assert first.messages[1]["content"] == second.messages[0]["content"]


def test_copies_and_near_copies_are_dropped(make: Prepare, tmp_path: Path) -> None:
    long = "the boat that my uncle painted in the spring has lost its colour again"
    path = write(
        tmp_path / "talk.jsonl",
        line("Hello there", "Hi!"),
        line("hello, THERE", "hi"),
        line(long, "I see"),
        line(long + " too", "I see"),
    )
    dataset = make(path)
    assert sorted(texts(dataset)) == [["Hello there", "Hi!"], [long, "I see"]]
    assert dataset.card["dropped"] == {COPY: 1, NEAR_COPY: 1}


def test_a_conversation_ends_before_a_bad_turn_and_is_dropped_when_too_little_is_left(
    make: Prepare, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "talk.jsonl",
        line("a lamp", "a boat", "damn you", "what?"),
        line("a tree", "you damn fool"),
        line("a king", "a queen", "write to ann@example.org", "I will"),
        line("a hat", "I am dubious"),
        line("a coat", "a shoe", "it is hopeless", "no"),
        line("a door", "a key", "x" * 2001, "long"),
        line("a wall", ""),
        line("alone"),
    )
    dataset = make(path)
    assert sorted(texts(dataset)) == [
        ["a coat", "a shoe"],
        ["a door", "a key"],
        ["a king", "a queen"],
        ["a lamp", "a boat"],
    ]
    assert dataset.card["shortened"] == {
        "a turn longer than 2000 characters": 1,
        "crisis:self-harm": 1,
        "held: personal-data:email": 1,
        "toxicity:insult": 1,
    }
    assert dataset.card["dropped"] == {EMPTY: 1, TOO_SHORT: 1, "held: toxicity:insult": 1, "toxicity:insult": 1}


def test_what_became_the_same_by_cutting_is_a_copy(make: Prepare, tmp_path: Path) -> None:
    path = write(tmp_path / "talk.jsonl", line("a", "b", "damn"), line("a", "b", "damn it"), line("c", "d"))
    dataset = make(path)
    assert sorted(texts(dataset)) == [["a", "b"], ["c", "d"]]
    assert dataset.card["dropped"] == {COPY: 1}


def test_everything_is_screened_once_and_in_batches(
    make: Prepare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "_BATCH_TEXTS", 10)
    screening = WordScreening()
    sizes: list[int] = []
    screen = screening.screen

    def counting(given: list[str]) -> Any:
        sizes.append(len(given))
        return screen(given)

    monkeypatch.setattr(screening, "screen", counting)
    path = write(tmp_path / "talk.jsonl", chatter(20), *(line(f"question {number}", "Yes!") for number in range(9)))
    make(path, screening=screening)
    assert max(sizes) <= 13
    assert len(screening.checked) == len(set(screening.checked)) == 90


def test_cleaning_is_counted_and_its_options_work(make: Prepare, tmp_path: Path) -> None:
    path = write(
        tmp_path / "talk.jsonl",
        line("Hello  recieve\u200b", "A caf\u00c3\u00a9"),
        json.dumps({"messages": [{"role": "assistant", "content": "Welcome"}, {"role": "user", "content": "One"},
                                 {"role": "user", "content": "two"}, {"role": "assistant", "content": "Three"}]}),
    )  # fmt: skip
    dataset = make(path, lowercase=True, spelling=lambda word: "receive" if word == "recieve" else word)
    assert sorted(texts(dataset)) == [["hello receive", "a café"], ["one\ntwo", "three"]]
    assert {LOWERED, SPELT, JOINED, OPENING} <= dataset.card["changed"].keys()


def test_mixed_encodings_come_out_as_one(make: Prepare, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    write(folder / "a.txt", "user: für\nbot: schön\n\n".encode(), "user: café\nbot: naïve\n".encode("cp1252"))
    write(folder / "b.txt", "user: zwölf\nbot: ähm\n".encode("utf-16"))
    dataset = make(folder)
    assert sorted(texts(dataset)) == [["café", "naïve"], ["für", "schön"], ["zwölf", "ähm"]]
    assert dataset.card["changed"] == {OTHER_ENCODING: 2}


def test_licences_come_from_the_line_then_the_folder_then_the_option(make: Prepare, tmp_path: Path) -> None:
    write(tmp_path / "mine" / "LICENSE", "MIT License")
    write(tmp_path / "mine" / "a.jsonl", line("one", "eins", licence="CC0"), line("two", "zwei"))
    other = write(tmp_path / "elsewhere" / "b.jsonl", line("three", "drei", source="web"))
    card = make(tmp_path / "mine", other, licence="my own").card
    assert card["sources"]["a.jsonl"]["licences"] == {"CC0": 1, "MIT License (LICENSE)": 1}
    assert card["sources"]["web"]["licences"] == {"my own": 1}
    assert card["notes"] == []


def test_the_card_warns_of_unknown_licences_missing_screens_and_nothing_to_judge_by(
    make: Prepare, tmp_path: Path
) -> None:
    dataset = make(write(tmp_path / "talk.jsonl", line("one", "eins"), "broken\n"), screened=False)
    told = " ".join(dataset.card["notes"])
    for words in (
        "NOT SCREENED",
        "Nothing is held out",
        "Nobody said under which licence this talk is: talk.jsonl",
        "1 lines",
    ):
        assert words in told
    page = (dataset.folder / README).read_text(encoding="utf-8")
    assert all(note in page for note in dataset.card["notes"])
    assert dataset.content_hash in page


def test_counts_of_the_card_are_those_of_the_files(make: Prepare, tmp_path: Path) -> None:
    dataset = make(write(tmp_path / "talk.jsonl", chatter(100, source="web"), chatter(50, seed=2)), heldout_share=0.1)
    for part, side in (("train", dataset.train()), ("heldout", dataset.heldout())):
        talks = list(side)
        contents = [message["content"] for talk in talks for message in talk.messages]
        counted = {"conversations": len(talks), "turns": len(contents), "characters": sum(map(len, contents))}
        assert dataset.card["conversations"][part] == counted
        assert sum(source[part]["turns"] for source in dataset.card["sources"].values()) == len(contents)


def test_nobody_is_named_in_the_folder(make: Prepare, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    write(
        folder / "a.json", export([said(1, "quendolin", "hello"), said(2, "rumpel", "hi"), said(3, "quendolin", "so")])
    )
    write(folder / "b.jsonl", line("two", "zwei", author="stiltskin"))
    dataset = make(folder)
    everything = "".join(path.read_text(encoding="utf-8") for path in dataset.folder.iterdir())
    for secret in ("quendolin", "rumpel", "stiltskin", "99900000", str(tmp_path)):
        assert secret not in everything


REFUSED = {
    "an empty file": (b"", "is empty"),
    "a binary file": (b"\x89PNG\r\n\x1a\n" + b"\0" * 500, "is not text"),
    "broken lines only": (b'{"messages": [\n', "1 × not JSON"),
    "one turn": (line("alone").encode(), "two turns"),
    "nothing that may be learnt": (line("damn", "you").encode(), "1 × toxicity:insult"),
    "a table without usable columns": (b"name,age\nAnn,5\n", 'needs columns "role" and "content"'),
}


@pytest.mark.parametrize(("contents", "told"), REFUSED.values(), ids=REFUSED.keys())
def test_nothing_to_learn_from_is_wrong_usage_and_leaves_nothing(
    make: Prepare, tmp_path: Path, contents: bytes, told: str
) -> None:
    path = write(tmp_path / "in" / ("talk.csv" if b"," in contents[:6] else "talk.jsonl"), contents)
    with pytest.raises(WrongUsage) as caught:
        make(path)
    assert told in str(caught.value)
    assert [one.name for one in tmp_path.iterdir()] == ["in"]


def test_an_empty_folder_is_wrong_usage(make: Prepare, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(WrongUsage, match="There is no file in"):
        make(tmp_path / "in")


def test_one_conversation_is_enough_to_learn_from(make: Prepare, tmp_path: Path) -> None:
    dataset = make(write(tmp_path / "talk.jsonl", line("one", "eins")))
    assert len(list(dataset.train())) == 1
    assert list(dataset.heldout()) == []


def test_unreadable_files_among_good_ones_are_named(make: Prepare, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    write(folder / "good.jsonl", line("one", "eins"))
    write(folder / "noise.txt", bytes(range(256)) * 10)
    write(folder / "table.csv", "name,age\nAnn,5\n")
    write(folder / "facts.json", '{\n"countries": 5}')
    skipped = {one["name"]: one["reason"] for one in make(folder).card["skipped"]}
    assert skipped.keys() == {"noise.txt", "table.csv", "facts.json"}


def test_broken_lines_are_counted_by_kind_with_some_examples(make: Prepare, tmp_path: Path) -> None:
    path = write(tmp_path / "talk.jsonl", line("one", "eins"), "{nonsense\n" * 30, '{"messages": "x"}\n')
    card = make(path).card
    assert sum(card["broken"].values()) == 31
    assert card["broken"]['"messages" is not a list'] == 1
    assert len(card["broken"]) == 2
    assert card["broken_examples"][0].startswith("talk.jsonl:2: not JSON")
    assert len(card["broken_examples"]) == 20


def test_a_disk_that_is_too_small_is_told_before_the_start(
    make: Prepare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    with pytest.raises(MynahError, match="MB free"):
        make(write(tmp_path / "in" / "talk.jsonl", chatter(5)))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_is_told_and_leaves_nothing(
    make: Prepare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(code, "it is full")

    monkeypatch.setattr(DatasetWriter, "add", full)
    with pytest.raises(MynahError, match="The disk is full") as caught:
        make(write(tmp_path / "in" / "talk.jsonl", chatter(5)))
    assert caught.value.exit_code == 1
    assert [one.name for one in tmp_path.iterdir()] == ["in"]


def test_a_place_that_cannot_be_written_is_told(make: Prepare, tmp_path: Path) -> None:
    write(tmp_path / "file", "mine")
    with pytest.raises(MynahError, match="file"):
        make(write(tmp_path / "in" / "talk.jsonl", chatter(5)), out="file/out")


def test_a_source_that_fails_in_the_middle_keeps_what_was_read(
    make: Prepare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> Iterator[FoundTalk]:
        yield FoundTalk((Turn("user", "one"), Turn("assistant", "eins")), "a")
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(sources, "read_json_lines", failing)
    dataset = make(write(tmp_path / "talk.jsonl", line("one", "eins")))
    assert texts(dataset) == [["one", "eins"]]
    assert dataset.card["skipped"] == [{"name": "talk.jsonl", "reason": "cannot be read further: Input/output error"}]


@pytest.mark.parametrize("what", ["reading", "comparing", "writing"])
def test_an_interruption_leaves_nothing(make: Prepare, tmp_path: Path, what: str) -> None:
    def interrupted(step: Step) -> None:
        if step.what.startswith(what):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(write(tmp_path / "in" / "talk.jsonl", chatter(5)), on_step=interrupted)
    assert [one.name for one in tmp_path.iterdir()] == ["in"]


def test_steps_go_forward_to_their_end(make: Prepare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "_STEP_EVERY", 10)
    steps: list[Step] = []
    write(tmp_path / "in" / "a.jsonl", chatter(100))
    write(tmp_path / "in" / "b.jsonl", chatter(100, seed=2))
    make(tmp_path / "in", on_step=steps.append)
    reading = [step.share for step in steps if step.what.startswith("read")]
    assert None not in reading
    assert reading == sorted(share for share in reading if share is not None)
    assert (steps[-1].what, steps[-1].share, steps[-1].conversations) == ("writing", 1.0, 200)


class ForgetfulScreening(WordScreening):
    """Does not keep what it was asked about."""

    def screen(self, texts: Sequence[str]) -> list[Verdict]:
        verdicts = super().screen(texts)
        self.checked.clear()
        return verdicts


def test_memory_does_not_grow_with_the_text(make: Prepare, tmp_path: Path) -> None:
    dice = random.Random(3)
    path = tmp_path / "talk.jsonl"
    peaks: list[int] = []
    for size in (50, 200):
        with path.open("a") as file:
            for _ in range(size):
                letters = "".join(dice.choices("abcdefghijklmnopqrst", k=32_000))
                file.write(line(*(letters[start : start + 1600] for start in range(0, len(letters), 1600))))
        tracemalloc.start()
        try:
            make(path, out=f"out-{size}", screening=ForgetfulScreening())
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert path.stat().st_size > 8_000_000
    assert peaks[1] < 1.1 * peaks[0]


def test_a_dataset_is_replaced_only_when_asked(make: Prepare, tmp_path: Path) -> None:
    one, two = write(tmp_path / "a.jsonl", line("one", "eins")), write(tmp_path / "b.jsonl", line("two", "zwei"))
    make(one)
    with pytest.raises(WrongUsage, match="--force"):
        make(two)
    assert texts(open_dataset(tmp_path / "out")) == [["one", "eins"]]
    make(two, replaces=True)
    assert texts(open_dataset(tmp_path / "out")) == [["two", "zwei"]]


def test_the_card_is_json_and_says_how_it_was_made(make: Prepare, tmp_path: Path) -> None:
    dataset = make(write(tmp_path / "talk.jsonl", line("one", "eins")), skip=("x*",), licence="CC0")
    card = json.loads((dataset.folder / CARD).read_text(encoding="utf-8"))
    assert card["options"]["skip"] == ["x*"]
    assert card["screen"] == {"version": "words-1", "is_whole": True}
    assert card["created_at"] == "2026-03-01T12:00:00+00:00"
    assert card["given"] == ["talk.jsonl"]
    assert card["files_read"] == 1
