"""Where bytes are free: on the device, in the host's memory, on the disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from kgr.engine.memory import UNKNOWN, free_memory


def free_at(kind: str, device: torch.device, folder: Path) -> int | None:
    """Return the free bytes where a kind of table lies ("device", "host", "disk"); None where the system is silent."""
    if kind == "disk":
        return shutil.disk_usage(folder).free
    if kind == "device" and device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    free = free_memory()
    return None if free == UNKNOWN else free


def has_room(kind: str, device: torch.device, folder: Path, need: int) -> bool:
    """Whether so many bytes are free there, as far as the system says."""
    free = free_at(kind, device, folder)
    return free is None or free >= need


def place(kind: str, device: torch.device, folder: Path) -> str:
    """Return the name of where a kind of table lies."""
    if kind == "disk":
        return f"the disk of {folder}"
    return str(device) if kind == "device" and device.type == "cuda" else "this machine's memory"


def in_words(size: int) -> str:
    """Return a number of bytes as one reads it, in GiB, or in MiB where that is less than one."""
    return f"{size / 2**30:,.1f} GiB" if size >= 2**30 else f"{size / 2**20:,.1f} MiB"
