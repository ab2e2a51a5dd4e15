"""BabelSememe (arXiv 1912.01795): synsets, their sememes, and relations among both, by id."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kgr.data.build import Material, write_store
from kgr.data.id_lines import read_id_lines
from kgr.data.lines import Numbering, file_blocks, find_files
from kgr.data.splits import SPLITS, Message, Triples, first_occurrences
from kgr.data.tables import Column, KeyTable
from kgr.data.triples import LineForm, parse_triples, read_id_triples
from kgr.errors import DataError
from kgr.index.kinds import ENTITY, SEMEME, SYNSET
from kgr.index.store import Store

FILES = {
    "entities": "entity2id.txt",
    "relations": "relation2id.txt",
    **{split: f"{split}2id.txt" for split in SPLITS},
    **{f"{split}_named": f"{split}.txt" for split in SPLITS},
}
"""The files of a folder, by what :func:`read_babelsememe` calls them; each may be packed by gzip."""

NEEDED = ("entities", "relations", *SPLITS)

HAVE_SEMEME = "synset:have_sememe"
"""The relation from a synset to each sememe it is annotated with."""

SYNSET_PREFIX = "bn:"
"""Keys of synsets begin with it, those of sememes do not."""

_IDS = LineForm(("head", "tail", "relation"), spaces=True)
_NAMES = LineForm(("head", "tail", "relation"))


def build_babelsememe(folder: str | Path, out: str | Path, *, name: str = "", message: Message | None = None) -> Store:
    """Build a store from ``data-all`` or ``data-noun`` of BabelNet-Sememe-Prediction.

    Wanted are ``entity2id.txt`` and ``relation2id.txt`` (name, tab, id), ``train2id.txt``, ``valid2id.txt`` and
    ``test2id.txt`` (head, tail and relation by id, with tabs or spaces between); each also with ``.gz``. Where
    ``train.txt``, ``valid.txt``, ``test.txt`` are there, which say the same by name, they are compared: the ids are
    what counts, and what only names say is left out, counted and said. Ids are the source's; a sememe has the
    labels that its key ``english|chinese`` is made of.

    Raises
    ------
    DataError
        A file is missing or malformed, its place is named. Nothing is left at ``out``.
    FormatError
        There is a store at ``out`` already.
    """
    found = find_files(Path(folder), FILES, NEEDED, "a folder of BabelSememe")
    sources = {"files": {what: str(path) for what, path in found.items()}}
    return write_store(out, read_babelsememe(found), name=name, sources=sources, message=message)


def read_babelsememe(paths: Mapping[str, Path], title: str = "") -> Material:
    """Read synsets, sememes and their relations from files by name, see :data:`FILES`."""
    entities, relations = Numbering(), Numbering()
    entities.number(read_id_lines(paths["entities"]))
    relations.number(read_id_lines(paths["relations"]))
    if relations.find(HAVE_SEMEME) is None:
        raise DataError(
            f"{paths['relations']}: has no relation {HAVE_SEMEME}, expected it: it is what annotates synsets"
        )
    keys = entities.keys
    kinds = np.array([ENTITY | (SYNSET if key.startswith(SYNSET_PREFIX) else SEMEME) for key in keys], np.uint8)
    splits = {split: read_id_triples(paths[split], len(entities), len(relations), _IDS) for split in SPLITS}
    for split, triples in splits.items():
        _check_annotations(paths[split], triples, kinds, relations)
    counts = {"synsets": int((kinds & SYNSET > 0).sum()), "sememes": int((kinds & SEMEME > 0).sum())}
    left_out, remarks = _compare_names(paths, splits, entities, relations)
    return Material(
        entities,
        relations,
        splits,
        {split: str(paths[split]) for split in SPLITS},
        KeyTable(title, _labels(keys)),
        KeyTable(title),
        KeyTable(title),
        kinds=kinds,
        counts={**counts, **left_out},
        remarks=remarks,
    )


def _check_annotations(path: Path, triples: Triples, kinds: NDArray[np.uint8], relations: Numbering) -> None:
    """Refuse an annotation that does not go from a synset to a sememe."""
    annotates = triples[:, 1] == relations.find(HAVE_SEMEME)
    right = (kinds[triples[:, 0]] & SYNSET > 0) & (kinds[triples[:, 2]] & SEMEME > 0)
    if len(wrong := np.flatnonzero(annotates & ~right)):
        expected = f"expected {HAVE_SEMEME} from a synset, whose key begins with {SYNSET_PREFIX}, to a sememe"
        head, _, tail = triples[wrong[0]]
        raise DataError(f"{path}:{wrong[0] + 1}: found it from {head} to {tail}, {expected}")


def _compare_names(
    paths: Mapping[str, Path], splits: Mapping[str, Triples], entities: Numbering, relations: Numbering
) -> tuple[dict[str, int], list[str]]:
    """Compare the splits with the same by name; return how many triples only names say, and a line for each file."""
    compared = [split for split in SPLITS if f"{split}_named" in paths]
    left_out, remarks = 0, []
    for split in compared:
        names, ids = paths[f"{split}_named"], paths[split]
        numbered = Numbering(), Numbering()
        for numbering, known in zip(numbered, (entities, relations), strict=True):
            numbering.number(known.keys)
        named = parse_triples(file_blocks(names), str(names), *numbered, _NAMES)
        only_named, only_ids = _beside(splits[split], named), _beside(named, splits[split])
        left_out += len(only_named)
        for has, lacks, triples, what in (
            (names, ids, only_named, "left out, the ids are what counts"),
            (ids, names, only_ids, "kept"),
        ):
            if len(triples):
                some = f"{_in_words(triples[0], *numbered)}{', …' * (len(triples) > 1)}"
                remarks.append(f"{has}: {lacks.name} lacks {len(triples):,} of its triples: {what}: {some}")
    return ({"left_out": left_out} if compared else {}), remarks


def _beside(some: Triples, others: Triples) -> Triples:
    """Return the distinct rows of ``others`` that are no rows of ``some``."""
    return others[first_occurrences(np.concatenate([some, others]))[len(some) :]]


def _in_words(triple: NDArray[np.int32], entities: Numbering, relations: Numbering) -> str:
    head, relation, tail = triple
    return f"{entities.keys[head]} {relations.keys[relation]} {entities.keys[tail]}"


def _labels(keys: list[str]) -> dict[tuple[str, str], Column]:
    """Return the labels of sememes: the English and the Chinese part of their keys."""
    pairs = {key: key.split("|") for key in keys if not key.startswith(SYNSET_PREFIX) and key.count("|") == 1}
    return {
        (language, "label"): {key: (pair[place],) for key, pair in pairs.items() if pair[place]}
        for place, language in enumerate(("en", "zh"))
    }
