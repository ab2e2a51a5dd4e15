"""CoDEx (arXiv 2009.07810): triples and hard negatives, types, and texts in six languages."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kgr.data.build import Material, read_material
from kgr.data.manifest import Manifest
from kgr.data.splits import NEGATIVES, SPLITS
from kgr.data.tables import Column, KeyTable

LANGUAGES = ("ar", "de", "en", "es", "ru", "zh")

Texts = dict[tuple[str, str], Column]


def read_codex(manifest: Manifest, paths: Mapping[str, Path]) -> Material:
    """Read one size of CoDEx from the files of its manifest, by name.

    English texts of entities come from ``entity_text`` (name, description, extract), else from
    ``entities.en``, else from ``partial_labels``; all three may be absent. Files that serve all sizes
    say more than one graph has: their other keys are left out.
    """
    material = read_material({split: [paths[split]] for split in (*SPLITS, *NEGATIVES)})
    types = {key: tuple(values) for key, values in _json(paths["types"]).items()}
    return replace(
        material,
        entity_table=KeyTable(manifest.title, _entity_texts(paths), types),
        relation_table=KeyTable(manifest.title, _texts_by_language(paths, "relations")),
        type_table=KeyTable(manifest.title, _texts_by_language(paths, "types")),
    )


def _entity_texts(paths: Mapping[str, Path]) -> Texts:
    if "entity_text" in paths:
        columns = {"label": "name", "description": "description", "extract": "extract"}
        with paths["entity_text"].open(encoding="utf-8", newline="") as file:
            return _texts(csv.DictReader(file, dialect="excel-tab"), "en", columns)
    if "entities.en" in paths:
        return _labelled(paths["entities.en"], "en")
    if "partial_labels" in paths:
        with paths["partial_labels"].open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            return _texts(rows, "en", {"label": "label", "description": "description"})
    return {}


def _texts_by_language(paths: Mapping[str, Path], of: str) -> Texts:
    texts: Texts = {}
    for language in LANGUAGES:
        texts |= _labelled(paths[f"{of}.{language}"], language)
    return texts


def _labelled(path: Path, language: str) -> Texts:
    rows = ({"qid": key, **row} for key, row in _json(path).items())
    return _texts(rows, language, {"label": "label", "description": "description"})


def _texts(rows: Iterator[dict[str, str]], language: str, columns: Mapping[str, str]) -> Texts:
    """Gather the given columns of rows by their ``qid``; empty values are none."""
    texts: Texts = {(language, field): {} for field in columns}
    for row in rows:
        for field, column in columns.items():
            if row[column]:
                texts[language, field][row["qid"]] = (row[column],)
    return texts


def _json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
