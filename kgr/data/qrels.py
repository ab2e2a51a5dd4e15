"""Judgements from files: TREC's qrels, and BEIR's tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kgr.data.keyed_texts import Source
from kgr.data.lines import Numbering, numbered_lines
from kgr.errors import DataError

HEADER = ["query-id", "corpus-id", "score"]

_GRADE = re.compile(r"[+-]?[0-9]{1,9}")

_WHITE = " \t\v\f"
"""What divides the fields of TREC's lines; other white space is part of a key."""


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
    unknown, first_unknown : int, str
        Lines of a query or document that there is not, left out, and what is wrong with the first.
    """

    query: NDArray[np.int32]
    document: NDArray[np.int32]
    grade: NDArray[np.int32]
    repeated: int = 0
    unknown: int = 0
    first_unknown: str = ""


@dataclass(frozen=True)
class KeyedQrels:
    """Judged pairs with the keys of their queries and documents, numbered by first appearance."""

    queries: Sequence[str]
    documents: Sequence[str]
    qrels: Qrels


def read_keyed_qrels(source: Source) -> KeyedQrels:
    """Read judgements of any queries and documents: see :func:`read_qrels`."""
    queries, documents = Numbering(), Numbering()
    qrels = read_qrels(source, queries, documents)
    return KeyedQrels(queries.keys, documents.keys, qrels)


def read_qrels(
    source: Source,
    queries: Mapping[str, int] | Numbering,
    documents: Mapping[str, int] | Numbering,
    *,
    lenient: bool = False,
) -> Qrels:
    """Read lines ``query-id corpus-id score`` under a header (BEIR), or ``query iteration document grade`` (TREC).

    A file that starts with BEIR's header is BEIR's, with tabs between; any other is TREC's, with tabs or spaces, whose
    iteration means nothing.

    Parameters
    ----------
    queries, documents : number by key
        Those that may be judged; a Numbering takes any.
    lenient : bool
        Leave out and count lines of a query or document that there is not.

    Raises
    ------
    DataError
        Names file and line: another number of fields, unless lenient a query or document that there is not, a grade
        that is no whole number, or another grade of the same pair.
    """
    where, blocks = source
    pairs: dict[tuple[int, int], int] = {}
    lines, unknown, first = 0, 0, ""
    for place, (query, document, grade) in _rows(where, blocks):
        if not _GRADE.fullmatch(grade):
            raise DataError(f"{place}: found grade {grade!r}, expected a whole number")
        try:
            pair = (_row("query", query, queries, place), _row("document", document, documents, place))
        except DataError as error:
            if not lenient:
                raise
            first, unknown = first or str(error), unknown + 1
            continue
        lines += 1
        if pairs.setdefault(pair, int(grade)) != int(grade):
            earlier = f"an earlier line has grade {pairs[pair]}"
            raise DataError(f"{place}: found query {query!r} and document {document!r} with grade {grade}: {earlier}")
    if not pairs:
        left_out = f"; {unknown:,} are of others, the first: {first}" if unknown else ""
        raise DataError(f"{where}: found no judgements, expected at least one{left_out}")
    table = np.array([(*pair, grade) for pair, grade in pairs.items()], np.int32)
    table = table[np.argsort(table[:, 0], kind="stable")]
    columns = np.ascontiguousarray(table.T)
    return Qrels(columns[0], columns[1], columns[2], lines - len(pairs), unknown, first)


def _rows(where: str, blocks: Iterable[bytes]) -> Iterator[tuple[str, list[str]]]:
    """Yield query, document and grade of each line with its place."""
    beir = False
    for line, text in numbered_lines(blocks, where):
        place = f"{where}:{line}"
        if line == 1 and text.split("\t") == HEADER:
            beir = True
            continue
        fields = text.split("\t") if beir else re.split(f"[{_WHITE}]+", text.strip(_WHITE))
        names = HEADER if beir else ["query", "iteration", "document", "grade"]
        if len(fields) != len(names) or not all(fields):
            header = f"; or in the first line the header {', '.join(HEADER)} with tabs between" if line == 1 else ""
            expected = f"expected {', '.join(names)}{header}"
            raise DataError(f"{place}: found {len(fields)} fields: {text!r:.80}, {expected}")
        yield place, fields if beir else [fields[0], *fields[2:]]


def _row(what: str, key: str, rows: Mapping[str, int] | Numbering, place: str) -> int:
    if isinstance(rows, Numbering):
        return rows.add(key)
    if key not in rows:
        raise DataError(f"{place}: found {what} {key!r}, expected one of the {len(rows):,} of this collection")
    return rows[key]
