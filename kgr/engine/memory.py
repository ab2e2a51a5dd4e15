"""How much memory is free, and what becomes of memory that is freed."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import NamedTuple

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_MOST = 2**31 - 1

UNKNOWN = 1 << 30
"""What :func:`free_memory` returns where the system does not say."""


class _Group(NamedTuple):
    """Where a version of Linux's control groups says what they may take; ``mark`` is in a process's line."""

    mark: str
    folder: str
    limit: str
    used: str
    cached: str


_GROUPS = (
    _Group("0::", "sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    _Group(":memory:", "sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def free_memory(root: Path = Path("/")) -> int:
    """Return how many bytes this process may still take without swapping: of the system's, and of its control group's.

    What the system only caches counts as free. ``root`` is where the files of the system begin.
    """
    meminfo = root / "proc/meminfo"
    if not meminfo.exists():
        return UNKNOWN
    system = next(line for line in meminfo.read_text().splitlines() if line.startswith("MemAvailable"))
    return min([int(system.split()[1]) * 1024, *(left for group in _GROUPS for left in _left(root, group))])


def _left(root: Path, group: _Group) -> list[int]:
    """What this process's group may still take; empty where there is no such group, or no limit."""
    lines = (root / "proc/self/cgroup").read_text().splitlines()
    name = next((line.partition(group.mark)[2] for line in lines if group.mark in line), None)
    if name is None:
        return []
    # in a container the group's own folder may be the root, though its name is the host's
    places = root / group.folder / name.lstrip("/"), root / group.folder
    folder = next((place for place in places if (place / group.limit).exists()), None)
    if folder is None or not (limit := (folder / group.limit).read_text().strip()).isdecimal():
        return []
    stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    used = int((folder / group.used).read_text()) - int(stat.get(group.cached, 0))
    return [max(0, int(limit) - used)]


def keep_freed() -> None:
    """Have the C library keep large freed blocks, instead of handing them back to the system.

    A step makes arrays as large as the step before; pages that were handed back come anew, each zeroed at its first
    touch, which costs as much as a pass over the array. This holds for the process from now on. Where
    the C library is not glibc it does nothing.
    """
    _glibc("mallopt", _MMAP_THRESHOLD, _MOST)
    _glibc("mallopt", _TRIM_THRESHOLD, _MOST)


def hand_back() -> None:
    """Hand freed blocks back to the system, once: after what took much more than a step does."""
    _glibc("malloc_trim", 0)


def _glibc(name: str, *arguments: int) -> None:
    try:
        function = getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError, TypeError):  # TypeError: Windows has no library of the process
        return
    function(*arguments)
