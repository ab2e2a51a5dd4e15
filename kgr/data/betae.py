"""BetaE's form of a graph and its queries: edges by id in both directions, id maps, pickles of queries."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr.data.build import Material, write_store
from kgr.data.lines import Numbering, find_files
from kgr.data.pickles import read_pickle
from kgr.data.query_files import IdSpace, read_query_lines, read_query_pickles
from kgr.data.splits import SPLITS, Message, Triples, first_occurrences
from kgr.data.tables import KeyTable
from kgr.data.triples import read_id_triples
from kgr.errors import DataError
from kgr.index.store import Store
from kgr.query.kept import StoredSet

QUERY_SET = "betae"
"""The name that queries of a BetaE folder get in a store."""

FILES = {
    **{split: f"{split}.txt" for split in SPLITS},
    "id2ent": "id2ent.pkl",
    "id2rel": "id2rel.pkl",
    **{f"{split}_queries": f"{split}-queries.pkl" for split in SPLITS[1:]},
    **{f"{split}_easy": f"{split}-easy-answers.pkl" for split in SPLITS[1:]},
    **{f"{split}_hard": f"{split}-hard-answers.pkl" for split in SPLITS[1:]},
    **{f"{split}_lines": f"{split}.jsonl" for split in SPLITS[1:]},
}
"""The files of a folder, by what :func:`read_betae` calls them; each may be packed by gzip."""

NEEDED = ("train", "id2ent", "id2rel")

REVERSED = "_reverse"
"""What ends the name of an inverse in BetaE's NELL; the other sets have ``+r`` and ``-r``."""

Directed = NDArray[np.int32]


def build_betae(folder: str | Path, out: str | Path, *, name: str = "", message: Message | None = None) -> Store:
    """Build a store from a folder in BetaE's form, with its valid and test queries as the query set ``betae``.

    Wanted are ``train.txt``, ``id2ent.pkl``, ``id2rel.pkl``; read where they are there ``valid.txt``, ``test.txt``,
    and of both ``-queries.pkl``, ``-easy-answers.pkl``, ``-hard-answers.pkl`` or JSON lines ``valid.jsonl``,
    ``test.jsonl``; each also with ``.gz``. Entities keep their ids.

    Raises
    ------
    DataError
        A file is missing or malformed. Nothing is left at ``out``.
    FormatError
        There is a store at ``out`` already.
    """
    paths = _files_of(Path(folder))
    material = read_betae(paths)
    sources = {"files": {what: str(path) for what, path in paths.items()}}
    return write_store(out, material, name=name, sources=sources, message=message)


def _files_of(folder: Path) -> dict[str, Path]:
    found = find_files(folder, FILES, NEEDED, "a graph in BetaE's form")
    for split in SPLITS[1:]:
        if f"{split}_queries" in found:
            found.pop(f"{split}_lines", None)  # the pickles say more
    return found


def read_betae(
    paths: Mapping[str, Path], *, queries: str = QUERY_SET, title: str = "", places: Mapping[str, str] | None = None
) -> Material:
    """Read a graph and its queries from files by name, see :data:`FILES`.

    Their edges go both ways, by relations of their own; they are folded to base relations and
    directions. An edge without its inverse counts, and is said.

    Parameters
    ----------
    queries : str
        The name of the query set.
    places : by split, optional
        What messages call its file; by default its path.
    """
    for what in NEEDED:
        if what not in paths:
            raise DataError(f"{title}: {FILES[what]} could not be had, without which there is no graph")
    entities, relations = Numbering(), Numbering()
    entities.number(read_id_map(paths["id2ent"]))
    bases, directed = fold_relations(read_id_map(paths["id2rel"]), str(paths["id2rel"]))
    relations.number(bases)
    places = {split: str(paths[split]) for split in SPLITS if split in paths} | dict(places or {})
    splits, remarks = {}, []
    for split in SPLITS:
        if split in paths:
            edges = read_id_triples(paths[split], len(entities), len(directed))
            splits[split], alone = fold_edges(edges, directed)
            if alone:
                remarks.append(f"{places[split]}: {alone:,} edges without their inverse: taken as both")
    sets = _query_sets(paths, queries, IdSpace(len(entities), directed))
    none = KeyTable(title)
    return Material(entities, relations, splits, places, none, none, none, sets, remarks=remarks)


def read_id_map(path: Path) -> list[str]:
    """Read a pickled dict of distinct keys by the ids 0, 1, …, in whatever order.

    Raises
    ------
    DataError
        It is none.
    """
    content: Any = read_pickle(path)
    expected = "expected a dict of distinct keys by the ids 0, 1, …"
    try:
        keys = {int(id): key for id, key in content}
    except (TypeError, ValueError, OverflowError):
        raise DataError(f"{path}: not an id map: {expected}") from None
    if not keys:
        raise DataError(f"{path}: the id map is empty: {expected}")
    if sorted(keys) != list(range(len(keys))) or len(keys) != len(content):
        raise DataError(f"{path}: its {len(keys):,} ids do not run from 0 to {len(keys) - 1:,}: {expected}")
    if not all(isinstance(key, str) and key for key in keys.values()) or len(set(keys.values())) != len(keys):
        raise DataError(f"{path}: a key is empty, no text or there twice: {expected}")
    return [keys[id] for id in range(len(keys))]


def fold_relations(names: list[str], where: str) -> tuple[list[str], Directed]:
    """Fold ``+r`` and ``-r``, or where none has such a sign ``r`` and ``r_reverse``, to base relations.

    Returns
    -------
    list of str
        R base relations, in order of first appearance.
    int32[2R]
        Our directed relation of each of theirs; ``2r`` and ``2r + 1`` stay themselves where each pair
        is side by side.

    Raises
    ------
    DataError
        A name without its counterpart; names with and without sign.
    """
    signed = any(name[0] in "+-" for name in names)
    for name in names:
        if signed and name[0] not in "+-":
            raise DataError(f"{where}: found relation {name!r}, expected +… and -… for each relation and its inverse")
    bases = Numbering()
    base = bases.number([name[1:] if signed else name.removesuffix(REVERSED) for name in names])
    inverse = [name[0] == "-" if signed else name.endswith(REVERSED) for name in names]
    directed = 2 * base + np.array(inverse, np.int32)
    if missing := sorted(set(range(2 * len(bases))) - set(directed.tolist())):
        key, backward = bases.keys[missing[0] >> 1], missing[0] & 1
        name = "+-"[backward] + key if signed else key + REVERSED * backward
        raise DataError(f"{where}: relation {name!r} is missing, which its inverse needs")
    return bases.keys, directed.astype(np.int32)


def fold_edges(edges: Triples, directed: Directed) -> tuple[Triples, int]:
    """Fold edges both ways to triples of base relations.

    Returns
    -------
    int32[E, 3]
        The forward edges in their order, repeated ones included, then what only backward edges say.
    int
        How many of the triples have no edge in one direction.
    """
    relation = directed[edges[:, 1]]
    backward = (relation & 1).astype(bool)
    triples = np.where(backward[:, None], edges[:, ::-1], edges).astype(np.int32)
    triples[:, 1] = relation >> 1
    ahead, back = triples[~backward], triples[backward]
    back = back[first_occurrences(back)]
    new = first_occurrences(np.concatenate([ahead, back]))
    distinct = int(new[: len(ahead)].sum())
    added = back[new[len(ahead) :]]
    alone = len(added) + (distinct + len(added) - len(back))
    return np.concatenate([ahead, added]), alone


def _query_sets(paths: Mapping[str, Path], name: str, space: IdSpace) -> dict[str, dict[str, StoredSet]]:
    sets = {}
    for split in SPLITS[1:]:
        if f"{split}_queries" in paths:
            parts = [f"{split}_queries", f"{split}_easy", f"{split}_hard"]
            if missing := [part for part in parts if part not in paths]:
                raise DataError(f"{paths[parts[0]]}: there is no {FILES[missing[0]]} with its answers")
            wanted, easy, hard = (paths[part] for part in parts)
            sets[split] = read_query_pickles(wanted, easy, hard, split, space)
        elif f"{split}_lines" in paths:
            sets[split] = read_query_lines(paths[f"{split}_lines"], split, space)
    return {name: sets} if sets else {}
