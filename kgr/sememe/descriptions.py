"""What is known of synsets, those of a store and new ones alike: words, places in WordNet, edges to other synsets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kgr._ragged import offsets_of, taken
from kgr.data.synset_texts import letter_of, plain_lemmas
from kgr.data.tables import check_language
from kgr.data.wordnet import WORDNET, open_wordnet, ranks_of
from kgr.errors import ConfigError, DataError, UnknownKey
from kgr.index.store import Store
from kgr.sememe.annotations import Annotations, places_of

HYPERNYM = "synset:hypernym"
"""The relation from a synset to one above it."""

LETTERS = "nvar"
"""Parts of speech: noun, verb, adjective, adverb."""

_NAMED = 3  # synsets and sememes that an error names


class Concepts(NamedTuple):
    """Synsets of WordNet that synsets are, or are below.

    Attributes
    ----------
    offsets : int64[B + 1]
    ids : int32[...]
        Ranks in the store's WordNet (:mod:`kgr.data.wordnet`).
    steps : uint8[...]
        0: the synset is that one. 1: it is below that one, which was given as a hypernym.
    """

    offsets: NDArray[np.int64]
    ids: NDArray[np.int32]
    steps: NDArray[np.uint8]


class Edges(NamedTuple):
    """Edges of the training graph between synsets, as each end sees them.

    Attributes
    ----------
    offsets : int64[B + 1]
    others : int32[...]
        The rows of the other ends among the annotations.
    relations : int32[...]
        Directed relations from the synset to the other: ``2r``, or ``2r + 1`` where the other one is the head.

    The edges of a synset ascend by relation, then by the other end.
    """

    offsets: NDArray[np.int64]
    others: NDArray[np.int32]
    relations: NDArray[np.int32]


@dataclass(frozen=True)
class Descriptions:
    """Descriptions of B synsets; texts are of one language.

    Attributes
    ----------
    rows : int32[B]
        The synset's row among the annotations, -1 for a new one.
    pos : uint8[B]
        ``ord`` of the part of speech: n, v, a, r; 0 where it is not known.
    lemmas : tuple of tuples of str
        The label first.
    gloss : tuple of str
        Empty where there is none; several are joined by a line feed.
    examples : tuple of tuples of str
    concepts : Concepts
    edges : Edges
    """

    rows: NDArray[np.int32]
    pos: NDArray[np.uint8]
    lemmas: tuple[tuple[str, ...], ...]
    gloss: tuple[str, ...]
    examples: tuple[tuple[str, ...], ...]
    concepts: Concepts
    edges: Edges

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def have_texts(self) -> bool:
        """Whether any synset has a lemma or a gloss."""
        return any(self.lemmas) or any(self.gloss)

    def take(self, at: ArrayLike) -> Descriptions:
        """Return the descriptions at some places, in their order; places may repeat."""
        places = np.asarray(at, np.int64)
        chosen = places.tolist()
        offsets, flat = taken(self.concepts.offsets, places)
        concepts = Concepts(offsets, self.concepts.ids[flat], self.concepts.steps[flat])
        offsets, flat = taken(self.edges.offsets, places)
        edges = Edges(offsets, self.edges.others[flat], self.edges.relations[flat])
        return Descriptions(
            self.rows[places],
            self.pos[places],
            tuple(self.lemmas[place] for place in chosen),
            tuple(self.gloss[place] for place in chosen),
            tuple(self.examples[place] for place in chosen),
            concepts,
            edges,
        )

    def without_edges(self) -> Descriptions:
        """Return the same without edges: synsets that the graph does not know."""
        return replace(self, edges=_no_edges(len(self)))

    def without_concepts(self) -> Descriptions:
        """Return the same without places in WordNet."""
        return replace(self, concepts=_no_concepts(len(self)))

    def without_texts(self) -> Descriptions:
        """Return the same without lemmas, glosses and examples."""
        none: tuple[tuple[str, ...], ...] = ((),) * len(self)
        return replace(self, lemmas=none, gloss=("",) * len(self), examples=none)


def describe(store: Store, annotations: Annotations, *, language: str = "en") -> Descriptions:
    """Describe all S synsets of a store, by row.

    Lemmas are the label and the aliases in the language, edges those of the split ``train``. A store that has no texts
    in the language, or no WordNet, describes its synsets without.

    Raises
    ------
    ConfigError
        ``language`` is no tag of a language.
    """
    check_language(language)
    glosses, examples = (_texts(store, field, language, annotations) for field in ("gloss", "example"))
    return Descriptions(
        np.arange(len(annotations.synsets), dtype=np.int32),
        annotations.pos,
        _lemmas(store, annotations, language),
        tuple("\n".join(gloss) for gloss in glosses),
        tuple(examples),
        _concepts(store, annotations.keys),
        _edges(store, annotations),
    )


def describe_new(
    store: Store,
    annotations: Annotations,
    *,
    lemmas: str | Sequence[str] = (),
    gloss: str = "",
    examples: str | Sequence[str] = (),
    hypernyms: str | Sequence[str] = (),
    pos: str = "",
    language: str = "en",
) -> Descriptions:
    """Describe one synset that the store does not have; its row is -1.

    Parameters
    ----------
    lemmas, gloss, examples
        Texts in ``language``, one or several; lemmas are brought to the form that they have in a store.
    hypernyms : str or sequence of str
        Keys of synsets above it: in the store, which gives it an edge, in the store's WordNet, or in both.
    pos : str
        n, v, a or r; by default that of the hypernyms where they have one, else it is not known.

    Raises
    ------
    ConfigError
        Nothing is said of the synset, or ``pos`` is none.
    UnknownKey
        A hypernym that neither the store nor its WordNet has.
    DataError
        A hypernym in a store without the relation that says so, and without WordNet.
    """
    check_language(language)
    words, said = plain_lemmas(several(lemmas), language), tuple(filter(str.strip, several(examples)))
    above = tuple(dict.fromkeys(several(hypernyms)))
    if not (words or gloss.strip() or said or above):
        raise ConfigError("lemmas, gloss, examples and hypernyms are empty: say something of the new synset")
    if pos and (len(pos) != 1 or pos not in LETTERS):
        raise ConfigError(f"pos is {pos!r}, expected one of {', '.join(LETTERS)}")
    letters = {letter_of(key) for key in above}
    letter = pos or (letters.pop() if len(letters) == 1 else "")
    concepts, entries = _above(store, annotations, above, language)
    return Descriptions(
        np.array([-1], np.int32),
        np.array([ord(letter) if letter else 0], np.uint8),
        (words,),
        (gloss.strip(),),
        (said,),
        Concepts(offsets_of([len(concepts)]), concepts, np.ones(len(concepts), np.uint8)),
        _hypernym_edges(store, annotations, entries),
    )


def unknown_synset(
    store: Store, annotations: Annotations, key: str, language: str, *, what: str = "synset", others: Iterable[str] = ()
) -> UnknownKey:
    """Return the error that there is no synset of a key, which names what was meant perhaps, with first lemmas.

    That are synsets with the key as lemma; or the next ones by number, for BabelNet counts by the alphabet; or those of
    the nearest keys and lemmas, and ``others`` among them.
    """
    if not key.strip():
        return UnknownKey(f"unknown {what} {key!r}: found an empty key, expected one such as {annotations.keys[0]}")
    if key in annotations.sememe_keys:
        return UnknownKey(f"unknown {what} {key!r}: that is a sememe; kgr sememes shows the synsets that have it")
    lemmas, folded = _lemmas(store, annotations, language), key.casefold()
    shown = [f"{own} ({words[0]})" if words else own for own, words in zip(annotations.keys, lemmas, strict=True)]
    by_lemma: dict[str, list[tuple[int, int]]] = {}
    for row, words in enumerate(lemmas):
        for place, lemma in enumerate(words):
            by_lemma.setdefault(lemma.casefold(), []).append((place, row))
    if folded in by_lemma:
        named, found = [shown[row] for _, row in sorted(by_lemma[folded])], "synsets with that lemma"
    elif letter_of(key):
        named, found = [shown[row] for row in _by_number(annotations.keys, key)], "nearest"
    else:
        texts = {text.casefold(): [text] for text in others}
        for text, name in zip(annotations.keys, shown, strict=True):
            texts.setdefault(text, []).append(name)
        for lemma, places in by_lemma.items():
            texts.setdefault(lemma, []).extend(shown[row] for _, row in sorted(places))
        near = get_close_matches(folded, texts, n=_NAMED)
        named, found = list(dict.fromkeys(name for text in near for name in texts[text])), "nearest"
    return UnknownKey(f"unknown {what} {key!r}" + (f"; {found}: {', '.join(named[:_NAMED])}" if named else ""))


def _by_number(keys: Sequence[str], key: str) -> list[int]:
    """Return the rows of the keys with a number, the nearest to that of a key first."""
    numbers = {row: int(other[3:-1]) for row, other in enumerate(keys) if letter_of(other)}
    return sorted(numbers, key=lambda row: abs(numbers[row] - int(key[3:-1])))


def several(given: str | Sequence[str]) -> tuple[str, ...]:
    """Return one text or several as a tuple."""
    return (given,) if isinstance(given, str) else tuple(given)


def _lemmas(store: Store, annotations: Annotations, language: str) -> tuple[tuple[str, ...], ...]:
    """Return the lemmas of each synset, the label first."""
    labels, aliases = (_texts(store, field, language, annotations) for field in ("label", "alias"))
    return tuple((*label, *alias) for label, alias in zip(labels, aliases, strict=True))


def _texts(store: Store, field: str, language: str, annotations: Annotations) -> list[tuple[str, ...]]:
    """Return the texts of a field of each synset."""
    found: list[list[str]] = [[] for _ in annotations.synsets]
    texts = store.texts("entries", field, language)
    if texts is not None:
        owners = places_of(annotations.synsets, texts.rows)
        whole, ends = texts.bytes.tobytes(), texts.offsets.tolist()
        for at in np.flatnonzero(owners >= 0).tolist():
            found[owners[at]].append(whole[ends[at] : ends[at + 1]].decode())
    return [tuple(own) for own in found]


def _concepts(store: Store, keys: Sequence[str]) -> Concepts:
    """Return the concepts that synsets are."""
    found = _ranks(store, keys)
    there = found >= 0
    return Concepts(offsets_of(there), found[there], np.zeros(int(there.sum()), np.uint8))


def _ranks(store: Store, keys: Sequence[str]) -> NDArray[np.int32]:
    """Return the ranks of synsets in a store's WordNet, int32[n]; -1 where there is none."""
    wordnet = open_wordnet(store)
    return np.full(len(keys), -1, np.int32) if wordnet is None else ranks_of(keys, wordnet.pos, str(store.path))


def _no_concepts(count: int) -> Concepts:
    return Concepts(offsets_of(np.zeros(count)), np.empty(0, np.int32), np.empty(0, np.uint8))


def _no_edges(count: int) -> Edges:
    return Edges(offsets_of(np.zeros(count)), np.empty(0, np.int32), np.empty(0, np.int32))


def _edges(store: Store, annotations: Annotations) -> Edges:
    """Return the edges of train between synsets, from both ends."""
    heads, relations, tails = store.triples("train").T
    heads, tails = places_of(annotations.synsets, heads), places_of(annotations.synsets, tails)
    between = (heads >= 0) & (tails >= 0)
    heads, relations, tails = heads[between], relations[between], tails[between]
    owners, others = np.concatenate([heads, tails]), np.concatenate([tails, heads])
    directed = np.concatenate([2 * relations, 2 * relations + 1])
    order = np.lexsort((others, directed, owners))
    counts = np.bincount(owners, minlength=len(annotations.synsets))
    return Edges(offsets_of(counts), others[order], directed[order])


def _above(
    store: Store, annotations: Annotations, hypernyms: Sequence[str], language: str
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return concepts and entries of hypernyms, each ascending, of those that are there; every one is one or both."""
    entries = store.entries.find(hypernyms)
    entries = np.where(places_of(annotations.synsets, entries) >= 0, entries, -1)
    concepts = np.array([_concept(store, key, entry) for key, entry in zip(hypernyms, entries, strict=True)], np.int32)
    for key, concept, entry in zip(hypernyms, concepts.tolist(), entries.tolist(), strict=True):
        if concept < 0 and entry < 0:
            raise unknown_synset(store, annotations, key, language)
    return np.sort(concepts[concepts >= 0]), np.sort(entries[entries >= 0])


def _concept(store: Store, key: str, entry: int) -> int:
    """Return the rank of a hypernym in WordNet, -1 where there is none; a slip in its key is not the store's fault."""
    try:
        return int(_ranks(store, [key])[0])
    except DataError:
        if entry >= 0:
            raise
        return -1


def _hypernym_edges(store: Store, annotations: Annotations, entries: NDArray[np.int32]) -> Edges:
    """Return the edges of a new synset to those above it that the store has."""
    relation = int(store.relations.find([HYPERNYM])[0])
    if len(entries) and relation < 0 and not store.has(WORDNET):
        raise DataError(f"{store.path}: has no relation {HYPERNYM} and no WordNet, so hypernyms say nothing: give none")
    if relation < 0:
        return _no_edges(1)
    others = places_of(annotations.synsets, entries)
    return Edges(offsets_of([len(others)]), others, np.full(len(others), 2 * relation, np.int32))
