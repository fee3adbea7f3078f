"""The settings of one process, from `MYNAH_…` variables and `.env` in the working folder.

Knows where settings come from and how to say what is wrong with one; what each means stands beside it in its house.
Names are `MYNAH_<SECTION>__<FIELD>`, such as `MYNAH_ENGINE__DEVICE=cpu`; lists may be written `1,2,3`.
"""

import difflib
import json
import os
import re
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import BaseModel, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from bot.settings import ChatSettings, DiscordSettings, EngineSettings, RemoteSettings, ScreeningSettings
from mynah.telemetry.settings import LoggingSettings, TelemetrySettings
from storage.errors import WrongUsage
from storage.settings import ModelsSettings, StoreSettings
from trainer.settings import TrainerSettings

ENV_FILE = ".env"
PREFIX = "MYNAH_"
_SHORTEST_SECRET = 4
"""A shorter one would be found in ordinary words, and hides nothing from whoever guesses."""


def default_home() -> Path:
    """Where database, models and logs live if nobody says otherwise: the system's own place for an application's data.

    `~/.local/share/mynah` on Linux, `~/Library/Application Support/mynah` on a Mac.
    """
    return platformdirs.user_data_path("mynah", appauthor=False)


class _PlainLists:
    """Reads `1,2,3` where JSON would want `[1, 2, 3]`."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        try:
            decoded = json.loads(value)
        except ValueError:
            decoded = None
        if isinstance(decoded, list | dict):
            return decoded
        return [part.strip() for part in str(value).split(",") if part.strip()]


class _Environment(_PlainLists, EnvSettingsSource):
    pass


class _EnvFile(_PlainLists, DotEnvSettingsSource):
    pass


class Settings(BaseSettings):
    """Everything a process can be told, in sections."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", env_file=ENV_FILE, extra="forbid", frozen=True
    )

    home: Path = Field(default_factory=default_home)
    """Holds the database, the models and the logs."""
    store: StoreSettings = StoreSettings()
    models: ModelsSettings = ModelsSettings()
    screening: ScreeningSettings = ScreeningSettings()
    engine: EngineSettings = EngineSettings()
    remote: RemoteSettings = RemoteSettings()
    chat: ChatSettings = ChatSettings()
    discord: DiscordSettings = DiscordSettings()
    trainer: TrainerSettings = TrainerSettings()
    logging: LoggingSettings = LoggingSettings()
    telemetry: TelemetrySettings = TelemetrySettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the environment, then `.env`."""
        return init_settings, _Environment(settings_cls), _EnvFile(settings_cls, dotenv_filtering="match_prefix")

    @model_validator(mode="before")
    @classmethod
    def _empty_means_unset(cls, given: Any) -> Any:
        """`MYNAH_DISCORD__TOKEN=` in a copied `.env.example` means no token; plain text may be empty on purpose."""
        if not isinstance(given, dict):
            return given
        return {
            section: {name: value for name, value in values.items() if value != "" or _may_be_empty(section, name)}
            if isinstance(values, dict)
            else values
            for section, values in given.items()
            if values != ""
        }


def load_settings(home: Path | None = None) -> Settings:
    """The settings, with `home` put over what the environment says.

    Raises:
        WrongUsage: a variable has a value that cannot be used; names the variable and an acceptable value.
    """
    _refuse_misspelt(os.environ)
    try:
        settings = Settings() if home is None else Settings(home=home)
    except ValidationError as error:
        problems = [_sentence(problem) for problem in error.errors(include_url=False)]
        raise WrongUsage("\n".join(problems)) from None
    except UnicodeDecodeError:
        raise WrongUsage(
            f"{Path(ENV_FILE).absolute()} is not UTF-8 text.", advice="Save it as UTF-8, or move it away."
        ) from None
    except OSError as error:
        raise WrongUsage(f"{Path(ENV_FILE).absolute()} cannot be read: {error.strerror}.") from None
    return settings.model_copy(update={"home": settings.home.expanduser().absolute()})


def secrets_of(settings: BaseModel) -> tuple[str, ...]:
    """What no log may hold: the secret settings, and the passwords that stand in addresses."""
    found: set[str] = set()
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            found.update(secrets_of(value))
        elif isinstance(value, SecretStr):
            found.add(value.get_secret_value())
        elif isinstance(value, str | tuple):
            found.update(filter(None, map(_password, (value,) if isinstance(value, str) else value)))
    longest_first = sorted(found, key=lambda secret: (-len(secret), secret))  # one may be a part of another
    return tuple(secret for secret in longest_first if len(secret) >= _SHORTEST_SECRET)


def _password(address: object) -> str | None:
    """The password in an address as it is written there; None: there is none."""
    found = re.match(r"[a-z0-9+.-]+://[^/@:]*:([^/]+)@", address) if isinstance(address, str) else None
    return found and found[1]


def variable(section: str, field: str) -> str:
    """The name of a setting's variable."""
    return f"{PREFIX}{section}__{field}".upper()


def variables() -> Iterator[str]:
    """The names of all variables there are."""
    yield f"{PREFIX}HOME"
    for section, field in Settings.model_fields.items():
        for name in _fields_of(field):
            yield variable(section, name)


def _fields_of(field: FieldInfo) -> Mapping[str, FieldInfo]:
    """A section's own fields; none for a plain field."""
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
        return field.annotation.model_fields
    return {}


def _field(path: tuple[str | int, ...]) -> FieldInfo | None:
    """The field that an error's place names, looking into sections."""
    fields: Mapping[str, FieldInfo] = Settings.model_fields
    field: FieldInfo | None = None
    for part in path[:2]:
        field = fields.get(str(part))
        fields = _fields_of(field) if field else {}
        if not fields:
            break
    return field


def _may_be_empty(section: str, name: str) -> bool:
    field = _field((section.lower(), name.lower()))
    return field is None or field.annotation is str


def _sentence(problem: ErrorDetails) -> str:
    """What is wrong with one setting, and what would be right."""
    place = problem["loc"]
    name = PREFIX + "__".join(str(part) for part in place[:2]).upper()
    if problem["type"] == "extra_forbidden":
        return _unknown(name)
    field = _field(place)
    value = problem.get("input")
    shown = "" if field is None or _is_secret(field) or isinstance(value, dict | BaseModel) else f" is {value!r}, which"
    if (
        problem["type"] == "value_error" and field is not None and _fields_of(field)
    ):  # of settings that do not fit together
        return f"{problem['ctx']['error']}."
    if field is not None and _fields_of(field):
        example = variable(str(place[0]), next(iter(_fields_of(field))))
        return f"{name} cannot be set as a whole. Set its fields one by one, such as {example}."
    return f"{name}{shown} cannot be used: {_reason(problem)}. {_acceptable(name, problem, field)}".strip()


def _reason(problem: ErrorDetails) -> str:
    message = problem["msg"].removeprefix("Value error, ").rstrip(".")
    return message[:1].lower() + message[1:]


def _acceptable(name: str, problem: ErrorDetails, field: FieldInfo | None) -> str:
    """A value that would do: a choice, a bound, or the default."""
    choices = _choices(field.annotation) if field else []
    if choices:
        return f"Use one of: {', '.join(choices)}."
    context = problem.get("ctx", {})
    bounds = {key: context[key] for key in ("ge", "gt", "le", "lt") if key in context}
    default = field.get_default(call_default_factory=True, validated_data={}) if field else None
    if isinstance(default, tuple):
        default = ",".join(str(item) for item in default) or "1,2"
    if isinstance(default, bool):
        default = str(default).lower()
    if default is None and bounds:
        default = next(iter(bounds.values())) if {"ge", "le"} & bounds.keys() else None
    if default in (None, ""):
        return "Leave it out for the default."
    return f"An acceptable value: {name}={default}"


def _choices(annotation: object) -> list[str]:
    """The words that a Literal (or an optional one, or a tuple of an enumeration) allows."""
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return [str(choice) for choice in typing.get_args(annotation)]
    if origin in (tuple, typing.Union, types.UnionType):
        return [word for part in typing.get_args(annotation) for word in _choices(part)]
    if isinstance(annotation, type) and issubclass(annotation, str) and hasattr(annotation, "__members__"):
        return [str(member) for member in annotation.__members__.values()]
    return []


def _is_secret(field: FieldInfo) -> bool:
    return "Secret" in str(field.annotation)


def _refuse_misspelt(environment: Mapping[str, str]) -> None:
    """Complain about a `MYNAH_<SECTION>__<FIELD>` whose section does not exist; pydantic sees only known sections."""
    sections = tuple(f"{PREFIX}{name}__".upper() for name, field in Settings.model_fields.items() if _fields_of(field))
    for name in sorted(environment):
        upper = name.upper()
        if upper.startswith(PREFIX) and "__" in upper and not upper.startswith(sections):
            raise WrongUsage(_unknown(upper))


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, list(variables()), n=1)
    return f"{name} is not a setting." + (f" Did you mean {near[0]}?" if near else " See .env.example for all.")
