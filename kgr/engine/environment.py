"""What a run ran on, for whoever wants to repeat it."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from pathlib import Path
from typing import Any, Protocol

import torch

from kgr.engine.device import device_of


class Told(Protocol):
    """What any run is told of where it runs."""

    @property
    def threads(self) -> int:
        """Of its producers."""

    @property
    def device(self) -> str:
        """As settings name it."""

    @property
    def seed(self) -> int:
        """Of every draw."""


def environment(config: Told) -> dict[str, Any]:
    """Return versions, threads, device, seed and the commit of the checkout, None where there is none."""
    device = device_of(config.device)
    return {
        "python": platform.python_version(),
        **{name: _version(name) for name in ("kgr", "torch", "numpy", "numba")},
        "platform": platform.platform(),
        "threads": config.threads,
        "torch_threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else str(device),
        "seed": config.seed,
        "commit": _commit(Path(__file__).parents[2]),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit(checkout: Path) -> str | None:
    # installed, the package may lie inside a checkout of something else
    if not (checkout / ".git").exists():
        return None
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, check=True, text=True, timeout=10).stdout.strip() or None
    except (OSError, subprocess.SubprocessError):
        return None
