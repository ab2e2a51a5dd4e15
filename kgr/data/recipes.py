"""Recipes: files of settings that data sets come with, and how given settings go with one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from kgr import _config
from kgr.data.known import datasets_folder
from kgr.errors import ConfigError

Config = TypeVar("Config")

Settings = dict[str, Any]


def resolve(
    kind: type[Config],
    path: Path | None,
    given: Mapping[str, Any],
    fitting: Callable[[Settings, Mapping[str, Any]], Settings],
) -> Config:
    """Combine the settings of a file with given ones, which win.

    ``fitting`` returns those of the file's settings that stand beside the given ones: not, for instance, those of
    another model. What a given choice does not read (see :func:`kgr._config.setting`) is left out of the file's anyway.

    Raises
    ------
    ConfigError
        A setting that is not allowed; the message says whether the file has it or it was given.
    """
    base = _config.read_toml(path) if path else {}
    if path:
        _config.make(kind, base, where=str(path))
    unread = _config.unread(kind, given)
    kept = {name: value for name, value in fitting(base, given).items() if name not in unread}
    return _config.make(kind, {**kept, **given}, where="settings")


def differs(name: str, base: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """Whether a setting is given, other than the file has it."""
    return name in given and given[name] != base.get(name, given[name])


def recipe(task: str, data_set: str, config: str | Path | None, model: str | None) -> Path | None:
    """Find the file of settings for a training on a data set ("" for a store of the user's own).

    ``config`` is a file, or the name of a recipe of the data set: ``datasets/<set>/<task>-<name>.toml``.
    Where it is None, that is the recipe for the model, if one is given, else the data set's default,
    ``<task>.toml``; or None, where there is neither.

    Raises
    ------
    ConfigError
        ``config`` is neither a file nor a recipe; the recipes are named.
    """
    folder = datasets_folder() / data_set if data_set else None
    if config is not None:
        if Path(config).is_file():
            return Path(config)
        if folder and (found := folder / f"{task}-{config}.toml").is_file():
            return found
        known = sorted(path.stem.removeprefix(f"{task}-") for path in folder.glob(f"{task}-*.toml")) if folder else []
        raise ConfigError(
            f"config is {str(config)!r}: neither a file nor a recipe of {data_set or 'this store'} "
            f"(recipes: {', '.join(known) or 'none'})"
        )
    if folder is None:
        return None
    candidates = [folder / f"{task}-{model}.toml"] if model else []
    return next((path for path in [*candidates, folder / f"{task}.toml"] if path.is_file()), None)
