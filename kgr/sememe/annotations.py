"""What a store says of synsets and their sememes: the rows and columns of everything else here."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from kgr.data.babelsememe import HAVE_SEMEME, SYNSET_PREFIX
from kgr.errors import DataError, UnknownKey
from kgr.index.kinds import SEMEME, SYNSET
from kgr.index.store import Store

SPLITS = ("train", "valid", "test")

_ROUNDING = np.float32(1e-5)

POS = {"n": "nouns", "v": "verbs", "a": "adjectives", "r": "adverbs"}
"""Parts of speech, by the last letter of a synset's key."""


@dataclasses.dataclass(frozen=True)
class Annotations:
    """Synsets, sememes, and which synset has which, by split.

    Attributes
    ----------
    synsets : int32[S]
        Entry ids of the synsets, ascending; a synset's place here is its row.
    sememes : int32[C]
        Entry ids of the sememes, ascending; a sememe's place here is its column.
    keys : S texts
        Of the synsets.
    sememe_keys : C texts
    pos : uint8[S]
        ``ord`` of n, v, a or r; 0 where the key does not say.
    labels : by split, csr float32[S, C]
        1 where a synset has a sememe; all of a synset's are in one split. Columns ascend within a row.
    """

    synsets: NDArray[np.int32]
    sememes: NDArray[np.int32]
    keys: tuple[str, ...]
    sememe_keys: tuple[str, ...]
    pos: NDArray[np.uint8]
    labels: Mapping[str, csr_array]

    def rows(self, split: str) -> NDArray[np.int32]:
        """Return the rows of the synsets that are annotated in a split, ascending: int32[…].

        Raises
        ------
        UnknownKey
            There is no such split.
        """
        return np.flatnonzero(np.diff(self.of(split).indptr)).astype(np.int32)

    def of(self, split: str) -> csr_array:
        """Return the labels of a split: csr float32[S, C].

        Raises
        ------
        UnknownKey
            There is no such split; those that there are are named.
        """
        if split not in self.labels:
            raise UnknownKey(f"{UnknownKey.of('split', split, self.labels)}; there are {', '.join(self.labels)}")
        return self.labels[split]

    def seen(self, references: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
        """Return which sememes references have in train: bool[C]. No other can ever be predicted."""
        return self.counts(references) > 0

    def published(self) -> Annotations:
        """Return annotations whose train split has the sememes of valid and test too, as the paper's code has them."""
        union = csr_array(sum((self.of(split) for split in SPLITS[1:]), self.of("train")))
        return dataclasses.replace(self, labels={**self.labels, "train": union})

    def labels_of(self, references: NDArray[np.integer[Any]]) -> csr_array:
        """Return the sememes that references have in train: csr float32[S, C], the rows of all others empty."""
        chosen = np.zeros(len(self.synsets), np.float32)
        chosen[references] = 1
        labels = csr_array(diags_array(chosen) @ self.of("train"))
        labels.eliminate_zeros()
        return labels

    def counts(self, references: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """Return how many of the references have each sememe in train: int64[C]."""
        found: NDArray[np.int64] = np.bincount(self.of("train")[references].indices, minlength=len(self.sememes))
        return found


def places_of(ids: NDArray[np.int32], wanted: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return where each wanted id is among ascending ids, -1 where it is not: int32[n]."""
    if not len(ids):
        return np.full(len(wanted), -1, np.int32)
    found = np.searchsorted(ids, wanted)
    there = ids[np.minimum(found, len(ids) - 1)] == wanted
    return np.where(there, found, -1).astype(np.int32)


def rows_at(labels: csr_array, places: NDArray[np.integer[Any]]) -> csr_array:
    """Return the rows of labels at B places, csr[B, C]; an empty one where the place is -1."""
    known = np.flatnonzero(places >= 0)
    pick = csr_array((np.ones(len(known), np.float32), (known, places[known])), (len(places), labels.shape[0]))
    return pick @ labels


def remainder(whole: NDArray[np.float32], part: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what is left of sums without a part of them; 0 where no more is left than rounding errors.

    Else these would tell what a synset is annotated with from what it is not.
    """
    left = whole - part
    return np.where(left > _ROUNDING * part, left, 0).astype(np.float32)


def annotations_of(store: Store) -> Annotations:
    """Read the annotations of a store that was made of BabelSememe, or of files of its form.

    Raises
    ------
    DataError
        The store has no synsets, no sememes or no annotations to learn from; an annotation is there twice or
        is not from a synset to a sememe; a synset is annotated in two splits.
    """
    kinds = store.kinds[: store.entities]
    synsets = np.flatnonzero(kinds & SYNSET).astype(np.int32)
    sememes = np.flatnonzero(kinds & SEMEME).astype(np.int32)
    relation = int(store.relations.find([HAVE_SEMEME])[0])
    if not len(synsets) or not len(sememes) or relation < 0:
        raise DataError(
            f"{store.path}: found {len(synsets)} synsets, {len(sememes)} sememes and "
            f"{'no' if relation < 0 else 'a'} relation {HAVE_SEMEME}, expected all three: "
            "build the store from a known set such as babelsememe-noun, or with --format babelsememe"
        )
    keys = tuple(store.entries.keys_of(synsets))
    labels = {split: _labels(store, split, relation, synsets, sememes) for split in SPLITS}
    if not labels["train"].nnz:
        raise DataError(f"{store.path}: train has no triples of {HAVE_SEMEME}, expected some to learn from")
    _check_apart(store, keys, labels)
    sememe_keys = tuple(store.entries.keys_of(sememes))
    return Annotations(synsets, sememes, keys, sememe_keys, _parts_of_speech(keys), labels)


def _labels(
    store: Store, split: str, relation: int, synsets: NDArray[np.int32], sememes: NDArray[np.int32]
) -> csr_array:
    shape = (len(synsets), len(sememes))
    if split not in store.splits:
        return csr_array(shape, dtype=np.float32)
    triples = store.triples(split)
    triples = triples[triples[:, 1] == relation]
    rows, columns = places_of(synsets, triples[:, 0]), places_of(sememes, triples[:, 2])
    if len(wrong := np.flatnonzero((rows < 0) | (columns < 0))):
        said = _in_words(store, triples[wrong[0]])
        raise DataError(f"{store.path}: {split} has {said}, expected {HAVE_SEMEME} from a synset to a sememe")
    order = np.lexsort((columns, rows))
    rows, columns = rows[order], columns[order]
    again = np.flatnonzero((np.diff(rows) == 0) & (np.diff(columns) == 0))
    if len(again):
        said = _in_words(store, triples[order[again[0] + 1]])
        raise DataError(f"{store.path}: {split} has {said} twice, expected each annotation once")
    offsets = np.searchsorted(rows, np.arange(len(synsets) + 1))
    return csr_array((np.ones(len(rows), np.float32), columns, offsets), shape=shape)


def _check_apart(store: Store, keys: tuple[str, ...], labels: Mapping[str, csr_array]) -> None:
    annotated = {split: np.diff(found.indptr) > 0 for split, found in labels.items()}
    for place, split in enumerate(SPLITS):
        for other in SPLITS[place + 1 :]:
            if len(both := np.flatnonzero(annotated[split] & annotated[other])):
                raise DataError(
                    f"{store.path}: {keys[both[0]]} is annotated in {split} and in {other} "
                    f"({len(both):,} such synsets), expected all sememes of a synset in one split"
                )


def _in_words(store: Store, triple: NDArray[np.int32]) -> str:
    head, tail = store.entries.keys_of(triple[[0, 2]])
    return f"{head} {HAVE_SEMEME} {tail}"


def _parts_of_speech(keys: tuple[str, ...]) -> NDArray[np.uint8]:
    return np.array([ord(key[-1]) if key.startswith(SYNSET_PREFIX) and key[-1] in POS else 0 for key in keys], np.uint8)
