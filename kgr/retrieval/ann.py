"""Approximate search over a store's vectors: FAISS proposes candidates, which are scored exactly.

An index is made when it is first asked for, kept in the store's cache and read by memory map; it holds a copy of the
vectors. Its recall against exact search is measured and told. Building with one thread gives the same index every time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from kgr.errors import ConfigError, FormatError
from kgr.index.cache import cached, cached_folder
from kgr.index.store import Store
from kgr.index.vectors import Vectors, section_name
from kgr.retrieval.config import RetrieveConfig
from kgr.retrieval.exact import check_search, exact_search, rescored
from kgr.retrieval.retrieve import Found, Message, Progress, joined

RECALL_QUERIES = 200
"""How many of the vectors are searched for, exactly and not, to measure recall."""

_METRICS = {
    "dot": faiss.METRIC_INNER_PRODUCT,
    "cosine": faiss.METRIC_INNER_PRODUCT,  # of rows of length 1
    "l2": faiss.METRIC_L2,
    "l1": faiss.METRIC_L1,
}
_FILE = "index.faiss"
_ADDED = 1 << 14  # vectors that are added at once: between them Ctrl-C is heard
_BATCH = 256  # queries at once
_FEW = 0.1  # share of the ids: where more are wanted, or fewer may be found, exact search is as fast and misses none
_TRAINED = 64  # vectors by cell that the cells are found from


@dataclasses.dataclass(frozen=True)
class AnnIndex:
    """An opened FAISS index over vectors, whose rows it knows by their places."""

    vectors: Vectors
    config: RetrieveConfig
    index: Any
    size: int
    """Bytes of its file."""

    @cached_property
    def described(self) -> str:
        """Kind and settings, in FAISS's words."""
        config = self.config
        if config.ann == "hnsw":
            return f"HNSW, M {config.hnsw_m}, efConstruction {config.ef_construction}, efSearch {config.ef_search}"
        if config.ann == "ivf":
            return f"IVF, nlist {self.index.nlist}, nprobe {min(config.nprobe, self.index.nlist)}"
        return "flat"

    def search(
        self,
        queries: NDArray[np.float32],
        k: int,
        *,
        allowed: NDArray[np.bool_] | None = None,
        progress: Progress | None = None,
    ) -> Found:
        """Find the ids whose rows are nearest to each query, some of which may be missed.

        The same is returned, and raised, as by :func:`kgr.retrieval.exact.exact_search`; a query may have fewer
        results where the index proposes no more. Where ``k`` is more than a tenth of the ids, or ``allowed`` leaves
        less than a tenth of the rows, the search is exact.
        """
        metric = self.config.metric
        check_search(self.vectors, queries, k, metric)
        rows = None if allowed is None else allowed[self.vectors.ids]
        if k > _FEW * self._ids or (rows is not None and rows.mean() < _FEW):
            return exact_search(self.vectors, queries, k, metric=metric, allowed=allowed, progress=progress)
        bits, found = None if rows is None else np.packbits(rows, bitorder="little"), []
        for first in range(0, len(queries), _BATCH):
            batch = queries[first : first + _BATCH]
            found.append(rescored(self.vectors, batch, *self._candidates(batch, k, bits), k, metric))
            if progress:
                progress(first + len(batch), len(queries))
        return joined(found)

    def _candidates(
        self, queries: NDArray[np.float32], k: int, bits: NDArray[np.uint8] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return pairs of query and row: so many that ``k`` ids are among a query's, where there are."""
        asked = _unit(queries) if self.config.metric == "cosine" else np.ascontiguousarray(queries)
        rows, ids = len(self.vectors.ids), self._ids
        depth, waiting = min(rows, k * -(-rows // ids)), np.arange(len(queries))
        pairs: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        while len(waiting):
            _, found = self.index.search(asked[waiting], depth, params=self._parameters(depth, bits))
            more = np.zeros(len(waiting), np.bool_)
            if ids < rows and depth < rows:
                more = (found[:, -1] >= 0) & (_distinct(self.vectors.ids, found) < k)
            query, place = np.nonzero((found >= 0) & ~more[:, None])
            pairs.append((waiting[query], found[query, place]))
            waiting, depth = waiting[more], min(rows, 2 * depth)
        query, row = (np.concatenate([part[i] for part in pairs]) for i in (0, 1))
        return query, row

    def _parameters(self, depth: int, bits: NDArray[np.uint8] | None) -> Any:
        selector = {} if bits is None else {"sel": faiss.IDSelectorBitmap(bits)}
        if self.config.ann == "hnsw":
            return faiss.SearchParametersHNSW(efSearch=max(self.config.ef_search, depth), **selector)
        if self.config.ann == "ivf":
            return faiss.SearchParametersIVF(nprobe=min(self.config.nprobe, self.index.nlist), **selector)
        return faiss.SearchParameters(**selector)

    @cached_property
    def _ids(self) -> int:
        """How many different ids there are."""
        return 1 + int(np.count_nonzero(np.diff(self.vectors.ids)))


def open_ann(
    store: Store,
    name: str,
    vectors: Vectors,
    config: RetrieveConfig,
    *,
    k: int,
    message: Message | None = None,
) -> AnnIndex:
    """Open the index of the vectors that a store keeps by a name, made first where there is none with these settings.

    Its recall at ``k`` is told: it is measured once for each ``k`` and the settings of index and search, and kept.

    Parameters
    ----------
    vectors : Vectors
        Those of that name, at least one, or the first numbers of each.
    config : RetrieveConfig
        ``ann`` and ``metric``, and the settings of that kind.

    Raises
    ------
    ConfigError
        More cells than vectors, or what FAISS refuses.
    FormatError
        An index that this version of FAISS cannot read.
    """
    say = message or (lambda line: None)
    sections, settings = [section_name(name)], _build_settings(vectors, config)

    def make(folder: Path) -> None:
        start = time.monotonic()
        say(f"vectors {name!r}: building a FAISS index ({config.ann}) of {len(vectors.ids):,} vectors")
        with _refusals(ConfigError, f"ann is {config.ann!r}"):
            faiss.write_index(build_index(vectors, config), str(folder / _FILE))
        say(f"vectors {name!r}: index built in {time.monotonic() - start:.1f} s")

    file = cached_folder(store, "faiss", sections, make, settings=settings) / _FILE
    with _refusals(FormatError, f"{file}: this FAISS, {faiss.__version__}, cannot read it; delete the folder"):
        index = faiss.read_index(str(file), faiss.IO_FLAG_MMAP_IFC)
    opened = AnnIndex(vectors, config, index, file.stat().st_size)

    def measure() -> dict[str, NDArray[np.float64]]:
        return {"recall": np.array([measured_recall(opened, k)])}

    settings = {**settings, "ef_search": config.ef_search, "nprobe": config.nprobe, "k": k}
    recall = float(cached(store, "recall", sections, measure, settings=settings)["recall"][0])
    kept = f"{opened.size / 1e6:,.1f} MB in {file.parent}"
    say(f"vectors {name!r}: {opened.described}; recall@{k} {recall:.3f} against exact search; {kept}")
    return opened


def build_index(vectors: Vectors, config: RetrieveConfig) -> Any:
    """Return a FAISS index of the kind ``config.ann`` over the rows, in their order."""
    metric, (count, width) = _METRICS[config.metric], vectors.rows.shape
    index: Any
    if config.ann == "hnsw":
        index = faiss.IndexHNSWFlat(width, config.hnsw_m, metric)
        index.hnsw.efConstruction = config.ef_construction
    elif config.ann == "ivf":
        cells = _cells(count, config)
        index = faiss.IndexIVFFlat(faiss.IndexFlat(width, metric), width, cells, metric)
        index.cp.min_points_per_centroid = 1  # what a small set has too: no warning on standard error
        index.train(_rows(vectors, config, np.unique(np.linspace(0, count - 1, _TRAINED * cells).astype(np.int64))))
    else:
        index = faiss.IndexFlat(width, metric)
    for first in range(0, count, _ADDED):
        index.add(_rows(vectors, config, slice(first, first + _ADDED)))
    return index


def measured_recall(index: AnnIndex, k: int) -> float:
    """Return the share of the ``k`` nearest that are found, over up to :data:`RECALL_QUERIES` of the ids' own vectors.

    They are spread evenly over the ids, which themselves are left out; what is as near as the ``k``-th counts.
    """
    starts = np.flatnonzero(np.diff(index.vectors.ids, prepend=-1))
    places = starts[np.unique(np.linspace(0, len(starts) - 1, RECALL_QUERIES).astype(np.int64))]
    queries, own = np.array(index.vectors.array[places], np.float32), index.vectors.ids[places]
    exact = _others(exact_search(index.vectors, queries, k + 1, metric=index.config.metric), own, k)
    found = _others(index.search(queries, k + 1), own, k)
    near = sum(int((one >= best[-1]).sum()) for one, best in zip(found, exact, strict=True) if len(best))
    return near / max(1, sum(map(len, exact)))


def _others(found: Found, own: NDArray[np.int32], k: int) -> list[NDArray[np.float32]]:
    """Return the best ``k`` scores of each query, without its own id's."""
    offsets, ids, scores = found
    parts = [slice(first, end) for first, end in itertools.pairwise(offsets.tolist())]
    return [scores[part][ids[part] != id][:k] for part, id in zip(parts, own, strict=True)]


@contextlib.contextmanager
def faiss_threads(count: int) -> Iterator[None]:
    """Let FAISS use so many threads meanwhile, in the whole process."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(count)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _build_settings(vectors: Vectors, config: RetrieveConfig) -> dict[str, Any]:
    settings = {"ann": config.ann, "metric": config.metric, "width": vectors.rows.shape[1]}
    if config.ann == "hnsw":
        settings |= {"m": config.hnsw_m, "ef_construction": config.ef_construction}
    if config.ann == "ivf":
        settings |= {"nlist": _cells(len(vectors.ids), config)}
    return settings


def _cells(count: int, config: RetrieveConfig) -> int:
    if config.nlist is None:
        return max(1, min(count, math.isqrt(16 * count)))
    if config.nlist > count:
        raise ConfigError(f"nlist is {config.nlist}, expected at most {count}, as many as there are vectors")
    return config.nlist


def _rows(vectors: Vectors, config: RetrieveConfig, places: slice | NDArray[np.int64]) -> NDArray[np.float32]:
    """Return rows as FAISS compares them."""
    rows = np.ascontiguousarray(vectors.array[places], np.float32)
    return _unit(rows) if config.metric == "cosine" else rows


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows at length 1; those of zeros stay."""
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    unit = np.zeros_like(rows, order="C")
    np.divide(rows, lengths, out=unit, where=lengths > 0, casting="same_kind")
    return unit


def _distinct(ids: NDArray[np.int32], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many different ids the rows of each query have, int64[Q]; all rows are there."""
    owners = np.sort(ids[rows], axis=1)
    changes: NDArray[np.int64] = np.count_nonzero(np.diff(owners, axis=1), axis=1)
    return 1 + changes


@contextlib.contextmanager
def _refusals(kind: type[ConfigError | FormatError], where: str) -> Iterator[None]:
    """Turn what FAISS raises into an error of ours."""
    try:
        yield
    except RuntimeError as error:
        raise kind(f"{where}: {error}") from error
