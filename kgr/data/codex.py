"""CoDEx (arXiv 2009.07810): triples and hard negatives, types, and texts in six languages."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from kgr.data.archives import members
from kgr.data.build import Material, read_material
from kgr.data.lines import decode, read_text
from kgr.data.manifest import Manifest
from kgr.data.splits import NEGATIVES, SPLITS
from kgr.data.tables import Column, KeyTable
from kgr.errors import DataError

LANGUAGES = ("ar", "de", "en", "es", "ru", "zh")

FIELDS = {"label": "label", "description": "description", "wikipedia": "wiki"}
"""Our fields, and what CoDEx calls them; ``wikipedia`` is the address of a page."""

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
    types: Column = {key: tuple(values) for key, values in _json(paths["types"]).items()}
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


def _without_train(material: Material, types: Column) -> Material:
    material.entities.number(list(types))
    splits = {"train": np.empty((0, 3), np.int32), **material.splits}
    return replace(material, splits=splits, places={"train": "train", **material.places})


def _entity_texts(paths: Mapping[str, Path], entities: set[str]) -> Texts:
    texts = _labelled(paths, "entities") | _extracts(paths, "entity_extracts", entities)
    if "entity_text" in paths:
        columns = {"label": "name", "description": "description", "extract": "extract"}
        texts = _texts(csv.DictReader(_lines(paths["entity_text"]), dialect="excel-tab"), "en", columns) | texts
    if "partial_labels" in paths:
        rows = csv.DictReader(_lines(paths["partial_labels"]), delimiter="\t", quoting=csv.QUOTE_NONE)
        texts = _texts(rows, "en", {"label": "label", "description": "description"}) | texts
    return texts


def _labelled(paths: Mapping[str, Path], of: str) -> Texts:
    """Read ``<of>.<language>`` in each language that is at hand."""
    texts: Texts = {}
    for language in LANGUAGES:
        if f"{of}.{language}" in paths:
            content = _json(paths[f"{of}.{language}"])
            texts |= _texts(({"qid": key, **row} for key, row in content.items()), language, FIELDS)
    return texts


def _texts(rows: Iterator[dict[str, str]], language: str, columns: Mapping[str, str]) -> Texts:
    """Gather the given columns of rows by their ``qid``; empty values are none."""
    texts: Texts = {(language, field): {} for field in columns}
    for row in rows:
        for field, column in columns.items():
            if row.get(column):
                texts[language, field][row["qid"]] = (row[column],)
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


def _lines(path: Path) -> io.StringIO:
    """Return a file's lines with their ends, which a quoted cell may contain."""
    return io.StringIO(read_text(path), newline="")


def _json(path: Path) -> dict[str, Any]:
    text = read_text(path)
    try:
        content: dict[str, Any] = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: found no JSON at column {error.colno}: {error.msg}") from None
    if not isinstance(content, dict):
        raise DataError(f"{path}:1: found {type(content).__name__}, expected an object of one row per key")
    return content
