"""Build a store from JSON lines, those that :mod:`kgr.data.json_write` writes: what is exported comes back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kgr import _io
from kgr._ragged import offsets_of
from kgr.data.build import Paths, as_paths, key_sections
from kgr.data.document_forms import split_lines
from kgr.data.document_shards import Progress, cut_records, file_sources, unmarked_blocks
from kgr.data.json_contents import Contents
from kgr.data.json_records import FLAGS, read_record
from kgr.data.keyed_texts import Source
from kgr.data.numbered import graph_sections
from kgr.data.quarantine import Fault, Quarantine
from kgr.data.splits import NEGATIVES, SPLITS, Message
from kgr.errors import DataError
from kgr.index.kinds import DOCUMENT, ENTITY
from kgr.index.statements import OF
from kgr.index.store import Of, Section, Store, check_place, create_store
from kgr.index.types import Types

_BLOCK = 1 << 20
_WHAT: dict[Of, str] = {"entries": "entity", "relations": "relation", "types": "type"}
_NO_TRIPLES = np.empty((0, 3), np.int32)


def build_json(
    files: Paths,
    out: str | Path,
    *,
    strict: bool = False,
    name: str = "",
    message: Message | None = None,
    progress: Progress | None = None,
) -> Store:
    """Build a store from JSON lines as :func:`kgr.export` writes them, of one file or more, packed by gzip or not.

    A line describes an entity, document, synset, sememe, relation or type, or is a triple (see
    :func:`kgr.data.json_write.json_lines`); ``types`` and ``texts`` may be missing. Lines come in any order, and are
    numbered in theirs: entries, relations and types by the lines that describe them, after them by first appearance
    those that only triples or ``types`` name. The graph's entities are the entries up to the last that a triple names,
    without documents, which come after them with what else there is. Duplicate triples of a split are removed and
    counted. What else a store had, such as vectors, query sets and indexes, is not in the lines.

    Files are read as a stream: memory holds keys, triples, the graph and some 50 bytes for each text.

    Parameters
    ----------
    strict : bool
        Stop at the first line that is no record. By default such lines are set aside in ``<out>.quarantine.jsonl``:
        no JSON object, a member that is missing, of another type or not known, a key that a line before describes, a
        document in a triple, a name, text or language that a store cannot have.
    message : callable, optional
        Called with a line for everything unusual.
    progress : callable, optional
        Called with ``"lines"``, the bytes that were read and how many there are.

    Raises
    ------
    DataError
        A file that cannot be read; with ``strict`` the first line that is no record, by its place; nothing to keep.
        Nothing is left at ``out``.
    FormatError
        There is a store at ``out`` already.
    """
    out, say = Path(out), message or (lambda line: None)
    check_place(out)  # before hours of reading
    paths = as_paths(files)
    where = ", ".join(map(str, paths))
    with _io.temporary_folder(_io.beside(out, ".spool")) as spool:
        quarantine, contents = Quarantine(spool / "quarantine.jsonl", "record"), Contents(spool)
        try:
            for source in file_sources(paths, progress, "lines"):
                _read(source, contents, quarantine, strict)
        finally:
            contents.close()
        if not any(len(described.kinds) for described in contents.keys.values()):
            raise DataError(f"{where}: found no records, expected at least one{quarantine.said}")
        sections, counts = _sections(contents, where, say)
        counts |= {"quarantined": quarantine.count}
        record = {"files": [str(path) for path in paths]}
        for line in quarantine.keep(out, more=False):
            say(line)
        return create_store(out, sections, name=name, entities=counts["entities"], counts=counts, sources=record)


def _read(source: Source, contents: Contents, quarantine: Quarantine, strict: bool) -> None:
    where, blocks = source
    contents.begin(where)
    for first, lines in cut_records(where, unmarked_blocks(where, blocks, _BLOCK), (b"\n",), _BLOCK):
        faults = []
        for line, record in split_lines(lines):
            try:
                _add(contents, record, where, first + line)
            except DataError as error:
                if strict:
                    raise
                faults.append(Fault(str(error), record))
        quarantine.add(faults)
        contents.flush()


def _add(contents: Contents, record: bytes, where: str, line: int) -> None:
    found = read_record(record, where, line)
    try:
        contents.add(found, line)
    except DataError as error:
        raise DataError(f"{where}:{line}: {error}") from None


def _sections(contents: Contents, where: str, say: Message) -> tuple[dict[str, Section], dict[str, int]]:
    """Return all sections of the store, and what they count."""
    places = _Places(contents)
    entries, relations, types = (places.keys[of] for of in OF)
    splits, counts = places.splits(), dict[str, int]()
    if contents.triples:
        for line in _remarks(contents, splits):
            say(f"{where}: {line}")
        named = {split: f"{where}, {split}" for split in splits}
        sections, counts = graph_sections(splits, named, places.entities, entries, relations, places.kinds, say)
    else:
        sections = key_sections(entries, relations, places.kinds)
    counts |= {"entities": places.entities, "relations": len(relations), "types": len(types)}
    documents = int((places.kinds == DOCUMENT).sum())
    counts |= {"documents": documents, "entries_without_triples": len(entries) - places.entities - documents}
    return {**sections, **places.types(), **contents.text_sections(places.ids)}, counts


class _Places:
    """The ids that keys have in the store, by their numbers.

    Attributes
    ----------
    entities : int
        G: the first entries are the graph's.
    ids, keys : by what they are of
        Ids by number, int32[n], and keys by id.
    kinds : uint8[entries]
    """

    def __init__(self, contents: Contents) -> None:
        orders = {of: described.order() for of, described in contents.keys.items()}
        kinds = contents.keys["entries"].kinds
        flags = np.array([FLAGS.get(kind, ENTITY) for kind in kinds], np.uint8)
        self._triples = {split: np.array(own, np.int32).reshape(-1, 3) for split, own in contents.triples.items()}
        self._typed = np.array(contents.typed, np.int32).reshape(-1, 2)
        orders["entries"], self.entities = self._entities_first(orders["entries"], flags)
        self.kinds = flags[orders["entries"]]
        self.ids = {of: np.argsort(order).astype(np.int32) for of, order in orders.items()}
        self.keys = {of: contents.keys[of].ordered(order, _WHAT[of]) for of, order in orders.items()}

    def _entities_first(self, order: NDArray[np.int64], flags: NDArray[np.uint8]) -> tuple[NDArray[np.int64], int]:
        """Put the graph's entities before other entries, all in their order; return how many they are, too."""
        named = np.zeros(len(order), bool)
        for triples in self._triples.values():
            named[triples[:, ::2]] = True
        last = int(np.flatnonzero(named[order]).max(initial=-1))
        inside = (np.arange(len(order)) <= last) & (flags[order] != DOCUMENT)
        return np.concatenate([order[inside], order[~inside]]), int(inside.sum())

    def splits(self) -> dict[str, NDArray[np.int32]]:
        """Return the triples of each split by ids, those of train first, in their order: int32[E, 3]."""
        entries, relations = self.ids["entries"], self.ids["relations"]
        return {
            split: np.stack([entries[triples[:, 0]], relations[triples[:, 1]], entries[triples[:, 2]]], axis=1)
            for split, triples in {"train": _NO_TRIPLES, **self._triples}.items()
        }

    def types(self) -> dict[str, Section]:
        """Return the section of types, if there are any."""
        if not len(self.keys["types"]):
            return {}
        entries, types = self.ids["entries"][self._typed[:, 0]], self.ids["types"][self._typed[:, 1]]
        offsets = offsets_of(np.bincount(entries, minlength=len(self.kinds)))
        types = types[np.argsort(entries, kind="stable")]
        return {"types": Section(Types(self.keys["types"], offsets, types).arrays())}


def _remarks(contents: Contents, splits: Mapping[str, NDArray[np.int32]]) -> Iterator[str]:
    """Say what is unusual of triples."""
    if not len(splits["train"]):
        yield "found no triples of train: there is nothing to train on"
    if others := [name for name in splits if name not in (*SPLITS, *NEGATIVES)]:
        yield f"found triples of {', '.join(others)}, splits of no known name: kept"
    if count := contents.keys["entries"].kinds.count(""):
        yield f"{count:,} entities are in triples, but no line describes them: kept after the others"
