"""Answers from a model server, as the composition root puts them together, and what it then refuses."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.chat.values import Incoming, ReplyKind
from bot.settings import EngineSettings, RemoteSettings
from mynah import world as composition
from mynah.app import app
from mynah.settings import Settings
from mynah.world import TERMINAL_SERVER, ChatWorld, open_chat, open_trainer
from storage.errors import Refused, WrongUsage
from storage.values import Alias
from tests.fakes.model_server import MODEL, ModelServer, model_server
from tests.fakes.screening import WordScreening
from tests.mynah.commands.conftest import fake_model
from trainer.settings import TrainerSettings


@pytest.fixture(autouse=True)
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the real screens, which take seconds to load."""
    monkeypatch.setattr(composition, "open_screening", lambda _: WordScreening())


def settings(home: Path, server: ModelServer, *, adapters: bool = False, method: str = "auto") -> Settings:
    base = home / "base"
    return Settings(
        home=home,
        engine=EngineSettings(base=str(base if base.exists() else fake_model(base, 1))),
        remote=RemoteSettings(urls=(server.url,), model=MODEL, adapters=adapters),
        trainer=TrainerSettings.model_validate({"method": method}),
    )


async def reply(chat: ChatWorld) -> tuple[str, ReplyKind, str | None]:
    incoming = Incoming(TERMINAL_SERVER, "here", chat.world.operator_key, "hello")
    told = [update.reply async for update in chat.service.answer(incoming) if update.reply]
    return told[-1].text, told[-1].kind, told[-1].model_version


async def test_a_servers_own_model_answers_and_nobody_becomes_champion(home: Path) -> None:
    async with model_server(takes_adapters=False) as server, open_chat(settings(home, server)) as chat:
        assert await reply(chat) == ("I am the base, good day.", ReplyKind.ANSWER, "remote-base-model")
        assert await chat.world.store.aliases.current(Alias.CHAMPION) is None


async def test_with_adapters_the_base_is_the_first_champion(home: Path) -> None:
    async with model_server() as server, open_chat(settings(home, server, adapters=True)) as chat:
        champion = await chat.world.store.aliases.current(Alias.CHAMPION)
        assert await reply(chat) == ("I am the base, good day.", ReplyKind.ANSWER, champion)


async def test_a_person_gets_an_apology_while_the_server_is_away_and_an_answer_afterwards(home: Path) -> None:
    async with model_server() as server:
        chosen = settings(home, server)
        await server.stop()
        async with open_chat(chosen) as chat:
            text, kind, _ = await reply(chat)
            assert kind is ReplyKind.APOLOGY
            assert text.strip()
            assert server.url not in text
            await server.start()
            await chat.engine.look()  # type: ignore[attr-defined]
            assert (await reply(chat))[1] is ReplyKind.ANSWER


async def test_nothing_is_trained_for_a_servers_own_model(home: Path) -> None:
    async with model_server() as server:
        with pytest.raises(Refused, match="a model of its own") as raised:
            async with open_trainer(settings(home, server)):
                pass
    assert "MYNAH_REMOTE__ADAPTERS=true" in raised.value.advice


@pytest.mark.parametrize("command", [["train", "--now"], ["model", "promote", "champion"]], ids=["train", "promote"])
def test_commands_that_would_be_in_vain_are_refused(
    home: Path, cli: CliRunner, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYNAH_REMOTE__URLS", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("MYNAH_REMOTE__MODEL", MODEL)
    result = cli.invoke(app, command)
    assert result.exit_code == 3
    assert "a model of its own" in " ".join(result.stderr.split())


async def test_for_servers_that_take_adapters_adapters_are_trained(home: Path) -> None:
    async with model_server() as server:
        async with open_trainer(settings(home, server, adapters=True)) as trainer:
            assert trainer.settings.method == "lora"
        with pytest.raises(WrongUsage, match="MYNAH_TRAINER__METHOD=full"):
            async with open_trainer(settings(home, server, adapters=True, method="full")):
                pass
