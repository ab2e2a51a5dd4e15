"""What JSON lines say, gathered as they come: keys are numbered as they appear, texts wait in files."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kgr.data.added_texts import chosen_texts
from kgr.data.documents import SpooledTexts
from kgr.data.json_records import Description, Link
from kgr.data.lines import Numbering
from kgr.errors import DataError
from kgr.index.keys import Keys
from kgr.index.spool import Spool
from kgr.index.statements import OF
from kgr.index.store import Of, Section

_Name = tuple[Of, str, str]
"""A section of texts: what they are about, language and field."""

_FILE = 40  # the bit from which the number of a line's file stands before its own
_NO_LINE = (1 << 63) - 1
_OUTSIDE = "but documents are outside the graph; expected an entity, synset or sememe"


class Described:
    """Keys, numbered as they appear, and what describes each, if a line does."""

    def __init__(self) -> None:
        self.keys, self.kinds, self.lines = Numbering(), list[str](), array("q")

    def add(self, key: str) -> int:
        """Return the number of a key that is named."""
        number = self.keys.add(key)
        if number == len(self.kinds):
            self.kinds.append("")
            self.lines.append(_NO_LINE)
        return number

    def kind(self, key: str) -> str | None:
        """Return what a line says that a key is, empty where it is only named, None where it is not."""
        number = self.keys.find(key)
        return None if number is None else self.kinds[number]

    def order(self) -> NDArray[np.int64]:
        """Return the numbers by line, then those that no line describes."""
        return np.argsort(np.array(self.lines, np.int64), kind="stable")

    def ordered(self, order: NDArray[np.int64], what: str) -> Keys:
        """Return the keys of numbers in an order; ``what`` they are keys of."""
        keys = self.keys.keys
        return Keys.build([keys[number] for number in order.tolist()], what=what)


class Contents:
    """What the lines say, by the numbers of keys as they appear.

    Parameters
    ----------
    spool : path
        A folder for texts.

    Attributes
    ----------
    keys : by what they are keys of
    triples : by split
        Numbers of head, relation and tail, one after another.
    typed : array
        Numbers of entry and type, one after another.
    """

    def __init__(self, spool: Path) -> None:
        self.keys: dict[Of, Described] = {of: Described() for of in OF}
        self.triples: dict[str, array[int]] = {}
        self.typed = array("i")
        self._sections: dict[_Name, int] = {}
        self._before: dict[_Name, dict[_Name, None]] = {}
        self._texts, self._own = SpooledTexts(spool / "texts"), Spool(spool / "sections", np.int32)
        self._held: list[tuple[int, int, bytes]] = []
        self._files: list[str] = []

    def begin(self, where: str) -> None:
        """Go on to another file."""
        self._files.append(where)

    def add(self, record: Description | Link, line: int) -> None:
        """Add a record of the present file, or raise a DataError, without its place, that says why it cannot be."""
        if isinstance(record, Link):
            self._add_triple(record)
        else:
            self._add_description(record, line)

    def _add_triple(self, triple: Link) -> None:
        entries = self.keys["entries"]
        for end in (triple.head, triple.tail):
            if entries.kind(end) == "document":
                raise DataError(f"found the document {end!r:.80} in a triple, {_OUTSIDE}")
        ids = entries.add(triple.head), self.keys["relations"].add(triple.relation), entries.add(triple.tail)
        self.triples.setdefault(triple.split, array("i")).extend(ids)

    def _add_description(self, record: Description, line: int) -> None:
        described = self.keys[record.of]
        kind = described.kind(record.key)
        if kind:
            first = self._place(described.lines[described.add(record.key)])
            again = f"found the {record.kind} {record.key!r:.80} again, the {kind} of {first}"
            raise DataError(f"{again}; expected one line for each key: join them, or rename one")
        if kind is not None and record.kind == "document":
            raise DataError(f"found the document {record.key!r:.80}, which an earlier triple names, {_OUTSIDE}")
        number = described.add(record.key)
        described.kinds[number], described.lines[number] = record.kind, (len(self._files) << _FILE) + line
        for type in record.types:
            self.typed.extend((number, self.keys["types"].add(type)))
        self._add_texts(record, number)

    def _add_texts(self, record: Description, number: int) -> None:
        names = [(record.of, language, field) for field, language, _ in record.texts]
        for name, (_, _, texts) in zip(names, record.texts, strict=True):
            section = self._sections.setdefault(name, len(self._sections))
            self._held.extend((number, section, text) for text in texts)
        for before, name in pairwise(names):
            if before[2] == name[2]:
                self._before.setdefault(name, {})[before] = None

    def _place(self, line: int) -> str:
        return f"{self._files[(line >> _FILE) - 1]}:{line & ((1 << _FILE) - 1)}"

    def flush(self) -> None:
        """Put the texts that were added into files."""
        numbers, sections, texts = zip(*self._held, strict=True) if self._held else ((), (), ())
        self._texts.add(np.array(numbers, np.int32), np.array([*map(len, texts)], np.int64), b"".join(texts))
        self._own.append(np.array(sections, np.int32))
        self._held.clear()

    def close(self) -> None:
        """End the files; nothing is added any more."""
        self._texts.close()
        self._own.close()

    def _in_order(self) -> list[_Name]:
        """Return the sections of texts, languages as lines have them: where a label is of any, it is of the first."""
        try:
            return list(TopologicalSorter({name: self._before.get(name, ()) for name in self._sections}).static_order())
        except CycleError:  # lines have them in one order and in another
            return list(self._sections)

    def text_sections(self, ids: Mapping[Of, NDArray[np.int32]]) -> dict[str, Section]:
        """Return the sections of texts, given the ids of the keys' numbers."""
        texts, own = self._texts.texts(), self._own.array()
        by_section = np.argsort(own, kind="stable")
        bounds = np.searchsorted(own[by_section], np.arange(len(self._sections) + 1))
        sections = {}
        for of, language, field in self._in_order():
            number = self._sections[of, language, field]
            chosen = by_section[bounds[number] : bounds[number + 1]]
            rows = ids[of][texts.rows[chosen]]
            order = np.argsort(rows, kind="stable")
            source = np.zeros(len(order), np.int8)
            sections[f"text/{of}/{language}.{field}"] = chosen_texts([texts], rows[order], source, chosen[order])
        return sections
