"""A JSON file that is one object with a row for each key, and the texts in its rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kgr.data.lines import read_text
from kgr.errors import DataError


def read_rows(path: Path) -> dict[str, Any]:
    """Return the rows of a file by key; one that is packed is unpacked.

    Raises
    ------
    DataError
        Names file and line: no JSON, or another value than an object.
    """
    text = read_text(path)
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: found no JSON at column {error.colno}: {error.msg}") from None
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, thousands of brackets
        raise DataError(f"{path}: cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise DataError(f"{path}:1: found {type(content).__name__}, expected an object of one row per key")
    return content


def texts_in(row: Any, name: str, place: str) -> tuple[str, ...]:
    """Return the text, or the list of texts, that a row has under a name; none where it has none, or an empty one.

    Raises
    ------
    DataError
        Names the place: the row is no object, or has something else under the name.
    """
    if not isinstance(row, dict):
        raise DataError(f"{place}: found {type(row).__name__}, expected an object of texts")
    return texts_of(row.get(name), f"{place}, {name}")


def texts_of(found: Any, place: str) -> tuple[str, ...]:
    """Return a text or a list of texts as JSON has them; a DataError where they are none."""
    texts = found if isinstance(found, list) else [] if found in (None, "") else [found]
    for text in texts:
        if not isinstance(text, str) or (not text.isascii() and not _is_utf8(text)):
            raise DataError(f"{place}: found {text!r:.80}, expected a text")
    return tuple(texts)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True
