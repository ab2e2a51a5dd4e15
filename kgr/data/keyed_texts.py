"""Texts by key from JSON lines: the documents of a corpus, or queries."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kgr.data.json_lines import read_objects
from kgr.data.lines import file_blocks
from kgr.errors import DataError
from kgr.index.keys import key_fault
from kgr.index.texts import Texts, TextsBuilder

Source = tuple[str, Iterable[bytes]]
"""What messages call a file, and its bytes in blocks."""

KEYS = ("_id", "id")
"""What JSON lines call the key: the first of these that a line has."""

NEEDED = "text"
"""What every line of a query file has."""


@dataclass(frozen=True)
class KeyedTexts:
    """Rows of texts by key, numbered 0, 1, … in the order of their lines.

    Attributes
    ----------
    rows : by key
    texts : by field
        A row whose text is empty or blank has none.
    empty : tuple of str
        Keys of the rows whose ``text`` is empty or blank.
    """

    rows: Mapping[str, int]
    texts: Mapping[str, Texts]
    empty: tuple[str, ...]


def file_source(path: Path) -> Source:
    """Return a file as a source; a name that ends in ``.gz`` is unpacked."""
    return str(path), file_blocks(path)


def read_keyed_texts(sources: Iterable[Source], fields: Mapping[str, str]) -> KeyedTexts:
    """Read JSON lines with a key and texts, one file after another, each line by line.

    The key is ``_id`` or else ``id``, a text or a whole number. Whatever else a line has, such as ``metadata``, is
    ignored. Texts are kept as they are.

    Parameters
    ----------
    fields : by field, what the lines call it
        ``text`` is needed in each line; others may be missing or null.

    Raises
    ------
    DataError
        Names file and line: no JSON, no key or one that a store cannot hold, a key again, no text, not UTF-8.
    """
    rows: dict[str, int] = {}
    builders = {field: TextsBuilder() for field in fields}
    empty: list[str] = []
    starts: list[tuple[int, str]] = []
    for where, blocks in sources:
        starts.append((len(rows), where))
        for place, record in read_objects(blocks, where):
            key = key_of(record, place)
            if key in rows:
                raise DataError(f"{place}: found key {key!r} again, first in {_place(rows[key], starts)}")
            row = rows[key] = len(rows)
            for field, name in fields.items():
                if text := text_of(record, name, place, needed=name == NEEDED):
                    builders[field].add(row, text)
                elif name == NEEDED:
                    empty.append(key)
    return KeyedTexts(rows, {field: builder.texts() for field, builder in builders.items()}, tuple(empty))


def key_of(record: Mapping[str, Any], place: str) -> str:
    """Return the key of a line, or raise a DataError."""
    expected = 'expected "_id" or "id": a text or a whole number'
    name = next((name for name in KEYS if name in record), None)
    if name is None:
        raise DataError(f"{place}: found no key among {list(record)}, {expected}")
    value = record[name]
    key = str(value) if type(value) is int else value
    if not isinstance(key, str):
        raise DataError(f"{place}: found {name!r} {value!r:.80}, {expected}")
    if fault := key_fault(key):
        raise DataError(f"{place}: {name!r} {key!r:.80} {fault}")
    return key


def text_of(record: Mapping[str, Any], name: str, place: str, *, needed: bool) -> bytes:
    """Return a text in UTF-8, empty where it is blank or need not be there and is not, or raise a DataError."""
    value = record.get(name)
    if value is None and not needed:
        return b""
    if not isinstance(value, str):
        found = f"{name!r} {value!r:.80}" if name in record else f"no {name!r} among {list(record)}"
        raise DataError(f"{place}: found {found}, expected {name!r}: a text")
    try:
        return value.encode() if value.strip() else b""
    except UnicodeEncodeError as error:
        raise DataError(f"{place}: {name!r} is not valid Unicode: {error}") from None


def _place(row: int, starts: list[tuple[int, str]]) -> str:
    """Return the line of a row: each has one, and there are no empty ones between."""
    first, where = starts[bisect_right(starts, row, key=lambda start: start[0]) - 1]
    return f"{where}:{row - first + 1}"
