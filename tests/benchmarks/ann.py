"""HNSW over vectors against exact search: seconds to build, milliseconds a query, recall@10, one thread.

Clustered data: each vector is one of 1,000 Gaussian centres plus Gaussian noise of half their size; Gaussian data have
no structure, the worst case. Queries are drawn as the vectors are, anew.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import torch
from machine import figure
from numpy.typing import NDArray

from kgr.index.vectors import Vectors
from kgr.retrieval.ann import AnnIndex, build_index, faiss_threads
from kgr.retrieval.config import retrieve_config
from kgr.retrieval.exact import Found, exact_search

CENTRES = 1_000
NOISE = 0.5
DATA = ("clustered", "gaussian")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", choices=DATA, help="how the vectors are drawn")
    parser.add_argument("--vectors", type=int, default=100_000, help="how many (default: %(default)s)")
    parser.add_argument("--width", type=int, default=384, help="numbers of each (default: %(default)s)")
    parser.add_argument("--queries", type=int, default=500, help="how many (default: %(default)s)")
    parser.add_argument("--metric", default="l2", help="dot, cosine, l2 or l1 (default: %(default)s)")
    parser.add_argument("--hnsw-m", type=int, default=32, help="links of a vector (default: %(default)s)")
    parser.add_argument(
        "--ef-construction", type=int, default=200, help="candidates while it is built (default: %(default)s)"
    )
    parser.add_argument("--ef-search", type=int, nargs="+", default=[64, 128], help="candidates of a query")
    parser.add_argument("--seed", type=int, default=0, help="of the data (default: %(default)s)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with faiss_threads(1):
        measure(arguments)


def drawn(arguments: argparse.Namespace) -> tuple[Vectors, NDArray[np.float32]]:
    """Return the vectors and the queries."""
    draw = np.random.default_rng(arguments.seed)
    count = arguments.vectors + arguments.queries
    rows = draw.standard_normal((count, arguments.width), np.float32)
    if arguments.data == "clustered":
        centres = draw.standard_normal((CENTRES, arguments.width), np.float32)
        rows *= NOISE
        rows += centres[draw.integers(0, CENTRES, count)]
    return Vectors(np.arange(arguments.vectors, dtype=np.int32), rows[: arguments.vectors]), rows[arguments.vectors :]


def measure(arguments: argparse.Namespace) -> None:
    vectors, queries = drawn(arguments)
    built = {"hnsw_m": arguments.hnsw_m, "ef_construction": arguments.ef_construction}
    size = {"data": arguments.data, "vectors": arguments.vectors, "width": arguments.width, "metric": arguments.metric}
    more = {**size, "queries": len(queries), "threads": 1, "faiss": faiss.__version__}
    exact, taken = timed(lambda: exact_search(vectors, queries, 10, metric=arguments.metric))
    figure("exact search, top 10", round(1000 * taken / len(queries), 3), "CPU ms per query", **more)
    settings = {"ann": "hnsw", "metric": arguments.metric, **built}
    index, taken = timed(lambda: build_index(vectors, retrieve_config("dense", settings)))
    figure("HNSW built", round(taken, 1), "CPU s", **more, **built)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "index.faiss"
        faiss.write_index(index, str(file))
        del index
        start = time.perf_counter()
        opened = faiss.read_index(str(file), faiss.IO_FLAG_MMAP_IFC)
        figure("HNSW opened by memory map", round(1000 * (time.perf_counter() - start), 2), "ms", **more, **built)
        for ef_search in arguments.ef_search:
            config = retrieve_config("dense", {**settings, "ef_search": ef_search})
            search = AnnIndex(vectors, config, opened, file.stat().st_size).search
            search(queries[:8], 10)
            found, taken = timed(lambda: search(queries, 10))  # noqa: B023
            own = {**more, **built, "ef_search": ef_search}
            figure("HNSW search, top 10", round(1000 * taken / len(queries), 3), "CPU ms per query", **own)
            figure("HNSW recall@10", round(recall(found, exact), 4), "share", **own)


def timed(run: Callable[[], Found]) -> tuple[Found, float]:
    """Return what a function gives, and the CPU seconds that it took."""
    start = time.process_time()
    given = run()
    return given, time.process_time() - start


def recall(found: Found, exact: Found) -> float:
    """Return the share of the exact results that were found."""
    pairs, wanted = (
        set(zip(np.repeat(np.arange(len(offsets) - 1), np.diff(offsets)).tolist(), ids.tolist(), strict=True))
        for offsets, ids, _ in (found, exact)
    )
    return len(pairs & wanted) / len(wanted)


if __name__ == "__main__":
    main()
