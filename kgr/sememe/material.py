"""What a run works with: annotations, descriptions as its settings let it see them, WordNet, vectors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kgr._ragged import offsets_of
from kgr.data.wordnet import WORDNET, WordNet, open_wordnet
from kgr.index.store import Store
from kgr.index.vectors import section_name
from kgr.sememe.annotations import Annotations, annotations_of
from kgr.sememe.config import SememeConfig
from kgr.sememe.dense_view import Encoded, encoded_of
from kgr.sememe.descriptions import Descriptions, Edges, describe
from kgr.sememe.views import View, fit_views

Message = Callable[[str], None]

_TEXTS = ("label", "alias", "gloss", "example")


@dataclasses.dataclass(frozen=True)
class Material:
    """What methods are fitted on.

    Attributes
    ----------
    store : Store
    config : SememeConfig
    annotations : Annotations
    descriptions : Descriptions
        Of all S synsets, by row, without what the settings leave out.
    references : int32[T]
        Rows of the synsets whose train sememes may be read.
    vectors : by name
        Of the synsets.
    taxonomy : WordNet or None
        WordNet, where the store has it and the settings read it.
    """

    store: Store
    config: SememeConfig
    annotations: Annotations
    descriptions: Descriptions
    references: NDArray[np.int32]
    vectors: Mapping[str, Encoded]
    taxonomy: WordNet | None

    @cached_property
    def rows(self) -> dict[str, int]:
        """The rows of synsets by key."""
        return {key: row for row, key in enumerate(self.annotations.keys)}

    @cached_property
    def views(self) -> tuple[View, ...]:
        """Every view that the descriptions allow.

        Raises
        ------
        DataError
            They allow none.
        """
        return fit_views(
            self.descriptions,
            self.annotations,
            self.references,
            taxonomy=self.taxonomy,
            vectors=self.vectors,
            language=self.config.language,
            inductive=self.config.inductive,
        )

    def asked(self, rows: ArrayLike) -> Descriptions:
        """Return the descriptions of rows, as methods may see them."""
        return self.descriptions.take(rows)

    @property
    def has_texts(self) -> bool:
        """Whether the run reads texts and any synset has some."""
        return self.config.reads_texts and self.descriptions.have_texts

    def texts_alone(self, rows: ArrayLike) -> Descriptions:
        """Return the descriptions of rows as if they were new synsets of which texts alone are told."""
        return self.asked(rows).without_edges().without_concepts()


def material_of(store: Store, config: SememeConfig, message: Message | None = None) -> Material:
    """Read what the settings ask for.

    Raises
    ------
    DataError
        The store is none of synsets, see :func:`kgr.sememe.annotations.annotations_of`.
    UnknownKey
        Vectors that the store does not keep.
    """
    annotations = annotations_of(store)
    descriptions = seen(describe(store, annotations, language=config.language), config)
    if message and config.reads_texts and not descriptions.have_texts:
        message(f"{store.path}: has no texts of synsets in {config.language}; kgr add gives it some")
    if config.inductive:
        held = np.concatenate([annotations.rows("valid"), annotations.rows("test")])
        descriptions = hide_edges(descriptions, held)
    vectors = {name: encoded_of(store, annotations, name, message) for name in config.vector_names}
    taxonomy = open_wordnet(store) if config.wordnet else None
    return Material(store, config, annotations, descriptions, annotations.rows("train"), vectors, taxonomy)


def seen(descriptions: Descriptions, config: SememeConfig) -> Descriptions:
    """Return descriptions without what the settings leave out."""
    if not config.texts:
        descriptions = descriptions.without_texts()
    if not config.relations:
        descriptions = descriptions.without_edges()
    if not config.wordnet:
        descriptions = descriptions.without_concepts()
    return descriptions


def hide_edges(descriptions: Descriptions, rows: NDArray[np.int32]) -> Descriptions:
    """Return the descriptions of all S synsets without the edges of some, at both ends."""
    offsets, others, relations = descriptions.edges
    hidden = np.zeros(len(descriptions), bool)
    hidden[rows] = True
    owners = np.repeat(np.arange(len(descriptions)), np.diff(offsets))
    kept = ~(hidden[owners] | hidden[others])
    counts = np.bincount(owners[kept], minlength=len(descriptions))
    return dataclasses.replace(descriptions, edges=Edges(offsets_of(counts), others[kept], relations[kept]))


def sections_of(store: Store, config: SememeConfig) -> list[str]:
    """Return the sections that a run of these settings is made from; a change in others does not orphan it.

    The split test is one of them where its sememes are read (protocol "published"), or its synsets hidden.
    """
    texts = [f"text/entries/{config.language}.{field}" for field in _TEXTS if config.reads_texts]
    wordnet = [WORDNET] if config.reads_wordnet else []
    test = ["triples/test"] if config.inductive or config.protocol == "published" else []
    vectors = [section_name(name) for name in config.vector_names]
    wanted = ["relations", "triples/train", "triples/valid", *test, *texts, *wordnet, *vectors]
    return ["entities", *(name for name in wanted if store.has(name))]
