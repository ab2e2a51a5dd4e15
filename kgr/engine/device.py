"""Where to train, and how exactly."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from kgr.errors import ConfigError


def device_of(name: str) -> torch.device:
    """Return the device of a setting: "auto" (the GPU where there is one), "cpu", "cuda" or "cuda:N".

    Raises
    ------
    ConfigError
        Another name, or a GPU that is not there.
    """
    count = torch.cuda.device_count()
    if name == "auto":
        name = "cuda" if count else "cpu"
    kind, colon, number = name.partition(":")
    if name == "cpu":
        return torch.device("cpu")
    if kind != "cuda" or (colon and not number.isdecimal()):
        raise ConfigError(f"device is {name!r}, expected one of auto, cpu, cuda, cuda:N")
    index = int(number or 0)
    if index >= count:
        raise ConfigError(f"device is {name!r}, but torch sees {count} GPUs here; use auto or cpu")
    return torch.device("cuda", index)


def out_of_memory(error: RuntimeError) -> bool:
    """Whether an error of torch's says that a device, the CPU too, has no memory left."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


@contextlib.contextmanager
def products(precision: str) -> Iterator[None]:
    """Make float32 matrix products with ``torch.set_float32_matmul_precision(precision)``, and as before afterwards.

    The setting is one of the whole process: products of other threads are made so meanwhile.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@contextlib.contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use so many threads meanwhile, in the whole process."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
