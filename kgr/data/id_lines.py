"""Lines that give each id its key."""

from __future__ import annotations

from pathlib import Path

from kgr.data.lines import file_blocks, numbered_lines
from kgr.errors import DataError

_SEPARATORS = {"\t": "a tab", ",": "a comma"}


def read_id_lines(path: Path, *, separator: str = "\t", id_first: bool = False, header: bool = False) -> list[str]:
    """Read lines of key and id, in any order; return the keys by id.

    Parameters
    ----------
    separator : str
        What is between them, a tab or a comma; an id has none.
    id_first : bool
        The id is before the key.
    header : bool
        The first line is not one of them.

    Raises
    ------
    DataError
        Names file and line, for an id or a key that is there twice too; or the ids do not run from 0.
    """
    keys: dict[int, str] = {}
    lines: dict[str, int] = {}
    expected = f"{'an id and its key' if id_first else 'a key and its id'} separated by {_SEPARATORS[separator]}"
    for line, text in numbered_lines(file_blocks(path), str(path)):
        if header and line == 1:
            continue
        key, _, id = text.partition(separator)
        if id_first:
            key, id = id, key
        if not key or not (id.isascii() and id.isdigit() and len(id) < 10):
            raise DataError(f"{path}:{line}: found {text!r:.80}, expected {expected}")
        if key in lines or int(id) in keys:
            raise DataError(f"{path}:{line}: found {text!r:.80}, whose key or id an earlier line has")
        keys[int(id)] = key
        lines[key] = line
    wrong = next((id for id in keys if id >= len(keys)), None)
    if wrong is not None:
        line = lines[keys[wrong]]
        raise DataError(f"{path}:{line}: found id {wrong} among {len(keys):,} keys, expected 0 to {len(keys) - 1:,}")
    return [keys[id] for id in range(len(keys))]
