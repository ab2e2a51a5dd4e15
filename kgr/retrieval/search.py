"""Search for entries by what they are called and what their texts say, the better linked first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kgr.data.known import open_store
from kgr.errors import ConfigError
from kgr.graph.graph import load_graph
from kgr.index.store import Store
from kgr.index.text_index import text_languages
from kgr.retrieval.bm25 import Bm25
from kgr.retrieval.config import RetrieveConfig
from kgr.retrieval.filters import allowed_entries
from kgr.retrieval.lexical import open_parts, query_bags, search_bags
from kgr.retrieval.lookup import KEY, Names, load_names, name_form
from kgr.retrieval.results import title_or_label

EXACT, OTHER_EXACT, NEAR = 3.0, 2.0, 0.8
"""What a label in the language, another name, and a name with slips of the pen add to a score; see :func:`search`."""

PRIOR = 0.2
"""What the links of an entity add that has all of them."""

DEPTH = 1000
"""How many entries are looked at for their texts."""


@dataclass(frozen=True)
class Found:
    """An entry that was found.

    Attributes
    ----------
    key : str
    label : str
        The title of a document, else the label, else the key.
    score : float
        Above 0, the higher the better.
    description : str or None
        In the language.
    """

    key: str
    label: str
    score: float
    description: str | None


def search(
    store: Store | str | Path,
    text: str,
    k: int = 10,
    *,
    language: str = "en",
    kind: str | None = None,
    types: Sequence[str] | None = None,
    message: Callable[[str], None] | None = None,
) -> tuple[Found, ...]:
    """Find entries by a name or by words of their texts.

    A score is the sum of three parts: 3 where the text is the entry's key or its label (or title) in the language,
    2 where it is another of its names in any language, else for a name a few letters off 0.8 times the share of letters
    that are right; BM25 of the entry's texts in the language over the most that any text could have, from 0 to 1; and
    0.2 times log(1 + its edges) over log(1 + all edges). So an exact label comes first. Of the texts the 1,000 best are
    looked at.

    Parameters
    ----------
    store : Store, folder or known name
        Its names are kept in its cache, its texts are indexed first where they are not; where it cannot be written
        both are made in memory.
    text : str
        Case, accents and punctuation of names do not count, nor a letter too much, missing, wrong, or changed with its
        neighbour: none up to 2 letters, one up to 5, two in longer names.
    k : int
        Results wanted.
    language : str
        Of the texts and of the labels that are returned.
    kind, types : optional
        Find only entries of this kind (entity, document, synset, sememe), with one of these types.
    message : callable, optional
        Called with lines for the user.

    Returns
    -------
    tuple of Found
        Best first; of equal scores the lower entry id first. Empty where nothing matches.

    Raises
    ------
    ConfigError, UnknownKey
        ``k`` below 1; no such kind or type.
    FormatError
        Another analyser indexed the texts.
    """
    if k < 1:
        raise ConfigError(f"k is {k}, expected at least 1")
    opened = open_store(store, message=message)
    allowed = allowed_entries(opened, kind=kind, types=types)
    named, by_name = name_scores(opened, load_names(opened), text, language)
    told, by_text = _text_scores(opened, text, language, allowed, message or (lambda line: None))
    found, place = np.unique(np.concatenate([named, told]), return_inverse=True)
    scores = np.bincount(place, np.concatenate([by_name, by_text]), len(found)) + PRIOR * _prior(opened, found)
    if allowed is not None:
        found, scores = found[allowed[found]], scores[allowed[found]]
    best = np.lexsort((found, -scores))[:k]
    return tuple(_found(opened, int(found[i]), float(scores[i]), language) for i in best)


def _found(store: Store, id: int, score: float, language: str) -> Found:
    texts = store.texts("entries", "description", language)
    label = title_or_label(store, id, language)
    return Found(store.entries.key(id), label, score, texts.first(id) if texts is not None else None)


def name_scores(store: Store, names: Names, text: str, language: str) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the entries with names near a text, int32[n] ascending, and what its nearest adds to each one's score."""
    matches = names.find(text)
    own = np.array([source in (f"{language}.label", f"{language}.title", KEY) for source in names.sources], np.bool_)
    letters = max(1, len(name_form(text)))
    scores = np.where(own[matches.sources], EXACT, OTHER_EXACT)
    near = matches.edits > 0
    scores[near] = NEAR * (1 - matches.edits[near] / letters)
    key = store.entries.find([text])
    key = key[key >= 0]
    entries = np.concatenate([matches.entries, key])
    scores = np.concatenate([scores, np.full(len(key), EXACT)])
    found, place = np.unique(entries, return_inverse=True)
    best = np.zeros(len(found))
    np.maximum.at(best, place, scores)
    return found, best


def _text_scores(
    store: Store, text: str, language: str, allowed: NDArray[np.bool_] | None, say: Callable[[str], None]
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the entries whose texts have words of the text, best first, and BM25 over what no document can surpass."""
    known = text_languages(store)
    if language not in known:
        if known:
            say(f"{store.path}: no texts in {language!r}, only names are searched; there are {', '.join(known)}")
        return np.empty(0, np.int32), np.empty(0)
    (part,) = open_parts(store, Bm25, RetrieveConfig(), language, None, message=say)
    bag = query_bags(part.terms, [text])
    _, found, scores = search_bags(part, bag, DEPTH, allowed=allowed)
    unknown = len(part.terms.analyzer.terms(text)) - int(bag.counts.sum())
    most = float(bag.counts @ part.scoring.statistic(bag.terms)) + unknown * np.log1p(2 * len(part.terms.rows) + 1)
    return found, scores / (most or 1.0)


def _prior(store: Store, entries: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return log(1 + edges) of entries over that of all edges: float64[n], 0 of what has none."""
    prior = np.zeros(len(entries))
    if not store.has("graph"):
        return prior
    graph = load_graph(store)
    inside = entries < store.entities
    own = entries[inside]
    edges = graph.offsets[graph.fragments[own + 1]] - graph.offsets[graph.fragments[own]]
    prior[inside] = np.log1p(edges) / max(1.0, np.log1p(graph.edges))
    return prior
