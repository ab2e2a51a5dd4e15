"""A small corpus in BEIR's form: 24 documents of 3 to 42 words, the last one empty, and three queries."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

WORDS = ["river", "city", "mountain", "of", "the", "a", "b", "c", "d", "e", "f", "g"]
TEXTS = [" ".join(itertools.islice(itertools.cycle(WORDS[i % 5 :]), 3 + 7 * i % 40)) for i in range(23)]
QUERIES = {"q1": "the city", "q2": "river of a", "q3": "x"}


def write_corpus(folder: Path, texts: Sequence[str] = (*TEXTS, "")) -> Path:
    """Write texts as documents ``d0``, ``d1`` …, with the queries and a judgement."""
    documents = [f'{{"_id": "d{i}", "title": "", "text": "{text}"}}\n' for i, text in enumerate(texts)]
    queries = [f'{{"_id": "{key}", "text": "{text}"}}\n' for key, text in QUERIES.items()]
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text("".join(documents))
    (folder / "queries.jsonl").write_text("".join(queries))
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td0\t1\n")
    return folder
