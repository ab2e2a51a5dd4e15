"""JSON lines: one object a line, read as a stream."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from kgr.data.lines import numbered_lines
from kgr.errors import DataError

EXPECTED = "expected one JSON object a line"


def read_objects(blocks: Iterable[bytes], where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the place, ``file:line``, and the object of each line of a file whose bytes come in blocks.

    UTF-8, with or without a byte order mark and carriage returns; empty lines only at the end.

    Raises
    ------
    DataError
        Names file and line: no JSON, or another value than an object.
    """
    for line, text in numbered_lines(blocks, where):
        place = f"{where}:{line}"
        yield place, read_object(text, place)


def read_object(text: str, place: str, *, once: bool = False) -> dict[str, Any]:
    """Return the object of one line, or raise a DataError that begins with its place.

    A member that is there twice is refused if each is to be there ``once``; else the last one counts.
    """
    try:
        value = json.loads(text, object_pairs_hook=_once if once else None)
    except json.JSONDecodeError as error:
        found = f"no JSON at column {error.colno}: {error.msg}" if text else "an empty line"
        raise DataError(f"{place}: found {found}, {EXPECTED}") from None
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, thousands of brackets
        raise DataError(f"{place}: cannot be read: {error}, {EXPECTED}") from None
    if not isinstance(value, dict):
        raise DataError(f"{place}: found {type(value).__name__}, {EXPECTED}")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"{twice!r:.80} is there twice")
    return values
