"""One function over many shards, in this process, in others, or on a Ray cluster; results come in the shards' order.

Processes are spawned, never forked: a program that asks for more than one worker and is a file of its own needs
``if __name__ == "__main__":`` around what it does, as always with spawned processes.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any, Protocol, TypeVar

from kgr.errors import ConfigError, KgrError

Shard = TypeVar("Shard")
Result = TypeVar("Result")

TRIES = 3
"""How often a shard is given to a worker before its being killed is an error."""

AHEAD = 2
"""Shards per worker that are read before the first of them is asked for: what memory holds at most."""


def map_shards(
    work: Callable[[Shard], Result], shards: Iterable[Shard], *, workers: int = 1, engine: str = "local"
) -> Iterator[Result]:
    """Yield ``work(shard)`` of each shard, in the shards' order, whatever the number of workers.

    Shards are taken as they are needed, a few ahead. A shard whose worker is killed is given to another; the results
    are those of one worker as long as ``work`` depends on its shard alone. The first error of ``work``, by the shards'
    order, is raised.

    Parameters
    ----------
    work : callable
        With more than one worker it, the shards and the results are pickled.
    workers : int
        Processes; with ``engine="local"`` one worker is this process itself.
    engine : str
        ``"local"``: processes of this machine. ``"ray"``: those of a Ray cluster (extra ``ray``): the one that this
        process is connected to or that ``RAY_ADDRESS`` names, else one of this machine.

    Raises
    ------
    ConfigError
        No such engine, Ray is not installed, or ``workers`` is below 1.
    KgrError
        The workers of one shard were killed :data:`TRIES` times.
    """
    if engine not in ENGINES:
        raise ConfigError(f"engine is {engine!r}, expected one of {', '.join(ENGINES)}")
    if workers < 1:
        raise ConfigError(f"workers is {workers}, expected at least 1")
    if engine == "local" and workers == 1:
        return map(work, shards)
    return _in_order(ENGINES[engine](work, workers), shards, workers)


@dataclass(frozen=True)
class _Failed:
    """In place of a result: the error to raise when its turn comes."""

    error: BaseException


class _Pool(Protocol):
    """Workers that take numbered shards and give results back in any order."""

    def submit(self, number: int, shard: Any) -> None: ...
    def outcomes(self) -> list[tuple[int, Any]]: ...
    def __enter__(self) -> _Pool: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None: ...


def _in_order(pool: _Pool, shards: Iterable[Any], workers: int) -> Iterator[Any]:
    with pool:
        waiting, done = iter(enumerate(shards)), dict[int, Any]()
        taken = given = running = 0
        more = True
        while True:
            while more and running < workers and taken - given < AHEAD * workers:
                number, shard = next(waiting, (-1, None))
                if number < 0:
                    more = False
                else:
                    pool.submit(number, shard)
                    taken, running = taken + 1, running + 1
            if given in done:
                outcome = done.pop(given)
                if isinstance(outcome, _Failed):
                    raise outcome.error
                given += 1
                yield outcome
            elif running:
                arrived = pool.outcomes()
                running -= len(arrived)
                done.update(arrived)
            else:
                return


def _outcome(work: Callable[[Any], Any], shard: Any) -> Any:
    try:
        return work(shard)
    except Exception as error:
        error.add_note(f"in a worker:\n{traceback.format_exc()}")
        return _Failed(error)


@dataclass
class _Worker:
    """A spawned process, and the shard that it has."""

    process: Any
    connection: Connection
    number: int = -1
    shard: Any = None
    tries: int = 0

    def give(self, number: int, shard: Any, tries: int) -> None:
        self.number, self.shard, self.tries = number, shard, tries
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # killed: found when its result is waited for
            self.connection.send(shard)

    def end(self) -> str:
        """End the process; return in words how it ended."""
        self.connection.close()
        self.process.join(timeout=0 if self.number < 0 else 1)  # one that was killed may not be gone yet
        self.process.terminate()
        self.process.join()
        code = self.process.exitcode
        self.process.close()
        return f"by signal {-code}" if code < 0 else f"with exit code {code}"


class _Processes:
    """Spawned processes of this machine, each with a pipe of its own: one that is killed takes no other with it."""

    def __init__(self, work: Callable[[Any], Any], workers: int) -> None:
        self._work, self._count = work, workers
        self._workers: list[_Worker] = []

    def __enter__(self) -> _Processes:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        for worker in self._workers:
            worker.number = -1
            worker.end()

    def submit(self, number: int, shard: Any) -> None:
        idle = next((worker for worker in self._workers if worker.number < 0), None)
        (idle or self._start()).give(number, shard, 1)

    def outcomes(self) -> list[tuple[int, Any]]:
        busy = {worker.connection: worker for worker in self._workers if worker.number >= 0}
        arrived = []
        for connection in wait(list(busy)):
            worker = busy[connection]  # type: ignore[index]
            try:
                outcome = worker.connection.recv()
            except (EOFError, ConnectionResetError):
                outcome = self._again(worker)
                if outcome is None:
                    continue
            arrived.append((worker.number, outcome))
            worker.number, worker.shard = -1, None
        return arrived

    def _start(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        own, other = context.Pipe()
        process = context.Process(target=_serve, args=(self._work, other), daemon=True)
        process.start()
        other.close()  # so that the end of the process ends the pipe
        worker = _Worker(process, own)
        self._workers.append(worker)
        return worker

    def _again(self, worker: _Worker) -> _Failed | None:
        """Give the shard of a worker that was killed to a new one, unless that happened too often."""
        self._workers.remove(worker)
        ended = worker.end()
        if worker.tries >= TRIES:
            return _Failed(_killed(worker.number, f"{TRIES} processes that worked on it ended, the last {ended}"))
        self._start().give(worker.number, worker.shard, worker.tries + 1)
        return None


def _serve(work: Callable[[Any], Any], connection: Connection) -> None:
    """Work on shards until the other end of the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that gave the shards: it ends this one
    while True:
        try:
            shard = connection.recv()
        except EOFError:
            return
        outcome = _outcome(work, shard)
        try:
            connection.send(outcome)
        except BrokenPipeError:
            return
        except Exception as error:  # what cannot be pickled
            connection.send(_Failed(TypeError(f"what a worker found cannot be sent: {error}")))


def _killed(number: int, how: str) -> KgrError:
    return KgrError(f"shard {number + 1}: {how}: is there memory for so many workers? Try fewer")


class _Ray:
    """Tasks of a Ray cluster, which gives the shard of a lost worker to another itself."""

    def __init__(self, work: Callable[[Any], Any], workers: int) -> None:
        try:
            import ray
        except ImportError:
            raise ConfigError("engine is 'ray', which is not installed: pip install 'kgr[ray]'") from None
        self._ray, self._own = ray, not ray.is_initialized()
        if self._own:
            address: dict[str, Any] = {} if os.environ.get("RAY_ADDRESS") else {"address": "local", "num_cpus": workers}
            ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.WARNING, **address)
        self._task = ray.remote(_outcome).options(max_retries=TRIES - 1)
        self._work = ray.put(work)
        self._running: dict[Any, int] = {}

    def __enter__(self) -> _Ray:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        for task in self._running:
            self._ray.cancel(task)
        if self._own:
            self._ray.shutdown()

    def submit(self, number: int, shard: Any) -> None:
        self._running[self._task.remote(self._work, shard)] = number

    def outcomes(self) -> list[tuple[int, Any]]:
        ready, _ = self._ray.wait(list(self._running))
        return [(self._running[task], self._result(task, self._running.pop(task))) for task in ready]

    def _result(self, task: Any, number: int) -> Any:
        try:
            return self._ray.get(task)
        except self._ray.exceptions.RayError as error:
            reason = str(error).partition("\n")[0]
            return _Failed(_killed(number, f"Ray gave it up after {TRIES} tries: {reason}"))


ENGINES: dict[str, Callable[[Callable[[Any], Any], int], _Pool]] = {"local": _Processes, "ray": _Ray}
"""Where shards are worked on."""
