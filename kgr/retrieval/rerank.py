"""Rankings ordered anew by a model that reads query and text at once."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr._config import make
from kgr.data.known import open_store
from kgr.data.topics import Topics
from kgr.errors import ConfigError, DataError
from kgr.index.manifest import checksum
from kgr.index.passages import Passages, passages_of
from kgr.index.store import Store
from kgr.models.text_pairs import PairScorer
from kgr.retrieval.partial import BATCHES, Partial, chunks, partial_rows
from kgr.retrieval.passage_texts import PassageTexts
from kgr.retrieval.ranking import Ranking, over_entries, read_ranking, scored_below
from kgr.retrieval.rerank_config import WORDS, RerankConfig
from kgr.retrieval.retrieve import Queries, topics_given

Message = Callable[[str], None]
Progress = Callable[[int, int], None]
"""Called with the documents that are scored, and how many there are to be."""

_NAMED = 3


def rerank(
    ranking: Ranking | str | Path,
    model: str | Path | PairScorer,
    *,
    store: Store | str | Path | None = None,
    topics: Queries | None = None,
    language: str | None = None,
    fields: Sequence[str] | None = None,
    out: str | Path | None = None,
    message: Message | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Ranking:
    """Order the first documents of each query anew by a cross-encoder.

    Parameters
    ----------
    ranking : Ranking or path
        A path is a run file's, see :func:`read_ranking`.
    model : str or path
        A Hugging Face name or folder of a model for sequence classification with one label, whose logit is the score,
        or with two: the second's logit minus the first's. Or a model that is loaded, with the batch and the length that
        it has.
    store : optional
        Where the documents' texts are; by default where the ranking was made.
    topics : optional
        The queries' texts, in any form that :func:`kgr.retrieve` takes; by default those that the ranking was made
        for, else those that the store keeps.
    language, fields : optional
        Of the texts, joined as in an index; by default as :func:`kgr.encode` has it.
    out : path, optional
        A run file to write. What is scored is kept beside it until then, as ``<out>.partial``: the same call goes on
        where it was interrupted.
    message, progress : callable, optional
        Called with lines for the user; with the documents scored and their number.
    **settings
        Fields of :class:`kgr.retrieval.rerank_config.RerankConfig`.

    Returns
    -------
    Ranking
        The scored documents of each query, best first, of equal scores the lower id; then the others, those below
        ``depth`` and those without text, in the order that they had, each with a score of 1 less than the one before.

    Raises
    ------
    ConfigError
        A model or settings that do not fit, no such texts, no store.
    DataError
        Queries without a text, or documents that the store does not have.
    """
    config, say = make(RerankConfig, settings), message or (lambda line: None)
    passages = _passages(config)
    opened, found = _opened(ranking, store, message)
    known = found.topics if topics is None and found.topics else topics_given(opened, topics)
    texts = PassageTexts.of(opened, language, fields, passages)
    work = _Work(found, _texts_of(found, known), texts, config)
    scorer = model if isinstance(model, PairScorer) else PairScorer(model, config)
    with _partial(out, [scorer.settings, work.described]) as partial:
        if len(partial):
            say(f"going on after {len(partial):,} of {len(work.places):,} documents")
        scores = work.scores(scorer, partial, progress)
        for line in work.told(scores, scorer):
            say(line)
        offsets, document, score = work.ordered(scores)
        tag = Path(scorer.model.name).name
        again = Ranking(found.queries, opened.entries, offsets, document, score, tag, known, opened)
        if out is not None:
            again.save(out)
    return again


def _passages(config: RerankConfig) -> Passages | None:
    if config.passages == "max":
        return passages_of(config.words or WORDS, config.stride)
    for name in ("words", "stride"):
        if getattr(config, name) is not None:
            raise ConfigError(
                f"{name} is {getattr(config, name)}, but passages is 'first', which does not read it: give max"
            )
    return None


def _opened(
    ranking: Ranking | str | Path, store: Store | str | Path | None, message: Message | None
) -> tuple[Store, Ranking]:
    """Return the store and the ranking with its entries as documents."""
    found = ranking if isinstance(ranking, Ranking) else read_ranking(ranking)
    place = found.store if store is None else store
    if place is None:
        raise ConfigError("store is needed: the ranking does not say where its documents' texts are")
    opened = open_store(place, message=message)
    return opened, over_entries(found, opened)


def _texts_of(ranking: Ranking, known: Topics) -> list[str]:
    """Return the text of each query of a ranking."""
    ids = known.keys.find(list(ranking))
    absent = np.flatnonzero(ids < 0)
    if len(absent):
        named = ", ".join(map(repr, ranking.queries.keys_of(absent[:_NAMED])))
        raise DataError(
            f"queries {named}: {len(absent):,} of {len(ranking):,} queries of the ranking are not among the "
            f"{len(known):,} given; give those that it was made for"
        )
    return [known.texts[i] for i in ids.tolist()]


@contextlib.contextmanager
def _partial(out: str | Path | None, asked: Any) -> Iterator[Partial]:
    """Open what is scored beside the file to be written, or in a temporary folder where there is none."""
    with contextlib.ExitStack() as held:
        if out is None:
            path = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="kgr-rerank-"))) / "scores"
        else:
            path = Path(f"{out}.partial")
            path.parent.mkdir(parents=True, exist_ok=True)
        yield held.enter_context(partial_rows(path, 1, asked))


class _Work:
    """The documents of a ranking that are to be scored, in its order.

    Attributes
    ----------
    places : int64[n]
        Where in the ranking each is.
    query : int32[n]
        Of each.
    """

    def __init__(self, ranking: Ranking, queries: list[str], texts: PassageTexts, config: RerankConfig) -> None:
        self._ranking, self._queries, self._texts, self._config = ranking, queries, texts, config
        lengths = np.diff(ranking.offsets)
        owner = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        self.places = np.flatnonzero(np.arange(len(owner)) - ranking.offsets[owner] < config.depth)
        self.query, self._owner = owner[self.places], owner

    @property
    def described(self) -> list[Any]:
        """All that the scores depend on beside the model."""
        documents = np.ascontiguousarray(self._ranking.document[self.places])
        what = [checksum(documents.tobytes()), checksum(self.query.tobytes()), checksum(repr(self._queries).encode())]
        return [*what, self._texts.described, self._config.batch, self._config.precision]

    def scores(self, scorer: PairScorer, partial: Partial, progress: Progress | None) -> NDArray[np.float32]:
        """Score the documents: float32[n], NaN for those without text."""
        done = 0
        for chunk in chunks(self._pairs(), BATCHES * self._config.batch):
            partial.add(done, len(chunk), lambda chunk=chunk: _best(scorer, chunk))  # type: ignore[misc]
            done += len(chunk)
            if progress:
                progress(done, len(self.places))
        return np.concatenate([np.empty((0, 1), np.float32), *partial.pieces().make()])[:, 0]

    def _pairs(self) -> Iterator[tuple[list[str], str]]:
        """Yield the passages of each document, and its query."""
        for id, query in zip(self._ranking.document[self.places].tolist(), self.query.tolist(), strict=True):
            yield self._texts.passages_of(id), self._queries[query]

    def told(self, scores: NDArray[np.float32], scorer: PairScorer) -> Iterator[str]:
        """Say what was not scored, or not wholly read."""
        empty = int(np.isnan(scores).sum())
        if empty:
            yield f"{empty:,} of {len(scores):,} documents have no text in {self._texts.language}: put after the others"
        if scorer.truncated:
            most = scorer.settings["max_length"]
            yield f"{scorer.truncated:,} pairs of query and text are longer than {most} tokens: their beginning counts"

    def ordered(self, scores: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
        """Return offsets, documents and scores: those scored by score, then the others as they were."""
        score = np.full(len(self._owner), np.nan, np.float32)
        score[self.places] = scores
        rest, rank = np.isnan(score), np.arange(len(score))
        order = np.lexsort((np.where(rest, rank, self._ranking.document), -np.where(rest, 0, score), rest, self._owner))
        score, offsets = score[order], self._ranking.offsets
        scored_below(offsets, score, np.bincount(self._owner[~rest], minlength=len(offsets) - 1))
        return offsets, self._ranking.document[order], score


def _best(scorer: PairScorer, chunk: Sequence[tuple[Sequence[str], str]]) -> NDArray[np.float32]:
    """Return the highest score of each document's passages, float32[n, 1], NaN where it has none."""
    scores = scorer.scores([(query, passage) for passages, query in chunk for passage in passages])
    counts = np.array([len(passages) for passages, _ in chunk])
    best = np.full((len(chunk), 1), np.nan, np.float32)
    starts = np.cumsum(counts) - counts
    if len(scores):
        best[counts > 0, 0] = np.maximum.reduceat(scores, starts[counts > 0])
    return best
