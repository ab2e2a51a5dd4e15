"""Documents read as a stream: keys in memory, texts in files, words in blocks as they come."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr._config import make, setting
from kgr._shards import ENGINES, map_shards
from kgr.data.document_forms import FORMS
from kgr.data.document_shards import Batch, ReadShard, cut_shards
from kgr.data.keyed_texts import Source
from kgr.data.quarantine import Quarantine
from kgr.data.tables import TEXT_FIELD
from kgr.errors import ConfigError, DataError
from kgr.index.analysis import Analyzer
from kgr.index.blocks import Block
from kgr.index.keys import Keys
from kgr.index.spool import Spool, joined, pieces_of
from kgr.index.store import Section
from kgr.index.texts import Texts

_EXAMPLES = 3


@dataclass(frozen=True, kw_only=True)
class ReadingConfig:
    """How documents are read and indexed."""

    language: str = setting("en", "of the texts")
    prefix: str = setting("", "put before each key")
    strict: bool = setting(False, "stop at the first line that is no document, instead of setting it aside")
    index: bool = setting(True, "index the texts for retrieval as they are read")
    workers: int = setting(1, "processes that read and analyse", low=1)
    engine: str = setting("local", "where they run", choices=tuple(ENGINES))


def judged_config(settings: Mapping[str, Any]) -> ReadingConfig:
    """Return the settings of documents that come with judgements, which name them by their own keys."""
    config = make(ReadingConfig, settings)
    if config.prefix:
        raise ConfigError(f"prefix is {config.prefix!r}, expected none: judgements name documents by their own keys")
    return config


@dataclass(frozen=True)
class Documents:
    """Documents that are not read yet.

    Attributes
    ----------
    sources : sequence of Source
        Files, in order.
    form : str
        One of :data:`kgr.data.document_forms.FORMS`.
    fields : by our name, the source's
        Texts beside those of the form, or instead.
    """

    sources: Sequence[Source]
    form: str = "corpus"
    fields: Mapping[str, str] = field(default_factory=dict)


def named_fields(fields: Mapping[str, str] | Sequence[str]) -> dict[str, str]:
    """Return our name and the source's of each field; a name alone is both.

    Raises
    ------
    ConfigError
        A name of ours that a store cannot have, or none of the source's.
    """
    named = dict(fields) if isinstance(fields, Mapping) else {name: name for name in fields}
    for own, name in named.items():
        if not name.strip():
            raise ConfigError(f"fields: found no name in the files for {own!r}, such as {own}=abstract")
        if not TEXT_FIELD.fullmatch(own):
            raise ConfigError(f"fields: found {own!r}, expected small letters, digits and '_', such as url")
    return named


def text_name(name: str, language: str) -> str:
    """Return the section of a field of entries."""
    return f"text/entries/{language}.{name}"


class DocumentReader:
    """Reads documents, once; afterwards it has their keys, texts and counts.

    Parameters
    ----------
    documents : Documents
    config : ReadingConfig
    spool : path
        A folder for the texts; they are there as long as it is.
    present : Keys, optional
        Keys of a store to which the documents are added: ids go on from theirs.
    """

    def __init__(self, documents: Documents, config: ReadingConfig, spool: Path, present: Keys | None = None) -> None:
        self.rows: dict[str, int] = {}
        """The id of each key, in the order of the source."""
        self.texts = {name: SpooledTexts(spool / name) for name in {**FORMS[documents.form].fields, **documents.fields}}
        self.quarantine = Quarantine(spool / "quarantine.jsonl", "document")
        self._documents, self._config, self._present = documents, config, present
        self._first = len(present) if present is not None else 0
        self._lines, self._starts = array("q"), list[tuple[int, str]]()
        self._contents: list[NDArray[np.uint64]] = []

    def read(self, analyzer: Analyzer | None = None) -> Iterator[Block]:
        """Read all documents; yield their words, in their order, if an analyser is given.

        Raises
        ------
        DataError
            A key again, whose places are named; a record that is no document, if the settings are strict; no documents.
        """
        config, documents = self._config, self._documents
        work = ReadShard(documents.fields, config.prefix, config.strict, analyzer)
        shards = cut_shards(documents.sources, documents.form)
        with ExitStack() as files:
            for texts in self.texts.values():
                files.callback(texts.close)
            for batch in map_shards(work, shards, workers=config.workers, engine=config.engine):
                self._take(batch)
                if batch.block is not None:
                    yield batch.block
        if not self.rows:
            places = ", ".join(where for where, _ in documents.sources[:_EXAMPLES]) or "no files"
            raise DataError(f"{places}: found no documents, expected at least one{self.quarantine.said}")

    def _take(self, batch: Batch) -> None:
        if not self._starts or self._starts[-1][1] != batch.where:
            self._starts.append((len(self.rows), batch.where))
        first = self._first + len(self.rows)
        self._number(batch)
        self._lines.frombytes(batch.lines.tobytes())
        for name, (rows, lengths, data) in batch.texts.items():
            self.texts[name].add(rows + np.int32(first), lengths, data)
        self._contents.append(batch.contents)
        self.quarantine.add(batch.faults)

    def _number(self, batch: Batch) -> None:
        """Give each key its id; refuse one that there is already."""
        before = len(self.rows)
        if self._present is not None and (self._present.find(batch.keys) >= 0).any():
            at = int(np.argmax(self._present.find(batch.keys) >= 0))
            remedy = "give the documents a prefix, or add texts to present entries with --format texts"
            raise DataError(
                f"{batch.where}:{batch.lines[at]}: found key {batch.keys[at]!r}, which the store has: {remedy}"
            )
        for at, key in enumerate(batch.keys):
            row = self._first + before + at
            if self.rows.setdefault(key, row) != row:
                earlier = self.rows[key] - self._first
                first = f"{batch.where}:{batch.lines[earlier - before]}" if earlier >= before else self._place(earlier)
                raise DataError(f"{batch.where}:{batch.lines[at]}: found key {key!r} again, first in {first}")

    def _place(self, row: int) -> str:
        _, where = self._starts[bisect_right(self._starts, row, key=lambda start: start[0]) - 1]
        return f"{where}:{self._lines[row]}"

    @property
    def empty(self) -> NDArray[np.int32]:
        """The ids of the documents without a body, int32[n], ascending."""
        every = np.arange(self._first, self._first + len(self.rows), dtype=np.int32)
        return np.setdiff1d(every, self.texts["body"].rows.array(), assume_unique=True)

    @property
    def repeated(self) -> int:
        """Documents whose title and body an earlier one has."""
        contents = np.concatenate([np.empty(0, np.uint64), *self._contents])
        some = contents[contents > 0]
        return len(some) - len(np.unique(some))

    def sections(self, language: str) -> dict[str, SpooledTexts]:
        """Return the texts by section, those of fields that some document has."""
        return {text_name(name, language): texts for name, texts in self.texts.items() if len(texts.rows)}

    def counts(self) -> dict[str, int]:
        """Count documents, those without a body, those whose contents are there twice, and what is none."""
        return {
            "documents": len(self.rows),
            "documents_without_text": len(self.empty),
            "repeated_documents": self.repeated,
            "quarantined": self.quarantine.count,
        }

    def remarks(self) -> Iterator[str]:
        """Say what is unusual."""
        empty, repeated = self.empty, self.repeated
        if len(empty):
            keys = list(self.rows)
            some = ", ".join(keys[row - self._first] for row in empty[:_EXAMPLES].tolist())
            more = ", …" if len(empty) > _EXAMPLES else ""
            yield f"{len(empty):,} documents have no text: kept: {some}{more}"
        if repeated:
            yield f"{repeated:,} documents have title and text of an earlier one: kept"


class SpooledTexts:
    """Texts of one field that grow in files, row by row."""

    def __init__(self, path: Path) -> None:
        self.rows = Spool(path.with_suffix(".rows"), np.int32)
        self._ends = Spool(path.with_suffix(".ends"), np.int64)
        self._bytes = Spool(path.with_suffix(".bytes"), np.uint8)
        self._ends.append(np.zeros(1, np.int64))

    def add(self, rows: NDArray[np.int32], lengths: NDArray[np.int64], data: bytes) -> None:
        """Add texts in UTF-8, joined; rows come ascending."""
        self.rows.append(rows)
        self._ends.append(len(self._bytes) + np.cumsum(lengths))
        self._bytes.append(np.frombuffer(data, np.uint8))

    def close(self) -> None:
        """End the files; nothing is added any more."""
        for part in (self.rows, self._ends, self._bytes):
            part.close()

    def texts(self) -> Texts:
        """Return what was added, as memory maps."""
        return Texts(self.rows.array(), self._ends.array(), self._bytes.array())

    def section(self, before: Texts | None = None) -> Section:
        """Return the section that keeps the texts, after those of earlier rows that there are."""
        rows, offsets, data = self.rows.pieces(), self._ends.pieces(), self._bytes.pieces()
        if before is not None:
            offsets = pieces_of(self._ends.array(), plus=len(before.bytes))
            rows, data = joined(pieces_of(before.rows), rows), joined(pieces_of(before.bytes), data)
            offsets = joined(pieces_of(before.offsets[:-1]), offsets)
        return Section({}, pieces={"rows": rows, "offsets": offsets, "bytes": data})
