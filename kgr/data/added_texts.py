"""Texts of files matched with the entries of a store by key, and merged with those that it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr._io import Pieces
from kgr._ragged import offsets_of
from kgr.data.documents import DocumentReader, text_name
from kgr.data.splits import Message
from kgr.data.tables import KeyTable
from kgr.errors import DataError
from kgr.index.store import Section, Store
from kgr.index.texts import Texts

_EXAMPLES = 3

_TEXTS = 1 << 12
"""Texts that are read back at once."""


@dataclass(frozen=True)
class FoundTexts:
    """Texts of a file for one section of a store.

    Attributes
    ----------
    section, where : str
        The section, and what messages call the file.
    entries : int32[m]
        The entry of each text, -1 where the store has none of its key.
    texts : Texts
        m texts.
    """

    section: str
    where: str
    entries: NDArray[np.int32]
    texts: Texts


def table_texts(store: Store, table: KeyTable, prefix: str, say: Message) -> Iterator[FoundTexts]:
    """Match a key table; keys that the store does not have are said."""
    keys = list(table.keys)
    ids = store.entries.find([prefix + key for key in keys])
    _say_unknown(store, keys, ids, table.where, say)
    for (language, field), column in table.texts.items():
        pairs = [(row, text) for row, key in enumerate(keys) for text in column.get(key, ())]
        texts = Texts.build([row for row, _ in pairs], [text for _, text in pairs])
        yield from _known(FoundTexts(text_name(field, language), table.where, ids[texts.rows], texts))


def line_texts(store: Store, reader: DocumentReader, where: str, language: str, say: Message) -> Iterator[FoundTexts]:
    """Match what was read from JSON lines; keys that the store does not have are said."""
    keys = list(reader.rows)
    ids = store.entries.find(keys)
    _say_unknown(store, keys, ids, where, say)
    for name, spooled in reader.texts.items():
        texts = spooled.texts()
        yield from _known(FoundTexts(text_name(name, language), where, ids[texts.rows], texts))


def _known(found: FoundTexts) -> Iterator[FoundTexts]:
    """Yield what has a text of some entry."""
    if (found.entries >= 0).any():
        yield found


def _say_unknown(store: Store, keys: Sequence[str], ids: NDArray[np.int32], where: str, say: Message) -> None:
    unknown = [keys[at] for at in np.flatnonzero(ids < 0).tolist()]
    if unknown:
        some = ", ".join(unknown[:_EXAMPLES]) + (", …" if len(unknown) > _EXAMPLES else "")
        say(f"{where}: {len(unknown):,} keys are left out, {store.path} has no such entry: {some}")


def merged_texts(
    store: Store, found: Sequence[FoundTexts], replace: bool, lost: Mapping[str, NDArray[np.int32]] | None = None
) -> dict[str, Section]:
    """Return the sections of texts that change, with the texts that are there already.

    Parameters
    ----------
    replace : bool
        New texts take the place of those of the same entry and section.
    lost : by section, int32[...]
        More entries whose texts are not kept.

    Raises
    ------
    DataError
        An entry has a text of that field and language from elsewhere: in another file, or, unless they are to be
        replaced, in the store. The file and the entry are named.
    """
    sections, lost = {}, lost or {}
    for name in dict.fromkeys([*(part.section for part in found), *filter(store.has, lost)]):
        parts = [part for part in found if part.section == name]
        added = [np.unique(part.entries[part.entries >= 0]) for part in parts]
        every = np.concatenate([*added, np.empty(0, np.int32)])
        _refuse_twice(store, parts, every)
        kept: list[tuple[NDArray[np.int32], Texts]] = [(part.entries, part.texts) for part in parts]
        if store.has(name):
            texts = Texts.from_arrays(store.section(name))
            again = np.isin(texts.rows, every)
            if again.any() and not replace:
                key = store.entries.key(int(texts.rows[np.argmax(again)]))
                remedy = "give replace=True (--replace) to put new ones in their place"
                raise DataError(f"{parts[0].where}: entry {key!r} has a text in {name} already: {remedy}")
            again |= np.isin(texts.rows, lost.get(name, every))
            kept.append((np.where(again, np.int32(-1), texts.rows), texts))
        sections[name] = _section(kept)
    return sections


def _refuse_twice(store: Store, parts: Sequence[FoundTexts], every: NDArray[np.int32]) -> None:
    entries, counts = np.unique(every, return_counts=True)
    if (counts > 1).any():
        key, where = store.entries.key(int(entries[np.argmax(counts > 1)])), ", ".join(part.where for part in parts)
        raise DataError(f"{where}: entry {key!r} has texts for {parts[0].section} in several files, expected one")


def _section(parts: Sequence[tuple[NDArray[np.int32], Texts]]) -> Section:
    """Return the section of texts of several sources by entry; those of one entry keep their order."""
    entries = np.concatenate([own for own, _ in parts])
    source = np.repeat(np.arange(len(parts)), [len(own) for own, _ in parts])
    place = np.concatenate([np.arange(len(own)) for own, _ in parts])
    order = np.argsort(entries, kind="stable")
    order = order[np.searchsorted(entries[order], 0) :]
    return chosen_texts([texts for _, texts in parts], entries[order], source[order], place[order])


def chosen_texts(
    parts: Sequence[Texts], rows: NDArray[np.int32], source: NDArray[np.integer[Any]], place: NDArray[np.integer[Any]]
) -> Section:
    """Return the section of n texts of several parts, whose bytes are read back as they are written.

    Parameters
    ----------
    parts : sequence of Texts
    rows : int32[n]
        The row of each text, ascending.
    source, place : int[n]
        The part of each text, and its number there.
    """
    lengths = np.empty(len(rows), np.int64)
    for which, texts in enumerate(parts):
        own = source == which
        lengths[own] = texts.offsets[place[own] + 1] - texts.offsets[place[own]]
    offsets = offsets_of(lengths)

    held = [np.asarray(texts.bytes) for texts in parts]  # plain arrays, which are cut faster than memory maps
    bounds = [np.asarray(texts.offsets) for texts in parts]

    def texts_in_order() -> Iterator[NDArray[np.uint8]]:
        for first in range(0, len(rows), _TEXTS):
            chosen = slice(first, first + _TEXTS)
            every = zip(source[chosen].tolist(), place[chosen].tolist(), strict=True)
            yield np.concatenate([held[own][bounds[own][at] : bounds[own][at + 1]] for own, at in every])

    size = (int(offsets[-1]),)
    return Section(
        {"rows": rows, "offsets": offsets},
        pieces={"bytes": Pieces(np.dtype(np.uint8), size, texts_in_order)},
    )
