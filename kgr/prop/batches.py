"""Batches of pre-training: which documents, and the rows that a model reads of them."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr._rng import key
from kgr.engine.ring import Layout
from kgr.errors import DataError
from kgr.index.terms import Terms
from kgr.prop.config import PropConfig
from kgr.prop.frame import Frame, frame_of
from kgr.prop.masks import Masker
from kgr.prop.pieces import Pieces
from kgr.prop.sentences import LONGEST, Document, Sentences
from kgr.prop.set_pairs import SetPairs
from kgr.prop.weighted_sets import WeightedSets
from kgr.prop.word_sets import WordSets

_HELD, _ORDER, _DRAWS, _HELD_DRAWS = 0x7101, 0x7102, 0x7103, 0x7104  # streams of keyed draws
_BUCKETS = 64
"""Batches of which documents are sorted by length together, so that a batch's are of about the same."""

ROOM = 64
"""Word pieces of a row beside the document's window and the marks, if the model reads so many."""

LEAST = 20
"""Word pieces of a document, below which "mlm" and "ict" leave it out."""

Ids = NDArray[np.int64]
Sets = WordSets | WeightedSets


class PropBatches:
    """Makes batches; what is in one depends on the seed and its number only.

    Parameters
    ----------
    sets : WordSets or WeightedSets, optional
        Where the objective is "prop".
    limit : int
        Word pieces that the model reads of a row, at most.

    Attributes
    ----------
    train, held : int32[n]
        Documents that are trained on, and held out ones.
    empty, short : int
        Documents left out: without a word that can be used, and too short.
    """

    def __init__(
        self, terms: Terms, pieces: Pieces, tokenizer: Any, config: PropConfig, sets: Sets | None, limit: int
    ) -> None:
        self.config, self.pieces, self.sets = config, pieces, sets
        self.frame: Frame = frame_of(tokenizer, pair=config.objective != "mlm")
        self.room = min(limit, config.window + self.frame.marks + ROOM)
        self.masker = Masker(tokenizer, config)
        self.sentences = Sentences(tokenizer)
        self._lengths, self._longer = (pieces.lengths(config.window + more) for more in (0, LONGEST))
        usable = sets.documents if sets else np.flatnonzero(self._lengths >= LEAST).astype(np.int32)
        usable = usable[self._lengths[usable] > 0]
        self.empty = int(((sets.eligible.sizes if sets else self._lengths) == 0).sum())
        self.short = len(terms.rows) - len(usable) - self.empty
        self.train, self.held = self._split(usable)
        expected = sets.eligible.expected(self.train) if sets else len(self.train)
        self._size = min(config.batch, max(1, expected))
        self._per_round = max(1, expected // self._size)
        self._lock, self._round, self._order = threading.Lock(), -1, self.train[None]

    def _split(self, usable: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Part documents into those that are trained on and held out ones, of which sets are drawn."""
        order = np.random.default_rng(key(self.config.seed, _HELD)).permutation(usable)
        held = self._drawn(order, key(self.config.seed, _HELD_DRAWS), 0)
        held = held[: min(self.config.held_out, len(usable) // 10)]
        if len(held) < 2:
            raise DataError(
                f"pre-training needs at least 20 documents with usable words, one in ten to be held out: found "
                f"{len(usable)}, beside {self.empty} without a usable word and {self.short} that are too short"
            )
        return np.setdiff1d(usable, held), np.sort(held)

    def _drawn(self, documents: NDArray[np.int32], seed: int, epoch: int) -> NDArray[np.int32]:
        """Return those of some documents that are read in an epoch."""
        return documents[self.sets.eligible.drawn(documents, seed, epoch)] if self.sets else documents

    def layout(self) -> Layout:
        """Return the slot's fields.

        ``ids`` and ``segments`` int64[R, room] of rows with ``lengths`` pieces, the better ones of all pairs first and
        then the others in the same order; ``masked`` int64[M, 2]: row and place of masked pieces, ``labels`` what was
        there; ``counts``: rows, longest row, masked pieces, pairs that could not be used.
        """
        rows = self.config.batch * self.frames
        most = self.config.batch * self.config.window
        return {
            "ids": (np.int64, (rows, self.room)),
            "segments": (np.int64, (rows, self.room)),
            "lengths": (np.int64, (rows,)),
            "masked": (np.int64, (most, 2)),
            "labels": (np.int64, (most,)),
            "counts": (np.int64, (4,)),
        }

    @property
    def frames(self) -> int:
        """Rows made of a document: two, that are a pair, or one."""
        return 1 if self.config.objective == "mlm" else 2

    def fill(self, fields: dict[str, NDArray[Any]], step: int) -> None:
        """Write a batch; ``step`` counts batches."""
        round_, at = divmod(step - 1, self._per_round)
        documents = self._documents(round_, at)
        draw = np.random.default_rng(key(self.config.seed, _DRAWS, step))
        masks = self.config.masks_at((step - 1) // self.config.accumulate + 1)
        self._write(fields, documents, np.roll(documents, -1), round_, self.config.seed, draw, masks=masks)

    def held_rows(
        self, fields: dict[str, NDArray[Any]], first: int, *, masks: bool = False, wrong: bool = False
    ) -> tuple[NDArray[np.int32], SetPairs | None]:
        """Write the batch of the held-out documents from the ``first`` on; return these and their word sets.

        With ``wrong`` each pair is shown the next held-out document.
        """
        documents, others = (own[first : first + self.config.batch] for own in (self.held, np.roll(self.held, -1)))
        draw = np.random.default_rng(key(self.config.seed, _HELD_DRAWS, first))
        seed = key(self.config.seed, _HELD_DRAWS)
        return documents, self._write(fields, documents, others, 0, seed, draw, masks=masks, wrong=wrong)

    def _documents(self, round_: int, at: int) -> NDArray[np.int32]:
        """Return the documents of a batch of a pass over those of an epoch; what is over whole batches waits."""
        with self._lock:
            if round_ != self._round:
                self._round, self._order = round_, self._ordered(round_)
            documents: NDArray[np.int32] = self._order[at]
            return documents

    def _ordered(self, round_: int) -> NDArray[np.int32]:
        draw, epoch = np.random.default_rng(key(self.config.seed, _ORDER, round_)), round_ // self.config.pairs
        order = draw.permutation(self._drawn(self.train, self.config.seed, epoch))
        if not len(order):
            raise DataError(f"all {len(self.train)} documents are short, and none is drawn from in epoch {epoch}: give "
                            "a greater short_share or a smaller min_length")  # fmt: skip
        # of short documents some fewer may be drawn than are expected: then a few come twice
        order = np.resize(order, self._per_round * self._size)
        for first in range(0, len(order), _BUCKETS * self._size):
            part = order[first : first + _BUCKETS * self._size]
            part[:] = part[np.argsort(self._lengths[part], kind="stable")]
        return draw.permutation(order.reshape(-1, self._size), axis=0)

    def _write(
        self, fields: dict[str, NDArray[Any]], documents: NDArray[np.int32], others: NDArray[np.int32], round_: int,
        seed: int, draw: np.random.Generator, *, masks: bool, wrong: bool = False,
    ) -> SetPairs | None:  # fmt: skip
        """Write the rows of documents; ``others`` are shown by inverse cloze, in the worse rows, and by ``wrong``."""
        pairs = None
        if self.config.objective == "prop":
            firsts, texts, pairs = self._of_sets(documents, others if wrong else documents, round_, seed)
        else:
            firsts, texts = self._of_documents(documents, others, draw)
        used = len(texts) // self.frames
        texts = [self._fitting(first, text) for first, text in zip(firsts, texts, strict=True)]
        rows = [self.frame.row(first, ids) for first, (ids, _) in zip(firsts, texts, strict=True)]
        longest = max(row.shape[1] for row in rows)
        for i, row in enumerate(rows):
            length = row.shape[1]
            fields["ids"][i, :length], fields["segments"][i, :length] = row
            fields["ids"][i, length:longest], fields["segments"][i, length:longest] = self.masker.pad, 0
            fields["lengths"][i] = length
        starts = [self.frame.start(len(first)) for first in firsts]
        count = self._mask(fields, texts, starts, used, draw) if masks else 0
        fields["counts"][:] = len(rows), longest, count, len(documents) - used
        return pairs

    def _fitting(self, first: Ids, text: Document) -> Document:
        """Cut a document so that its row is not too long."""
        ids, words = text
        most = self.room - self.frame.marks - len(first)
        return ids[:most], words[:most]

    def _mask(
        self, fields: dict[str, NDArray[Any]], texts: list[Document], starts: list[int], pairs: int,
        draw: np.random.Generator,
    ) -> int:  # fmt: skip
        """Mask the documents of all rows, since masks in one row of a pair alone would tell the two apart.

        Both rows with the same document have the same masks. The better rows have labels; return how many.
        """
        masked = self.masker.draw(texts[:pairs], draw)
        masked += masked if self.config.objective == "prop" else self.masker.draw(texts[pairs:], draw)
        count = 0
        for row, (places, shown, labels) in enumerate(masked):
            fields["ids"][row, starts[row] + places] = shown
            if row < pairs:
                labelled = slice(count, count + len(places))
                fields["masked"][labelled, 0], fields["masked"][labelled, 1] = row, starts[row] + places
                fields["labels"][labelled] = labels
                count += len(places)
        return count

    def _of_documents(
        self, documents: NDArray[np.int32], others: NDArray[np.int32], draw: np.random.Generator
    ) -> tuple[list[Ids], list[Document]]:
        """Return the first text and the document, pieces and their words, of each row, where there are no sets."""
        if self.config.objective == "mlm":
            own = [self._document(i, self.room) for i in documents.tolist()]
            return [np.empty(0, np.int64)] * len(own), own
        sentences, rests = self._cloze(documents, draw)
        return sentences * 2, rests + self._cloze(others, draw)[1]

    def _cloze(self, documents: NDArray[np.int32], draw: np.random.Generator) -> tuple[list[Ids], list[Document]]:
        """Return a sentence of each document and what else of it fills the window, so that no length tells a pair."""
        texts = [self._span(i, min(int(self._longer[i]), self.room + LONGEST)) for i in documents.tolist()]
        sentences, rests = self.sentences.draw(texts, draw)
        window = self.config.window
        return sentences, [(ids[:window], words[:window]) for ids, words in rests]

    def _of_sets(
        self, documents: NDArray[np.int32], shown: NDArray[np.int32], round_: int, seed: int
    ) -> tuple[list[Ids], list[Document], SetPairs]:
        """Return the set and the document shown of each row, and all sets of the documents."""
        assert self.sets is not None
        epoch, pair = divmod(round_, self.config.pairs)
        pairs = self.sets.draw(documents, epoch=epoch, seed=seed)
        kept = pairs.usable(pair)
        if not kept:
            raise DataError(
                f"none of the {len(documents)} documents of a batch has two word sets with different scores: expected "
                "texts of more different words, a smaller set_length, or a greater batch"
            )
        most = (self.room - self.frame.marks) // 2  # so many pieces of a set leave room for a document
        sides: tuple[list[Ids], list[Ids]] = [], []
        for b, own in kept:
            better = int(pairs.scores[b, own].argmax())
            for side, texts in zip((better, 1 - better), sides, strict=True):
                texts.append(self.pieces.forms(pairs.words[pairs.set(b, own, side)])[:most])
        room = self.room - self.frame.marks
        longest = [max(len(first), len(second)) for first, second in zip(*sides, strict=True)]
        own_texts = [self._document(int(shown[b]), room - n) for (b, _), n in zip(kept, longest, strict=True)]
        return sides[0] + sides[1], own_texts * 2, pairs

    def _document(self, i: int, most: int) -> Document:
        """Return the pieces of a document that are shown, and the words that they are of."""
        return self._span(i, min(int(self._lengths[i]), most))

    def _span(self, i: int, length: int) -> Document:
        at = self.pieces.document(i, length)
        return self.pieces.ids[at].astype(np.int64), self.pieces.words[at]
