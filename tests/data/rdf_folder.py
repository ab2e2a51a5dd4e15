"""Files of RDF, the stores that are built of them, and what these hold."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

from kgr.data.rdf import build_rdf
from kgr.index.store import Of, Store

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
TYPE, LABEL = f"<{RDF}type>", f"<{RDFS}label>"
EXAMPLE = "http://example.org/"


class Folder:
    """Writes files and builds stores of them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.said: list[str] = []

    def write(self, name: str, content: str | bytes) -> Path:
        path, data = self.path / name, content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    def build(self, content: str | bytes, name: str = "a.nt", out: str = "store", **more: Any) -> Store:
        return self.build_files([self.write(name, content)], out, **more)

    def build_files(self, files: list[Path], out: str = "store", **more: Any) -> Store:
        self.said.clear()
        return build_rdf(files, self.path / out, message=self.said.append, **more)


def short(lines: str) -> str:
    """Return N-Triples of ``a p b`` and ``a p "literal"@en``, names being of example.org but for whole IRIs."""
    return "".join(" ".join(map(_term, line.split(" ", 2))) + " .\n" for line in lines.strip().split("\n"))


def _term(word: str) -> str:
    return word if word.startswith(('"', "<", "_:")) else f"<{EXAMPLE}{word}>"


def triples(store: Store, split: str = "train") -> list[tuple[str, str, str]]:
    ids = store.triples(split).tolist()
    key, relation = store.entries.key, store.relations.key
    return [(key(head), relation(own), key(tail)) for head, own, tail in ids]


def texts(store: Store) -> dict[tuple[str, str], dict[str, list[str]]]:
    """All texts by section (without ``text/``) and key."""
    found: dict[str, Any] = {}
    for name in store.sections:
        if name.startswith("text/"):
            of: Of = name.split("/")[1]  # type: ignore[assignment]
            language, field = name.split("/")[2].split(".")
            own = store.texts(of, field, language)
            assert own is not None
            rows = dict.fromkeys(own.rows.tolist())
            keys = {"entries": store.entries, "relations": store.relations, "types": store.types and store.types.keys}
            found[name.removeprefix("text/")] = {keys[of].key(row): own.all(row) for row in rows}  # type: ignore[union-attr]
    return found


def types(store: Store) -> dict[str, list[str]]:
    if store.types is None:
        return {}
    own = {id: store.types.keys.keys_of(store.types.of(id)) for id in range(len(store.entries))}
    return {store.entries.key(id): found for id, found in own.items() if found}


def keys(store: Store) -> list[str]:
    return store.entries.keys_of(range(len(store.entries)))


def counts(store: Store) -> dict[str, int]:
    return {name: count for name, count in store.manifest["counts"].items() if count}
