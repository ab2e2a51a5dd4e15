"""What commands that train share: the folder of the run, settings, bars, Ctrl-C, and what they print."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from kgr.cli.base import Interrupted, json_option, traceback_option
from kgr.cli.look import opened
from kgr.cli.settings import options
from kgr.cli.terminal import Bars

Function = TypeVar("Function", bound=Callable[..., Any])

out_option = click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="folder of the run"
)

_CONFIG = click.option(
    "--config", help="file of settings, or the name of a recipe of the data set; options win over it"
)


def training_options(settings: type) -> Callable[[Function], Function]:
    """Return a decorator that gives a command --out, --config, an option for each of its settings, and --json."""

    def decorate(function: Function) -> Function:
        for option in (traceback_option, json_option, options(settings), _CONFIG, out_option):
            function = option(function)
        return function

    return decorate


@contextmanager
def training(store: str, rows: str) -> Iterator[Bars]:
    """Open a store, which is built first where it has to be; yield bars for a training that Ctrl-C stops in order.

    ``rows`` says what a batch is made of.
    """
    try:
        with Bars(rows) as bars:
            opened(store)
            yield bars
    except KeyboardInterrupt:
        raise Interrupted("stopped; the same command goes on from the last checkpoint, where there is one") from None
