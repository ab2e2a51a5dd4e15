"""A small corpus with words of its own in each document, and settings of small trainings."""

from __future__ import annotations

import random
from pathlib import Path

import kgr

SMALL = {
    "steps": 6, "batch": 8, "window": 32, "width": 32, "heads": 2, "layers": 2, "vocabulary": 300, "device": "cpu",
    "warmup": 0, "threads": 1,
}  # fmt: skip


def texts(count: int = 60) -> list[str]:
    """Texts of six sentences of eight words, of twelve different words each."""
    draw = random.Random(0)
    words = [f"{a}{b}word" for a in "bcdfghjklm" for b in "aeiouyaeiouy"]
    found = []
    for _ in range(count):
        own = draw.sample(words, 12)
        found.append(" ".join(" ".join(draw.choices(own, k=8)) + "." for _ in range(6)))
    return found


def small_store(folder: Path, given: list[str] | None = None) -> kgr.Store:
    """A store of the texts, or of given ones, indexed; the last document is short."""
    corpus = folder / "corpus.jsonl"
    lines = [f'{{"id": "d{i}", "title": "", "text": "{text}"}}\n' for i, text in enumerate(given or [*texts(), "tiny"])]
    corpus.write_text("".join(lines))
    return kgr.build_corpus(corpus, folder / "store")
