import json
from pathlib import Path

import pytest

from bot.review import lines
from bot.review.importing import ImportReport, import_file
from storage.errors import WrongUsage
from storage.store import Store
from storage.values import CandidateState, Role, Source
from tests.fakes.screening import WordScreening

SERVER = "server"


def line(*texts: str, **more: object) -> str:
    roles = ("user", "assistant")
    messages = [{"role": roles[index % 2], "content": text} for index, text in enumerate(texts)]
    return json.dumps({"messages": messages, **more})


async def run(
    store: Store, path: Path, *, approve: bool = False, screening: WordScreening | None = None
) -> ImportReport:
    return await import_file(
        path,
        store=store,
        screening=screening or WordScreening(),
        server=SERVER,
        reviewer_key="operator",
        approve=approve,
        author_key_of=lambda author: f"key of {author}",
    )


def write(file: Path, *given: str | bytes) -> None:
    """The given lines, as a file."""
    file.write_bytes(b"\n".join(one if isinstance(one, bytes) else one.encode() for one in given))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "talk.jsonl"


BROKEN = {
    "broken JSON": (b'{"messages": [', "not JSON"),
    "not an object": (b"[1, 2]", "not a JSON object"),
    "a bare word": (b"hello", "not JSON"),
    "no messages": (b'{"text": "hi"}', 'no "messages"'),
    "messages not a list": (b'{"messages": "hi"}', "not a list"),
    "empty messages": (b'{"messages": []}', "is empty"),
    "message not an object": (b'{"messages": ["hi"]}', "message 1 is not an object"),
    "unknown role": (b'{"messages": [{"role": "owner", "content": "a"}]}', "message 1 has no role"),
    "role not a string": (b'{"messages": [{"role": ["user"], "content": "a"}]}', "message 1 has no role"),
    "no content": (b'{"messages": [{"role": "user"}]}', "message 1 has no text"),
    "content not a string": (b'{"messages": [{"role": "user", "content": 5}]}', "message 1 has no text"),
    "empty content": (b'{"messages": [{"role": "user", "content": " "}]}', "message 1 is empty"),
    "ends with the user": (line("a", "b", "c").encode(), "does not end with a message of the assistant"),
    "no user": (b'{"messages": [{"role": "assistant", "content": "a"}]}', "no message of a user"),
    "late system": (
        json.dumps({"messages": [{"role": role, "content": "a"} for role in ("user", "system", "assistant")]}).encode(),
        "system message that is not the first",
    ),
    "invalid UTF-8": (b'{"messages": "\xff"}', "not UTF-8 (byte 15"),
    "a NUL": (line("a\0", "b").encode(), "message 1 has a NUL"),
    "a raw NUL": (b'{"messages": "\0"}', "has a NUL"),
    "a lone surrogate": (line("a", "\ud800").encode(), "message 2 has a lone surrogate"),
    "nested too deep": (b'{"messages": ' + b"[" * 100_000, "not JSON"),
    "a huge number": (b'{"messages": [], "n": ' + b"9" * 5000 + b"}", "not JSON that can be read"),
    "an author that is a list": (line("a", "b", author=["x"]).encode(), '"author" is not a short text'),
    "an author that is long": (line("a", "b", author="x" * 300).encode(), '"author" is not a short text'),
    "too many messages": (line(*["a", "b"] * 101).encode(), "more than 200 messages"),
}


@pytest.mark.parametrize(("bad", "reason"), BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_line_is_reported_with_its_number_and_the_good_ones_are_imported(
    store: Store, file: Path, bad: bytes, reason: str
) -> None:
    write(file, line("one", "eins"), bad, line("two", "zwei"))
    report = await run(store, file)
    [(number, told)] = report.broken
    assert number == 2
    assert reason in told
    assert (report.lines, report.added, report.broken_lines) == (3, 2, 1)


async def test_a_line_that_is_too_long_is_skipped_and_those_after_it_are_read(
    store: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 1000)
    write(file, line("a" * 5000, "b"), line("one", "eins"))
    report = await run(store, file)
    assert report.broken == ((1, "the line is longer than 1000 bytes"),)
    assert report.added == 1


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        (b"", "is empty"),
        (b"\n\n  \n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "is not text"),
        (b"PK\x03\x04" + b"\0" * 50, "is not text"),
    ],
    ids=["no bytes", "blank lines", "only a mark", "a picture", "an archive"],
)
async def test_a_file_without_conversations_is_wrong_usage(
    store: Store, file: Path, contents: bytes, reason: str
) -> None:
    write(file, contents)
    with pytest.raises(WrongUsage, match=reason):
        await run(store, file)


async def test_a_missing_file_and_a_folder_are_wrong_usage(store: Store, tmp_path: Path) -> None:
    with pytest.raises(WrongUsage, match="There is no file"):
        await run(store, tmp_path / "missing.jsonl")
    with pytest.raises(WrongUsage, match="is a folder"):
        await run(store, tmp_path)
    with pytest.raises(WrongUsage, match="cannot be read"):
        await run(store, Path("a\0b"))


async def test_refused_conversations_are_counted_by_reason_and_never_written(store: Store, file: Path) -> None:
    write(file, line("damn", "a"), line("b", "damn"), line("hopeless", "c"), line("fine", "d"))
    report = await run(store, file, approve=True)
    assert report.refused == {"toxicity:insult": 2, "crisis:self-harm": 1}
    assert (report.added, report.approved) == (1, 1)
    assert sum((await store.candidates.counts()).values()) == 1


async def test_an_author_who_denied_is_refused_also_when_the_operator_vouches(store: Store, file: Path) -> None:
    await store.consents.set(SERVER, "key of ann", allowed=False)
    write(file, line("one", "eins", author="ann"), line("two", "zwei", author="bob"))
    report = await run(store, file, approve=True)
    assert (report.refused, report.added, report.approved) == ({"consent:denied": 1}, 1, 1)


async def test_without_approve_everything_waits(store: Store, file: Path) -> None:
    write(file, line("one", "eins"), line("dubious", "zwei"))
    report = await run(store, file)
    assert (report.added, report.held, report.approved) == (2, 1, 0)
    assert len(await store.candidates.by_state(CandidateState.WAITING)) == 2


async def test_with_approve_what_passes_and_what_is_held_is_approved(store: Store, file: Path) -> None:
    write(file, line("one", "eins"), line("dubious", "zwei"))
    report = await run(store, file, approve=True)
    assert (report.added, report.held, report.approved) == (2, 1, 2)
    [candidate, _] = await store.candidates.learnable()
    [review] = await store.candidates.reviews(candidate.id)
    assert review.reviewer_key == "operator"


async def test_the_same_file_again_adds_nothing(store: Store, file: Path) -> None:
    write(file, line("one", "eins"), line("two", "zwei"), line("one", "eins"))
    first = await run(store, file, approve=True)
    again = await run(store, file, approve=True)
    assert (first.added, first.duplicates, first.approved) == (2, 1, 2)
    assert (again.added, again.duplicates, again.approved) == (0, 3, 0)


async def test_a_second_import_with_approve_approves_what_waits_but_not_what_was_rejected(
    store: Store, file: Path
) -> None:
    write(file, line("one", "eins"), line("two", "zwei"))
    await run(store, file)
    [first, _] = await store.candidates.by_state(CandidateState.WAITING)
    await store.candidates.reject(first.id, "moderator")
    report = await run(store, file, approve=True)
    assert (report.added, report.duplicates, report.approved) == (0, 2, 1)
    assert [one.id for one in await store.candidates.by_state(CandidateState.REJECTED)] == [first.id]


async def test_a_conversation_becomes_one_candidate_with_scrubbed_words(store: Store, file: Path) -> None:
    system = {"role": "system", "content": "Be kind."}
    record = json.loads(line("Who?", "Me.", "Where?", "ask ann@example.org", author="ann", channel="tea"))
    write(file, json.dumps(record | {"messages": [system, *record["messages"]], "time": 5}))
    await run(store, file)
    [candidate] = await store.candidates.by_state(CandidateState.WAITING)
    assert [message.text for message in candidate.messages] == ["Be kind.", "Who?", "Me.", "Where?", "ask [email]"]
    assert candidate.messages[-1].role is Role.ASSISTANT
    assert (candidate.source, candidate.channel, candidate.author_keys) == (Source.IMPORT, "tea", ("key of ann",))


async def test_a_byte_order_mark_and_windows_line_ends_and_blank_lines_are_fine(store: Store, file: Path) -> None:
    write(file, b"\xef\xbb\xbf" + line("one", "eins").encode() + b"\r\n\r\n" + line("zwölf", "12").encode() + b"\r\n")
    report = await run(store, file)
    assert (report.lines, report.added, report.broken) == (2, 2, ())


async def test_screening_sees_batches_and_memory_holds_only_one(
    store: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.review.importing._BATCH_LINES", 10)
    write(file, *(line(f"question {number}", "answer") for number in range(25)))
    screening = WordScreening()
    sizes: list[int] = []
    screen = screening.screen

    def counting(texts: list[str]) -> object:
        sizes.append(len(texts))
        return screen(texts)

    monkeypatch.setattr(screening, "screen", counting)
    report = await run(store, file, screening=screening)
    assert report.added == 25
    assert sizes == [20, 20, 10]


async def test_only_so_many_broken_lines_are_kept_and_all_are_counted(
    store: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.review.importing._BROKEN_LINES_KEPT", 3)
    write(file, *["nonsense"] * 8)
    report = await run(store, file)
    assert (len(report.broken), report.broken_lines, report.lines) == (3, 8, 8)
