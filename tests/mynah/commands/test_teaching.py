"""`mynah import`, `review`, `screen` and `forget`: from a file to what may be learnt."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mynah.app import app
from mynah.world import TERMINAL_SERVER, World
from storage.curation_values import LeftOutBecause, NewCuration
from storage.values import CandidateState, Message, NewCandidate, Outcome, Role, RunState, Snapshot, Source, Verdict
from tests.mynah.commands.conftest import InWorld, conversation

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def counts(in_world: InWorld[Any]) -> Any:
    async def count(world: World) -> dict[str, int]:
        return {state.value: n for state, n in (await world.store.candidates.counts()).items() if n}

    return lambda: in_world(count)


def test_an_import_waits_for_review(cli: CliRunner, facts: Path, counts: Any) -> None:
    result = cli.invoke(app, ["import", str(facts)])
    assert result.exit_code == 0
    assert "Refused 1: toxicity:insult" in result.stdout
    assert counts() == {"waiting": 2}


def test_an_import_may_be_vouched_for(cli: CliRunner, facts: Path, counts: Any) -> None:
    document = json.loads(cli.invoke(app, ["import", str(facts), "--approve", "--json"]).stdout)
    assert document["approved"] == 2
    assert counts() == {"approved": 2}


def test_the_same_file_again_adds_nothing(cli: CliRunner, facts: Path, counts: Any) -> None:
    cli.invoke(app, ["import", str(facts)])
    assert cli.invoke(app, ["import", str(facts)]).exit_code == 0
    assert counts() == {"waiting": 2}


def test_broken_lines_are_named_and_the_rest_is_read(cli: CliRunner, tmp_path: Path, counts: Any) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_text('{"messages": [\n' + conversation("a good question", "a good answer") + "null\n")
    result = cli.invoke(app, ["import", str(path)])
    assert result.exit_code == 2
    assert "Line 1" in result.stdout
    assert "Line 3" in result.stdout
    assert counts() == {"waiting": 1}


def test_a_file_of_nothing_but_broken_lines_exits_with_2(cli: CliRunner, tmp_path: Path) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_bytes(b"{\n\x00\x00\n[1, 2]\n")
    result = cli.invoke(app, ["import", str(path), "--json"])
    assert result.exit_code == 2
    assert isinstance(json.loads(result.stdout), dict)


@pytest.mark.parametrize("name", ["missing.jsonl", "."])
def test_what_is_no_file_exits_with_2(cli: CliRunner, name: str) -> None:
    assert cli.invoke(app, ["import", name]).exit_code == 2


def test_the_list_shows_what_waits(cli: CliRunner, facts: Path) -> None:
    cli.invoke(app, ["import", str(facts)])
    told = cli.invoke(app, ["review", "list"]).stdout
    assert "#1 (import, waiting)" in told
    assert "they: When is game night?" in told
    assert "bot: On Friday." in told


def test_the_list_has_pages(cli: CliRunner, facts: Path) -> None:
    cli.invoke(app, ["import", str(facts)])
    first = json.loads(cli.invoke(app, ["review", "list", "--limit", "1", "--json"]).stdout)
    assert (len(first["candidates"]), first["total"]) == (1, 2)
    after = str(first["candidates"][0]["id"])
    second = json.loads(cli.invoke(app, ["review", "list", "--after", after, "--json"]).stdout)
    assert len(second["candidates"]) == 1


def test_control_characters_of_an_example_are_not_printed(cli: CliRunner, tmp_path: Path) -> None:
    path = tmp_path / "evil.jsonl"
    path.write_text(conversation("hello\x1b[2J", "there\x1b]0;owned\x07"))
    cli.invoke(app, ["import", str(path)])
    assert "\x1b" not in cli.invoke(app, ["review", "list"]).stdout


def test_approving_by_id(cli: CliRunner, facts: Path, counts: Any) -> None:
    cli.invoke(app, ["import", str(facts)])
    assert cli.invoke(app, ["review", "approve", "1"]).exit_code == 0
    assert counts() == {"approved": 1, "waiting": 1}


def test_approving_all(cli: CliRunner, facts: Path, counts: Any) -> None:
    cli.invoke(app, ["import", str(facts)])
    assert cli.invoke(app, ["review", "approve", "--all"]).exit_code == 0
    assert counts() == {"approved": 2}


@pytest.mark.parametrize("arguments", [[], ["1", "--all"]])
def test_approving_wants_ids_or_all(cli: CliRunner, facts: Path, counts: Any, arguments: list[str]) -> None:
    cli.invoke(app, ["import", str(facts)])
    assert cli.invoke(app, ["review", "approve", *arguments]).exit_code == 2
    assert counts() == {"waiting": 2}


def test_approving_twice_is_refused(cli: CliRunner, facts: Path) -> None:
    cli.invoke(app, ["import", str(facts)])
    cli.invoke(app, ["review", "approve", "1"])
    result = cli.invoke(app, ["review", "approve", "1", "--json"])
    assert result.exit_code == 3
    assert json.loads(result.stdout)["refused"]["1"]


@pytest.mark.parametrize("command", [["approve", "99"], ["edit", "99", "words"], ["reject", "99"]], ids=" ".join)
def test_an_unknown_candidate_exits_with_2(cli: CliRunner, command: list[str]) -> None:
    result = cli.invoke(app, ["review", *command])
    assert result.exit_code == 2
    assert "99" in result.stderr


def test_an_edit_approves_other_words(cli: CliRunner, facts: Path) -> None:
    cli.invoke(app, ["import", str(facts)])
    document = json.loads(cli.invoke(app, ["review", "edit", "1", "On Saturday.", "--json"]).stdout)
    assert document["candidate"]["state"] == CandidateState.APPROVED
    assert document["candidate"]["messages"][-1]["text"] == "On Saturday."


def test_an_edit_that_screening_refuses_changes_nothing(cli: CliRunner, facts: Path, counts: Any) -> None:
    cli.invoke(app, ["import", str(facts)])
    assert cli.invoke(app, ["review", "edit", "1", "damn"]).exit_code == 3
    assert counts() == {"waiting": 2}


def test_a_rejected_one_is_out(cli: CliRunner, facts: Path, counts: Any) -> None:
    cli.invoke(app, ["import", str(facts)])
    assert cli.invoke(app, ["review", "reject", "1", "--reason", "stale"]).exit_code == 0
    assert counts() == {"rejected": 1, "waiting": 1}


def test_screening_gives_a_verdict_a_line_in_order(cli: CliRunner) -> None:
    result = cli.invoke(app, ["screen"], input="hello\ndamn\ndubious\n\n")
    assert [line.split("\t")[0] for line in result.stdout.splitlines()] == ["pass", "refuse", "hold", "refuse"]


def test_screening_as_json_is_one_document(cli: CliRunner) -> None:
    lines = "".join(f"line {number}\n" for number in range(70)) + "damn\n"
    document = json.loads(cli.invoke(app, ["screen", "--json"], input=lines).stdout)
    assert len(document["verdicts"]) == 71
    assert document["verdicts"][-1]["outcome"] == "refuse"


def test_screening_nothing_prints_nothing(cli: CliRunner) -> None:
    assert cli.invoke(app, ["screen"], input="").stdout == ""


def test_forgetting_prints_a_receipt(cli: CliRunner, tmp_path: Path, counts: Any) -> None:
    path = tmp_path / "authored.jsonl"
    path.write_text(conversation("who am I?", "You are Ann.", author="ann") + conversation("and I?", "You are Bob."))
    cli.invoke(app, ["import", str(path), "--approve"])
    document = json.loads(cli.invoke(app, ["forget", "ann", "--json"]).stdout)
    assert document["receipt"]["candidates"] == 1
    assert counts() == {"approved": 1}


def test_forgetting_a_stranger_removes_nothing(cli: CliRunner) -> None:
    result = cli.invoke(app, ["forget", "nobody"])
    assert result.exit_code == 0
    assert "removed 0 messages" in result.stdout


def test_the_list_of_what_waits_is_in_the_order_of_the_queue_page_by_page(
    cli: CliRunner, tmp_path: Path, in_world: InWorld[Any]
) -> None:
    path = tmp_path / "talk.jsonl"
    path.write_text("".join(conversation(f"question number {n} of all?", f"the answer {n}.") for n in range(4)))
    cli.invoke(app, ["import", str(path)])

    async def doubt(world: World) -> list[int]:
        """Add one that the screens doubt, and tell what the queue says."""
        new = (await world.store.candidates.by_state(CandidateState.WAITING))[2]
        held = NewCandidate(
            messages=(*new.messages[:1], Message(Role.ASSISTANT, "quite another answer")),
            server=new.server,
            channel=new.channel,
            source=Source.IMPORT,
            verdict=Verdict(Outcome.HOLD, "", ("toxicity:insult",)),
        )
        await world.store.candidates.add(held)
        queue = await world.store.review_queue.page(None, "operator", limit=100, may_review_own=True)
        return [item.candidate.id for item in queue]

    queue = in_world(doubt)
    assert queue[0] == 5, "the doubtful one comes first though it is the newest"
    assert sorted(queue) == [1, 2, 3, 4, 5]
    seen: list[int] = []
    while page := listed(cli, *(["--after", str(seen[-1])] if seen else [])):
        seen += page
    assert seen == queue


def listed(cli: CliRunner, *more: str) -> list[int]:
    document = json.loads(cli.invoke(app, ["review", "list", "--limit", "2", "--json", *more]).stdout)
    assert document["total"] == 5
    return [one["id"] for one in document["candidates"]]


def test_a_list_does_not_go_on_after_what_is_not_there(cli: CliRunner, facts: Path) -> None:
    cli.invoke(app, ["import", str(facts)])
    result = cli.invoke(app, ["review", "list", "--after", "99"])
    assert result.exit_code == 2
    assert "99" in result.stderr


def test_the_list_shows_nothing_of_who_said_no(cli: CliRunner, tmp_path: Path, in_world: InWorld[Any]) -> None:
    path = tmp_path / "authored.jsonl"
    path.write_text(conversation("who am I?", "You are Ann.", author="ann") + conversation("and I?", "You are Bob."))
    cli.invoke(app, ["import", str(path)])

    async def deny(world: World) -> None:
        candidates = await world.store.candidates.by_state(CandidateState.WAITING)
        await world.store.blocks.block(candidates[0].server, candidates[0].author_keys[0], by="mod")

    in_world(deny)
    told = cli.invoke(app, ["review", "list"]).stdout
    assert "Ann" not in told
    assert "Bob" in told


def test_forgetting_takes_the_quotes_of_old_reports_off_the_disk(
    cli: CliRunner, home: Path, tmp_path: Path, in_world: InWorld[Any]
) -> None:
    path = tmp_path / "authored.jsonl"
    path.write_text(conversation("who am I?", "You are Ann.", author="ann"))
    cli.invoke(app, ["import", str(path), "--approve"])
    report = {"verdict": "No.", "replies": [{"prompt": "who am I?", "before": "?", "after": "You are Ann."}]}
    folder = home / "work" / "1"
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(json.dumps(report))
    (folder / "report.md").write_text(
        "# Run 1\n\n## Replies\n\n| who am I? | You are Ann. |\n\n## Recipe\n\n- steps: 3\n"
    )

    async def trained(world: World) -> None:
        await world.store.snapshots.add(Snapshot("s", "f", 1, 0, world.clock()), [1])
        run = await world.store.runs.request("schedule")
        await world.store.runs.advance(run.id, RunState.TRAINING, snapshot_hash="s")
        await world.store.runs.advance(run.id, RunState.REFUSED, report=report)

    in_world(trained)
    assert cli.invoke(app, ["forget", "ann"]).exit_code == 0
    kept = [(folder / name).read_text() for name in ("report.json", "report.md")]
    assert not any("who am I" in text or "Ann" in text for text in kept)
    assert json.loads(kept[0])["verdict"] == "No."
    assert kept[1] == "# Run 1\n\n## Recipe\n\n- steps: 3\n"


def told_why(cli: CliRunner, candidate_id: int = 1) -> str:
    """The sentence about what became of a candidate; the text shows it too."""
    result = cli.invoke(app, ["review", "why", str(candidate_id), "--json"])
    assert result.exit_code == 0
    sentence = str(json.loads(result.stdout)["outcome"])
    assert sentence in " ".join(cli.invoke(app, ["review", "why", str(candidate_id)]).stdout.split())
    return sentence


def test_why_says_in_a_sentence_what_became_of_a_candidate(cli: CliRunner, facts: Path, in_world: InWorld[Any]) -> None:
    def keep(reason: str, side: str = "") -> None:
        async def work(world: World) -> None:
            candidate = await world.store.candidates.get(1)
            assert candidate is not None
            await world.store.curations.keep(
                [NewCuration(1, candidate.content_hash, reason, candidate.content_hash, None, 1)],
                cycle=1,
                rules="rules",
                screen_version="screen",
            )
            if side:
                await world.store.curations.fix_sides({1: side})

        in_world(work)

    cli.invoke(app, ["import", str(facts)])
    assert told_why(cli) == "It waits for a review."
    cli.invoke(app, ["review", "approve", "1"])
    assert told_why(cli) == "It is approved, and the next run looks at it."
    keep(LeftOutBecause.SAME_WORDS)
    assert told_why(cli) == "It is approved but left out: said before in the same words."
    keep(LeftOutBecause.NEWCOMER)
    assert told_why(cli) == (
        "It is approved but left out: a new member waits for one cycle. The next run looks at it again."
    )
    keep("")
    assert told_why(cli) == "It is approved and may be learnt."
    keep("", "heldout")
    assert told_why(cli) == "It is approved and is held out, to judge models by."
    document = json.loads(cli.invoke(app, ["review", "why", "1", "--json"]).stdout)
    assert (document["curation"]["reason"], document["curation"]["screen_version"]) == ("", "screen")
    assert document["may_be_learnt"] is True
    in_world(lambda world: world.store.server_settings.turn_learning_off(TERMINAL_SERVER, "operator"))
    assert told_why(cli).startswith("It is approved but not learnt: somebody in it may not be learnt from")
    cli.invoke(app, ["review", "reject", "1"])
    assert told_why(cli) == "It is rejected, so it is not learnt."


def test_why_of_what_is_gone_exits_with_2(cli: CliRunner) -> None:
    assert cli.invoke(app, ["review", "why", "7"]).exit_code == 2
