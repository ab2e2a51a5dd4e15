"""Collections of ir_datasets, where it is installed: documents, queries and judgements by its names."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any, TypeVar

from kgr.data.collection import Collection, write_collection
from kgr.data.document_shards import Progress
from kgr.data.documents import Documents, judged_config, named_fields
from kgr.data.keyed_texts import Source
from kgr.data.splits import Message
from kgr.errors import ConfigError, DataError, UnknownKey
from kgr.index.store import Store

QUERIES = "ir-datasets"
"""The name that the queries get in a store."""

DEFAULT = "test"
"""The name of the judgements."""

Record = TypeVar("Record")

_BODIES = ("text", "body", "abstract", "contents")
_LINES = 1000


def build_ir_dataset(
    dataset: str | Any,
    out: str | Path,
    *,
    fields: Mapping[str, str] | Sequence[str] = (),
    name: str = "",
    message: Message | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Store:
    """Build a store from a data set of ir_datasets: its documents, and queries and judgements where it has them.

    The title is the document's ``title``; the body its ``text``, ``body``, ``abstract`` or ``contents``, the first
    that there is, else all that ir_datasets takes as its text. Places in messages are numbers of documents.

    Parameters
    ----------
    dataset : str or ir_datasets.Dataset
        Such as ``vaswani``; ir_datasets fetches what it needs.
    progress : callable, optional
        Called with ``"documents"``, how many were read, and how many there are.

    The rest is as for :func:`kgr.data.beir.build_beir`.

    Raises
    ------
    ConfigError
        ir_datasets is not installed; a setting that is none.
    UnknownKey
        It has no such data set.
    DataError
        The data set has no documents; see :func:`kgr.data.collection.build_corpus`.
    """
    config = judged_config(settings)
    found, own = _loaded(dataset), named_fields(fields)
    label = dataset if isinstance(dataset, str) else str(getattr(dataset, "dataset_id", lambda: "")() or QUERIES)
    if not found.has_docs():
        raise DataError(f"{label}: has no documents; expected a data set of ir_datasets with some")
    documents = Documents([_documents(found, label, own, progress)], fields=own)
    collection = Collection(documents, QUERIES, dict(_judged(found, label)))
    return write_collection(out, collection, config, name=name, sources={"ir_datasets": label}, message=message)


def _loaded(dataset: str | Any) -> Any:
    if not isinstance(dataset, str):
        return dataset
    try:
        import ir_datasets
    except ImportError:
        raise ConfigError("ir_datasets is not installed: pip install ir-datasets") from None
    try:
        return ir_datasets.load(dataset)
    except KeyError:
        raise UnknownKey.of("data set of ir_datasets", dataset, list(ir_datasets.registry)) from None


def _documents(dataset: Any, label: str, fields: Mapping[str, str], progress: Progress | None) -> Source:
    total = dataset.docs_count()

    def line(document: Any) -> dict[str, Any]:
        values = {name: getattr(document, name, None) for name in ("title", *fields.values())}
        body = next((name for name in _BODIES if hasattr(document, name)), None)
        text = getattr(document, body) if body else document.default_text()
        return {"id": document.doc_id, "text": text, **values}

    def passed(count: int) -> None:
        if progress:
            progress("documents", count, total)

    return label, _json_lines(_named(map(line, dataset.docs_iter()), f"{label}: document"), passed)


def _judged(dataset: Any, label: str) -> Iterator[tuple[str, Source]]:
    if not dataset.has_queries():
        return
    queries = ({"id": query.query_id, "text": query.default_text()} for query in dataset.queries_iter())
    yield "queries", (f"{label}/queries", _json_lines(_named(queries, f"{label}/queries: query")))
    if dataset.has_qrels():
        rows = (f"{row.query_id}\t0\t{row.doc_id}\t{row.relevance}\n".encode() for row in dataset.qrels_iter())
        yield f"qrels.{DEFAULT}", (f"{label}/qrels", _named(rows, f"{label}/qrels: line"))


def _named(records: Iterator[Record], what: str) -> Iterator[Record]:
    """Yield records; a DataError says at which of them the data set cannot be read."""
    for number in count(1):
        try:
            record = next(records)
        except StopIteration:
            return
        except Exception as error:  # whatever its own reader raises
            raise DataError(f"{what} {number:,} cannot be read: {error}") from error
        yield record


def _json_lines(records: Iterable[dict[str, Any]], passed: Callable[[int], None] | None = None) -> Iterator[bytes]:
    """Yield records as blocks of lines."""
    records, done = iter(records), 0
    while lines := [json.dumps(record, default=str).encode() + b"\n" for record in islice(records, _LINES)]:
        yield b"".join(lines)
        done += len(lines)
        if passed:
            passed(done)
