"""Speed and memory of building a store from files of documents, with its index. One line of JSON per figure.

Each build runs in a process of its own; its peak memory is that of the process which writes, beside it that of the
largest worker.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import ONE_THREAD, figure

from kgr.data.collection import build_corpus


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", help="files of documents, JSON lines")
    parser.add_argument("--workers", type=int, nargs="+", default=[1], help="numbers of processes (default: 1)")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(build(arguments.files, arguments.child)))
        return
    command = [sys.executable, __file__, *map(str, arguments.files), "--child"]
    for workers in arguments.workers:
        alone = {**os.environ, **dict.fromkeys(ONE_THREAD, "1")}
        done = subprocess.run([*command, str(workers)], env=alone, stdout=subprocess.PIPE, text=True, check=True)
        found = json.loads(done.stdout)
        size = sum(path.stat().st_size for path in arguments.files)
        about = {"documents": found["documents"], "bytes": size, "workers": workers, "threads": 1}
        figure("documents built", round(found["documents"] / found["seconds"]), "documents per second", **about)
        figure("documents built", round(found["documents"] / found["cpu_seconds"]), "documents per CPU second", **about)
        figure("peak memory above imports", round(found["peak_mb"]), "MB", **about)
        if workers > 1:
            figure("peak memory of a worker", round(found["worker_mb"]), "MB", **about)


def build(files: list[Path], workers: int) -> dict[str, float]:
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        store = build_corpus(files, Path(folder) / "store", workers=workers)
        documents = len(store.entries)
        seconds = time.perf_counter() - start
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = own.ru_utime + own.ru_stime - before.ru_utime - before.ru_stime + others.ru_utime + others.ru_stime
    return {
        "documents": documents,
        "seconds": seconds,
        "cpu_seconds": spent,
        "peak_mb": (own.ru_maxrss - before.ru_maxrss) / 1024,
        "worker_mb": others.ru_maxrss / 1024,
    }


if __name__ == "__main__":
    main()
