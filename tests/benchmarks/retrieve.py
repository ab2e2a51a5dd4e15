"""How fast BM25 answers queries, beside bm25s's backends over the same postings in the same sitting.

Documents are drawn by Zipf's law; queries of 5 words by the collection's own law, and by it among words of a rank above
100, whose postings are shorter. The time is CPU per query, from the words' ids to the results, in one thread. The best
scores of both are compared.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import bm25s
import numpy as np
from machine import cpu_seconds, figure

from kgr.index.analysis import Analyzer, AnalyzerConfig
from kgr.index.keys import Keys
from kgr.index.terms import Terms
from kgr.retrieval.bm25 import Bm25
from kgr.retrieval.config import RetrieveConfig
from kgr.retrieval.lexical import Part, bags_of, search_bags

WORDS = 5


def draw_tokens(documents: int, words: int, vocabulary: int, seed: int):
    """Draw int64[documents, words] by the law 1 / rank, and return the shares of words by number too."""
    shares = 1 / np.arange(1, vocabulary + 1)
    shares /= shares.sum()
    drawn = np.searchsorted(np.cumsum(shares), np.random.default_rng(seed).random((documents, words)))
    return np.minimum(drawn, vocabulary - 1), shares


def terms_of(tokens, vocabulary: int) -> Terms:
    """Return the postings of documents."""
    n, words = tokens.shape
    pairs, counts = np.unique(tokens.ravel() * n + np.repeat(np.arange(n), words), return_counts=True)
    term, document = np.divmod(pairs, n)
    offsets = np.zeros(vocabulary + 1, np.int64)
    np.cumsum(np.bincount(term, minlength=vocabulary), out=offsets[1:])
    keys = Keys.numbers(vocabulary, what="term")
    collection = np.bincount(tokens.ravel(), minlength=vocabulary)
    return Terms(
        rows=np.arange(n, dtype=np.int32),
        lengths=np.full(n, words, np.int32),
        vocabulary=keys,
        offsets=offsets,
        documents=document.astype(np.int32),
        frequencies=counts.astype(np.uint16),
        collection=collection,
        words=keys,
        word_counts=collection,
        forms=np.arange(vocabulary + 1),
        settings={**Analyzer(AnalyzerConfig(stem=False, stop_words=False)).settings, "fields": ["body"]},
    )


def draw_queries(terms: Terms, shares, count: int, above: int, seed: int):
    """Draw int64[count, WORDS] by the law, of words that are there and have a rank above ``above``."""
    law = np.where((np.diff(terms.offsets) > 0) & (np.arange(len(shares)) >= above), shares, 0)
    return np.random.default_rng(seed).choice(len(law), (count, WORDS), p=law / law.sum())


def main() -> None:
    """Measure both laws of queries."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=96_000)
    parser.add_argument("--words", type=int, default=150)
    parser.add_argument("--vocabulary", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("-k", type=int, nargs="+", default=[10, 1000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    tokens, shares = draw_tokens(asked.documents, asked.words, asked.vocabulary, asked.seed)
    terms = terms_of(tokens, asked.vocabulary)
    part = Part("text", terms, Bm25(terms, RetrieveConfig()))
    peers = {backend: bm25s.BM25(method="lucene", k1=1.2, b=0.75, backend=backend) for backend in ("numba", "numpy")}
    vocabulary = {str(number): number for number in range(asked.vocabulary)}
    peers["numba"].index((tokens.tolist(), vocabulary), show_progress=False)
    for name in ("scores", "vocab_dict", "unique_token_ids_set", "nonoccurrence_array"):
        setattr(peers["numpy"], name, getattr(peers["numba"], name))
    for law, above in (("by the law", 0), ("of rank > 100", 100)):
        queries = draw_queries(terms, shares, asked.queries, above, asked.seed + 1)
        for k in asked.k:
            compare(part, peers, queries, k, law, asked.repeats)


def compare(part: Part, peers, queries, k: int, law: str, repeats: int) -> None:
    """Print CPU milliseconds per query of each."""
    number = np.repeat(np.arange(len(queries)), WORDS)

    def ours(prune: bool = True):
        return search_bags(part, bags_of(part.terms, number, queries.ravel(), len(queries)), k, prune=prune)

    asked = queries.tolist()
    ways = {"kgr": ours, "kgr, all postings": lambda: ours(prune=False)}
    for backend, peer in peers.items():
        threads = 1 if backend == "numba" else 0
        ways[f"bm25s {backend}"] = lambda p=peer, t=threads: p.retrieve(asked, k=k, show_progress=False, n_threads=t)
    offsets, _, scores = ours()
    found = [scores[offsets[q] : offsets[q + 1]] for q in range(len(queries))]
    expected = ways["bm25s numba"]()[1]
    gap = max(float(np.abs(own - other[: len(own)]).max()) for own, other in zip(found, expected, strict=True))
    taken = {name: 1000 * cpu_seconds(way, repeats) / len(queries) for name, way in ways.items()}
    for name, milliseconds in taken.items():
        ratio = round(taken["bm25s numba"] / milliseconds, 2)
        more = {"system": name, "words": law, "k": k, "against_numba": ratio, "largest_gap_of_scores": gap}
        more |= {"documents": len(part.terms.rows), "queries": len(queries), "threads": 1, "bm25s": bm25s.__version__}
        figure("bm25 query", round(milliseconds, 4), "CPU ms/query", **more)


if __name__ == "__main__":
    main()
