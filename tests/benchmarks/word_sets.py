"""Documents per CPU second whose word sets are drawn; beside another program's, in the same sitting, if asked."""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from machine import figure

from kgr.data.collection import build_corpus
from kgr.index.store import Store
from kgr.index.terms import open_terms, open_tokens
from kgr.prop.sets_config import sets_config
from kgr.prop.word_sets import WordSets

Draw = Callable[[int], int]  # draws of all documents in an epoch, returns of how many there are sets


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        store = build_corpus([arguments.documents], Path(folder) / "store")
        other = _others(arguments) if arguments.against else None
        for law in ("dirichlet", "published"):
            _measure(law, _ours(store, law, arguments), other, arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("documents", type=Path, help="a file of documents, JSON lines, perhaps packed by gzip")
    parser.add_argument("--pairs", type=int, default=10, help="of a document (default: %(default)s)")
    parser.add_argument("--min-length", type=int, help="words of a document (default: of the law)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5, help="they take turns (default: %(default)s)")
    parser.add_argument("--against", type=Path, help="a Python file with load_jsonl(path) and gen(corpus, seed, …)")
    return parser.parse_args()


def _ours(store: Store, law: str, arguments: argparse.Namespace) -> Draw:
    terms, tokens = open_terms(store), open_tokens(store)
    own = {"law": law, "pairs": arguments.pairs, "min_length": arguments.min_length}
    sets = WordSets(terms, tokens, sets_config(own))

    def draw(epoch: int) -> int:
        found = sets.draw(sets.documents, epoch=epoch, seed=0, threads=arguments.threads)
        return int((found.offsets[:: 2 * arguments.pairs][1:] > found.offsets[:: 2 * arguments.pairs][:-1]).sum())

    return draw


def _others(arguments: argparse.Namespace) -> Draw:
    spec = importlib.util.spec_from_file_location(arguments.against.stem, arguments.against)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[arguments.against.stem] = module  # its compiled functions look themselves up
    spec.loader.exec_module(module)
    corpus = module.load_jsonl(arguments.documents)

    def draw(epoch: int) -> int:
        *_, used = module.gen(corpus, seed=epoch, n_pairs=arguments.pairs, bug_compat=False)
        return int(np.sum(used))

    return draw


def _measure(law: str, own: Draw, other: Draw | None, arguments: argparse.Namespace) -> None:
    draws = [own] if other is None else [own, other]
    rates: list[list[float]] = [[] for _ in draws]
    for draw in draws:
        draw(0)
    for epoch in range(1, arguments.repeats + 1):
        for draw, found in zip(draws, rates, strict=True):
            start = time.process_time()
            documents = draw(epoch)
            found.append(documents / (time.process_time() - start))
    more: dict[str, Any] = {}
    if other:
        ratios = [a / b for a, b in zip(*rates, strict=True)]
        more = {"ratio": statistics.median(ratios), "least": min(ratios), "against": statistics.median(rates[1])}
    figure(
        f"word_sets/{law}", statistics.median(rates[0]), "documents per CPU second", documents=own(0),
        pairs=arguments.pairs, min_length=arguments.min_length, threads=arguments.threads, **more,
    )  # fmt: skip


if __name__ == "__main__":
    main()
