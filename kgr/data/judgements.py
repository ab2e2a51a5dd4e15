"""Queries of a collection of documents and their judgements, kept in a store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kgr.data.keyed_texts import KeyedTexts, Source, read_keyed_texts
from kgr.data.qrels import Qrels, read_qrels
from kgr.errors import ConfigError, DataError, UnknownKey
from kgr.index.keys import Keys
from kgr.index.store import Section, Store
from kgr.index.texts import Texts


@dataclass(frozen=True)
class Judgements:
    """Queries and one set of judgements of theirs (qrels).

    Attributes
    ----------
    name : str
        ``<collection>/<qrels>``.
    queries : Keys
        All queries of the collection, judged or not, numbered as in its file.
    texts : Texts
        Of each query; one without words has none.
    query : int32[J]
        Ascending.
    document : int32[J]
        Ids of the store's entries; in each query in the order of the source.
    grade : int32[J]
        The higher, the more relevant; 0 or less is judged and not relevant.
    documents : Keys
        Of the store's entries.
    """

    name: str
    queries: Keys
    texts: Texts
    query: NDArray[np.int32]
    document: NDArray[np.int32]
    grade: NDArray[np.int32]
    documents: Keys

    def __len__(self) -> int:
        return len(self.query)

    @property
    def judged(self) -> NDArray[np.int32]:
        """The queries that have a judgement: int32[n], ascending."""
        return np.unique(self.query)


def kept_judgements(store: Store, qrels: str | None = None) -> Judgements:
    """Return queries and judgements that a store keeps; see :func:`kgr.data.collection_view.load_judgements`."""
    known = judgement_names(store)
    if not known:
        raise DataError(f"{store.path}: no judgements are kept here; a store of a collection with qrels has them")
    found = [name for name in known if qrels in (name, name.partition("/")[2])] if qrels else list(known[:1])
    if not found:
        raise UnknownKey(f"{UnknownKey.of('qrels', str(qrels), known)}; the store keeps {', '.join(known)}")
    if len(found) > 1:
        raise ConfigError(f"qrels {qrels!r} are kept of several collections, expected one of {', '.join(found)}")
    return _load(store, found[0])


def judgement_names(store: Store) -> tuple[str, ...]:
    """Return the judgements that a store keeps, ``<collection>/<qrels>``, in its order."""
    parts = (section.split("/") for section in store.sections)
    return tuple(f"{part[1]}/{part[3]}" for part in parts if part[::2] == ["queries", "qrels"] and len(part) == 4)


def _load(store: Store, name: str) -> Judgements:
    collection, _, qrels = name.partition("/")
    arrays = store.section(f"queries/{collection}/qrels/{qrels}")
    keys, texts = kept_topics(store, collection)
    return Judgements(name, keys, texts, arrays["query"], arrays["document"], arrays["grade"], store.entries)


def kept_topics(store: Store, collection: str) -> tuple[Keys, Texts]:
    """Return keys and texts of the queries of a collection that a store keeps."""
    section = store.section(f"queries/{collection}/topics")
    texts = Texts(section["text_rows"], section["text_offsets"], section["text_bytes"])
    return Keys.from_arrays(section, what="query"), texts


def read_judged(
    sources: Mapping[str, Source], documents: Mapping[str, int], *, lenient: bool = False
) -> tuple[KeyedTexts, dict[str, Qrels]]:
    """Read ``queries`` and any ``qrels.<name>`` of theirs, which judge documents by key: see :func:`read_qrels`."""
    queries = read_keyed_texts([sources["queries"]], {"text": "text"})
    qrels = {
        what.removeprefix("qrels."): read_qrels(source, queries.rows, documents, lenient=lenient)
        for what, source in sources.items()
        if what.startswith("qrels.")
    }
    return queries, qrels


def judged_sections(name: str, queries: KeyedTexts | None, qrels: Mapping[str, Qrels]) -> dict[str, Section]:
    """Return the sections of queries and of each of their judgements, by name; none where there are no queries."""
    if queries is None:
        return {}
    judged = {f"queries/{name}/qrels/{which}": qrels_section(rows) for which, rows in qrels.items()}
    return {f"queries/{name}/topics": topics_section(queries), **judged}


def judged_counts(queries: KeyedTexts | None, qrels: Mapping[str, Qrels]) -> dict[str, int]:
    """Return how many queries there are, and how many of them each of the judgements has, and pairs."""
    counts = {} if queries is None else {"queries": len(queries.rows)}
    for name, rows in qrels.items():
        counts[f"{name}_queries"] = len(np.unique(rows.query))
        counts[f"{name}_judgements"] = len(rows.query)
        if rows.unknown:
            counts[f"{name}_judgements_left_out"] = rows.unknown
    return counts


def topics_section(queries: KeyedTexts) -> Section:
    """Return the section ``queries/<collection>/topics``: keys and texts of queries."""
    texts = queries.texts["text"].arrays()
    keys = Keys.build(list(queries.rows), what="query").arrays()
    return Section({**keys, **{f"text_{name}": array for name, array in texts.items()}})


def qrels_section(qrels: Qrels) -> Section:
    """Return the section ``queries/<collection>/qrels/<name>``: judged pairs and their grades."""
    return Section({"query": qrels.query, "document": qrels.document, "grade": qrels.grade})
