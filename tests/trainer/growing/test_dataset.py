"""The folder of a prepared dataset."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from storage.errors import MynahError, WrongUsage
from trainer.growing.dataset import CARD, HELDOUT, README, TRAIN, Dataset, DatasetWriter, Talk, open_dataset

HELLO = Talk([{"role": "user", "content": "Grüß dich"}, {"role": "assistant", "content": "Hi\nthere"}], "a.jsonl")
BYE = Talk([{"role": "user", "content": "Bye"}, {"role": "assistant", "content": "See you \u2028 soon"}], "b.jsonl")
A_DEAD_PROCESS = 2**22 + 1
"""Above the largest process number that Linux gives out."""


def write(folder: Path, *, replaces: bool = False, note: str = "") -> Dataset:
    with DatasetWriter(folder, replaces=replaces) as writer:
        writer.add(HELLO, is_held_out=False)
        writer.add(BYE, is_held_out=True)
        return writer.finish({"note": note}, "# {content_hash}\n")


def test_what_was_written_is_read_again_in_order(tmp_path: Path) -> None:
    write(tmp_path / "talk", note="mine")
    dataset = open_dataset(tmp_path / "talk")
    assert list(dataset.train()) == [HELLO]
    assert list(dataset.heldout()) == [BYE]
    assert dataset.card["note"] == "mine"
    dataset.verify()


def test_the_hash_is_what_sha256sum_would_print_and_stands_on_the_page_for_people(tmp_path: Path) -> None:
    dataset = write(tmp_path / "talk")
    sums = "".join(
        f"{hashlib.sha256((dataset.folder / name).read_bytes()).hexdigest()}  {name}\n" for name in (TRAIN, HELDOUT)
    )
    assert dataset.content_hash == hashlib.sha256(sums.encode()).hexdigest()
    assert (dataset.folder / README).read_text() == f"# {dataset.content_hash}\n"


def test_the_same_talk_has_the_same_hash_whatever_the_card_says(tmp_path: Path) -> None:
    assert write(tmp_path / "one", note="x").content_hash == write(tmp_path / "two", note="y").content_hash


def test_lines_hold_messages_and_source_only(tmp_path: Path) -> None:
    [line] = (write(tmp_path / "talk").folder / TRAIN).read_text(encoding="utf-8").splitlines()
    assert json.loads(line) == {"messages": HELLO.messages, "source": "a.jsonl"}


@pytest.mark.parametrize("name", [TRAIN, HELDOUT])
def test_verify_notices_a_changed_file(tmp_path: Path, name: str) -> None:
    dataset = write(tmp_path / "talk")
    with (dataset.folder / name).open("ab") as file:
        file.write(b"\n")
    with pytest.raises(MynahError, match="changed or damaged"):
        dataset.verify()


def test_damaged_talk_is_an_error_a_person_can_read(tmp_path: Path) -> None:
    dataset = write(tmp_path / "talk")
    (dataset.folder / TRAIN).write_text('{"messages": []')
    with pytest.raises(MynahError, match="damaged"):
        list(dataset.train())


def test_nothing_is_left_when_it_was_not_finished(tmp_path: Path) -> None:
    def interrupted() -> None:
        with DatasetWriter(tmp_path / "talk") as writer:
            writer.add(HELLO, is_held_out=False)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fails_at_the_end_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(tmp_path / "talk")
    assert list(tmp_path.iterdir()) == []


def test_a_dataset_of_that_name_is_left_alone_unless_it_may_be_replaced(tmp_path: Path) -> None:
    write(tmp_path / "talk", note="old")
    with pytest.raises(WrongUsage, match="--force"):
        write(tmp_path / "talk", note="new")
    assert open_dataset(tmp_path / "talk").card["note"] == "old"
    write(tmp_path / "talk", replaces=True, note="new")
    assert open_dataset(tmp_path / "talk").card["note"] == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["talk"]


@pytest.mark.parametrize("replaces", [True, False])
def test_other_folders_and_files_are_never_replaced(tmp_path: Path, replaces: bool) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"meow")
    (tmp_path / "file").write_text("mine")
    for name in ("photos", "file"):
        with pytest.raises(WrongUsage, match="left alone"):
            write(tmp_path / name, replaces=replaces)
    assert (tmp_path / "photos" / "cat.jpg").read_bytes() == b"meow"


def test_an_empty_folder_may_be_taken(tmp_path: Path) -> None:
    (tmp_path / "talk").mkdir()
    write(tmp_path / "talk").verify()


def test_what_killed_processes_left_is_cleared_away_and_what_living_ones_write_is_not(tmp_path: Path) -> None:
    dead, alive = (tmp_path / f".talk.draft-{pid}-00" for pid in (A_DEAD_PROCESS, os.getpid()))
    for draft in (dead, alive):
        draft.mkdir()
    write(tmp_path / "talk")
    assert sorted(path.name for path in tmp_path.iterdir()) == [alive.name, "talk"]


def test_a_dataset_whose_replacement_was_killed_half_way_comes_back(tmp_path: Path) -> None:
    old = write(tmp_path / "talk", note="old").folder
    old.rename(tmp_path / f".talk.draft-{A_DEAD_PROCESS}-00.old")
    with pytest.raises(WrongUsage, match="already"):
        write(tmp_path / "talk")
    assert open_dataset(tmp_path / "talk").card["note"] == "old"


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        (None, "not a prepared dataset"),
        ("nonsense", "not a prepared dataset"),
        ("[]", "not a prepared dataset"),
        ('{"format": 1}', "not a prepared dataset"),
        ('{"format": 99, "content_hash": "x"}', "format 99"),
        ('{"format": 1, "content_hash": "x"}', f"lacks {TRAIN}"),
    ],
    ids=["no card", "not JSON", "a list", "no hash", "a newer format", "no talk"],
)
def test_a_folder_that_is_no_dataset_is_refused(tmp_path: Path, card: str | None, reason: str) -> None:
    if card is not None:
        (tmp_path / CARD).write_text(card)
    with pytest.raises(WrongUsage, match=reason):
        open_dataset(tmp_path)


def test_a_missing_folder_is_refused_with_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(WrongUsage, match="mynah prepare"):
        open_dataset(tmp_path / "nowhere")
