"""Damaged input for every reader: do only errors of kgr's come out, soon and in little memory, naming the file?

Each reader runs in a process of its own with bounded memory, which is killed where one input takes too long. Of each
reader is said how many inputs it read and refused, and of how many something else came, the first of which are kept.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path += [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

from fuzzed_readers import readers
from fuzzing import BYTES, SECONDS, Outcome, Reader, Trial
from machine import figure

KEPT = 5
"""Inputs that are kept of each kind of fault."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000, help="of each reader (default: %(default)s)")
    parser.add_argument("--seconds", type=float, help="most processor time of each reader, after which it ends early")
    parser.add_argument("--readers", nargs="+", help="names of readers (default: all)")
    parser.add_argument("--seed", type=int, default=0, help="of the damage (default: %(default)s)")
    parser.add_argument("--keep", type=Path, help="a folder for inputs at fault")
    parser.add_argument("--folder", type=Path, help="where files are written, best in memory, such as /dev/shm")
    given = parser.parse_args()
    found = False
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        home = Path(folder) / "home"
        home.mkdir()
        every = readers(home)
        if unknown := set(given.readers or every) - set(every):
            parser.error(f"no readers {', '.join(sorted(unknown))}; there are {', '.join(every)}")
        for name in given.readers or every:
            place = Path(folder) / name.replace(" ", "-")
            counted = fuzz(name, every[name], place, given.inputs, given.seconds, given.seed, given.keep)
            figure(f"fuzz {name}", counted.pop("inputs"), "inputs", **counted, seed=given.seed)
            found |= bool(counted["others"])
    sys.exit(found)


def fuzz(
    name: str, reader: Reader, place: Path, inputs: int, seconds: float | None, seed: int, keep: Path | None
) -> dict[str, Any]:
    """Give a reader its inputs; return how many there were, and what came of them."""
    place.mkdir()
    trial, kinds, first = Trial(name, reader, place, seed), Counter[str](), dict[str, str]()
    reader.read(place)  # the valid files; what is compiled is there from the start
    slowest = spent = 0.0
    number = 0
    while number < inputs and (seconds is None or spent < seconds):
        for outcome in _outcomes(trial, number, inputs):
            kinds[outcome.kind] += 1
            slowest, spent = max(slowest, outcome.seconds), spent + outcome.seconds
            if outcome.fault:
                first.setdefault(outcome.kind, f"{number}: {outcome.message}")
                if keep and kinds[outcome.kind] <= KEPT:
                    _keep(keep, f"{name}-{number}-{outcome.kind}", trial.input(number)[1])
            number += 1
            if seconds is not None and spent >= seconds:
                break
    read, refused = kinds.pop("read", 0), kinds.pop("refused", 0)
    return {
        "inputs": number,
        "read": read,
        "errors": refused,
        "others": sum(kinds.values()),
        **({"kinds": dict(kinds), "first": first} if kinds else {}),
        "slowest_ms": round(1000 * slowest, 1),
        "cpu_seconds": round(spent, 1),
    }


def _keep(folder: Path, name: str, data: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name.replace(" ", "-")).write_bytes(data)


def _outcomes(trial: Trial, first: int, last: int) -> Any:
    """Yield outcomes from another process, up to one that ends it: too slow, or a crash."""
    context = multiprocessing.get_context("fork")
    own, other = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(trial, first, last, other), daemon=True)
    process.start()
    other.close()
    try:
        for _ in range(first, last):
            if not _ready(own, process.pid):
                yield Outcome("too slow", f"over {SECONDS} seconds", SECONDS)
                return
            try:
                yield own.recv()
            except EOFError:
                process.join()
                trial.restore()
                yield Outcome("crash", f"the process ended with {process.exitcode}", 0.0)
                return
    finally:
        process.kill()
        process.join()
        own.close()
        trial.restore()


def _ready(connection: Connection, process: int) -> bool:
    """Wait for an outcome as long as it may take in processor time, or ten times as long by the clock."""
    end, before = time.perf_counter() + 10 * SECONDS, _processor_seconds(process)
    while time.perf_counter() < end and _processor_seconds(process) < before + SECONDS + 1:
        if connection.poll(0.2):
            return True
    return connection.poll(0)


def _processor_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _serve(trial: Trial, first: int, last: int, connection: Connection) -> None:
    import resource

    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + BYTES, resource.RLIM_INFINITY))
    for number in range(first, last):
        connection.send(trial.outcome(number))


if __name__ == "__main__":
    main()
