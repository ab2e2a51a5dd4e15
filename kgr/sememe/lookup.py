"""Looking sememes up: those of a synset, the synsets of a sememe, and the synsets that are alike by their sememes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kgr.data.known import open_store
from kgr.data.tables import check_language
from kgr.errors import UnknownKey
from kgr.index.store import Store
from kgr.sememe.annotations import SPLITS, Annotations, annotations_of
from kgr.sememe.descriptions import unknown_synset


@dataclasses.dataclass(frozen=True)
class Named:
    """A sememe, or a synset: its key and its label.

    ``names`` are those of a sememe by language. ``score`` is how alike a synset is to the one that was asked, from 0 to
    1; None where nothing is compared. ``relation`` is how a sememe is related, None where it is not that.
    """

    key: str
    label: str
    names: dict[str, str] = dataclasses.field(default_factory=dict)
    score: float | None = None
    relation: str | None = None


@dataclasses.dataclass(frozen=True)
class Found:
    """What a look-up gives.

    Attributes
    ----------
    kind : str
        "synset" or "sememe".
    asked : Named
    split : str or None
        In which a synset is annotated; None of one that is not, and of a sememe.
    sememes : tuple of Named
        Of a synset; of a sememe, those that it is related to.
    synsets : tuple of Named
        Those that are most alike by their sememes; of a sememe, the first ones that have it.
    total : int
        How many synsets share a sememe with it, or have it.
    """

    kind: str
    asked: Named
    split: str | None
    sememes: tuple[Named, ...]
    synsets: tuple[Named, ...]
    total: int


def sememes(store: Store | str | Path, key: str, *, k: int = 10, language: str = "en") -> Found:
    """Look up a synset or a sememe in the annotations of a store, of all splits.

    Parameters
    ----------
    store : Store, folder or known name
    key : str
        Key of a synset, or a sememe by key or by its name in any language: ``human|人``, ``human``, ``人``.
    k : int
        Synsets wanted.
    language : str
        Of the labels.

    Two synsets are as alike as what they share is of what either has, each sememe weighing the log of one over the
    share of the synsets that have it; so a rare sememe in common says more than a frequent one.

    Raises
    ------
    UnknownKey
        Neither a synset nor a sememe; the nearest are named, and synsets whose lemma was given instead of an id.
    ConfigError
        ``language`` is no tag of a language.
    """
    check_language(language)
    opened = open_store(store)
    annotations = annotations_of(opened)
    labels = annotations.published().of("train")
    if key in annotations.keys:
        return _of_synset(opened, annotations, labels, annotations.keys.index(key), k, language)
    return _of_sememe(opened, annotations, labels, sememe_column(opened, annotations, key, language), k, language)


def sememe_column(store: Store, annotations: Annotations, key: str, language: str) -> int:
    """Find a sememe by its key or its name in a language.

    Raises
    ------
    UnknownKey
        There is none; the nearest keys and names are given. There are several of that name: their keys are given.
    """
    if key in annotations.sememe_keys:
        return annotations.sememe_keys.index(key)
    folded = key.casefold()
    names = [name_parts(own) for own in annotations.sememe_keys]
    found = [column for column, own in enumerate(names) if folded in map(str.casefold, own)]
    if len(found) == 1:
        return found[0]
    if found:
        keys = ", ".join(annotations.sememe_keys[column] for column in found)
        raise UnknownKey(f"{key!r} is the name of several sememes: {keys}; give one of these keys")
    known = [*annotations.sememe_keys, *(part for own in names for part in own)]
    raise unknown_synset(store, annotations, key, language, what="synset or sememe", others=known)


def name_parts(key: str) -> tuple[str, ...]:
    """Return the names in a sememe's key: English and Chinese, or the key itself."""
    return tuple(key.split("|")) if key.count("|") == 1 else (key,)


def named_sememe(store: Store, annotations: Annotations, column: int, relation: str | None = None) -> Named:
    """Return a sememe with its names by language."""
    entry = int(annotations.sememes[column])
    key = annotations.sememe_keys[column]
    names = {
        language: text
        for language in store.languages("entries", "label")
        if (texts := store.texts("entries", "label", language)) is not None and (text := texts.first(entry)) is not None
    }
    return Named(key, store.label("entries", entry), names, relation=relation)


def _of_synset(store: Store, annotations: Annotations, labels: csr_array, row: int, k: int, language: str) -> Found:
    split = next((one for one in SPLITS if annotations.of(one).indptr[row + 1] > annotations.of(one).indptr[row]), None)
    alike = similarities(labels, row)
    order = np.lexsort((np.arange(len(alike)), -alike))
    order = order[(order != row) & (alike[order] > 0)]
    own = labels.indices[labels.indptr[row] : labels.indptr[row + 1]]
    near = [_synset(store, annotations, other, language, float(alike[other])) for other in order[:k].tolist()]
    asked = _synset(store, annotations, row, language)
    shown = tuple(named_sememe(store, annotations, column) for column in own.tolist())
    return Found("synset", asked, split, shown, tuple(near), len(order))


def similarities(labels: csr_array, row: int) -> NDArray[np.float64]:
    """Return how alike all synsets are to one by their sememes: float64[S], from 0 to 1."""
    counts = np.bincount(labels.indices, minlength=labels.shape[1])
    weights = np.log(labels.shape[0] / np.maximum(counts, 1))
    mine = np.zeros(labels.shape[1])
    mine[labels.indices[labels.indptr[row] : labels.indptr[row + 1]]] = 1
    shared = labels @ (mine * weights)
    either = labels @ weights + mine @ weights - shared
    found: NDArray[np.float64] = np.divide(shared, either, out=np.zeros(len(shared)), where=either > 0)
    return found


def _of_sememe(store: Store, annotations: Annotations, labels: csr_array, column: int, k: int, language: str) -> Found:
    rows = labels[:, [column]].tocsc().indices
    first = tuple(_synset(store, annotations, row, language) for row in np.sort(rows)[:k].tolist())
    asked = named_sememe(store, annotations, column)
    return Found("sememe", asked, None, _related(store, annotations, column), first, len(rows))


def _related(store: Store, annotations: Annotations, column: int) -> tuple[Named, ...]:
    """Return the sememes that a sememe has relations with; ``^`` marks one that leads to it."""
    entry = int(annotations.sememes[column])
    triples = store.triples("train")
    place = {int(id): number for number, id in enumerate(annotations.sememes)}
    found = []
    for end, other, mark in ((0, 2, ""), (2, 0, "^")):
        for triple in triples[triples[:, end] == entry].tolist():
            if triple[other] in place:
                relation = mark + store.relations.key(triple[1])
                found.append(named_sememe(store, annotations, place[triple[other]], relation))
    return tuple(found)


def _synset(store: Store, annotations: Annotations, row: int, language: str, score: float | None = None) -> Named:
    label = store.label("entries", int(annotations.synsets[row]), language)
    return Named(annotations.keys[row], label, score=score)
