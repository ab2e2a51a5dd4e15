"""Processes that train together, as torchrun starts them; one alone is the same code without a group."""

from __future__ import annotations

import contextlib
import copy
import datetime
import json
import os
import pickle
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from kgr.engine.device import device_of
from kgr.errors import ConfigError, TrainingError

TOLD = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun tells each process by its environment."""

TIMEOUT = 120.0
"""Seconds without an answer of another process after which a group ends."""

JOINING = 600.0
"""Seconds in which all processes have to come: some may still be importing, or waiting for a machine."""

_FAILED = "failed"  # key of the store: the first error
_FOR_THE_ERROR = 5.0  # seconds in which whoever failed first has told why

T = TypeVar("T")


class Processes:
    """Those that train together, as one of them sees it.

    Every process calls the same methods in the same order, from one thread. What a method raises beside what is said
    there is a TrainingError: the first error of another process, its end, or that it gave no answer in time.

    Attributes
    ----------
    rank, size
        The number of this one, and how many there are.
    local_rank, local_size
        The same, of those on this machine.
    """

    def __init__(
        self,
        rank: int = 0,
        size: int = 1,
        *,
        local_rank: int = 0,
        local_size: int = 1,
        timeout: float = TIMEOUT,
        store: Store | None = None,
    ) -> None:
        self.rank, self.size, self.local_rank, self.local_size = rank, size, local_rank, local_size
        self._timeout, self._store = timeout, store
        self._group: dist.ProcessGroup | None = None
        self._device_group: dist.ProcessGroup | None = None

    @property
    def first(self) -> bool:
        """Whether this is the one that writes metrics, evaluates and holds the run folder."""
        return self.rank == 0

    def device_of(self, name: str) -> torch.device:
        """Return the device of a setting (:func:`kgr.engine.device.device_of`); each process has a GPU of its own.

        Raises
        ------
        ConfigError
            The name is none, or a GPU that is not there or not this process's alone.
        """
        device = device_of(name)
        if device.type == "cpu" or self.local_size == 1:
            return device
        if ":" in name:
            raise ConfigError(f"device is {name!r}, but {self.local_size} processes train here: use auto, cuda or cpu")
        count = torch.cuda.device_count()
        if self.local_size > count:
            raise ConfigError(
                f"device is {name!r}, but torch sees {count} GPUs here for {self.local_size} processes: start fewer, "
                "or use cpu"
            )
        return torch.device("cuda", self.local_rank)

    def apart(self) -> Processes:
        """Return the same processes for another thread, which speaks to its like on the host while this one speaks."""
        if self.size == 1:
            return self
        other = copy.copy(self)
        with self._speaking():
            other._group = dist.new_group(backend="gloo", timeout=datetime.timedelta(seconds=self._timeout))
        return other

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """Return for each flag whether it is set in some process."""
        if self.size == 1:
            return flags
        return tuple(bool(count) for count in self.sum(np.array(flags, np.float64)))

    def sum(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sums of some numbers float64[n] over all processes, the same everywhere."""
        if self.size == 1:
            return numbers
        total = torch.from_numpy(numbers.copy())
        with self._speaking():
            dist.all_reduce(total, group=self._group)
        summed: NDArray[np.float64] = total.numpy()
        return summed

    def sum_in_place(self, tensor: Tensor) -> None:
        """Make a tensor the sum of all processes' tensors of its shape, bit for bit the same everywhere."""
        if self.size > 1:
            with self._speaking():
                dist.all_reduce(tensor, group=self._group_of(tensor))

    def exchange_counts(self, counts: Sequence[int]) -> list[int]:
        """Send each process the number that is for it, and return those that they sent, by rank."""
        if self.size == 1:
            return list(counts)
        received = torch.empty(self.size, dtype=torch.int64)
        with self._speaking():
            dist.all_to_all_single(received, torch.tensor(counts, dtype=torch.int64), group=self._group)
        return received.tolist()

    def exchange(self, tensor: Tensor, sent: Sequence[int], received: Sequence[int]) -> Tensor:
        """Send each process its slice of a tensor [n, ...], and return what they sent, by rank.

        ``sent`` and ``received`` are the rows for and from each process.
        """
        if self.size == 1:
            return tensor
        into = tensor.new_empty(sum(received), *tensor.shape[1:])
        with self._speaking():
            dist.all_to_all_single(into, tensor.contiguous(), list(received), list(sent), group=self._group_of(tensor))
        return into

    def together(self, work: Callable[[], T]) -> list[T]:
        """Do something in every process, and return what it returned in each, by rank.

        The slow are waited for as long as they live, not the time-out only. The work may take time and may fail, but
        not speak to the other processes.

        Raises
        ------
        BaseException
            In every process the error of the first one, by rank, whose work failed.
        """
        if self.size == 1:
            return [work()]
        outcome: tuple[T | None, BaseException | None]
        done = threading.Event()
        with ThreadPoolExecutor(1, thread_name_prefix="kgr-waits") as pool:
            waiting = pool.submit(self._wait_for_all, done)
            try:
                outcome = work(), None
            except BaseException as error:
                outcome = None, error
            finally:
                done.set()
            waiting.result()
        return self._results(*outcome)

    def led(self, work: Callable[[], T]) -> T:
        """Do something in the first process alone, and return everywhere what it returned: see :meth:`together`."""
        return self.together(lambda: work() if self.first else None)[0]  # type: ignore[return-value]

    def _wait_for_all(self, done: threading.Event) -> None:
        """Tell the others now and then that this process lives, until all have done."""
        left = 1.0
        while left:
            own = done.wait(self._timeout / 4)
            left = self.sum(np.array([float(not own)]))[0]

    def _results(self, result: T | None, error: BaseException | None) -> list[T]:
        outcomes: list[Any] = [None] * self.size
        with self._speaking():
            dist.all_gather_object(outcomes, (result, _sendable(error)), group=self._group)
        failed = next((rank for rank, (_, raised) in enumerate(outcomes) if raised is not None), None)
        if failed is None:
            return [own for own, _ in outcomes]
        raise error if failed == self.rank and error is not None else outcomes[failed][1]

    def _group_of(self, tensor: Tensor) -> dist.ProcessGroup | None:
        return self._device_group if tensor.is_cuda else self._group

    @contextlib.contextmanager
    def _speaking(self) -> Iterator[None]:
        """Make a plain error of what goes wrong between processes."""
        try:
            yield
        except RuntimeError as error:
            raise TrainingError(self._why(error)) from error

    def _why(self, error: RuntimeError) -> str:
        late = "timed out" in str(error).lower()
        told = self._first_error(0.0 if late else _FOR_THE_ERROR)
        if told is not None:
            return told
        if late:
            return (
                f"another process gave no answer for {self._timeout:g} seconds (process_timeout): it was stopped, "
                "hangs or is far slower; the same command goes on from the newest checkpoint, if there is one"
            )
        return f"another process has ended, or cannot be reached: {str(error).splitlines()[0]}"

    def _first_error(self, seconds: float) -> str | None:
        """The error that the store has, or gets within some seconds."""
        try:
            self._store.wait([_FAILED], datetime.timedelta(seconds=seconds))  # type: ignore[union-attr]
            rank, message = json.loads(self._store.get(_FAILED))  # type: ignore[union-attr]
        except RuntimeError:  # none, or the store is gone with the process that held it
            return None
        return f"process {rank}: {message}"

    def _tell_error(self, error: BaseException) -> None:
        """Keep an error for the other processes, unless there is one."""
        message = str(error) if isinstance(error, Exception) else type(error).__name__
        with contextlib.suppress(RuntimeError):
            self._store.compare_set(_FAILED, "", json.dumps([self.rank, message]))  # type: ignore[union-attr]


ALONE = Processes()
"""The one process of a training that nobody shares."""


def leads() -> bool:
    """Whether this process is the first of those that torchrun started, or the only one: the one that speaks."""
    return not _started_together() or os.environ["RANK"] == "0"


def _started_together() -> bool:
    return all(os.environ.get(name) for name in TOLD) and os.environ["WORLD_SIZE"] != "1"


def check_alone(what: str) -> None:
    """Refuse what one process does by itself where torchrun has started several, which would all do it.

    Raises
    ------
    ConfigError
        It has.
    """
    if _started_together():
        raise ConfigError(
            f"{what} is trained by one process, but torchrun started {os.environ['WORLD_SIZE']}: give the command "
            "without torchrun"
        )


@contextlib.contextmanager
def joined(device: str, timeout: float = TIMEOUT) -> Iterator[Processes]:
    """Join the processes that torchrun has started with this one, where it has, and leave them in the end.

    Tensors on the CPU go by gloo, those on GPUs by NCCL.

    Parameters
    ----------
    device
        The setting, by which NCCL is chosen where it names GPUs.
    timeout
        Seconds without an answer of another process after which all fail.

    Raises
    ------
    ConfigError
        See :meth:`Processes.device_of`.
    TrainingError
        The others did not come.
    """
    if not _started_together():
        yield ALONE
        return
    rank, size, local_rank, local_size = (int(os.environ[name]) for name in TOLD[:4])
    wait = datetime.timedelta(seconds=timeout)
    store = _meeting_place(rank, size)
    processes = Processes(rank, size, local_rank=local_rank, local_size=local_size, timeout=timeout, store=store)
    place = processes.device_of(device)
    with processes._speaking():
        dist.init_process_group("gloo", store=store, rank=rank, world_size=size, timeout=wait)
        if place.type == "cuda":  # what hangs is found by gloo first, which says so
            torch.cuda.set_device(place)
            processes._device_group = dist.new_group(backend="nccl", timeout=2 * wait)
    try:
        yield processes
    except BaseException as error:
        processes._tell_error(error)
        raise
    finally:
        dist.destroy_process_group()


def _meeting_place(rank: int, size: int) -> Store:
    """Return keys and values that the processes share, when all of them are there."""
    patience = datetime.timedelta(seconds=JOINING)
    try:
        given = next(iter(rendezvous("env://", timeout=patience)))[0]
        times = given.add(f"kgr/{rank}", 1)  # a program may train several times: each has keys of its own
        store = PrefixStore(f"kgr/{times}", given)
        store.set(f"here/{rank}", "")
        store.wait([f"here/{other}" for other in range(size)], patience)
    except RuntimeError as error:
        raise TrainingError(
            f"not all of the {size} processes came within {JOINING:g} seconds: {str(error).splitlines()[0]}"
        ) from error
    return store


def _sendable(error: BaseException | None) -> BaseException | None:
    """Return an error as another process can raise it."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return TrainingError(f"{type(error).__name__}: {error}")
    return error
