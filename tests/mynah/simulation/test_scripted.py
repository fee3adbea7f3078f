"""The engine of stock phrases behaves as an engine where the simulation relies on it."""

from bot.engine.protocol import Finish, Piece, Sampling
from bot.engine.routing import SHARED, Routes
from mynah.simulation.scripted import StockPhrases
from storage.values import Message, Role


async def answered(engine: StockPhrases, text: str) -> list[Piece]:
    messages = [Message(Role.USER, text)]
    return [piece async for piece in engine.stream(messages, Sampling(), member="ann", request_id="1")]


async def test_it_answers_the_same_to_the_same_in_the_name_of_the_champion() -> None:
    engine = StockPhrases("first")
    [piece] = await answered(engine, "hello")

    assert piece.answer is not None
    assert (piece.answer.text, piece.answer.finish, piece.answer.model_version) == (piece.delta, Finish.END, "first")
    assert await answered(engine, "hello") == [piece]
    assert len({(await answered(engine, "a" * length))[0].delta for length in range(1, 9)}) > 2


async def test_it_follows_the_champion_and_keeps_it_when_routes_name_none() -> None:
    engine = StockPhrases("first")

    await engine.set_routes(Routes({SHARED: "second"}))
    assert engine.version == "second"
    await engine.set_routes(Routes())
    assert engine.version == "second"
    await engine.swap("third")
    assert (await answered(engine, "hello"))[0].model_version == "third"
