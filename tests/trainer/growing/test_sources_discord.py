"""DiscordChatExporter's JSON: who is whom stays behind, and conversations are told apart."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.growing.talking import export, said, write
from tests.trainer.growing.test_sources import read, talks
from trainer.growing import sources_decoding, sources_documents
from trainer.growing.sources import Readable, find
from trainer.growing.sources_discord import BOTS, MENTIONS, NOTICES, WORDLESS
from trainer.growing.sources_values import Broken, FoundTalk, Reading


def channel(path: Path, *messages: dict[str, Any]) -> list[list[str]]:
    """The texts of each conversation of a channel, the second views left out."""
    told = talks(write(path / "general.json", export(messages)))
    return [[text for _, text in one] for one in told]


def test_what_somebody_says_in_a_row_is_one_turn_and_everybody_plays_the_assistant(tmp_path: Path) -> None:
    messages = [
        said(1, "ann", "hello"),
        said(2, "ben", "hi", minutes=1),
        said(3, "ben", "how are you", minutes=2),
        said(4, "ann", "fine", minutes=3),
    ]
    assert talks(write(tmp_path / "general.json", export(messages))) == [
        [("user", "hello"), ("assistant", "hi\nhow are you"), ("user", "fine")],
        [("user", "hi\nhow are you"), ("assistant", "fine")],
    ]


@pytest.mark.parametrize("indent", [None, 2], ids=["one line", "many lines"])
@pytest.mark.parametrize("name", ["general.json", "general.jsonl", "export.txt"])
def test_an_export_is_known_by_what_it_is(tmp_path: Path, indent: int | None, name: str) -> None:
    told = export([said(1, "ann", "hello"), said(2, "ben", "hi")], indent=indent)
    assert talks(write(tmp_path / name, told)) == [[("user", "hello"), ("assistant", "hi")]]


def test_a_pause_begins_a_new_conversation(tmp_path: Path) -> None:
    assert channel(
        tmp_path,
        said(1, "ann", "hello"),
        said(2, "ben", "hi", minutes=29),
        said(3, "ann", "again", minutes=60),
        said(4, "ben", "yes", minutes=61),
    ) == [["hello", "hi"], ["again", "yes"]]


def test_a_reply_goes_on_after_a_pause(tmp_path: Path) -> None:
    late = said(3, "ann", "sorry, was away", minutes=300, type="Reply", reference={"messageId": "2"})
    told = channel(tmp_path, said(1, "ann", "hello"), said(2, "ben", "hi", minutes=1), late)
    assert told == [["hello", "hi", "sorry, was away"], ["hi", "sorry, was away"]]


def test_a_reply_to_something_further_back_is_an_exchange_of_its_own(tmp_path: Path) -> None:
    found = read(
        write(
            tmp_path / "general.json",
            export(
                [
                    said(1, "ann", "who has the map"),
                    said(2, "ben", "did you see the match"),
                    said(3, "cleo", "I have it", type="Reply", reference={"messageId": "1"}),
                    said(4, "ann", "I did"),
                ]
            ),
        )
    )
    told = [[turn.text for turn in one.turns] for one in found if isinstance(one, FoundTalk)]
    assert told == [
        ["who has the map", "I have it"],
        ["who has the map", "did you see the match", "I did"],
        ["did you see the match", "I did"],
    ]
    assert len({one.unit for one in found if isinstance(one, FoundTalk)}) == 1


def test_a_reply_to_oneself_or_to_the_last_speaker_is_just_the_next_turn(tmp_path: Path) -> None:
    told = channel(
        tmp_path,
        said(1, "ann", "one"),
        said(2, "ann", "two"),
        said(3, "ben", "to the first", type="Reply", reference={"messageId": "1"}),
        said(4, "ben", "to myself", type="Reply", reference={"messageId": "3"}),
    )
    assert told == [["one\ntwo", "to the first\nto myself"]]


def test_bots_notices_and_pictures_are_left_out_and_counted(tmp_path: Path) -> None:
    path = write(
        tmp_path / "general.json",
        export(
            [
                said(1, "ann", "Joined the server.", type="GuildMemberJoin"),
                said(2, "ann", "hello"),
                said(3, "robot", "beep", author={"id": "5", "name": "robot", "isBot": True}),
                said(4, "ann", "", embeds=[{"title": "a link"}]),
                said(5, "ben", "hi"),
            ]
        ),
    )
    [found] = find([str(path)])
    assert isinstance(found, Readable)
    reading = Reading()
    [told] = found.read(reading)
    assert isinstance(told, FoundTalk)
    assert [turn.text for turn in told.turns] == ["hello", "hi"]
    assert reading.left_out == {NOTICES: 1, BOTS: 1, WORDLESS: 1}
    assert reading.changed[MENTIONS] == 0


@pytest.mark.parametrize(
    ("content", "plain"),
    [
        ("@Annabel and @ann, look", "and, look"),
        ("<@123456789012345678> look <@!123456789012345678>", "look"),
        ("see <#123456789012345678> <a:wave:123456789012345678>", "see :wave:"),
        ("@everyone come at <t:1700000000:R>!", "come at!"),
        ("mail me at noon", "mail me at noon"),
    ],
)
def test_mentions_and_custom_emoji_are_made_plain(tmp_path: Path, content: str, plain: str) -> None:
    people = [{"id": "5", "name": "ann", "nickname": "Annabel"}]
    [told] = channel(tmp_path, said(1, "ben", "hello"), said(2, "cleo", content, mentions=people))
    assert told == ["hello", plain]


def test_neither_names_nor_ids_of_people_leave(tmp_path: Path) -> None:
    people = [{"id": "999000000000000411", "name": "cleo", "nickname": "Cleopatra"}]
    path = write(
        tmp_path / "general.json",
        export([said(1, "ann", "hello @cleo", mentions=people), said(2, "cleo", "hi @Cleopatra", mentions=people)]),
    )
    [told] = read(path)
    assert isinstance(told, FoundTalk)
    assert told.author is None
    assert [turn.text for turn in told.turns] == ["hello", "hi"]


def test_a_cut_off_export_is_read_up_to_where_it_ends(tmp_path: Path) -> None:
    whole = export([said(number, "ab"[number % 2], f"number {number}") for number in range(6)])
    found = read(write(tmp_path / "general.json", whole[: whole.index("number 4")]))
    told = [one for one in found if isinstance(one, FoundTalk)]
    assert [turn.text for turn in told[0].turns] == ["number 0", "number 1", "number 2", "number 3"]
    assert isinstance(found[-1], Broken)
    assert "the rest is not read" in found[-1].reason


def test_messages_that_are_none_are_reported(tmp_path: Path) -> None:
    whole = json.loads(export([said(1, "ann", "hello"), said(2, "ben", "hi")]))
    whole["messages"].insert(1, {"id": 5})
    found = read(write(tmp_path / "general.json", json.dumps(whole)))
    assert [type(one) for one in found] == [Broken, FoundTalk]


def test_a_busy_channel_is_parted_before_it_grows_too_long(tmp_path: Path) -> None:
    told = channel(tmp_path, *(said(number, "ab"[number % 2], f"number {number}") for number in range(500)))
    assert max(map(len, told)) <= 200
    assert len({text for one in told for text in one}) == 500


def test_an_export_is_read_in_pieces_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "general.json", export([said(1, "ann", "hällo 1234567890"), said(2, "ben", "hi")]))
    real = sources_decoding.text_chunks
    monkeypatch.setattr(sources_documents, "text_chunks", lambda path, reading: real(path, reading, 3))
    assert talks(path) == [[("user", "hällo 1234567890"), ("assistant", "hi")]]


def test_an_item_without_end_is_not_read_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources_documents, "MAX_ITEM_CHARACTERS", 100_000)
    path = write(tmp_path / "general.json", export([said(1, "ann", "x" * 400_000), said(2, "ben", "hi")]))
    [broken] = read(path)
    assert isinstance(broken, Broken)
    assert "longer than 100000" in broken.reason
