"""What all commands share: lazy loading, errors as one line, warnings as lines on standard error."""

from __future__ import annotations

import errno
import importlib
import sys
import warnings
from collections.abc import Mapping
from typing import Any, TextIO

import click

from kgr.errors import KgrError, UnknownKey

_TRACEBACK = "kgr.traceback"


class Failure(click.ClickException):
    """Ends the program with one line on standard error."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split("\n")))

    def show(self, file: Any = None) -> None:
        """Print the line."""
        click.echo(f"kgr: {self.message}", file=file, err=True)


class Interrupted(Failure):
    """Ctrl-C."""

    exit_code = 130


class Program(click.Group):
    """A group whose commands are imported when they are run; the help names them without that."""

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands' names, in the order of their declaration."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in self.lazy:
            return None
        module = importlib.import_module(self.lazy[cmd_name][0])
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that was given; of an unknown one the nearest are named."""
        if args[0] not in self.lazy and not args[0].startswith("-"):
            ctx.fail(str(UnknownKey.of("command", args[0], self.lazy)))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands' names and help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help) for name, (_, help) in self.lazy.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what goes wrong on purpose becomes one line."""
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            try:
                result = super().invoke(ctx)
                sys.stdout.flush()  # here, where a reader that has gone is no error
            except (KgrError, OSError) as error:
                if ctx.meta.get(_TRACEBACK) or (isinstance(error, OSError) and error.errno == errno.EPIPE):
                    raise
                raise Failure(f"error: {_line(error)}") from error
            except KeyboardInterrupt:
                raise Interrupted("interrupted") from None
        return result


def _line(error: KgrError | OSError) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    from kgr.cli.terminal import say

    say(f"kgr: warning: {message}")


def _keep_traceback(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        ctx.meta[_TRACEBACK] = True


traceback_option = click.option(
    "--traceback",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_keep_traceback,
    help="show where an error came from",
)

json_option = click.option(
    "--json", "as_json", is_flag=True, help="print one JSON object on standard output instead of tables"
)
