"""Run as a program of its own: turn one pickle of plain values into JSON, within limits.

It imports nothing of kgr and is never imported: whatever a hostile pickle does to it, it does to this process.
"""

from __future__ import annotations

import gzip
import io
import json
import pickle
import sys
from collections import defaultdict
from typing import Any

_ALLOWED: dict[str, type] = {
    own.__name__: own for own in (set, frozenset, dict, list, tuple, int, str, bool, float, bytes)
}


class PlainUnpickler(pickle.Unpickler):
    """Finds builtin containers, numbers and texts, and ``collections.defaultdict``; nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Return an allowed type, or refuse without importing anything."""
        if module in ("builtins", "__builtin__") and name in _ALLOWED:
            return _ALLOWED[name]
        if (module, name) == ("collections", "defaultdict"):
            return defaultdict
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def plain(value: Any) -> Any:
    """Return what JSON can hold: tuples and lists as lists, sets as sorted lists, dicts as lists of pairs."""
    if type(value) in (int, str):
        return value
    if isinstance(value, tuple | list):
        return [plain(part) for part in value]
    if isinstance(value, set | frozenset):
        return [plain(part) for part in sorted(value)]
    if isinstance(value, dict):
        return [[plain(key), plain(own)] for key, own in value.items()]
    raise TypeError(f"it holds a value of type {type(value).__name__}")


def limit(memory: int, seconds: int, written: int) -> None:
    """Bound address space, processor time and bytes written, where the system can."""
    if sys.platform == "win32":
        return
    import resource

    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, written),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def read(path: str, most: int) -> Any:
    """Read the pickle, which may be packed by gzip, and nothing after it."""
    with gzip.open(path) if path.endswith(".gz") else open(path, "rb") as file:  # noqa: PTH123
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(f"it is longer than {most:,} bytes")
    return PlainUnpickler(io.BytesIO(data)).load()


def main(path: str, memory: str, seconds: str, most: str) -> int:
    """Write the JSON on standard output; on failure one line on standard error."""
    limit(int(memory), int(seconds), 4 * int(most))
    try:
        text = json.dumps(plain(read(path, int(most))), separators=(",", ":"))
        sys.stdout.write(text)
        sys.stdout.flush()
    except MemoryError:
        print("it needs more memory than is allowed", file=sys.stderr)
    except Exception as error:  # a damaged pickle may raise anything
        print(" ".join(f"{error or type(error).__name__}".split())[:300], file=sys.stderr)
    else:
        return 0
    return 3


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
