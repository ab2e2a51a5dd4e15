"""The view of vectors that a store keeps of its synsets, and the encoder that makes those of new ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kgr.index.store import Store
from kgr.index.vectors import kept_vectors, source_of

if TYPE_CHECKING:
    from kgr.models.text_encoder import TextEncoder
    from kgr.sememe.annotations import Annotations
    from kgr.sememe.descriptions import Descriptions

Message = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Encoded:
    """Vectors of the S synsets, and how those of new ones are made.

    Attributes
    ----------
    rows : float32[S, W]
        Of norm 1, or 0 of a synset that has no vector.
    encode : callable, optional
        Takes descriptions, returns their vectors: float32[B, W]. Without it a new synset has none.
    """

    rows: NDArray[np.float32]
    encode: Callable[[Descriptions], NDArray[np.float32]] | None = None


@dataclasses.dataclass(frozen=True)
class DenseView:
    """Compares synsets by the cosine of their vectors."""

    name: str
    encoded: Encoded

    def features(self, asked: Descriptions) -> NDArray[np.float32]:
        """Return vectors: float32[B, W], rows of norm 1, or 0 of a synset that has none."""
        found: NDArray[np.float32] = self.encoded.rows[asked.rows]
        new = np.flatnonzero(asked.rows < 0)
        found[new] = 0 if self.encoded.encode is None else unit(self.encoded.encode(asked.take(new)))
        return found


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows divided by their norms; rows of zeros stay."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)
    return scaled


def encoded_of(store: Store, annotations: Annotations, name: str, message: Message | None = None) -> Encoded:
    """Return vectors of a store by name; of a synset with several, as of passages, their mean.

    Where a model made them from texts, a new synset is encoded by that model, from the same fields.

    Raises
    ------
    UnknownKey
        The store keeps none of that name.
    """
    rows, source = _rows(store, annotations.synsets, name), source_of(store, name)
    if source.get("encoder", {}).get("weights") is None:
        (message or str)(f"{store.path}: no model is known to have made vectors {name!r}: new synsets will have none")
        return Encoded(rows)
    return Encoded(rows, _Encoder(store, name, message))


def name_vectors_of(store: Store, annotations: Annotations, name: str) -> NDArray[np.float32]:
    """Return the vectors that a store keeps of the sememes, which are those of their names: float32[C, W].

    Rows are of norm 1, or 0 of a sememe that has none.

    Raises
    ------
    UnknownKey
        The store keeps none of that name.
    """
    return _rows(store, annotations.sememes, name)


def _rows(store: Store, ids: NDArray[np.int32], name: str) -> NDArray[np.float32]:
    """Return the vectors of entries, float32[n, W]: the mean of several, 0 where there is none."""
    kept, _ = kept_vectors(store, name)
    places = np.searchsorted(ids, kept.ids)
    own = ids[np.minimum(places, len(ids) - 1)] == kept.ids
    rows = np.zeros((len(ids), kept.array.shape[1]), np.float32)
    np.add.at(rows, places[own], unit(np.asarray(kept.array)[own]))
    return unit(rows)


class _Encoder:
    """Encodes descriptions as the store's texts were; the model is loaded when the first is asked for."""

    def __init__(self, store: Store, name: str, message: Message | None) -> None:
        self._store, self._name, self._message = store, name, message
        self._fields: list[str] = source_of(store, name)["texts"]["fields"]
        self._encoder: TextEncoder | None = None
        self._last: tuple[list[str], NDArray[np.float32]] | None = None

    def __call__(self, asked: Descriptions) -> NDArray[np.float32]:
        if self._encoder is None:
            from kgr.retrieval.encode import query_encoder

            self._encoder = query_encoder(self._store, self._name, message=self._message)
        texts = [text_of(asked, place, self._fields) for place in range(len(asked))]
        if self._last is None or self._last[0] != texts:  # of one synset the views ask several times
            vectors = self._encoder.encode(texts)
            vectors[[not text for text in texts]] = 0  # a model has a vector for no text too
            self._last = texts, vectors
        return self._last[1]


def text_of(asked: Descriptions, place: int, fields: list[str]) -> str:
    """Return the text of a synset as an index of such fields joins it."""
    lemmas = asked.lemmas[place]
    parts = {"label": lemmas[:1], "alias": lemmas[1:], "gloss": (asked.gloss[place],), "example": asked.examples[place]}
    return "\n".join(text for field in fields for text in parts.get(field, ()) if text)
