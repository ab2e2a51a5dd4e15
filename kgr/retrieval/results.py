"""Results of a query to be read: keys, titles or labels, scores, snippets."""

from __future__ import annotations

from dataclasses import dataclass

from kgr.index.store import Store
from kgr.retrieval.lexical import text_language
from kgr.retrieval.ranking import Ranking
from kgr.retrieval.retrieve import newest
from kgr.retrieval.snippets import Snippet, snippets_of


@dataclass(frozen=True)
class Result:
    """An entry that was found."""

    key: str
    label: str
    score: float
    snippet: Snippet


def named_results(ranking: Ranking, query: str, *, count: int = 10, language: str | None = None) -> list[Result]:
    """Return the first results of a query of a ranking that knows its topics and store.

    Parameters
    ----------
    query : str
        Its key.
    language : str, optional
        Of labels and snippets; by default that of the store's texts.
    """
    store, topics = ranking.store, ranking.topics
    assert store is not None and topics is not None, "a ranking of retrieve"
    number = ranking.queries.id(query)
    rows = ranking.rows(number)
    entries = ranking.document[rows][:count].tolist()
    store = newest(store)
    language = language or text_language(store)
    found = snippets_of(store, language, topics.texts[number], entries)
    return [
        Result(store.entries.key(entry), title_or_label(store, entry, language), score, own)
        for entry, score, own in zip(entries, ranking.score[rows][:count].tolist(), found, strict=True)
    ]


def title_or_label(store: Store, entry: int, language: str) -> str:
    """Return a document's title, else an entry's label, else its key."""
    titles = store.texts("entries", "title", language)
    return (titles.first(entry) if titles is not None else None) or store.label("entries", entry, language)
