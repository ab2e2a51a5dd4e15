"""CoDEx (arXiv 2009.07810): triples and hard negatives, types, and texts in six languages."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from kgr.data.archives import members
from kgr.data.build import Material, read_material
from kgr.data.json_rows import read_rows, texts_in, texts_of
from kgr.data.lines import decode, read_text
from kgr.data.manifest import Manifest
from kgr.data.splits import NEGATIVES, SPLITS
from kgr.data.tables import Column, KeyTable
from kgr.errors import DataError

LANGUAGES = ("ar", "de", "en", "es", "ru", "zh")

FIELDS = {"label": "label", "description": "description", "wikipedia": "wiki"}
"""Our fields, and what CoDEx calls them; ``wikipedia`` is the address of a page."""

_KEY = "qid"
"""The column of the keys in tables."""

Texts = dict[tuple[str, str], Column]


def read_codex(manifest: Manifest, paths: Mapping[str, Path]) -> Material:
    """Read one size of CoDEx from the files of its manifest, by name.

    Texts of entities come from ``entities.<language>`` and ``entity_extracts.<language>``; what these
    do not have in English from ``entity_text``, then from ``partial_labels``; all may be absent. Without
    ``train`` the entities are those of the other splits, then all others that have a type. Files that
    serve all sizes say more than one graph has: their other keys are left out.

    Raises
    ------
    DataError
        A file is malformed or not UTF-8; its place is named.
    """
    material = read_material({split: [paths[split]] for split in (*SPLITS, *NEGATIVES) if split in paths})
    types = _types(paths["types"])
    if "train" not in paths:
        material = _without_train(material, types)
    entities = set(material.entities.keys)
    kinds = {kind for key in entities for kind in types.get(key, ())}
    return replace(
        material,
        entity_table=KeyTable(manifest.title, _entity_texts(paths, entities), types),
        relation_table=KeyTable(manifest.title, _labelled(paths, "relations")),
        type_table=KeyTable(manifest.title, _labelled(paths, "types") | _extracts(paths, "type_extracts", kinds)),
    )


def _types(path: Path) -> Column:
    return {key: texts_of(values, f"{path}: {key!r:.80}") for key, values in read_rows(path).items()}


def _without_train(material: Material, types: Column) -> Material:
    material.entities.number(list(types))
    splits = {"train": np.empty((0, 3), np.int32), **material.splits}
    return replace(material, splits=splits, places={"train": "train", **material.places})


def _entity_texts(paths: Mapping[str, Path], entities: set[str]) -> Texts:
    texts = _labelled(paths, "entities") | _extracts(paths, "entity_extracts", entities)
    if "entity_text" in paths:
        columns = {"label": "name", "description": "description", "extract": "extract"}
        texts = _texts(_cells(paths["entity_text"], dialect="excel-tab"), "en", columns) | texts
    if "partial_labels" in paths:
        cells = _cells(paths["partial_labels"], delimiter="\t", quoting=csv.QUOTE_NONE)
        texts = _texts(cells, "en", {"label": "label", "description": "description"}) | texts
    return texts


def _labelled(paths: Mapping[str, Path], of: str) -> Texts:
    """Read ``<of>.<language>`` in each language that is at hand."""
    texts: Texts = {}
    for language in LANGUAGES:
        if path := paths.get(f"{of}.{language}"):
            rows = ((f"{path}: {key!r:.80}", key, row) for key, row in read_rows(path).items())
            texts |= _texts(rows, language, FIELDS)
    return texts


def _texts(rows: Iterable[tuple[str, str, Any]], language: str, columns: Mapping[str, str]) -> Texts:
    """Gather the given columns of rows, each with its place and its key; empty values are none."""
    texts: Texts = {(language, field): {} for field in columns}
    for place, key, row in rows:
        for field, column in columns.items():
            if found := texts_in(row, column, place):
                texts[language, field][key] = found
    return texts


def _extracts(paths: Mapping[str, Path], of: str, keys: set[str]) -> Texts:
    """Read the Wikipedia extracts of keys: one file ``<key>.txt`` each in an archive by language."""
    texts: Texts = {}
    for language in LANGUAGES:
        if f"{of}.{language}" in paths:
            texts[language, "extract"] = dict(_extracts_of(paths[f"{of}.{language}"], keys))
    return texts


def _extracts_of(archive: Path, keys: set[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, _, file in members(archive, lambda name: PurePosixPath(name).stem in keys and name.endswith(".txt")):
        text = decode(file.read(), f"{archive}/{name}").strip()
        if text:
            yield PurePosixPath(name).stem, (text,)


def _cells(path: Path, **form: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield place, key and cells by column of each row; a quoted cell may contain the ends of lines."""
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""), **form)
    try:
        for row in reader:
            place = f"{path}:{reader.line_num}"
            if not row.get(_KEY):
                raise DataError(f"{place}: found no {_KEY}, expected one in each row, under that column of line 1")
            yield place, row[_KEY], row
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: cannot be read as a table: {error}") from error
