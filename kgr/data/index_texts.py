"""Indexes of a store's texts, made on request."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kgr._config import make
from kgr.data.known import open_store
from kgr.data.splits import Message
from kgr.data.tables import check_language
from kgr.index.analysis import Analyzer, AnalyzerConfig
from kgr.index.store import Store
from kgr.index.text_index import Progress, index_store, text_languages


def index_texts(
    store: Store | str | Path,
    *,
    language: str | None = None,
    fields: Sequence[str] | None = None,
    name: str | None = None,
    workers: int = 1,
    message: Message | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Store:
    """Index the texts of a store's entries, as the next version of it; an index of the same name is replaced.

    Every document is in the index, also without text, and every other entry that has one.

    Parameters
    ----------
    store : Store, folder or known name
        One under a known name keeps the index until it is built anew.
    language : str, optional
        Of the texts: by default the only one that there is, or English among several.
    fields : names, optional
        The fields to be joined, in this order. By default title, label, alias, description, extract, gloss and body,
        those that there are.
    name : str, optional
        Of the index: ``text`` for the default fields; an index of one field bears its name.
    workers : int
        Processes that analyse; the index is the same for any number.
    message : callable, optional
        Called with lines for the user.
    progress : callable, optional
        Called with the documents that are done, and how many there are.
    **settings
        The other fields of :class:`kgr.index.analysis.AnalyzerConfig`.

    Raises
    ------
    ConfigError
        A setting that is none; no such texts; several fields without a name.
    """
    opened = Store(open_store(store, message=message).path)  # a commit since it was opened would be refused
    chosen = _language(opened) if language is None else language
    if language is not None:
        check_language(language)
    config = make(AnalyzerConfig, {"language": chosen, **settings})
    analyzer = Analyzer(config)
    if message and config.stem and analyzer.settings["stemmer"] is None:
        message(f"no stemmer for {chosen!r}: words are indexed as they are")
    if message and config.stop_words and not analyzer.stop_words:
        message(f"no list of stop words for {chosen!r}: every word is indexed")
    return index_store(opened, config, fields=fields, name=name, workers=workers, progress=progress)


def _language(store: Store) -> str:
    languages = text_languages(store)
    return languages[0] if len(languages) == 1 else "en"
