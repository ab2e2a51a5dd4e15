"""The best new facts of a whole relation."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kgr import _io
from kgr.completion.calibration import Calibration, probabilities
from kgr.completion.predict import check_k, ends_of, maybe
from kgr.completion.shares import Progress, best, score_queries
from kgr.data.splits import SPLITS
from kgr.graph.graph import load_graph
from kgr.index.store import Store

if TYPE_CHECKING:
    from kgr.completion.scorer import LinkScorer


@dataclasses.dataclass(frozen=True)
class Fact:
    """A triple that no split has; ``probability`` is None where nothing is calibrated."""

    head: str
    relation: str
    tail: str
    head_label: str
    tail_label: str
    score: float
    probability: float | None


@dataclasses.dataclass(frozen=True)
class _Pairs:
    """Heads and tails of n triples, int32[n]; by what they are ordered, score and probability: float64[n]."""

    heads: NDArray[np.int32]
    tails: NDArray[np.int32]
    order: NDArray[np.float64]
    scores: NDArray[np.float64]
    chances: NDArray[np.float64]

    def best(self, more: _Pairs, k: int) -> _Pairs:
        """Return the ``k`` best of these and of more."""
        order = np.concatenate([self.order, more.order])
        at = best(order, k)
        return _Pairs(
            np.concatenate([self.heads, more.heads])[at],
            np.concatenate([self.tails, more.tails])[at],
            order[at],
            np.concatenate([self.scores, more.scores])[at],
            np.concatenate([self.chances, more.chances])[at],
        )


def predict_facts(
    scorer: LinkScorer,
    store: Store,
    relation: str,
    *,
    k: int = 1000,
    language: str = "en",
    calibration: Calibration | None = None,
    progress: Progress | None = None,
) -> tuple[Fact, ...]:
    """Return the best triples of a relation that no split has.

    Their heads are those that train has of the relation, and so are their tails. A triple of an entity with itself is
    not among them, unless train has such triples. They come by probability; without a calibration, by the log share
    of the tail among the tails that train does not have. No more than a block of heads is held at once.

    Parameters
    ----------
    k : int
        Facts wanted.
    language : str
        Of the labels.

    Raises
    ------
    ConfigError
        k below 1.
    UnknownKey
        There is no such relation.
    DataError
        Train has no triples of it.
    """
    check_k(k)
    base, heads, tails = ends_of(store, relation)
    graph = load_graph(store)
    same = np.stack(np.broadcast_arrays(heads, base, heads), axis=1)
    block = _Block(scorer, store, base, tails, bool(graph.holds(same).any()), calibration)
    found = block.pairs(heads[:0], k)
    for first in range(0, len(heads), scorer.batch):
        found = found.best(block.pairs(heads[first : first + scorer.batch], k), k)
        if progress:
            progress(min(scorer.batch, len(heads) - first), len(heads))
    return tuple(_facts(store, relation, found, language))


class _Block:
    """Finds the best pairs of a block of heads with all tails."""

    def __init__(
        self,
        scorer: LinkScorer,
        store: Store,
        relation: int,
        tails: NDArray[np.int32],
        loops: bool,
        calibration: Calibration | None,
    ) -> None:
        self._scorer, self._train, self._calibration = scorer, load_graph(store), calibration
        self._whole = load_graph(store, [split for split in SPLITS if split in store.splits])
        self._relation, self._tails, self._loops = relation, tails, loops

    def pairs(self, heads: NDArray[np.int32], k: int) -> _Pairs:
        """Return at most ``k`` pairs, none of them known."""
        if not len(heads):
            return _Pairs(heads, heads, *np.empty((3, 0)))
        queries = np.stack(np.broadcast_arrays(heads, 2 * self._relation), axis=1).astype(np.int32)
        scored = score_queries(self._scorer, self._train, queries)
        order = scored.log_shares
        if self._calibration is not None:  # train answers all of these queries: no odds are asked for
            order = self._calibration.logits(scored, np.zeros(len(heads)))
        for row, head in enumerate(heads.tolist()):
            order[row, self._whole.tails(head, 2 * self._relation)] = -np.inf
            if not self._loops:
                order[row, head] = -np.inf
        order = order[:, self._tails]
        places = best(order.ravel(), k)
        rows, columns = np.divmod(places[np.isfinite(order.ravel()[places])], len(self._tails))
        own, tails = order[rows, columns], self._tails[columns]
        chances = np.full(len(own), np.nan) if self._calibration is None else probabilities(own)
        return _Pairs(heads[rows], tails, own, scored.scores[rows, tails].astype(np.float64), chances)


def _facts(store: Store, relation: str, pairs: _Pairs, language: str) -> Iterator[Fact]:
    for row, (head, tail) in enumerate(zip(pairs.heads.tolist(), pairs.tails.tolist(), strict=True)):
        yield Fact(
            store.entries.key(head),
            relation,
            store.entries.key(tail),
            store.label("entries", head, language),
            store.label("entries", tail, language),
            float(pairs.scores[row]),
            maybe(pairs.chances[row]),
        )


def write_facts(path: str | Path, facts: Iterable[Fact]) -> None:
    """Write facts as lines with tabs between: a line of names, then one for each; the file is there whole or not.

    Without a probability its field is empty; white space in a label becomes one space.
    """
    lines = ["\t".join(field.name for field in dataclasses.fields(Fact))]
    for fact in facts:
        chance = "" if fact.probability is None else f"{fact.probability:.6f}"
        labels = (" ".join(label.split()) for label in (fact.head_label, fact.tail_label))
        lines.append("\t".join((fact.head, fact.relation, fact.tail, *labels, f"{fact.score:.6g}", chance)))
    _io.replace_text(Path(path), "".join(f"{line}\n" for line in lines))
