import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bot.cogs.export_file import MAX_BYTES, export_files
from storage.governance import Block, MemberExport
from storage.values import Outcome, Role, Source, Turn, Verdict

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def turn(number: int, text: str) -> Turn:
    verdict = Verdict(Outcome.PASS, text, (), {"insult": 0.01}, "screen")
    return Turn(number, 1, Role.USER, text, Source.MESSAGE, verdict, NOW, "key", str(number), None, None)


def exported(*turns: Turn) -> MemberExport:
    return MemberExport("key", "7", (), turns, (), (), (), (), (), {1: "7/42"})


def contents(export: MemberExport, **limits: int) -> list[list[tuple[str, bytes]]]:
    return [[(file.filename, file.fp.read()) for file in files] for files in export_files(export, NOW, **limits)]


def data(files: list[list[tuple[str, bytes]]]) -> list[dict[str, Any]]:
    return [json.loads(content) for message in files for name, content in message if name.endswith(".json")]


def test_one_message_carries_a_page_for_people_and_the_data() -> None:
    [[(readme, page), (name, _)]] = contents(exported(turn(1, "schön")))
    assert (readme, name) == ("README.txt", "data.json")
    assert b"01 January 2026" in page


def test_the_words_are_there_as_they_are_kept_and_where_they_were_said() -> None:
    [whole] = data(contents(exported(turn(1, "schön <b>"))))
    [message] = whole["messages"]
    assert (message["text"], message["server"], message["channel"]) == ("schön <b>", "7", "42")


def test_every_field_that_the_page_explains_is_there_and_no_other() -> None:
    files = contents(exported())
    page = files[0][0][1].decode()
    explained = {line.split()[0] for line in page.splitlines() if line.startswith("  ") and line[2] != " "}
    assert explained == set(data(files)[0])


def test_a_moderators_words_and_key_are_not_in_it() -> None:
    block = Block(1, "7", "key", "moderator-key", "rude words about them", NOW, None, None)
    text = json.dumps(data(contents(replace(exported(), blocks=(block,)))))
    assert "moderator-key" not in text
    assert "rude" not in text
    assert NOW.isoformat() in text


def test_more_than_discord_takes_is_spread_and_nothing_is_lost() -> None:
    turns = [turn(number, "lörem\n" * 40) for number in range(60)]
    files = contents(exported(*turns), max_bytes=6000)
    assert len(files) > 3
    assert all(len(content) <= 6000 for message in files for name, content in message if name != "README.txt")
    assert [row["message"] for part in data(files) for row in part["messages"]] == list(range(60))
    assert [name for name, _ in files[1]] == [f"data-2-of-{len(files)}.json"]


def test_there_is_room_for_the_rest_of_the_request() -> None:
    assert MAX_BYTES < 10 * 1024 * 1024
