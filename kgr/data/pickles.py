"""Pickles of other people: read by a restricted unpickler in a process of its own, and only as plain values."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from kgr.errors import DataError


@dataclass(frozen=True)
class Limits:
    """What reading one pickle may use: bytes of memory, seconds of processor time, bytes of the unpacked pickle."""

    memory: int = 4 << 30
    seconds: int = 300
    size: int = 1 << 30


def read_pickle(path: Path, limits: Limits | None = None) -> Any:
    """Read a pickle of plain values: numbers, texts, tuples, lists, sets, dicts, ``defaultdict``.

    A path that ends in ``.gz`` is unpacked. Nothing that a pickle names is imported or called but
    these types, and what it does, it does in another process with bounded memory and time.

    Returns
    -------
    int, str or list
        Tuples and lists as lists; sets as sorted lists; dicts as lists of pairs, in their order.

    Raises
    ------
    DataError
        The file cannot be read, is no pickle, holds or asks for anything else, or is too large.
    """
    limits = limits or Limits()
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    with tempfile.TemporaryFile() as output:
        wrong = _convert(path, limits, output)
        if wrong is None:
            output.seek(0)
            try:
                return json.load(output)
            except (ValueError, RecursionError) as error:
                wrong = f"its values cannot be taken over: {error}"
    raise DataError(
        f"{path}: {wrong}; expected a pickle of numbers, texts, tuples, lists, sets and dicts alone; "
        "nothing in it was executed"
    )


def _convert(path: Path, limits: Limits, output: IO[bytes]) -> str | None:
    """Let the child write the pickle as JSON; None when it did, else why not."""
    program = str(Path(__file__).with_name("_unpickle.py"))
    numbers = [str(number) for number in (limits.memory, limits.seconds, limits.size)]
    command = [sys.executable, "-I", "-S", program, str(path.resolve()), *numbers]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE, timeout=4 * limits.seconds
        )
    except subprocess.TimeoutExpired:
        return f"it took longer than {4 * limits.seconds} seconds"
    if done.returncode == 0:
        return None
    if done.returncode in (-getattr(signal, "SIGXCPU", 0), -getattr(signal, "SIGKILL", 0)):
        return f"it needs more than {limits.seconds} seconds of processor time, or the system stopped it"
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"the process that read it ended with {done.returncode}"
