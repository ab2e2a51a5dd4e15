"""Judgements from files: TREC's qrels, and BEIR's tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kgr.data.keyed_texts import Source
from kgr.data.triples import numbered_lines
from kgr.errors import DataError

HEADER = ["query-id", "corpus-id", "score"]

_GRADE = re.compile(r"[+-]?[0-9]{1,9}")


@dataclass(frozen=True)
class Qrels:
    """Judged pairs of query and document, by query; those of one query in the file's order.

    Attributes
    ----------
    query, document : int32[J]
    grade : int32[J]
        As in the file: 0 or less is judged and not relevant.
    repeated : int
        Lines that say again what an earlier one says; they are left out.
    """

    query: NDArray[np.int32]
    document: NDArray[np.int32]
    grade: NDArray[np.int32]
    repeated: int = 0


def read_qrels(source: Source, queries: Mapping[str, int], documents: Mapping[str, int]) -> Qrels:
    """Read lines ``query-id corpus-id score`` under a header (BEIR), or ``query iteration document grade`` (TREC).

    A file whose name ends in ``.tsv`` is BEIR's, with tabs between; any other is TREC's, with tabs or spaces, whose
    iteration means nothing.

    Raises
    ------
    DataError
        Names file and line: another number of fields, a query or document that there is not, a grade that is no
        whole number, or another grade of the same pair.
    """
    where, blocks = source
    pairs: dict[tuple[int, int], int] = {}
    lines = 0
    for place, (query, document, grade) in _rows(where, blocks):
        lines += 1
        pair = (_row("query", query, queries, place), _row("document", document, documents, place))
        if not _GRADE.fullmatch(grade):
            raise DataError(f"{place}: found grade {grade!r}, expected a whole number")
        if pairs.setdefault(pair, int(grade)) != int(grade):
            earlier = f"an earlier line has grade {pairs[pair]}"
            raise DataError(f"{place}: found query {query!r} and document {document!r} with grade {grade}: {earlier}")
    if not pairs:
        raise DataError(f"{where}: found no judgements, expected at least one")
    table = np.array([(*pair, grade) for pair, grade in pairs.items()], np.int32)
    table = table[np.argsort(table[:, 0], kind="stable")]
    columns = np.ascontiguousarray(table.T)
    return Qrels(columns[0], columns[1], columns[2], lines - len(pairs))


def _rows(where: str, blocks: Iterable[bytes]) -> Iterator[tuple[str, list[str]]]:
    """Yield query, document and grade of each line with its place."""
    beir = where.removesuffix(".gz").endswith(".tsv")
    names = HEADER if beir else ["query", "iteration", "document", "grade"]
    for line, text in numbered_lines(blocks, where):
        place = f"{where}:{line}"
        fields = text.split("\t") if beir else text.split()
        if beir and line == 1:
            if fields != HEADER:
                raise DataError(
                    f"{place}: found {text!r:.80}, expected the header {', '.join(HEADER)} with tabs between"
                )
            continue
        if len(fields) != len(names):
            raise DataError(f"{place}: found {len(fields)} fields: {text!r:.80}, expected {', '.join(names)}")
        yield place, fields if beir else [fields[0], *fields[2:]]


def _row(what: str, key: str, rows: Mapping[str, int], place: str) -> int:
    if key not in rows:
        raise DataError(f"{place}: found {what} {key!r}, expected one of the {len(rows):,} of this collection")
    return rows[key]
