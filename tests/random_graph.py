"""Files of a small random graph in splits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import oracle


def write_triples(path: Path, triples: np.ndarray) -> Path:
    """Write triples of numbers by key: ``e0``, ``r0``."""
    path.write_text("".join(f"e{h}\tr{r}\te{t}\n" for h, r, t in triples.tolist()), encoding="utf-8")
    return path


def split_files(folder: Path, entities: int, triples: int, *cuts: int) -> dict[str, Path]:
    """Write so many triples of three relations, train up to the first cut, valid up to the next, the rest test."""
    drawn = oracle.random_triples(np.random.default_rng(1), entities, 3, triples)
    parts = np.split(np.random.default_rng(0).permutation(drawn), cuts)
    names = ("train", "valid", "test")[: len(parts)]
    return {name: write_triples(folder / f"{name}.tsv", part) for name, part in zip(names, parts, strict=True)}
