"""Settings: where they come from, and what is said about bad ones."""

from pathlib import Path

import pytest

from mynah.settings import load_settings, variables
from storage.errors import WrongUsage
from storage.values import Source


def test_what_nobody_sets_has_its_default() -> None:
    settings = load_settings()
    assert settings.engine.base == "embedded"
    assert settings.discord.token is None
    assert settings.home.is_absolute()


def test_the_environment_goes_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("MYNAH_ENGINE__MAX_RUNNING=2\nMYNAH_ENGINE__MAX_WAITING=3\nSOMEBODY_ELSES=1\n")
    monkeypatch.setenv("MYNAH_ENGINE__MAX_RUNNING", "5")
    settings = load_settings()
    assert (settings.engine.max_running, settings.engine.max_waiting) == (5, 3)


def test_an_argument_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MYNAH_HOME", "/elsewhere")
    assert load_settings(tmp_path).home == tmp_path


def test_a_home_may_begin_with_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNAH_HOME", "~/birds")
    assert load_settings().home == Path.home() / "birds"


@pytest.mark.parametrize(("written", "read"), [("1,2", (1, 2)), ("7", (7,)), ("[3, 4]", (3, 4)), ("", ())])
def test_lists_are_read_with_commas_or_as_json(
    monkeypatch: pytest.MonkeyPatch, written: str, read: tuple[int, ...]
) -> None:
    monkeypatch.setenv("MYNAH_DISCORD__CHANNEL_IDS", written)
    assert load_settings().discord.channel_ids == read


def test_lists_of_words_are_read_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNAH_TRAINER__SOURCES", "import, correction")
    assert load_settings().trainer.sources == (Source.IMPORT, Source.CORRECTION)


def test_an_empty_value_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNAH_DISCORD__TOKEN", "")
    monkeypatch.setenv("MYNAH_ENGINE__THREADS", "")
    settings = load_settings()
    assert settings.discord.token is None
    assert settings.engine.threads is None


def test_an_empty_crontab_line_is_meant_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNAH_TRAINER__CRON", "")
    assert load_settings().trainer.cron == ""


@pytest.mark.parametrize(
    ("name", "value", "acceptable"),
    [
        ("MYNAH_ENGINE__DEVICE", "tpu", "auto, cpu, cuda, mps"),
        ("MYNAH_ENGINE__THREADS", "0", "MYNAH_ENGINE__THREADS=1"),
        ("MYNAH_ENGINE__TEMPERATURE", "hot", "MYNAH_ENGINE__TEMPERATURE=0.3"),
        ("MYNAH_TRAINER__SOURCES", "gossip", "message, slash, correction, import"),
        ("MYNAH_DISCORD__CHANNEL_IDS", "lobby", "MYNAH_DISCORD__CHANNEL_IDS=1,2"),
        ("MYNAH_DISCORD__SYNC_COMMANDS", "perhaps", "MYNAH_DISCORD__SYNC_COMMANDS=true"),
        ("MYNAH_ENGIN__BASE", "embedded", "MYNAH_ENGINE__BASE"),
        ("MYNAH_ENGINE__BAZE", "embedded", "MYNAH_ENGINE__BASE"),
        ("MYNAH_CHAT", "loud", "MYNAH_CHAT__PERSONA"),
    ],
)
def test_a_bad_setting_is_named_with_an_acceptable_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, acceptable: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(WrongUsage) as caught:
        load_settings()
    assert name in str(caught.value)
    assert acceptable in str(caught.value)
    assert "pydantic" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_every_bad_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNAH_ENGINE__DEVICE", "tpu")
    monkeypatch.setenv("MYNAH_TRAINER__SEED", "lucky")
    with pytest.raises(WrongUsage, match=r"MYNAH_ENGINE__DEVICE(.|\n)*MYNAH_TRAINER__SEED"):
        load_settings()


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"MYNAH_DISCORD__SHARD_IDS": "0"}, "needs MYNAH_DISCORD__SHARD_COUNT"),
        ({"MYNAH_REMOTE__URLS": "http://here/v1"}, "needs MYNAH_REMOTE__MODEL"),
        ({"MYNAH_TRAINER__METHOD": "qlora", "MYNAH_TRAINER__PROCESSES": "2"}, "set MYNAH_TRAINER__PROCESSES=1"),
    ],
)
def test_settings_that_do_not_fit_together_are_named(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], words: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(WrongUsage, match=words):
        load_settings()


def test_a_misspelt_line_of_the_file_is_refused() -> None:
    Path(".env").write_text("MYNAH_ENGINE__DEVISE=cpu\n")
    with pytest.raises(
        WrongUsage, match=r"MYNAH_ENGINE__DEVISE is not a setting\. Did you mean MYNAH_ENGINE__DEVICE\?"
    ):
        load_settings()


def test_a_file_that_is_no_text_is_refused_with_its_name() -> None:
    Path(".env").write_bytes(b"MYNAH_ENGINE__BASE=\xff\xfe\n")
    with pytest.raises(WrongUsage, match=r"\.env is not UTF-8"):
        load_settings()


def test_a_secret_is_never_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNAH_DISCORD__TOKEN", "very-secret")
    monkeypatch.setenv("MYNAH_ENGINE__DEVICE", "tpu")
    with pytest.raises(WrongUsage) as caught:
        load_settings()
    assert "very-secret" not in str(caught.value)


def test_variables_are_named_by_section_and_field() -> None:
    assert {"MYNAH_HOME", "MYNAH_ENGINE__BASE", "MYNAH_STORE__URL"} <= set(variables())
