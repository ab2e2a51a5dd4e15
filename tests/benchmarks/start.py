"""What it costs to begin: CPU seconds of ``kgr --help`` and ``import kgr``, each in a fresh process. JSON lines."""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys

from machine import figure

PROGRAMS = {
    "kgr --help": ["-m", "kgr", "--help"],
    "import kgr": ["-c", "import kgr"],
    "python alone": ["-c", "pass"],
}
HEAVY = ("torch", "numba", "faiss", "rdflib")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--repeats", type=int, default=9, help="processes per figure; the median is kept (default: %(default)s)"
    )
    repeats = parser.parse_args().repeats
    for name, arguments in PROGRAMS.items():
        cpu_seconds(arguments)  # once before, so that bytecode is compiled
        seconds = statistics.median(cpu_seconds(arguments) for _ in range(repeats))
        figure(name, round(seconds, 4), "CPU seconds", repeats=repeats, heavy=heavy_modules(arguments))


def cpu_seconds(arguments: list[str]) -> float:
    """Return what a new process takes, of user and system together."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def heavy_modules(arguments: list[str]) -> list[str]:
    """Return which of the heavy packages the process loads."""
    done = subprocess.run([sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    return [name for name in HEAVY if name in loaded]


if __name__ == "__main__":
    main()
