"""A corpus in which relevance can be learned: of 60 texts, those about a query's word; judged, and ranked at random."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from text_corpus import write_corpus

from kgr.data.beir import build_beir
from kgr.index.store import Store

WORDS = ("river", "city", "mountain")
COUNT = 60

Run = dict[str, dict[str, float]]
Grades = dict[str, dict[str, int]]


def build_store(folder: Path) -> Store:
    """Documents ``d0`` … of letters, a third of them with ``river``, which alone is relevant."""
    draw = np.random.default_rng(0)
    texts = [" ".join([WORDS[i % 3], *draw.choice(list("abcdefg"), 4 + i % 5)]) for i in range(COUNT)]
    return build_beir(write_corpus(folder / "corpus", [*texts, ""]), folder / "store")


def questions(count: int = 20) -> dict[str, str]:
    """Queries of a few letters."""
    draw = np.random.default_rng(1)
    return {f"q{i}": " ".join(draw.choice(list("abcdefg"), 2)) for i in range(count)}


def material(count: int = 20) -> tuple[Grades, Run]:
    """Of each query: three relevant documents, and a ranking of eighteen in which they stand anywhere."""
    draw = np.random.default_rng(2)
    grades: Grades = {}
    run: Run = {}
    for query in questions(count):
        relevant = draw.choice(np.arange(0, COUNT, 3), 3, replace=False)
        others = draw.choice(np.setdiff1d(np.arange(COUNT), np.arange(0, COUNT, 3)), 15, replace=False)
        grades[query] = {f"d{i}": 1 for i in relevant}
        run[query] = {f"d{i}": float(-rank) for rank, i in enumerate(draw.permutation([*relevant, *others]).tolist())}
    return grades, run
