"""Texts of synsets, and WordNet, into a store that is there, as its next version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr import _io
from kgr._config import make
from kgr.data.add import added_sources, commit_indexed, spool_of
from kgr.data.added_texts import FoundTexts, merged_texts, table_texts
from kgr.data.build import Paths, as_paths
from kgr.data.documents import ReadingConfig
from kgr.data.known import open_store
from kgr.data.splits import Message
from kgr.data.synset_texts import SYNSET_TEXTS, read_synset_texts
from kgr.data.tables import KeyTable, check_language
from kgr.data.wordnet import WORDNET, open_wordnet, read_wordnet
from kgr.data.wordnet_words import HeldTexts, compare_words, held_texts, wordnet_ranks, wordnet_table
from kgr.errors import ConfigError, DataError
from kgr.index.kinds import SYNSET
from kgr.index.store import Section, Store


def add_synset_texts(
    store: Store | str | Path,
    files: Paths,
    *,
    replace: bool = False,
    message: Message | None = None,
    **settings: Any,
) -> Store:
    """Add lemmas, glosses and examples to the synsets of a store, by key, as its next version.

    Files are read by :func:`kgr.data.synset_texts.read_synset_texts`; keys that the store does not have are counted
    and said. Indexes of texts are made anew with their own settings.

    Parameters
    ----------
    store : Store, folder or known name
        One under a known name keeps the texts until it is built anew.
    replace : bool
        Put texts in place of those of the same synset, field and language, which are refused otherwise; new lemmas
        take the place of all old ones.
    settings
        Fields of :class:`kgr.data.documents.ReadingConfig`; ``language`` is that of ``lemmas``, ``gloss`` and
        ``examples``. A malformed line is an error, so there is no ``strict``.

    Raises
    ------
    DataError
        A malformed line or a key that is there twice, by file and line; texts of another part of speech or, by the
        WordNet of the store, of other synsets; no text of any synset; a text that is there already. The store stays
        as it is.
    ConfigError
        A setting that is none.
    """
    opened, paths, config = Store(open_store(store, message=message).path), as_paths(files), synset_config(settings)
    tables = [read_synset_texts(path, config.language) for path in paths]
    for table in tables:
        _check_words(opened, table, config.prefix, message or (lambda line: None))
    sources = added_sources(opened, SYNSET_TEXTS, paths)
    return commit_tables(opened, tables, config, sources, {}, replace=replace, message=message)


def add_wordnet(
    store: Store | str | Path,
    folder: str | Path,
    *,
    replace: bool = False,
    message: Message | None = None,
    **settings: Any,
) -> Store:
    """Add WordNet 3.0 to a store of synsets, as its next version: its taxonomy, and texts of synsets that have none.

    The whole taxonomy becomes the section ``wordnet``, also of synsets that the store does not have. A synset without
    English lemmas gets WordNet's, one without an English gloss WordNet's gloss, and one without examples its examples.
    Synsets and WordNet are matched by rank, see :mod:`kgr.data.wordnet`.

    Parameters
    ----------
    folder : path
        Has ``index.noun``, ``data.noun`` and the like, of Princeton or of Debian.
    replace : bool
        Put WordNet's texts in place of those that there are.
    settings
        Fields of :class:`kgr.data.documents.ReadingConfig` that are about indexes of texts: ``index``, ``workers``,
        ``engine``.

    Raises
    ------
    DataError
        No files of WordNet 3.0; a synset whose part of speech is not WordNet's; texts that are of other synsets, as
        those are that were aligned by offset. The store stays as it is.
    ConfigError
        A setting that is none.
    """
    opened, config = Store(open_store(store, message=message).path), synset_config(settings)
    if (config.language, config.prefix) != ("en", ""):
        raise ConfigError("language and prefix are not for WordNet: its texts are English, its keys BabelNet's")
    say = message or (lambda line: None)
    wordnet = read_wordnet(Path(folder))
    synsets = np.flatnonzero(opened.kinds & SYNSET).astype(np.int32)
    keys, where = opened.entries.keys_of(synsets), str(opened.path)
    ranks = wordnet_ranks(keys, wordnet, where, say)
    held = held_texts(opened, synsets)
    found = compare_words({key: words for key, words in zip(keys, held.lemmas, strict=True) if words}, wordnet, where)
    if found.apart and not replace:
        raise DataError(f"{found.line}: give replace=True (--replace) to put WordNet's texts in their place")
    if found.line:
        say(found.line)
    table = wordnet_table(str(folder), keys, ranks, wordnet, HeldTexts.none(len(keys)) if replace else held)
    say(f"{folder}: texts of {len(table.keys):,} of {len(keys):,} synsets")
    sources = added_sources(opened, WORDNET, [Path(folder)])
    return commit_tables(opened, [table], config, sources, {WORDNET: wordnet.section()}, replace=replace, message=say)


def _check_words(store: Store, table: KeyTable, prefix: str, say: Message) -> None:
    """Refuse English lemmas that are those of other synsets, by the WordNet of a store, where it has one."""
    wordnet = open_wordnet(store)
    if wordnet is None:
        return
    columns = [table.texts.get(("en", field), {}) for field in ("label", "alias")]
    words = {prefix + key: [text for column in columns for text in column.get(key, ())] for key in table.keys}
    there = store.entries.find(list(words))
    known = {key: own for (key, own), entry in zip(words.items(), there.tolist(), strict=True) if own and entry >= 0}
    found = compare_words(known, wordnet, table.where)
    if found.apart:
        raise DataError(f"{found.line}: they are texts of other synsets, align them with BabelNet's ids by rank")
    if found.line:
        say(found.line)


def synset_config(settings: dict[str, Any]) -> ReadingConfig:
    """Return the settings of texts of synsets, or raise a ConfigError."""
    config = make(ReadingConfig, settings)
    check_language(config.language)
    if config.strict:
        raise ConfigError("strict is True, expected nothing: reading of synsets stops at a malformed line anyway")
    return config


def commit_tables(
    store: Store,
    tables: Sequence[KeyTable],
    config: ReadingConfig,
    sources: dict[str, Any],
    sections: Mapping[str, Section],
    *,
    replace: bool,
    message: Message | None,
) -> Store:
    """Write the next version of a store, with texts of key tables, more sections, and the indexes of texts."""
    say = message or (lambda line: None)
    found = [part for table in tables for part in table_texts(store, table, config.prefix, say)]
    if not (found or sections):
        raise DataError(f"{', '.join(table.where for table in tables)}: found no text of an entry of {store.path}")
    with _io.temporary_folder(spool_of(store)) as spool:
        lost = _old_aliases(found) if replace else {}
        every = {**merged_texts(store, found, replace, lost), **sections}
        return commit_indexed(store, every, config, spool, {}, sources)


def _old_aliases(found: Sequence[FoundTexts]) -> dict[str, NDArray[np.int32]]:
    """Return the sections of aliases, and the entries that get lemmas: their old aliases go with their old label."""
    entries: dict[str, list[NDArray[np.int32]]] = {}
    for part in found:
        section, _, field = part.section.rpartition(".")
        if field == "label":
            entries.setdefault(f"{section}.alias", []).append(part.entries[part.entries >= 0])
    return {section: np.concatenate(parts) for section, parts in entries.items()}
