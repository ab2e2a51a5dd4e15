"""Processes for tests, as torchrun would start them, but kept: one call is a group of the first of them."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import socket
import warnings
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any


class ProcessGroup:
    """A context in which functions run in several processes at once.

    Each imports ``module`` as soon as it is started, all at the same time.
    """

    def __init__(self, most: int, module: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._pools = [ProcessPoolExecutor(1, context) for _ in range(most)]
        for pool in self._pools:
            pool.submit(_load, module)

    def __enter__(self) -> ProcessGroup:
        return self

    def __exit__(self, *_: object) -> None:
        for pool in self._pools:
            pool.shutdown()

    def start(self, size: int, function: Callable[..., Any], *arguments: Any) -> list[Future[Any]]:
        """Begin with a call in each of the first ``size`` processes."""
        with socket.socket() as found:
            found.bind(("localhost", 0))
            port = found.getsockname()[1]
        return [
            pool.submit(_told, rank, size, port, function, arguments) for rank, pool in enumerate(self._pools[:size])
        ]

    def call(self, size: int, function: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Return what a function returns in each of the first ``size`` processes, by rank."""
        return [future.result() for future in self.start(size, function, *arguments)]


def _load(module: str) -> None:
    importlib.import_module(module)


def _told(rank: int, size: int, port: int, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    import torch

    torch.set_num_threads(1)
    told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size, "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in told.items()}, MASTER_ADDR="localhost")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return function(*arguments)
