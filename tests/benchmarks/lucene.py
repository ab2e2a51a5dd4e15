"""Queries per second by Lucene through a store, and by a bare loop over Anserini's searcher on the same index.

The bare loop asks for one query after the other and reads keys and scores, as pyserini does; ``batch`` leaves the
results in Java. The three take turns.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from machine import figure

from kgr.index.keys import Keys
from kgr.index.kinds import DOCUMENT
from kgr.index.store import Section, Store, create_store
from kgr.index.texts import Texts
from kgr.retrieval._jvm import java_class
from kgr.retrieval.lucene import lucene_folder
from kgr.retrieval.retrieve import retrieve


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path, help="packed JSON lines with title and text, as of the Wikipedia sample")
    parser.add_argument("--queries", type=int, default=500, help="of five words, drawn from the texts")
    parser.add_argument("-k", type=int, nargs="+", default=[10, 1000])
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store, words = _store(Path(folder) / "store", arguments.corpus)
        cpu, wall = time.process_time(), time.perf_counter()
        index = lucene_folder(store, "en") / "index"
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        figure("lucene/index", len(store.entries) / cpu, "documents per CPU second", wall=wall)
        rng = np.random.default_rng(0)
        queries = [" ".join(rng.choice(words, 5)) for _ in range(arguments.queries)]
        for k in arguments.k:
            _compare(store, str(index), queries, k, arguments.rounds)


def _store(path: Path, corpus: Path) -> tuple[Store, np.ndarray]:
    """Make a store of the documents, and return words as they are met."""
    with gzip.open(corpus, "rt", encoding="utf-8") as file:
        texts = [f"{line['title']}\n{line['text']}" for line in map(json.loads, file)]
    keys = Keys.build([f"{i:07}" for i in range(len(texts))], what="entry")
    sections = {
        "entries": Section({**keys.arrays(), "kinds": np.full(len(texts), DOCUMENT, np.uint8)}),
        "text/entries/en.body": Section(Texts.build(range(len(texts)), texts).arrays()),
    }
    words = np.array([word for text in texts[::50] for word in text.split()])
    return create_store(path, sections, entities=0, counts={}, sources={}), words


def _compare(store: Store, index: str, queries: list[str], k: int, rounds: int) -> None:
    searcher = java_class("io.anserini.search.SimpleSearcher")(index)
    searcher.set_bm25(1.2, 0.75)
    texts, keys = java_class("java.util.ArrayList")(), java_class("java.util.ArrayList")()
    for number, query in enumerate(queries):
        texts.add(query)
        keys.add(str(number))

    def bare() -> list[list[str]]:
        found = ([(hit.docid, hit.score) for hit in searcher.search(query, k)] for query in queries)
        return [[key for key, _ in own] for own in found]

    def through_store() -> list[list[str]]:
        ranking = retrieve(store, queries, method="lucene", k=k)
        return [[key for key, _ in ranking[query]] for query in ranking]

    ways = {"store": through_store, "bare": bare, "batch": lambda: searcher.batch_search(texts, keys, k, 1)}
    same = sum(own[:10] == other[:10] for own, other in zip(through_store(), bare(), strict=True))
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    middle = {name: statistics.median(own) for name, own in seconds.items()}
    for name in ways:
        ratio = middle["bare"] / middle[name]
        figure(f"lucene/{name}", len(queries) / middle[name], "queries per second", k=k, ratio=ratio, same_top_10=same)
    searcher.close()


if __name__ == "__main__":
    main()
