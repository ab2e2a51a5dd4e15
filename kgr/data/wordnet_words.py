"""WordNet's words beside those that a store has of its synsets: compared, and put where there are none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kgr.data.splits import Message
from kgr.data.synset_texts import named_lemmas
from kgr.data.tables import Column, KeyTable
from kgr.data.wordnet import EDITION, WordNet, ranks_of
from kgr.errors import DataError
from kgr.index.store import Store

_EXAMPLES = 3

AGREEING = 0.5
"""The share of synsets whose words must be WordNet's; of texts that are aligned by rank nearly all are."""


MANY = 20
"""Of fewer synsets, words that WordNet does not have say nothing: they may be a user's own."""


@dataclass(frozen=True)
class HeldTexts:
    """The English texts that a store has of n synsets; each attribute has n rows.

    Attributes
    ----------
    lemmas : sequence of tuples of str
        Label and aliases.
    gloss, examples : bool[n]
        Whether there is one.
    """

    lemmas: Sequence[tuple[str, ...]]
    gloss: NDArray[np.bool_]
    examples: NDArray[np.bool_]

    @classmethod
    def none(cls, count: int) -> HeldTexts:
        """Return what a store without texts has."""
        return cls([()] * count, np.zeros(count, np.bool_), np.zeros(count, np.bool_))


def held_texts(store: Store, synsets: NDArray[np.int32]) -> HeldTexts:
    """Return the English texts that a store has of synsets."""
    rows = synsets.tolist()
    named = [store.texts("entries", field, "en") for field in ("label", "alias")]
    lemmas = [tuple(word for texts in named if texts is not None for word in texts.all(row)) for row in rows]
    gloss, examples = (_there(store, field, synsets) for field in ("gloss", "example"))
    return HeldTexts(lemmas, gloss, examples)


def wordnet_ranks(keys: Sequence[str], wordnet: WordNet, where: str, say: Message) -> NDArray[np.int32]:
    """Return the ranks of synsets, int32[n]; those that WordNet does not have are -1, counted and said.

    Raises
    ------
    DataError
        A synset's part of speech is not that of its rank; or there is no synset.
    """
    ranks = ranks_of(keys, wordnet.pos, where)
    lost = [keys[at] for at in np.flatnonzero(ranks < 0).tolist()]
    if len(lost) == len(keys):
        raise DataError(
            f"{where}: found no synset of WordNet among {len(keys):,} synsets, expected keys bn:00000001n …"
        )
    if lost:
        some = ", ".join(lost[:_EXAMPLES]) + (", …" if len(lost) > _EXAMPLES else "")
        say(f"{where}: {len(lost):,} synsets are none of WordNet {EDITION}: {some}")
    return ranks


@dataclass(frozen=True)
class Comparison:
    """How words of synsets go with WordNet's.

    Attributes
    ----------
    line : str
        In words; empty where there was nothing to compare.
    apart : bool
        Fewer than half of the synsets share a word with WordNet, of many synsets or with words of other parts of
        speech: the words are those of other synsets.
    """

    line: str
    apart: bool


def compare_words(lemmas: Mapping[str, Sequence[str]], wordnet: WordNet, where: str) -> Comparison:
    """Compare the lemmas of synsets, by key, with WordNet's.

    Raises
    ------
    DataError
        A synset's part of speech is not that of its rank.
    """
    keys = list(lemmas)
    ranks = dict(zip(keys, ranks_of(keys, wordnet.pos, where).tolist(), strict=True))
    compared = {key: rank for key, rank in ranks.items() if rank >= 0}
    apart = {
        key: rank
        for key, rank in compared.items()
        if _folded(wordnet.lemmas.all(rank)).isdisjoint(_folded(lemmas[key]))
    }
    if not compared:
        return Comparison("", apart=False)
    line = f"{where}: the words of {len(compared) - len(apart):,} of {len(compared):,} synsets are also WordNet's"
    strange = list(_of_other_parts(lemmas, apart, wordnet)) if apart else []
    if strange:
        key, letters = strange[0]
        line += (
            f"; those of {len(strange):,} are of another part of speech alone, as texts are that were aligned by "
            f"offset instead of rank: {key} is {lemmas[key][0]!r}, part of speech {letters}"
        )
    telling = bool(strange) or len(compared) >= MANY
    return Comparison(line, apart=telling and len(apart) > (1 - AGREEING) * len(compared))


def wordnet_table(
    where: str, keys: Sequence[str], ranks: NDArray[np.int32], wordnet: WordNet, held: HeldTexts
) -> KeyTable:
    """Return WordNet's texts of those synsets that have none, field by field; lemmas are one field here."""
    columns: dict[tuple[str, str], Column] = defaultdict(dict)
    for at in np.flatnonzero(ranks >= 0).tolist():
        key, rank = keys[at], int(ranks[at])
        texts = {} if held.lemmas[at] else named_lemmas(wordnet.lemmas.all(rank), "en")
        if not held.gloss[at]:
            texts["en", "gloss"] = tuple(filter(None, wordnet.gloss.all(rank)))
        if not held.examples[at]:
            texts["en", "example"] = tuple(wordnet.examples.all(rank))
        for name, values in texts.items():
            if values:
                columns[name][key] = values
    given = dict.fromkeys(key for column in columns.values() for key in column)
    return KeyTable(where, columns, keys=list(given))


def _of_other_parts(
    lemmas: Mapping[str, Sequence[str]], some: Mapping[str, int], wordnet: WordNet
) -> Iterator[tuple[str, str]]:
    """Yield the keys of those of some synsets whose words WordNet has for other parts of speech alone, and these."""
    letters: dict[str, set[str]] = defaultdict(set)
    for rank, letter in enumerate(wordnet.pos.tobytes().decode()):
        for word in _folded(wordnet.lemmas.all(rank)):
            letters[word].add(letter)
    for key, rank in some.items():
        found = set().union(*(letters.get(word, set()) for word in _folded(lemmas[key])))
        if found and chr(wordnet.pos[rank]) not in found:
            yield key, ", ".join(sorted(found))


def _folded(words: Iterable[str]) -> set[str]:
    return {word.casefold() for word in words}


def _there(store: Store, field: str, synsets: NDArray[np.int32]) -> NDArray[np.bool_]:
    texts = store.texts("entries", field, "en")
    return np.zeros(len(synsets), np.bool_) if texts is None else np.isin(synsets, texts.rows)
