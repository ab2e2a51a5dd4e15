"""Settings: one frozen dataclass per task, the same fields in Python, TOML and on the command line.

A field is declared by :func:`setting` with its help and range, and :func:`make` is the only way
in, so a value is checked once, wherever it came from.
"""

from __future__ import annotations

import dataclasses
import math
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, Union

import tomli_w

from kgr.errors import ConfigError, UnknownKey

Config = TypeVar("Config")


@dataclasses.dataclass(frozen=True)
class Setting:
    """One field of a settings class.

    ``kind`` is the plain type (int, float, str, bool, dict); ``optional`` says whether None,
    "not set", is allowed.
    """

    name: str
    kind: type
    optional: bool
    default: Any
    help: str
    low: float | None
    high: float | None
    choices: tuple[str, ...] | None
    read_by: Mapping[str, tuple[str, ...]]

    @property
    def allowed(self) -> str:
        """What the value may be, in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        words = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", dict: "a table"}
        ends = []
        if self.low is not None:
            ends.append(f"at least {self.low:g}")
        if self.high is not None:
            ends.append(f"at most {self.high:g}")
        return words[self.kind] + (", " + " and ".join(ends) if ends else "")


def setting(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] | None = None,
    read_by: Mapping[str, tuple[str, ...]] | None = None,
) -> Any:
    """Declare a field of a settings class: its default, its help, what is allowed, and when it is read.

    ``read_by`` has by the name of other settings the values with which this one is read; none stand for all but 0.
    """
    metadata = {"help": help, "low": low, "high": high, "choices": choices, "read_by": read_by or {}}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=default.copy, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def settings(cls: type) -> dict[str, Setting]:
    """Return the fields of a settings class by name, in order of declaration."""
    hints = typing.get_type_hints(cls)
    return {field.name: _describe(field, hints[field.name]) for field in dataclasses.fields(cls)}


def _describe(field: dataclasses.Field[Any], hint: Any) -> Setting:
    parts = typing.get_args(hint) if typing.get_origin(hint) in (Union, types.UnionType) else (hint,)
    plain = next(part for part in parts if part is not type(None))
    kind = typing.get_origin(plain) or plain
    default = field.default_factory() if callable(field.default_factory) else field.default
    return Setting(field.name, kind, type(None) in parts, default, **field.metadata)


def unread(cls: type, chosen: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings that are not read where others are chosen so, each with the reason."""
    return {
        name: f"{choice} {chosen[choice]}, only by {', '.join(readers) or f'another {choice}'}"
        for name, field in settings(cls).items()
        for choice, readers in field.read_by.items()
        if choice in chosen and (chosen[choice] not in readers if readers else not chosen[choice])
    }


def check_read(config: Any) -> None:
    """Refuse settings, other than their defaults, that those chosen beside them do not read.

    Raises
    ------
    ConfigError
        It names the setting, what does not read it, and what does.
    """
    fields = settings(type(config))
    for name, why in unread(type(config), {name: getattr(config, name) for name in fields}).items():
        if getattr(config, name) != fields[name].default:
            raise ConfigError(f"{name} is not read by {why}: leave it out")


def make(cls: type[Config], values: Mapping[str, Any], *, where: str = "settings") -> Config:
    """Make an instance of a settings class from values by field name.

    Raises
    ------
    ConfigError
        An unknown name, a value of another type, or one out of range. ``where`` starts the message.
    """
    fields = settings(cls)
    checked = {}
    for name, value in values.items():
        if name not in fields:
            raise ConfigError(f"{where}: {UnknownKey.of('setting', name, fields)}")
        checked[name] = _check(fields[name], value, where)
    return cls(**checked)


def _check(field: Setting, value: Any, where: str) -> Any:
    if value is None and field.optional:
        return None
    if field.kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if abs(value) < 1 << 1023 else math.inf
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{where}: {field.name} is {value!r}, expected a finite number")
    fits = isinstance(value, field.kind) and (field.kind is bool or not isinstance(value, bool))
    fits = fits and (field.low is None or value >= field.low) and (field.high is None or value <= field.high)
    if not fits or (field.choices and value not in field.choices):
        raise ConfigError(f"{where}: {field.name} is {value!r}, expected {field.allowed}")
    return value


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    ConfigError
        The file is missing, not UTF-8 or not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: cannot be read as TOML: {error}") from error


def to_toml(tables: Mapping[str, Any]) -> str:
    """Write nested mappings as TOML; what is None is left out, since TOML has no such value."""
    return tomli_w.dumps(_without_none(tables))


def _without_none(table: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _without_none(value) if isinstance(value, Mapping) else value
        for name, value in table.items()
        if value is not None
    }
