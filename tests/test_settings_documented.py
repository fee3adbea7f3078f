"""Every setting can be found by the person who looks for it, with the default that it really has."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import BaseModel

import bot.settings
import mynah.telemetry.settings
import storage.settings
import trainer.settings
from mynah.settings import Settings, variables

ROOT = Path(__file__).resolve().parent.parent
MODULES = (storage.settings, bot.settings, trainer.settings, mynah.telemetry.settings)
WORDS = {"none": None, "empty": (), "true": True, "false": False}


def sections() -> Iterator[tuple[str, type[BaseModel]]]:
    """The sections of all settings modules, found by walking them rather than by a list that could be forgotten."""
    for module in MODULES:
        for name, value in vars(module).items():
            is_own = isinstance(value, type) and issubclass(value, BaseModel) and value.__module__ == module.__name__
            if is_own and value.model_fields:
                yield name.removesuffix("Settings").upper(), value


def defaults() -> dict[str, object]:
    return {
        f"MYNAH_{section}__{name.upper()}": field.get_default()
        for section, model in sections()
        for name, field in model.model_fields.items()
    }


DEFAULTS = defaults()
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `(MYNAH_\w+)` \| ([^|]*?) \|", PAGE, re.MULTILINE))
LINES = dict(re.findall(r"^# (MYNAH_\w+)=(.*)$", EXAMPLE, re.MULTILINE))


def test_the_walk_finds_every_section_there_is() -> None:
    sections_of_the_program = {name.partition("__")[0].removeprefix("MYNAH_") for name in variables() if "__" in name}
    assert {name for name, _ in sections()} == sections_of_the_program


@pytest.mark.parametrize("variable", ["MYNAH_HOME", *DEFAULTS])
def test_a_setting_is_in_the_example_and_on_the_settings_page(variable: str) -> None:
    assert variable in LINES
    assert variable in ROWS


def test_nothing_is_documented_that_is_not_a_setting() -> None:
    assert (set(LINES) | set(ROWS)) - set(DEFAULTS) == {"MYNAH_HOME"}


def test_the_example_sets_nothing_until_it_is_uncommented() -> None:
    assert [line for line in EXAMPLE.splitlines() if line and not line.startswith("#")] == []


def test_each_line_of_the_example_has_a_reason_above_it() -> None:
    lines = EXAMPLE.splitlines()
    for above, line in pairwise(lines):
        if line.startswith("# MYNAH_"):
            assert above.startswith("# ")
            assert not above.startswith("# MYNAH_"), line


def test_the_example_uncommented_gives_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("MYNAH_HOME", *DEFAULTS):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    plain = Settings()
    uncommented = [f"{name}={value}" for name, value in LINES.items()]
    (tmp_path / ".env").write_text("\n".join(uncommented), encoding="utf-8")
    assert Settings() == plain


@pytest.mark.parametrize("variable", [name for name in DEFAULTS if name != "MYNAH_SCREENING__CRISIS_TEXT"])
def test_the_settings_page_gives_the_default(variable: str) -> None:
    shown, default = ROWS[variable], DEFAULTS[variable]
    if shown in WORDS:
        assert default == WORDS[shown] or (shown == "empty" and default == "")
    elif isinstance(default, tuple):
        assert shown == ",".join(str(item) for item in default)
    elif isinstance(default, int | float):
        assert float(shown) == default
    else:
        assert shown == default


def test_the_settings_page_quotes_the_crisis_text() -> None:
    assert bot.settings.DEFAULT_CRISIS_TEXT in " ".join(PAGE.split())
