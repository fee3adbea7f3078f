"""What is measured answers as if nobody looked, and what is counted holds no words."""

from collections.abc import Iterator

import pytest

from bot.chat.values import Incoming
from bot.engine.protocol import EngineBusy, EngineFailed, PromptTooLong, Sampling
from bot.settings import ChatSettings, EngineSettings
from mynah.telemetry.figures import Figures
from mynah.telemetry.measured import MeasuredChat, MeasuredEngine, MeasuredScreening
from storage.errors import MynahError
from storage.store import Store
from storage.values import Message, Role
from tests.fakes.clock import FakeClock
from tests.fakes.engine import ScriptedEngine
from tests.fakes.screening import WordScreening

HELLO = (Message(Role.USER, "hello"),)


def value(figures: Figures, line: str) -> float | None:
    """The value of one line of the text format, by its name and labels."""
    for told in figures.text().decode().splitlines():
        name, _, number = told.rpartition(" ")
        if name == line:
            return float(number)
    return None


async def said(engine: MeasuredEngine) -> str:
    stream = engine.stream(HELLO, Sampling(), member="m", request_id="r")
    return "".join([piece.delta async for piece in stream])


async def test_a_measured_engine_says_what_the_engine_says() -> None:
    figures = Figures()
    engine = MeasuredEngine(ScriptedEngine({"hello": "hi there"}), figures)
    assert await said(engine) == "hi there"
    assert engine.version == "aaaaaaaaaaaaaaaa"
    assert value(figures, "mynah_engine_wait_seconds_count") == 1
    assert (value(figures, 'mynah_tokens_total{of="answer"}') or 0) > 0
    assert value(figures, "mynah_engine_requests") == 0


@pytest.mark.parametrize(
    ("error", "reason"),
    [(EngineBusy("busy"), "busy"), (PromptTooLong("long"), "too-long"), (EngineFailed("broken"), "failed")],
    ids=["busy", "too-long", "failed"],
)
async def test_a_refusal_is_counted_by_its_reason_and_raised(error: MynahError, reason: str) -> None:
    figures, engine = Figures(), ScriptedEngine()
    engine.refuse_with = error
    with pytest.raises(type(error)):
        await said(MeasuredEngine(engine, figures))
    assert value(figures, f'mynah_engine_refusals_total{{reason="{reason}"}}') == 1
    assert value(figures, "mynah_engine_requests") == 0


async def test_closing_a_measured_answer_stops_the_engine() -> None:
    figures, engine = Figures(), ScriptedEngine({"hello": "one two three"})
    stream = MeasuredEngine(engine, figures).stream(HELLO, Sampling(), member="m", request_id="r")
    await anext(stream)
    assert value(figures, "mynah_engine_requests") == 1
    await stream.aclose()
    assert engine.closed == ["r"]
    assert value(figures, "mynah_engine_requests") == 0


async def test_verdicts_are_counted_by_the_screen_that_decided() -> None:
    figures = Figures()
    ticks: Iterator[float] = iter((0.0, 0.3))
    screening = MeasuredScreening(WordScreening(), figures, lambda: next(ticks))
    verdicts = await screening.check(["fine", "damn", "dubious"])
    assert verdicts == WordScreening().screen(["fine", "damn", "dubious"])
    assert value(figures, 'mynah_verdicts_total{outcome="pass",screen="none"}') == 1
    assert value(figures, 'mynah_verdicts_total{outcome="refuse",screen="toxicity"}') == 1
    assert value(figures, 'mynah_verdicts_total{outcome="hold",screen="toxicity"}') == 1
    assert value(figures, "mynah_screening_seconds_sum") == pytest.approx(0.3)


async def test_a_reply_is_counted_by_kind_and_nothing_tells_who_asked_what(store: Store, clock: FakeClock) -> None:
    figures, seconds = Figures(), iter(range(1000))
    chat = MeasuredChat(
        figures=figures,
        monotonic=lambda: float(next(seconds)),
        store=store,
        engine=MeasuredEngine(ScriptedEngine({"secret question": "private answer"}), figures),
        screening=MeasuredScreening(WordScreening(), figures),
        chat=ChatSettings(),
        engine_settings=EngineSettings(),
        crisis_text="please talk to somebody",
        clock=clock,
        may_learn_in=lambda _: False,
    )
    for text in ("secret question", "damn you"):
        incoming = Incoming("server-77", "channel-88", "member-99", text)
        updates = [update async for update in chat.answer(incoming)]
        assert updates[-1].reply is not None
    assert value(figures, 'mynah_replies_total{kind="answer"}') == 1
    assert value(figures, 'mynah_replies_total{kind="refusal"}') == 1
    assert value(figures, "mynah_reply_seconds_count") == 2
    assert value(figures, "mynah_first_words_seconds_count") == 2
    told = figures.text().decode()
    for private in ("server-77", "channel-88", "member-99", "secret", "private", "damn"):
        assert private not in told
