"""A store as a folder of the tables that :func:`kgr.build_store` reads: triples by split, texts and types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from kgr.data.tables import COLUMN
from kgr.index.statements import OF, blocks, fields, keyed, texts_by_row
from kgr.index.store import Of, Store

_SPACES = str.maketrans("\t\n\r\0", "    ")


def tables(store: Store, splits: Sequence[str], lost: Counter[str]) -> dict[str, Iterator[str]]:
    """Return the lines of each file by name; what a cell cannot hold is counted in ``lost`` as they are made."""
    relations = store.relations.keys_of(range(len(store.relations)))
    files = {
        f"{split}.tsv": ("\t".join(triple) + "\n" for triple in keyed(store, split, relations)) for split in splits
    }
    names: dict[Of, str] = {"entries": "entities"}
    return files | {f"{names.get(of, of)}.tsv": _table(store, of, lost) for of in OF if len(store.keys(of))}


def _table(store: Store, of: Of, lost: Counter[str]) -> Iterator[str]:
    columns = {column: place for place, column in enumerate(_columns(store, of, lost))}
    typed = of == "entries" and store.types is not None
    yield "\t".join(["key", *["types"] * typed, *(f"{field}.{language}" for field, language in columns)]) + "\n"
    count = store.entities if of == "entries" else len(store.keys(of))
    for first, last in blocks(count):
        texts, keys = texts_by_row(store, of, first, last), store.keys(of).keys_of(range(first, last))
        for id, (key, own) in enumerate(zip(keys, texts, strict=True), first):
            cells = [""] * len(columns)
            for column in columns.keys() & own:
                cells[columns[column]] = _cell(column[0], own[column], lost)
            yield "\t".join([key, *([_types(store, id, lost)] if typed else []), *cells]) + "\n"


def _columns(store: Store, of: Of, lost: Counter[str]) -> Iterator[tuple[str, str]]:
    for field, language in fields(store, of):
        if COLUMN.fullmatch(f"{field}.{language}"):
            yield field, language
        elif texts := store.texts(of, field, language):
            lost[f"texts of {of}, {field} in {language}, which can head no column: left out"] += len(texts)


def _types(store: Store, id: int, lost: Counter[str]) -> str:
    assert store.types is not None
    keys = store.types.keys.keys_of(store.types.of(id))
    kept = [key for key in keys if " " not in key]
    lost["types whose key has a space: left out"] += len(keys) - len(kept)
    return " ".join(kept)


def _cell(field: str, found: list[str], lost: Counter[str]) -> str:
    if field == "alias":
        kept = [text for text in found if "|" not in text]
        lost["aliases with a |, which parts them: left out"] += len(found) - len(kept)
    else:
        kept = found[:1]
        lost["texts beside the first of their field and language: left out"] += len(found) - len(kept)
    plain = [text.translate(_SPACES) for text in kept]
    lost["texts with tabs or line ends: written with spaces"] += sum(a != b for a, b in zip(plain, kept, strict=True))
    return "|".join(plain)
