"""Rankings: for each query the documents that were found, best first; TREC's run files, read and written."""

from __future__ import annotations

import math
import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kgr._io import replace_chunks
from kgr._ragged import offsets_of
from kgr.data.known import open_store
from kgr.data.lines import decode, file_blocks, whole_lines
from kgr.data.topics import Topics
from kgr.errors import DataError, FormatError
from kgr.index.keys import Keys
from kgr.index.store import Store

_NAMED = 3  # documents that a message names

EXPECTED = "expected query, Q0, document, rank, score and tag"


@dataclass(frozen=True)
class Ranking:
    """Q queries and the documents found for each.

    As a mapping it gives, by the key of a query, keys of documents and scores, best first.

    Attributes
    ----------
    queries : Keys
    documents : Keys
        The entries of a store, or the documents of a file.
    offsets : int64[Q + 1]
        The rows of query q are ``offsets[q]`` to ``offsets[q + 1]``; a query without results has none.
    document : int32[n]
        Numbers among ``documents``, best first in each query, none twice.
    score : float32[n]
        Finite, descending in each query.
    tag : str
        What made it: the last field of a run file.
    topics, store
        What was searched for and where, if known.

    Raises
    ------
    FormatError
        The arrays do not fit each other, or scores are not as said.
    """

    queries: Keys
    documents: Keys
    offsets: NDArray[np.int64]
    document: NDArray[np.int32]
    score: NDArray[np.float32]
    tag: str = "kgr"
    topics: Topics | None = None
    store: Store | None = None

    def __post_init__(self) -> None:
        rows = len(self.document)
        if len(self.offsets) != len(self.queries) + 1 or len(self.score) != rows or self.offsets[-1] != rows:
            found = f"{len(self.offsets):,} offsets to {self.offsets[-1]:,}, {len(self.score):,} scores"
            raise FormatError(
                f"ranking: {found} of {rows:,} documents for {len(self.queries):,} queries: they do not fit"
            )
        rising = np.flatnonzero(~(self.score[1:] <= self.score[:-1])) + 1  # a NaN is not below anything
        starts = self.offsets[np.searchsorted(self.offsets, rising)]
        if not np.isfinite(self.score).all() or (starts != rising).any():
            raise FormatError(
                "ranking: the scores of a query are not finite or not descending, expected the best first"
            )

    @classmethod
    def build(cls, scores: Mapping[str, Mapping[str, float]], *, tag: str = "kgr") -> Ranking:
        """Make a ranking of scores by query and document; of equal ones the first given comes first.

        Raises
        ------
        DataError
            A score is no finite number in float32, or a key is none.
        """
        documents = list(dict.fromkeys(key for own in scores.values() for key in own))
        number = {key: id for id, key in enumerate(documents)}
        query = np.repeat(np.arange(len(scores), dtype=np.int32), [len(own) for own in scores.values()])
        document = np.array([number[key] for own in scores.values() for key in own], np.int32)
        score = _single([value for own in scores.values() for value in own.values()])
        if len(wrong := np.flatnonzero(~np.isfinite(score))):
            row = int(wrong[0])
            where = f"query {list(scores)[query[row]]!r}, document {documents[document[row]]!r}"
            raise DataError(f"ranking: {where}: the score is no finite number in single precision")
        keys = Keys.build(list(scores), what="query"), Keys.build(documents, what="document")
        offsets, document, score = sorted_rows(query, document, score, len(scores))
        return cls(*keys, offsets, document, score, tag)

    def __len__(self) -> int:
        return len(self.queries)

    def __iter__(self) -> Iterator[str]:
        return iter(self.queries.keys_of(range(len(self))))

    def __getitem__(self, query: str) -> list[tuple[str, float]]:
        rows = self.rows(self.queries.id(query))
        return list(zip(self.documents.keys_of(self.document[rows]), self.score[rows].tolist(), strict=True))

    def rows(self, query: int) -> slice:
        """Return where the results of a query are in ``document`` and ``score``."""
        return slice(int(self.offsets[query]), int(self.offsets[query + 1]))

    def save(self, path: str | Path) -> None:
        """Write a run file, ``query Q0 document rank score tag``, in place of one that may be there.

        Ranks count from 1; scores have the digits that give the same float32 again. A name that ends in ``.gz`` is
        packed.

        Raises
        ------
        DataError
            A key has white space in it, or the tag is empty: such a file could not be read again.
        """
        path = Path(path)
        chunks = self._lines()
        replace_chunks(path, _packed(chunks) if path.name.endswith(".gz") else chunks)

    def _lines(self) -> Iterator[bytes]:
        """Yield the lines of each query."""
        tag = " ".join(self.tag.split())
        if not tag:
            raise DataError("ranking: the tag is empty, expected a word that says what made it")
        for q, query in enumerate(self):
            rows = self.rows(q)
            documents = self.documents.keys_of(self.document[rows])
            for key in (query, *documents):
                if len(key.encode().split()) != 1:
                    raise DataError(
                        f"ranking: key {key!r} has white space in it, which divides the fields of a run file"
                    )
            ranked = enumerate(zip(documents, self.score[rows].astype(str).tolist(), strict=True), 1)
            yield "".join(f"{query} Q0 {key} {rank} {score} {tag}\n" for rank, (key, score) in ranked).encode()


AnyRanking = Ranking | str | Path | Mapping[str, Mapping[str, float]]
"""A ranking, a run file, or scores by query and document."""


def as_ranking(ranking: AnyRanking) -> Ranking:
    """Return a ranking, read or made where it is none yet; see :func:`read_ranking` and :meth:`Ranking.build`."""
    if isinstance(ranking, Ranking):
        return ranking
    return Ranking.build(ranking) if isinstance(ranking, Mapping) else read_ranking(ranking)


def read_ranking(path: str | Path, store: Store | str | Path | None = None) -> Ranking:
    """Read a run file: lines ``query Q0 document rank score tag`` with tabs or spaces between, in any order.

    Documents are ordered by score, read as float32; those of one score keep the order of their lines. The second and
    the fourth field mean nothing, and everything from the sixth on is the tag: the ranking's is that of the first line.
    A name that ends in ``.gz`` is unpacked.

    Parameters
    ----------
    store : optional
        Whose entries the documents are.

    Raises
    ------
    DataError
        Names file and line: fewer fields, a score that is no finite number in float32, a document twice for one query,
        or one that ``store`` does not have.
    """
    queries: dict[bytes, int] = {}
    documents: dict[bytes, int] = {}
    query, document, score, tag = _read(Path(path), queries, documents)
    pairs = query.astype(np.int64) << 32 | document
    if len(repeats := _repeats(pairs)):
        line, key = int(repeats[0]), list(documents)[document[repeats[0]]].decode()
        first = int(np.argmax(pairs == pairs[line]))
        raise DataError(f"{path}:{line + 1}: found document {key!r} again for its query, first in line {first + 1}")
    keys = [key.decode() for key in documents]
    opened = open_store(store) if store is not None else None
    if opened is None:
        known = Keys.build(keys, what="document")
    else:
        known, ids = opened.entries, opened.entries.find(keys)
        if len(absent := np.flatnonzero(ids[document] < 0)):
            line, count = int(absent[0]), int((ids < 0).sum())
            found = f"document {keys[document[line]]!r}, one of {count:,} that are no entries of {opened.path}"
            raise DataError(f"{path}:{line + 1}: found {found}, expected documents of that store")
        document = ids[document]
    own = Keys.build([key.decode() for key in queries], what="query")
    offsets, document, score = sorted_rows(query, document, score, len(own))
    return Ranking(own, known, offsets, document, score, tag, store=opened)


def over_entries(ranking: Ranking, store: Store) -> Ranking:
    """Return a ranking with a store's entries as its documents, found by key where they are of another place.

    Raises
    ------
    DataError
        Documents that the store does not have.
    """
    of = ["entries"]
    if ranking.store is not None and ranking.store.fingerprints(of) == store.fingerprints(of):
        return ranking
    used, document = np.unique(ranking.document, return_inverse=True)
    keys = ranking.documents.keys_of(used)
    ids = store.entries.find(keys)
    absent = np.flatnonzero(ids < 0)
    if len(absent):
        named = ", ".join(repr(keys[i]) for i in absent[:_NAMED].tolist())
        raise DataError(
            f"{store.path}: has no entries {named}: {len(absent):,} documents of the ranking are not there; give the "
            "store that it was made from"
        )
    return replace(ranking, documents=store.entries, document=ids[document], store=store)


def _read(
    path: Path, queries: dict[bytes, int], documents: dict[bytes, int]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32], str]:
    """Return query, document and score of each line, numbering the keys as they come, and the first line's tag."""
    numbers, scores = array("i"), array("d")
    tag = "kgr"
    for first, lines in whole_lines(file_blocks(path), str(path)):
        decode(lines, str(path), first)  # so that keys can be decoded later, each once
        for line, text in enumerate(lines[:-1].split(b"\n"), first):
            fields = text.split(None, 5)
            if len(fields) < 6:
                raise DataError(f"{path}:{line}: found {len(fields)} fields: {text.decode()!r:.80}, {EXPECTED}")
            numbers.append(queries.setdefault(fields[0], len(queries)))
            numbers.append(documents.setdefault(fields[2], len(documents)))
            scores.append(_number(fields[4], path, line))
            if line == 1:
                tag = " ".join(fields[5].decode().split())
    score = _single(scores)
    if len(wrong := np.flatnonzero(~np.isfinite(score))):
        line = int(wrong[0])
        raise DataError(f"{path}:{line + 1}: found score {scores[line]}, which single precision cannot hold")
    table = np.array(numbers, np.int32).reshape(-1, 2).T.copy()
    return table[0], table[1], score, tag


def _number(field: bytes, path: Path, line: int) -> float:
    try:
        number = float(field) if b"_" not in field else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise DataError(f"{path}:{line}: found score {field.decode()!r:.80}, expected a finite number")
    return number


def _single(scores: Sequence[float]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # the caller names what becomes infinite
        return np.array(scores, np.float64).astype(np.float32)


def _repeats(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the places, ascending, of what is there before."""
    order = np.argsort(pairs, kind="stable")
    again = np.diff(pairs[order]) == 0
    return np.sort(order[1:][again])


def sorted_rows(
    query: NDArray[np.int32], document: NDArray[np.int32], score: NDArray[np.float32], queries: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """Return offsets, documents and scores of rows that come in any order."""
    order = np.lexsort((-score, query))
    return offsets_of(np.bincount(query, minlength=queries)), document[order], score[order]


def scored_below(offsets: NDArray[np.int64], score: NDArray[np.float32], scored: NDArray[np.int64]) -> None:
    """Score what stands below the first ``scored`` int64[Q] rows of each query: each 1 less than the one before."""
    query = np.repeat(np.arange(len(scored)), np.diff(offsets))
    below = np.arange(len(score)) - (offsets[:-1] + scored)[query] + 1
    last = np.append(score, np.float32(0))[np.where(scored > 0, offsets[:-1] + scored - 1, -1)]
    score[below > 0] = (last[query] - below)[below > 0]


def _packed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Pack chunks by gzip, without a time: the same rows give the same file."""
    packer = zlib.compressobj(wbits=31)
    for chunk in chunks:
        yield packer.compress(chunk)
    yield packer.flush()
