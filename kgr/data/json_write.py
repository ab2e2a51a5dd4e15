"""A store as JSON lines: an object for each entry, relation, type and triple."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from kgr.data.describe import kind_of
from kgr.index.statements import OF, RowTexts, blocks, keyed, texts_by_row
from kgr.index.store import Of, Store

_KINDS: dict[Of, str] = {"relations": "relation", "types": "type"}


def json_lines(store: Store, splits: Sequence[str]) -> Iterator[str]:
    """Yield what has a key, and then triples.

    ``{"kind", "key", "types", "texts"}``, where ``texts`` has lists by field and language, and ``types``, keys, is of
    entries alone; ``kind`` is entity, document, synset, sememe, relation or type. Triples are
    ``{"kind": "triple", "head", "relation", "tail", "split"}``. :mod:`kgr.data.json_read` reads them.
    """
    for of in OF:
        for first, last in blocks(len(store.keys(of))):
            texts, keys = texts_by_row(store, of, first, last), store.keys(of).keys_of(range(first, last))
            for id, (key, own) in enumerate(zip(keys, texts, strict=True), first):
                kind = _KINDS.get(of) or kind_of(store, id)
                yield _line({"kind": kind, "key": key, **_types(store, of, id), "texts": _by_field(own)})
    relations = store.relations.keys_of(range(len(store.relations)))
    for split in splits:
        for head, relation, tail in keyed(store, split, relations):
            yield _line({"kind": "triple", "head": head, "relation": relation, "tail": tail, "split": split})


def _by_field(texts: RowTexts) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    for (field, language), own in texts.items():
        found.setdefault(field, {})[language] = own
    return found


def _types(store: Store, of: Of, id: int) -> dict[str, list[str]]:
    if of != "entries" or store.types is None:
        return {}
    return {"types": store.types.keys.keys_of(store.types.of(id))}


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"
