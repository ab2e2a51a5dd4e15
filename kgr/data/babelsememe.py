"""BabelSememe (arXiv 1912.01795): synsets, their sememes, and relations among both, by id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kgr.data.build import Material, write_store
from kgr.data.id_lines import read_id_lines
from kgr.data.lines import Numbering, file_blocks, find_files, numbered_lines
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

ANNOTATIONS = {"annotations": "synset_sememes.txt"}
"""The one file of the folder that has annotations alone, by what :func:`read_annotations` calls it."""

HAVE_SEMEME = "synset:have_sememe"
"""The relation from a synset to each sememe it is annotated with."""

SYNSET_PREFIX = "bn:"
"""Keys of synsets begin with it, those of sememes do not."""

_IDS = LineForm(("head", "tail", "relation"), spaces=True)
_NAMES = LineForm(("head", "tail", "relation"))


def build_babelsememe(folder: str | Path, out: str | Path, *, name: str = "", message: Message | None = None) -> Store:
    """Build a store from ``data-all``, ``data-noun`` or ``BabelSememe`` of BabelNet-Sememe-Prediction.

    Of the last, which is known by its ``synset_sememes.txt``, see :func:`read_annotations`. Of the others wanted are
    ``entity2id.txt`` and ``relation2id.txt`` (name, tab, id), ``train2id.txt``, ``valid2id.txt`` and ``test2id.txt``
    (head, tail and relation by id, with tabs or spaces between); each also with ``.gz``. Where ``train.txt``,
    ``valid.txt``, ``test.txt`` are there, which say the same by name, they are compared: the ids are what counts, and
    what only names say is left out, counted and said. Ids are the source's; a sememe has the labels that its key
    ``english|chinese`` is made of.

    Raises
    ------
    DataError
        A file is missing or malformed, its place is named. Nothing is left at ``out``.
    FormatError
        There is a store at ``out`` already.
    """
    annotations = find_files(Path(folder), ANNOTATIONS, (), "")
    found = annotations or find_files(Path(folder), FILES, NEEDED, "a folder of BabelSememe")
    sources = {"files": {what: str(path) for what, path in found.items()}}
    material = read_annotations(found) if annotations else read_babelsememe(found)
    return write_store(out, material, name=name, sources=sources, message=message)


def read_babelsememe(paths: Mapping[str, Path], title: str = "") -> Material:
    """Read synsets, sememes and their relations from files by name, see :data:`FILES`."""
    entities, relations = Numbering(), Numbering()
    entities.number(read_id_lines(paths["entities"]))
    relations.number(read_id_lines(paths["relations"]))
    if relations.find(HAVE_SEMEME) is None:
        raise DataError(
            f"{paths['relations']}: has no relation {HAVE_SEMEME}, expected it: it is what annotates synsets"
        )
    kinds = _kinds(entities.keys)
    splits = {split: read_id_triples(paths[split], len(entities), len(relations), _IDS) for split in SPLITS}
    for split, triples in splits.items():
        _check_annotations(paths[split], triples, kinds, relations)
    left_out, remarks = _compare_names(paths, splits, entities, relations)
    places = {split: str(paths[split]) for split in SPLITS}
    return _material(entities, relations, splits, places, title, left_out, remarks)


def read_annotations(paths: Mapping[str, Path], title: str = "") -> Material:
    """Read the annotation before any split: lines of a synset, a tab, and its sememes with spaces between.

    All are triples of ``train``; synsets come first, in the order of their lines. It holds the labels of valid and test
    of the other folders, so a store of it is for looking up, not for measuring.
    """
    path, synsets, sememes = paths["annotations"], Numbering(), Numbering()
    pairs: list[tuple[int, int]] = []
    for number, line in numbered_lines(file_blocks(path), str(path)):
        key, own = _annotation(line, f"{path}:{number}")
        if synsets.find(key) is not None:
            raise DataError(f"{path}:{number}: found synset {key!r} again, expected each once")
        row = synsets.add(key)
        pairs += [(row, column) for column in sememes.number(own).tolist()]
    rows, columns = np.array(pairs, np.int32).reshape(-1, 2).T
    entities, relations = Numbering(), Numbering()
    entities.number([*synsets.keys, *sememes.keys])
    relations.add(HAVE_SEMEME)
    triples = np.stack([rows, np.zeros_like(rows), columns + np.int32(len(synsets))], axis=1)
    return _material(entities, relations, {"train": triples}, {"train": str(path)}, title)


def _annotation(line: str, place: str) -> tuple[str, list[str]]:
    """Part a line of :func:`read_annotations` into a synset and its sememes."""
    key, _, rest = line.partition("\t")
    own = rest.split(" ")
    if not key.startswith(SYNSET_PREFIX) or not all(own) or "\t" in rest:
        expected = f"expected a synset, whose key begins with {SYNSET_PREFIX}, a tab, and sememes with spaces between"
        raise DataError(f"{place}: found {line!r:.80}, {expected}")
    if wrong := next((one for one in own if one.startswith(SYNSET_PREFIX)), None):
        raise DataError(f"{place}: found synset {wrong!r} among the sememes of {key}, expected sememes alone")
    if again := next((one for number, one in enumerate(own) if one in own[:number]), None):
        raise DataError(f"{place}: found sememe {again!r} of {key} again, expected each once")
    return key, own


def _material(
    entities: Numbering,
    relations: Numbering,
    splits: Mapping[str, Triples],
    places: Mapping[str, str],
    title: str,
    counts: Mapping[str, int] | None = None,
    remarks: Sequence[str] = (),
) -> Material:
    kinds = _kinds(entities.keys)
    own = {"synsets": int((kinds & SYNSET > 0).sum()), "sememes": int((kinds & SEMEME > 0).sum())}
    return Material(
        entities,
        relations,
        splits,
        places,
        KeyTable(title, _labels(entities.keys)),
        KeyTable(title),
        KeyTable(title),
        kinds=kinds,
        counts={**own, **(counts or {})},
        remarks=remarks,
    )


def _kinds(keys: Sequence[str]) -> NDArray[np.uint8]:
    return np.array([ENTITY | (SYNSET if key.startswith(SYNSET_PREFIX) else SEMEME) for key in keys], np.uint8)


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
