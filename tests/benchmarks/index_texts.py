"""Speed and memory of indexing texts, one thread. One line of JSON per figure.

With a file of documents, JSON lines with title and text: CPU seconds and peak memory of an index in a store, from texts
in the store to files on the disk, and of bm25s's tokenise and index over a list of the same texts in memory, each in a
process of its own. With a number of documents: the same of synthetic ones, and how long the index takes to open.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
from machine import ONE_THREAD, figure

from kgr._io import Pieces
from kgr.data.collection import build_corpus
from kgr.data.index_texts import index_texts
from kgr.index.keys import Keys
from kgr.index.kinds import DOCUMENT
from kgr.index.store import Section, Store, create_store
from kgr.index.terms import open_terms

BLOCK = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=Path, help="a file of documents, JSON lines, perhaps packed by gzip")
    parser.add_argument("--synthetic", type=int, default=0, help="so many synthetic documents (default: none)")
    parser.add_argument("--words", type=int, default=100, help="words of each of these (default: %(default)s)")
    parser.add_argument("--vocabulary", type=int, default=1_000_000, help="words to draw from (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="runs; the fastest is kept (default: %(default)s)")
    parser.add_argument("--child", nargs=2, metavar=("WHAT", "PATH"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(CHILDREN[arguments.child[0]](Path(arguments.child[1]))))
        return
    with tempfile.TemporaryDirectory() as folder:
        if arguments.documents:
            real(arguments.documents, Path(folder) / "real", arguments.repeats)
        if arguments.synthetic:
            drawn(Path(folder) / "drawn", arguments)


def real(documents: Path, path: Path, repeats: int) -> None:
    store = build_corpus([documents], path)
    about = {"documents": len(store.entries), "file": documents.name, "threads": 1, "bm25s": version("bm25s")}
    found = {
        what: [child(what, place) for _ in range(repeats)] for what, place in (("kgr", path), ("bm25s", documents))
    }
    for what, runs in found.items():
        seconds = min(run["cpu_seconds"] for run in runs)
        figure(f"texts indexed, {what}", round(about["documents"] / seconds), "documents per CPU second", **about)
        peak = max(run["peak_mb"] for run in runs)
        figure(f"peak memory above imports, {what}", round(peak), "MB", **about)


def drawn(path: Path, arguments: argparse.Namespace) -> None:
    synthetic(path, arguments.synthetic, arguments.words, arguments.vocabulary)
    about = {"documents": arguments.synthetic, "words": arguments.words, "threads": 1}
    run = child("kgr", path)
    figure(
        "synthetic texts indexed", round(arguments.synthetic / run["cpu_seconds"]), "documents per CPU second", **about
    )
    figure("peak memory above imports, synthetic", round(run["peak_mb"]), "MB", **about)
    taken = []
    for _ in range(arguments.repeats):
        start = time.perf_counter()
        terms = open_terms(Store(path))
        taken.append(time.perf_counter() - start)
    more = {"terms": len(terms.collection), "postings": len(terms.documents)}
    figure("index opened", round(1000 * statistics.median(taken), 1), "ms", **about, **more)


def synthetic(path: Path, documents: int, words: int, vocabulary: int) -> None:
    """Write a store of documents whose words follow Zipf's law."""
    names = np.array([np.base_repr(at + 46_656, 36).lower() for at in range(vocabulary)])
    law = np.cumsum(1 / np.arange(1, vocabulary + 1))
    law /= law[-1]

    draw, ranks = np.random.default_rng(0), np.empty((documents, words), np.int32)
    for first in range(0, documents, BLOCK):
        part = ranks[first : first + BLOCK]
        part[:] = np.searchsorted(law, draw.random(part.shape))
    offsets = np.zeros(documents + 1, np.int64)
    sizes = np.char.str_len(names)
    for first in range(0, documents, BLOCK):
        part = ranks[first : first + BLOCK]
        offsets[first + 1 : first + len(part) + 1] = sizes[part].sum(1) + words - 1
    np.cumsum(offsets, out=offsets)

    def texts() -> Iterator[np.ndarray]:
        for first in range(0, documents, BLOCK):
            block = "".join(map(" ".join, names[ranks[first : first + BLOCK]].tolist()))
            yield np.frombuffer(block.encode(), np.uint8)

    own = Pieces(np.dtype(np.uint8), (int(offsets[-1]),), texts)
    kinds = np.full(documents, DOCUMENT, np.uint8)
    sections = {
        "entries": Section({**Keys.numbers(documents, what="document").arrays(), "kinds": kinds}),
        "text/entries/en.body": Section(
            {"rows": np.arange(documents, dtype=np.int32), "offsets": offsets}, pieces={"bytes": own}
        ),
    }
    create_store(path, sections, entities=0, counts={}, sources={})


def child(what: str, path: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--child", what, str(path)]
    alone = {**os.environ, **dict.fromkeys(ONE_THREAD, "1")}
    done = subprocess.run(command, env=alone, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def own_index(path: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:  # compiled, and modules loaded, before
        synthetic(Path(folder) / "warm", 10, 10, 100)
        index_texts(Path(folder) / "warm")
    return measured(lambda: index_texts(path))


def peer_index(documents: Path) -> dict[str, float]:
    import bm25s
    import Stemmer

    def run() -> None:
        with (gzip.open if documents.suffix == ".gz" else open)(documents, "rt", encoding="utf-8") as lines:
            records = (json.loads(line) for line in lines)
            texts = [f"{record.get('title', '')}\n{record['text']}" for record in records]
        start = time.process_time()
        tokens = bm25s.tokenize(texts, stopwords="en", stemmer=Stemmer.Stemmer("english"), show_progress=False)
        bm25s.BM25(method="lucene", k1=1.2, b=0.75).index(tokens, show_progress=False)
        taken.append(time.process_time() - start)

    taken: list[float] = []
    return {**measured(run), "cpu_seconds": taken[0]}


def measured(run) -> dict[str, float]:
    before, start = resident("VmRSS"), time.process_time()
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    run()
    seconds = time.process_time() - start
    return {"cpu_seconds": seconds, "peak_mb": resident("VmHWM") - before}


def resident(what: str) -> float:
    """Return a figure of this process's memory in MB, as Linux has it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(what)).split()[1]) / 1024


CHILDREN = {"kgr": own_index, "bm25s": peer_index}


if __name__ == "__main__":
    main()
