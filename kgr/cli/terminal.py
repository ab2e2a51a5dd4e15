"""Standard error: messages and progress bars. Standard output is for results alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click
from tqdm import tqdm

if TYPE_CHECKING:
    from kgr.engine.loop import Progress

_REFRESH = 30.0  # seconds between the lines of a bar where standard error is a file


def say(line: str) -> None:
    """Write a line on standard error, above a bar that may be there."""
    tqdm.write(line, file=sys.stderr)


def print_json(value: Any) -> None:
    """Write the one JSON object of a command."""
    click.echo(json.dumps(value, ensure_ascii=False, allow_nan=False))


def print_metrics(metrics: Mapping[str, Any], table: Callable[[Any], str], as_json: bool, **more: Any) -> None:
    """Write what was measured: as a table or, with ``more`` beside it, as one JSON object."""
    if as_json:
        print_json({**metrics, **more})
    else:
        click.echo(table(metrics))


class Bars:
    """Progress bars, one at a time; a context that closes the last.

    ``rows`` says what a batch of a training is made of.
    """

    def __init__(self, rows: str = "rows") -> None:
        self._rows = rows
        self.trained: Progress | None = None
        """The last report of a training."""
        self._bar: tqdm[Any] | None = None
        self._what = ""

    def __enter__(self) -> Bars:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    @property
    def spent(self) -> dict[str, Any]:
        """What a training took: seconds, CPU seconds and steps; nothing where there was none."""
        last = self.trained
        return {} if last is None else {"seconds": last.seconds, "cpu_seconds": last.cpu_seconds, "steps": last.step}

    def close(self) -> None:
        """End the present bar."""
        if self._bar is not None:
            self._bar.close()
        self._bar, self._what = None, ""

    def fetch(self, name: str, have: int, size: int | None) -> None:
        """Show bytes of a file that is being fetched."""
        bar = self._open(name, total=size, unit="B", unit_scale=True, leave=False)
        bar.update(have - bar.n)

    def count(self, name: str, done: int, total: int | None) -> None:
        """Show how many of something are done."""
        bar = self._open(name, total=total, leave=False)
        bar.update(done - bar.n)

    def train(self, progress: Progress) -> None:
        """Show the steps of a training, its loss and its rate; the bar adds the time left."""
        if self.trained is None and progress.step:
            say(f"going on from step {progress.step:,} of {progress.steps:,}")
        self.trained = progress
        bar = self._open("train", total=progress.steps, initial=progress.step, unit="step")
        if progress.loss is not None:
            rate = progress.rate * progress.rows
            bar.set_postfix_str(f"loss {progress.loss:.4f}, {rate:,.0f} {self._rows}/s", refresh=False)
        bar.update(progress.step - bar.n)
        if progress.metrics is not None:
            names = ("mrr", "avg_p", "avg_n", "accuracy", "mlm_accuracy", "ndcg@10", "map")
            means = ((name, progress.metrics.get(name)) for name in names)
            figures = ", ".join(f"{name} {100 * mean:.1f}" for name, mean in means if mean is not None)
            few = progress.metrics.get("candidates")
            among = f" among {few:,} drawn candidates (biased)" if few else ""
            say(f"step {progress.step:,}: on valid{among}, in percent: {figures or 'none'}")
        if progress.ended and (progress.ended != "steps" or progress.best is not None):
            told = {"early stop": ", early", "minutes": f" of {progress.steps:,}: its minutes are spent"}
            best = f"; the best evaluation was at step {progress.best:,}" if progress.best is not None else ""
            say(f"training ended at step {progress.step:,}{told.get(progress.ended, '')}{best}")

    def evaluate(self, structure: str, queries: int, total: int) -> None:
        """Show the queries of an evaluation."""
        bar = self._open("evaluate", total=total, unit="query", leave=False)
        bar.set_description_str(f"evaluate {structure}", refresh=False)
        bar.update(queries)

    def score(self, done: int, total: int) -> None:
        """Show that so many queries more have been scored."""
        self._open("score", total=total, leave=False).update(done)

    def sample(self, structure: str, queries: int) -> None:
        """Show the queries drawn."""
        bar = self._open("sample", unit="query", leave=False)
        bar.set_description_str(f"sample {structure}", refresh=False)
        bar.update(queries)

    def _open(self, what: str, **options: Any) -> tqdm[Any]:
        if self._bar is None or what != self._what or self._bar.total != options.get("total"):
            self.close()
            interval = 0.1 if sys.stderr.isatty() else _REFRESH
            self._bar = tqdm(
                desc=what, file=sys.stderr, dynamic_ncols=True, mininterval=interval, maxinterval=interval, **options
            )
            self._what = what
        return self._bar
