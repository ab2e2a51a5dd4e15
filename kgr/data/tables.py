"""Key tables: texts and types by key, from a file of tab-separated columns or from a reader's own source.

A file has a header. Its first column is ``key``; ``types`` holds type keys separated by a space; every other column is
``<field>.<language>``, such as ``label.en`` or ``alias.zh`` (aliases are separated by ``|``), its language with or
without capital letters. An empty cell means none. There is no quoting: cells hold neither tabs nor line ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kgr.data.lines import file_blocks, numbered_lines
from kgr.errors import ConfigError, DataError
from kgr.index.languages import LANGUAGE, language_name

TEXT_FIELD = re.compile("[a-z][a-z0-9_]*")
"""The names that fields of texts may have."""

COLUMN = re.compile(rf"({TEXT_FIELD.pattern})\.((?i:{LANGUAGE}))")

Column = dict[str, tuple[str, ...]]
"""The values of each key that has any."""


@dataclass(frozen=True)
class KeyTable:
    """Texts and types of keys.

    Attributes
    ----------
    where : str
        The source, for messages.
    texts : by (language, field), a column
    types : column of type keys
    keys : sequence of str
        Keys of the source, so that those which name nothing can be reported. A source that is
        made for more than one graph, where such keys are no news, leaves this empty.
    """

    where: str
    texts: Mapping[tuple[str, str], Column] = field(default_factory=dict)
    types: Column = field(default_factory=dict)
    keys: Sequence[str] = ()


def check_language(language: str) -> None:
    """Refuse what is no tag of a language as stores write it, with a ConfigError."""
    if not re.fullmatch(f"(?i:{LANGUAGE})", language):
        raise ConfigError(f"language is {language!r}, expected a tag such as en, zh or pt-BR")
    if language != language_name(language):
        raise ConfigError(f"language is {language!r}, expected {language_name(language)!r}, as stores write it")


def read_table(path: Path) -> KeyTable:
    """Read the key table at ``path``.

    Raises
    ------
    DataError
        Names file and line: a header that is none, a row of another width, an empty or repeated key.
    """
    rows = _rows(path)
    header = [_column_name(name) for name in next(rows, (1, [""]))[1]]
    columns = _columns(header, path)
    seen: dict[str, int] = {}
    for line, cells in rows:
        if len(cells) != len(header):
            expected = f"expected {len(header)} ({', '.join(header)}) separated by tabs"
            raise DataError(f"{path}:{line}: found {len(cells)} field{'s'[: len(cells) > 1]}, {expected}")
        key = cells[0]
        if not key or key in seen:
            found = f"key {key!r} again, first in line {seen[key]}" if key else "an empty key"
            raise DataError(f"{path}:{line}: found {found}, expected each key once")
        seen[key] = line
        for (column, separator), cell in zip(columns, cells[1:], strict=True):
            if cell:
                column[key] = tuple(filter(None, cell.split(separator))) if separator else (cell,)
    named = dict(zip(header[1:], (column for column, _ in columns), strict=True))
    types = named.pop("types", {})
    return KeyTable(str(path), {_language_field(name): column for name, column in named.items()}, types, list(seen))


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield number and cells of each line."""
    for line, text in numbered_lines(file_blocks(path), str(path)):
        yield line, text.split("\t")


def _columns(header: list[str], path: Path) -> list[tuple[Column, str | None]]:
    """Return an empty column for each but the first, and what separates the values in its cells."""
    expected = "expected a header: key, then types or <field>.<language> such as label.en, each once, separated by tabs"
    for place, name in enumerate(header):
        known = name == "key" if place == 0 else name == "types" or COLUMN.fullmatch(name)
        if not known or header.count(name) > 1:
            raise DataError(f"{path}:1: found column {name!r}, {expected}")
    return [({}, " " if name == "types" else "|" if name.startswith("alias.") else None) for name in header[1:]]


def _column_name(name: str) -> str:
    """Return the name of a column with its language as stores write it."""
    found = COLUMN.fullmatch(name)
    return f"{found[1]}.{language_name(found[2])}" if found else name


def _language_field(name: str) -> tuple[str, str]:
    text_field, language = name.split(".", 1)
    return language, text_field
