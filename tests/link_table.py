"""A store of a small random graph with negatives, and a scorer that reads a table: as LinkScorer, without a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import oracle

from kgr.data.build import build_store
from kgr.index.store import Store

ENTITIES, RELATIONS = 30, 3


class TableScorer:
    """Scores float32[G, 2R, G]: by entity, directed relation and answer."""

    def __init__(self, table: np.ndarray, batch: int = 7) -> None:
        self.table, self.batch = table.astype(np.float32), batch

    def scores(self, entities: np.ndarray, directed: np.ndarray) -> np.ndarray:
        return self.table[entities, directed].copy()

    def triples(self, triples: np.ndarray, side: str = "tail") -> np.ndarray:
        h, r, t = triples.T
        return self.table[h, 2 * r, t] if side == "tail" else self.table[t, 2 * r + 1, h]


def planted(store: Store, *, sides: tuple[int, ...] = (0, 1), bonus: float = 3.0, noise: float = 1.0) -> TableScorer:
    """Return a scorer of noise, and more for facts of any split, on the sides given: 0 of tails, 1 of heads."""
    size = store.entities, 2 * len(store.relations), store.entities
    table = np.random.default_rng(5).normal(scale=noise, size=size)
    for split in ("train", "valid", "test"):
        if split in store.splits:
            for head, relation, tail in store.triples(split).tolist():
                table[head, 2 * relation, tail] += bonus * (0 in sides)
                table[tail, 2 * relation + 1, head] += bonus * (1 in sides)
    return TableScorer(table)


def link_store(folder: Path, splits: tuple[str, ...] = ("train", "valid", "test"), *, negatives: bool = True) -> Store:
    """Build a store of 30 entities and 3 relations; negatives have random tails, and there are as many as facts."""
    rng = np.random.default_rng(3)
    every = rng.permutation(oracle.random_triples(rng, ENTITIES, RELATIONS, 660))
    parts = dict(
        zip(
            ("train", "valid", "test", "valid_negatives", "test_negatives"),
            np.split(every, [420, 480, 540, 600]),
            strict=True,
        )
    )
    names = [name for name in parts if name in splits or (negatives and name.removesuffix("_negatives") in splits)]
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for name in names:
        files[name] = folder / f"{name}.tsv"
        files[name].write_text("".join(f"e{h}\tr{r}\te{t}\n" for h, r, t in parts[name].tolist()), encoding="utf-8")
    return build_store(folder / "store", **files)
