"""A small store with all that files of other tools find hard to hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kgr.data.build import build_store
from kgr.index.kinds import DOCUMENT, ENTITY
from kgr.index.store import Section, Store, extend_store
from kgr.index.texts import Texts

TRIPLES = {
    "train": [
        ("Q1", "P1", "/m/027rn"),
        ("Q1", "P2", "/m/027rn"),
        ("/m/027rn", "P1", "http://dbpedia.org/resource/Köln"),
        ('a "b" <c>&%', "http://www.w3.org/1999/02/22-rdf-syntax-ns#type", "human|人"),
        ("urn:kgr:entity:x", "http://example.org/knows", "Q1"),
        ("Q1", "P1", "Q1"),
    ],
    "valid": [("Q1", "P1", "/m/027rn"), ("human|人", "P2", "Q1")],
    "test": [("human|人", "P1", "/m/027rn")],
    "test_negatives": [("/m/027rn", "P2", "Q1")],
}
TABLES = {
    "entities": [
        "key\ttypes\tlabel.en\tlabel.zh\talias.en\tdescription.PT-br\talias.zh-hans-cn",
        'Q1\thuman http://dbpedia.org/ontology/City\tFirst "quoted" \\ back\t第一\tone|uno\té um\t一|壹',
        "/m/027rn\thuman\t\t只有中文\t\t\t",
        "human|人\t\t\t\t\t\t",
    ],
    "relations": ["key\tlabel.en\tlabel.de", "P1\tleads to\tführt zu", "P2\t<b> & c\t"],
    "types": ["key\tlabel.en", "human\thuman"],
}


def build_odd(folder: Path) -> Store:
    """Build it of the tables above."""
    for split, triples in TRIPLES.items():
        (folder / f"{split}.tsv").write_text("".join("\t".join(triple) + "\n" for triple in triples), encoding="utf-8")
    for of, lines in TABLES.items():
        (folder / f"{of}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    splits = {split: folder / f"{split}.tsv" for split in TRIPLES}
    tables = {f"{of}_table": folder / f"{of}.tsv" for of in TABLES}
    return build_store(folder / "store", **splits, **tables)


def add_odder(store: Store) -> Store:
    """Add texts with line ends, tabs and control characters, a second label, a document, and vectors."""
    keys = store.entries.extended(["doc:1"])
    kinds = np.append(np.full(store.entities, ENTITY, np.uint8), np.uint8(DOCUMENT))
    q1, document = store.entries.id("Q1"), len(keys) - 1
    gloss = Texts.build([q1, q1, document], ["two\nlines\tand\x01", "again", "a text"])
    label = Texts.build([q1, q1, q1 + 1], ["Erste", "Zweite", "\x02\ufffe"])
    sections = {
        "entries": Section({**keys.arrays(), "kinds": kinds}),
        "text/entries/en.gloss": Section(gloss.arrays()),
        "text/entries/de.label": Section(label.arrays()),
        "vectors/random": Section({"values": np.zeros((len(keys), 2), np.float32)}),
    }
    return extend_store(store, sections)


def facts(store: Store, *splits: str) -> set[tuple[str, str, str]]:
    """Return the triples of splits by key, one by one."""
    rows = (row for split in splits for row in store.triples(split).tolist())
    return {(store.entries.key(h), store.relations.key(r), store.entries.key(t)) for h, r, t in rows}


def texts(store: Store) -> set[tuple[str, str, str, str, str]]:
    """Return all texts: of what, key, field, language."""
    found = set()
    for name in store.sections:
        group, _, rest = name.partition("/")
        if group == "text":
            of, _, column = rest.partition("/")
            language, _, field = column.rpartition(".")
            own = store.texts(of, field, language)  # type: ignore[arg-type]
            assert own is not None
            for row in sorted(set(own.rows.tolist())):
                key = store.keys(of).key(row)  # type: ignore[arg-type]
                found |= {(of, key, field, language, text) for text in own.all(row)}
    return found


def types(store: Store) -> set[tuple[str, str]]:
    """Return entries and their types by key."""
    assert store.types is not None
    every = ((id, type) for id in range(len(store.entries)) for type in store.types.of(id).tolist())
    return {(store.entries.key(id), store.types.keys.key(type)) for id, type in every}
