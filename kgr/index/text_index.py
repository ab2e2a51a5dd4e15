"""Texts of a store's entries, joined and indexed."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kgr import _io
from kgr._config import make
from kgr._shards import map_shards
from kgr.errors import ConfigError
from kgr.index.analysis import Analyzer, AnalyzerConfig
from kgr.index.blocks import Block, analyze_block
from kgr.index.kinds import DOCUMENT
from kgr.index.manifest import valid_name
from kgr.index.store import Section, Store, extend_store
from kgr.index.terms import DEFAULT, Terms, open_terms
from kgr.index.terms_build import terms_sections
from kgr.index.texts import Texts

FIELDS = ("title", "label", "alias", "description", "extract", "gloss", "body")
"""What the default index joins, in this order; between any two texts stands a line feed."""

ROWS = 1 << 12
"""Rows whose texts are read at once."""

BLOCK_BYTES = 1 << 23
"""Bytes of texts of a block; one document may have more."""

Message = Callable[[str], None]
Progress = Callable[[int, int], None]
"""Called with the documents that are done, and how many there are."""


def text_languages(store: Store) -> tuple[str, ...]:
    """Return the languages in which entries have texts that the default index joins."""
    return tuple(dict.fromkeys(language for field in FIELDS for language in store.languages("entries", field)))


def text_fields(store: Store, language: str) -> tuple[str, ...]:
    """Return the fields that the default index of a language joins: those of :data:`FIELDS` that there are."""
    return tuple(field for field in FIELDS if store.has(f"text/entries/{language}.{field}"))


def kept_fields(store: Store, language: str) -> tuple[str, ...]:
    """Return all fields of entries' texts in a language, also those that the default index leaves out."""
    start = f"text/entries/{language}."
    return tuple(name.removeprefix(start) for name in store.sections if name.startswith(start))


def indexed_rows(store: Store, fields: Iterable[str], language: str) -> NDArray[np.int32]:
    """Return the rows of an index, int32[n]: every document, empty or not, and every entry with a text."""
    there = (store.kinds & DOCUMENT) > 0
    for texts in _sources(store, fields, language):
        there[texts.rows] = True
    return np.flatnonzero(there).astype(np.int32)


def joined_text(
    store: Store, fields: Iterable[str], language: str, rows: NDArray[np.int32] | None = None
) -> Iterator[tuple[int, str]]:
    """Yield row and text of each row of an index, ascending, with few texts in memory at once.

    The texts of a row are joined by line feeds, in the order of ``fields``; it is empty where there are none.

    Parameters
    ----------
    rows : int32[n], optional
        Some rows, ascending; all of :func:`indexed_rows` by default.
    """
    fields = tuple(fields)
    wanted = indexed_rows(store, fields, language) if rows is None else rows
    sources = _sources(store, fields, language)
    for first in range(0, len(wanted), ROWS):
        part = wanted[first : first + ROWS]
        found: dict[int, list[str]] = {row: [] for row in part.tolist()}
        for texts in sources:
            for row, text in _texts_between(texts, int(part[0]), int(part[-1])):
                if row in found:
                    found[row].append(text)
        for row, parts in found.items():
            yield row, "\n".join(parts)


def _texts_between(texts: Texts, first: int, last: int) -> Iterator[tuple[int, str]]:
    """Yield row and text of the rows [first, last]."""
    low = int(np.searchsorted(texts.rows, np.int32(first), "left"))
    high = int(np.searchsorted(texts.rows, np.int32(last), "right"))
    bounds = texts.offsets[low : high + 1].tolist()
    for at, row in enumerate(texts.rows[low:high].tolist()):
        yield row, texts.bytes[bounds[at] : bounds[at + 1]].tobytes().decode()


def text_blocks(
    store: Store,
    fields: Sequence[str],
    rows: NDArray[np.int32],
    config: AnalyzerConfig,
    *,
    workers: int = 1,
    engine: str = "local",
    progress: Progress | None = None,
) -> Iterator[Block]:
    """Yield the documents of some rows as blocks of about ``BLOCK_BYTES``, analysed by so many processes."""
    work, done = partial(_block_of, store.path, tuple(fields), config), 0
    for block in map_shards(work, _parts(store, fields, rows, config.language), workers=workers, engine=engine):
        yield block
        done += len(block.offsets) - 1
        if progress:
            progress(done, len(rows))


def _block_of(path: Path, fields: tuple[str, ...], config: AnalyzerConfig, rows: NDArray[np.int32]) -> Block:
    return analyze_block(
        (text for _, text in joined_text(Store(path), fields, config.language, rows)), Analyzer(config)
    )


def _parts(store: Store, fields: Sequence[str], rows: NDArray[np.int32], language: str) -> list[NDArray[np.int32]]:
    """Cut rows into parts that have about ``BLOCK_BYTES`` of texts each."""
    ends = np.zeros(len(rows), np.int64)  # bytes of texts up to and with each row
    for texts in _sources(store, fields, language):
        ends += texts.offsets[np.searchsorted(texts.rows, rows, "right")]
    return np.split(rows, np.flatnonzero(np.diff(ends // BLOCK_BYTES)) + 1) if len(rows) else []


def _sources(store: Store, fields: Iterable[str], language: str) -> list[Texts]:
    return [texts for field in fields if (texts := store.texts("entries", field, language)) is not None]


@contextlib.contextmanager
def index_sections(
    store: Store,
    config: AnalyzerConfig,
    *,
    fields: Sequence[str] | None = None,
    name: str | None = None,
    spool: Path,
    workers: int = 1,
    engine: str = "local",
    progress: Progress | None = None,
) -> Iterator[dict[str, Section]]:
    """Yield the sections of an index of a store's texts, which must be written within the block.

    Parameters
    ----------
    fields : names, optional
        To be joined; by default those of :data:`FIELDS` that there are in the language.
    name : str, optional
        Of the index: by default that of its one field, or ``text`` for the default fields.
    spool : path
        A folder below which a temporary one is made.
    workers, engine
        Processes that analyse, and where: see :func:`kgr._shards.map_shards`; the sections are the same for any.

    Raises
    ------
    ConfigError
        There is no such text, or several fields without a name.
    """
    fields, name = _checked(store, config.language, fields, name)
    rows = indexed_rows(store, fields, config.language)
    made_from = ("entries", *(f"text/entries/{config.language}.{field}" for field in fields))
    with _io.temporary_folder(spool / "spool") as folder:
        blocks = text_blocks(store, fields, rows, config, workers=workers, engine=engine, progress=progress)
        yield terms_sections(name, rows, blocks, Analyzer(config), fields=fields, spool=folder, made_from=made_from)


def index_store(
    store: Store,
    config: AnalyzerConfig,
    *,
    fields: Sequence[str] | None = None,
    name: str | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Store:
    """Write the next version of a store, with an index of its texts: see :func:`index_sections`."""
    sections = index_sections(
        store, config, fields=fields, name=name, spool=store.cache, workers=workers, progress=progress
    )
    with sections as made:
        return extend_store(store, made)


def needed_terms(
    store: Store,
    language: str = "en",
    name: str = DEFAULT,
    *,
    message: Message | None = None,
    progress: Progress | None = None,
) -> Terms:
    """Open an index of a store's texts; where there is none, make it first by the default settings, and say so.

    Where the store cannot be written, it is made in memory.

    Raises
    ------
    FormatError
        Another analyser made it.
    ConfigError
        The store has no such texts.
    """
    found = open_terms(store, language, name)
    if found is not None:
        return found
    say = message or (lambda line: None)
    config = make(AnalyzerConfig, {"language": language})
    fields, what = (None, "the texts") if name == DEFAULT else ((name,), name)
    _checked(store, language, fields, None)
    try:
        store.cache.mkdir(exist_ok=True)
        with _io.locked(store.cache / ".index.lock", wait=True):  # another process may be making it
            store = Store(store.path)
            if (found := open_terms(store, language, name)) is None:
                say(f"{store.path}: indexing {what} in {language} first, by the default settings")
                found = open_terms(index_store(store, config, fields=fields, progress=progress), language, name)
    except OSError as error:
        if error.errno not in _io.CANNOT_KEEP:
            raise
        say(f"{store.path}: cannot be written ({error.strerror}): the index is made in memory, for this once")
    return found or _terms_in_memory(store, config, fields, progress)


def _checked(
    store: Store, language: str, fields: Sequence[str] | None, name: str | None
) -> tuple[tuple[str, ...], str]:
    """Return the fields to be joined and the name of their index."""
    if fields is None:
        chosen, name = text_fields(store, language), name or DEFAULT
    else:
        chosen, name = tuple(fields), name or (fields[0] if len(fields) == 1 else None)
    if name is None or not valid_name(name) or "/" in name:
        raise ConfigError(
            f"name is {name!r}, expected letters, digits, '_', '.' and '-': an index of several fields needs one"
        )
    if len(set(chosen)) < len(chosen):
        raise ConfigError(f"fields are {list(chosen)}, expected none twice")
    for field in chosen:
        if not store.has(f"text/entries/{language}.{field}"):
            there = ", ".join(store.languages("entries", field)) or "no language"
            raise ConfigError(f"fields: {store.path} has no text {field!r} in {language!r}; in {there}")
    if not chosen:
        there = ", ".join(text_languages(store)) or "none"
        raise ConfigError(f"language is {language!r}: {store.path} has no texts of entries in it; languages: {there}")
    return chosen, name


def _terms_in_memory(
    store: Store, config: AnalyzerConfig, fields: Sequence[str] | None, progress: Progress | None
) -> Terms:
    with (
        tempfile.TemporaryDirectory() as spool,
        index_sections(store, config, fields=fields, spool=Path(spool), progress=progress) as sections,
    ):
        section = next(iter(sections.values()))
        pieces = {what: np.concatenate([np.empty(0, p.dtype), *p.make()]) for what, p in section.pieces.items()}
        return Terms.from_arrays({**section.arrays, **pieces})
