"""Options made of a settings class: one per field. What is not given is left to recipes and defaults."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

import click

from kgr._config import Setting, settings

Function = TypeVar("Function", bound=Callable[..., Any])


def read_weights(text: str) -> dict[str, float]:
    """Read numbers by name, ``1p=10,2p=5``; a name alone has the weight 1."""
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, equals, weight = part.strip().partition("=")
        if not name or name in weights:
            raise click.BadParameter(f"{text!r}: expected different names, as in 1p=10,2p=5")
        try:
            weights[name] = float(weight) if equals else 1.0
        except ValueError:
            raise click.BadParameter(f"{part!r}: the weight is {weight!r}, expected a number, as in 1p=10") from None
    return weights


def options(cls: type, *, without: Collection[str] = ()) -> Callable[[Function], Function]:
    """Return a decorator that gives a command one option per field of a settings class, but for some.

    Their ranges are checked where the settings are made, as for values from files and from Python.
    """

    def decorate(function: Function) -> Function:
        for field in reversed(settings(cls).values()):
            function = function if field.name in without else _option(field)(function)
        return function

    return decorate


def _option(field: Setting) -> Callable[[Function], Function]:
    name = f"--{field.name.replace('_', '-')}"
    default = field.default
    if field.kind is bool:
        name, default = f"{name}/--no-{name.removeprefix('--')}", str(default).lower()
    help = field.help if field.default in (None, "") else f"{field.help}  [default: {default}]"
    if field.kind is dict:
        return click.option(name, field.name, default=None, help=help, metavar="NAME=WEIGHT,…", callback=_read_given)
    kind = click.Choice(field.choices) if field.choices else field.kind
    return click.option(name, field.name, type=kind, default=None, help=help)


def _read_given(_: click.Context, __: click.Parameter, text: str | None) -> dict[str, float] | None:
    return None if text is None else read_weights(text)


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that were given."""
    return {name: value for name, value in values.items() if value is not None}
