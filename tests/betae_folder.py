"""A small graph in BetaE's form, written by hand."""

from __future__ import annotations

import pickle
from collections import defaultdict
from pathlib import Path
from typing import Any

EDGES = {"train": [(0, 0, 1), (1, 2, 2), (3, 0, 1)], "valid": [(0, 2, 3)], "test": [(2, 0, 3)]}
"""Forward edges; their inverses are written after each."""

P1, P2, IN = ("e", ("r",)), ("e", ("r", "r")), (("e", ("r",)), ("e", ("r", "n")))


def dump(path: Path, content: Any) -> None:
    """Write a pickle."""
    path.write_bytes(pickle.dumps(content, protocol=4))


def lines(edges: list[tuple[int, int, int]]) -> str:
    """Return edges both ways."""
    return "".join(f"{h}\t{r}\t{t}\n{t}\t{r ^ 1}\t{h}\n" for h, r, t in edges)


def write_folder(folder: Path, relations: tuple[str, ...] = ("+r", "-r", "+s", "-s")) -> Path:
    """Write a graph of four entities and two relations, with three test queries."""
    folder.mkdir(exist_ok=True)
    for split, edges in EDGES.items():
        (folder / f"{split}.txt").write_text(lines(edges))
    dump(folder / "id2ent.pkl", dict(enumerate("abcd")))
    dump(folder / "id2rel.pkl", dict(enumerate(relations)))
    queries: dict[Any, set[Any]] = defaultdict(set)
    queries[P1].add((2, (0,)))  # c r ?
    queries[P2].add((0, (2, 1)))  # a s ? ^r ?
    queries[IN].add(((2, (0,)), (3, (0, -2))))  # c r ? and not d r ?
    dump(folder / "test-queries.pkl", queries)
    dump(folder / "test-easy-answers.pkl", defaultdict(set))
    hard: dict[Any, set[int]] = defaultdict(set)
    hard |= {(2, (0,)): {3}, (0, (2, 1)): {2}, ((2, (0,)), (3, (0, -2))): {3}}
    dump(folder / "test-hard-answers.pkl", hard)
    return folder
