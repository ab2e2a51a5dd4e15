"""A store as JSON lines: an object for each entry, relation, type and triple."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from kgr.data.describe import kind_of
from kgr.index.statements import OF, blocks, fields
from kgr.index.store import Of, Store

_KINDS: dict[Of, str] = {"relations": "relation", "types": "type"}

Texts = dict[str, dict[str, list[str]]]
"""By field and language."""


def json_lines(store: Store, splits: Sequence[str]) -> Iterator[str]:
    """Yield what has a key, and then triples.

    ``{"kind", "key", "types", "texts"}``, where ``texts`` has lists by field and language, and ``types``, keys, is of
    entries alone; ``kind`` is entity, document, synset, sememe, relation or type. Triples are
    ``{"kind": "triple", "head", "relation", "tail", "split"}``.
    """
    for of in OF:
        for first, last in blocks(len(store.keys(of))):
            texts, keys = texts_by_row(store, of, first, last), store.keys(of).keys_of(range(first, last))
            for id, (key, own) in enumerate(zip(keys, texts, strict=True), first):
                kind = _KINDS.get(of) or kind_of(store, id)
                yield _line({"kind": kind, "key": key, **_types(store, of, id), "texts": own})
    relations = store.relations.keys_of(range(len(store.relations)))
    for split in splits:
        for head, relation, tail in keyed(store, split, relations):
            yield _line({"kind": "triple", "head": head, "relation": relation, "tail": tail, "split": split})


def keyed(store: Store, split: str, relations: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the triples of a split by key, in their order."""
    triples = store.triples(split)
    for first, last in blocks(len(triples)):
        heads, names, tails = triples[first:last].T
        between = (relations[name] for name in names.tolist())
        yield from zip(store.entries.keys_of(heads), between, store.entries.keys_of(tails), strict=True)


def texts_by_row(store: Store, of: Of, first: int, last: int) -> list[Texts]:
    """Return the texts of each of the ids [first, last)."""
    found: list[Texts] = [{} for _ in range(first, last)]
    for field, language in fields(store, of):
        texts = store.texts(of, field, language)
        assert texts is not None
        for row, text in texts.between(first, last):
            found[row - first].setdefault(field, {}).setdefault(language, []).append(text)
    return found


def _types(store: Store, of: Of, id: int) -> dict[str, list[str]]:
    if of != "entries" or store.types is None:
        return {}
    return {"types": store.types.keys.keys_of(store.types.of(id))}


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"
