"""Read triples: lines of head, relation and tail, separated by tabs, to ids in order of first appearance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kgr.data.lines import Numbering, decode, file_blocks, whole_lines
from kgr.errors import DataError


@dataclass(frozen=True)
class LineForm:
    """What the three fields of a line are, and whether a space separates them as a tab does."""

    columns: tuple[str, str, str] = ("head", "relation", "tail")
    spaces: bool = False

    @property
    def expected(self) -> str:
        """For messages."""
        first, second, third = self.columns
        return f"expected {first}, {second} and {third} separated by {'tabs or spaces' if self.spaces else 'tabs'}"


TABS = LineForm()


def read_triples(paths: Path | Sequence[Path], entities: Numbering, relations: Numbering) -> NDArray[np.int32]:
    """Read one or more files of triples as one list, in order, duplicates included.

    UTF-8, with or without a byte order mark and carriage returns; empty lines only at the end. Files whose name ends in
    ``.gz`` are unpacked. Keys are kept exactly; new ones are numbered head before tail.

    Returns
    -------
    int32[E, 3]
        Head, relation and tail of each line.

    Raises
    ------
    DataError
        Names file and line, what was found and what was expected.
    """
    paths = [paths] if isinstance(paths, Path) else paths
    parts = [parse_triples(file_blocks(path), str(path), entities, relations) for path in paths]
    return np.concatenate([np.empty((0, 3), np.int32), *parts])


def parse_triples(
    blocks: Iterable[bytes], where: str, entities: Numbering, relations: Numbering, form: LineForm = TABS
) -> NDArray[np.int32]:
    """Read triples as :func:`read_triples` does from a file's bytes, which come in blocks of any size."""
    head, relation, tail = map(form.columns.index, TABS.columns)
    parts = [np.empty((0, 3), np.int32)]
    for first, lines in whole_lines(blocks, where):
        fields = _fields(lines, where, first, form)
        ends = [""] * (len(fields) // 3 * 2)
        ends[0::2], ends[1::2] = fields[head::3], fields[tail::3]
        triples = np.empty((len(fields) // 3, 3), np.int32)
        triples[:, ::2] = entities.number(ends).reshape(-1, 2)
        triples[:, 1] = relations.number(fields[relation::3])
        parts.append(triples)
    return np.concatenate(parts)


def read_id_triples(path: Path, entities: int, relations: int, form: LineForm = TABS) -> NDArray[np.int32]:
    """Read lines of ids, in decimal, below the numbers of entities and relations.

    Returns
    -------
    int32[E, 3]
        Head, relation and tail of each line.

    Raises
    ------
    DataError
        Names file and line; an id out of range is one too.
    """
    numbered = Numbering(), Numbering()
    for numbering, count in zip(numbered, (entities, relations), strict=True):
        numbering.number([str(id) for id in range(count)])
    triples = parse_triples(file_blocks(path), str(path), *numbered, form)
    for column, what, count in ((0, "entity", entities), (1, "relation", relations), (2, "entity", entities)):
        if len(wrong := np.flatnonzero(triples[:, column] >= count)):
            line, keys = int(wrong[0]), numbered[column % 2].keys
            found = keys[triples[line, column]]
            raise DataError(f"{path}:{line + 1}: found {what} {found!r}, expected an id from 0 to {count - 1:,}")
    return triples


def _fields(lines: bytes, where: str, first: int, form: LineForm) -> list[str]:
    """Cut whole lines into three fields each, in one flat list."""
    if form.spaces:
        lines = lines.replace(b" ", b"\t")
    data = np.frombuffer(lines, np.uint8)
    counts = np.diff(np.searchsorted(np.flatnonzero(data == ord("\t")), np.flatnonzero(data == ord("\n"))), prepend=0)
    wrong = np.flatnonzero(counts != 2)
    text = decode(lines, where, first)
    if len(wrong):
        line = int(wrong[0])
        found = text.split("\n", line + 1)[line]
        width = f"{counts[line] + 1} field{'s' if counts[line] else ''}"
        found = f"{width}: {_shown(found)}" if found else "an empty line"
        raise DataError(f"{where}:{first + line}: found {found}, {form.expected}")
    fields = text.replace("\n", "\t").split("\t")
    fields.pop()  # what follows the last line's end
    if "" in fields:
        place = fields.index("")
        name = form.columns[place % 3]
        raise DataError(f"{where}:{first + place // 3}: found an empty {name}, {form.expected}")
    return fields


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "…")
