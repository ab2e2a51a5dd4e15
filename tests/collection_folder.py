"""A small collection in BEIR's form, written by hand."""

from __future__ import annotations

import gzip
from pathlib import Path

FILES = {
    "corpus.jsonl": '{"_id": "d1", "title": "Ä", "text": "one  two", "metadata": {"x": 1}}\n'
    '{"_id": "d2", "title": "", "text": " three\\n"}\n'
    '{"_id": "d3", "title": "C", "text": " "}\n',
    "queries.jsonl": '{"_id": "q1", "text": "one?"}\n{"_id": "q2", "text": "3?", "x": 1}\n{"_id": "q3", "text": "?"}\n',
    "qrels/train.tsv": "query-id\tcorpus-id\tscore\nq3\td1\t2\n",
    "qrels/test.tsv": "query-id\tcorpus-id\tscore\nq2\td2\t1\nq1\td3\t0\nq2\td1\t2\n",
}


def write_collection_folder(folder: Path, *, packed: bool = False, **changed: str) -> Path:
    """Write the collection; ``changed`` gives other texts by file, whose ``.`` and ``/`` are ``_``."""
    for name, text in FILES.items():
        path = folder / (f"{name}.gz" if packed else name)
        path.parent.mkdir(parents=True, exist_ok=True)
        data = changed.get(name.replace("/", "_").replace(".", "_"), text).encode("utf-8", "surrogateescape")
        path.write_bytes(gzip.compress(data) if packed else data)
    return folder
