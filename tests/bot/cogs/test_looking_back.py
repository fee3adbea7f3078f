"""`/stats` and `/audit`: numbers and decisions of this server alone, and never what anybody said."""

import io
from datetime import UTC, date, datetime, timedelta

import matplotlib.image
import pytest

from bot.cogs.plots import Drawn, report_plot, stats_plot
from storage.figures import DayFigures, VersionFigures
from storage.values import RunState
from tests.bot.cogs.admin_work import answer, labels, read, warm_up
from tests.bot.cogs.limits import check_all
from tests.bot.cogs.server import Server

DAYS = [
    DayFigures(date(2026, 1, 1) + timedelta(days=at), at, at, at // 3, at // 5, at % 4, at % 3, 1) for at in range(14)
]
VERSIONS = [
    VersionFigures("abcdef0123456789", name, 12.5, datetime(2026, 1, 1, tzinfo=UTC)) for name in ("heldout", "general")
]


@pytest.fixture(autouse=True)
def _drawn_before() -> None:
    warm_up()


def size(png: bytes | None) -> tuple[int, int]:
    assert png is not None
    assert len(png) < 1_000_000
    height, width = matplotlib.image.imread(io.BytesIO(png)).shape[:2]
    return width, height


async def test_stats_are_private_by_default_and_count_this_server(server: Server) -> None:
    await server.say("hello")
    turn = await server.parts.store.conversations.current(server.key, str(server.channel.id))
    assert turn.server == server.key
    result = await server.admin.slash(server.channel, "stats")
    assert answer(result).ephemeral
    assert "1 messages\n1 answers" in read(result)
    assert [one.filename for one in answer(result).attachments] == ["stats.png"]
    assert not answer(await server.admin.slash(server.channel, "stats", days=90, everyone=True)).ephemeral
    assert check_all(server.env)


@pytest.mark.parametrize("days", [1, 2, 14, 90])
def test_stats_are_drawn_for_any_number_of_days(days: int) -> None:
    width, height = size(stats_plot((DAYS * 7)[:days], VERSIONS))
    assert width > height


def test_what_is_no_number_is_left_out_of_a_drawing() -> None:
    bad = [VersionFigures("v", "heldout", number, datetime(2026, 1, 1, tzinfo=UTC)) for number in (float("nan"), 0.0)]
    assert size(stats_plot(DAYS, bad))
    assert report_plot(Drawn([(1, float("nan"))], {"heldout": (float("inf"), 3.0)})) is None
    assert report_plot(Drawn([], {})) is None


def test_a_report_is_drawn_with_and_without_a_curve() -> None:
    pairs = {"heldout": (60.0, 40.0), "general": (8.0, 8.2)}
    both, one = size(report_plot(Drawn([(1, 3.0), (2, 2.0)], pairs))), size(report_plot(Drawn([], pairs)))
    assert both[1] > one[1]


def test_curves_of_runs_are_drawn_below_the_rest() -> None:
    curves = {f"run {run}": [(float(step), 3.0 / step) for step in range(1, 30)] for run in range(4)}
    without, one, four = (size(stats_plot(DAYS, VERSIONS, some)) for some in (None, {"run 1": [(1, 2.0)]}, curves))
    assert without[1] < one[1] == four[1]


async def test_stats_draw_how_the_newest_runs_of_this_servers_model_learnt(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[dict[str, object]] = []

    def draw(_: object, __: object, curves: dict[str, object]) -> bytes:
        drawn.append(curves)
        return b"a picture"

    monkeypatch.setattr("bot.cogs.statistics.stats_plot", draw)
    runs = server.parts.store.runs
    shapes: list[object] = [
        [[1, 3.0], [2, 2.0]],
        [],
        None,
        "no",
        [[1, 3.0]],
        *[[[1, 3.0], [2, number]] for number in range(4)],
    ]
    for line in ("4711", ""):
        for losses in shapes:
            run = await runs.request("schedule", line)
            await runs.advance(run.id, RunState.REFUSED, report={"losses": losses})
    await server.admin.slash(server.channel, "stats")
    [curves] = drawn
    assert list(curves) == ["run 15", "run 16", "run 17", "run 18"], "the newest is drawn last, and stands out"
    assert curves["run 18"] == [(1.0, 3.0), (2.0, 3.0)]


async def test_the_audit_log_is_paged_by_key_and_knows_its_own_server_only(server: Server) -> None:
    audit = server.parts.store.audit
    for number in range(25):
        await audit.record("trainer", "purge", f"run-{number}", {"turns": number}, server=server.key)
    await audit.record("trainer", "purge", "run-elsewhere", server="4711")
    first = await server.admin.slash(server.channel, "audit")
    assert answer(first).ephemeral
    assert "run-24" in read(first)
    assert "run-15" in read(first)
    assert "run-14" not in read(first)
    assert labels(answer(first)) == ["Older"]
    message = answer(first).message
    second = await server.admin.click(message, label="Older")
    assert "run-14" in read(second)
    assert "run-15" not in read(second)
    third = await server.admin.click(answer(second).message, label="Older")
    assert "run-0" in read(third)
    assert labels(answer(third)) == ["Newest"]
    newest = await server.admin.click(answer(third).message, label="Newest")
    assert "run-24" in read(newest)
    assert "elsewhere" not in read(newest)
    assert check_all(server.env)


async def test_the_audit_log_shows_figures_and_choices_but_no_free_words(server: Server) -> None:
    me, someone = server.key_of(server.admin), server.key_of(server.ann)
    audit = server.parts.store.audit
    await audit.record(me, "config", "quorum", {"from": 1, "to": 2, "on": True}, server=server.key)
    await audit.record(someone, "block", "some words of a member", {"reason": "said it hurts"}, server=server.key)
    told = read(await server.admin.slash(server.channel, "audit"))
    assert "**you**: config `quorum` (from 1, to 2, on on)" in told
    assert f"…{someone[:6]}: block" in told
    assert "hurts" not in told
    assert "words of a member" not in told
    assert someone not in told


async def test_the_audit_log_can_be_narrowed(server: Server) -> None:
    audit = server.parts.store.audit
    for number in range(12):
        await audit.record("trainer", "purge", f"run-{number}", server=server.key)
    await audit.record("trainer", "promote", "abc", server=server.key)
    shown = await server.admin.slash(server.channel, "audit", action="purge")
    assert "abc" not in read(shown)
    older = await server.admin.click(answer(shown).message, label="Older")
    assert "run-0" in read(older)
    assert "Nothing was decided" in read(await server.admin.slash(server.channel, "audit", action="no such: thing"))
    choices = await server.admin.autocomplete(server.channel, "audit", "action", "learn")
    assert [choice["value"] for choice in choices] == ["learning on", "learning off"]
