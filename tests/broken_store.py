"""A small store with every kind of section; what breaks it, and what must hold afterwards."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from kgr import _io
from kgr.data.build import build_store
from kgr.data.index_texts import index_texts
from kgr.errors import FormatError, KgrError
from kgr.index.check import check_store
from kgr.index.store import Section, Store, extend_store

KINDS = {
    "keys": "entries relations types",
    "texts": "text",
    "triples": "triples",
    "graph": "graph",
    "terms": "terms",
    "tokens": "tokens",
    "vectors": "vectors",
    "queries": "queries",
    "manifest": "manifest.json ../CURRENT",
}
"""Kinds of files, and what of a version's folder they are or are below."""

REFUSED = {"no room": (errno.ENOSPC, True), "a bad block": (errno.EIO, False)}
"""What a disk fails of, and whether it goes on to."""

CALLS = ("_write", "_sync", "_rename")
"""What of :mod:`kgr._io` a disk may refuse."""


def build(path: Path) -> Store:
    """Build version 1."""
    triples, table = path.with_name("train.tsv"), path.with_name("entities.tsv")
    triples.write_text("".join(f"e{i}\tr{i % 3}\te{i * 7 % 20}\n" for i in range(40)))
    table.write_text("key\tlabel.en\ttypes\n" + "".join(f"e{i}\tname of {i}\tt{i % 2}\n" for i in range(20)))
    return build_store(path, train=triples, entities_table=table)


def change(store: Store) -> Store:
    """Commit the next version, whose vectors have its number."""
    return extend_store(store, {"vectors/a": Section({"rows": np.full((500, 4), store.version + 1.0)})})


def whole(path: Path) -> Store:
    """Build a store with every kind of section."""
    store = index_texts(build(path), language="en")
    queries = {"arguments": np.arange(12, dtype=np.int32).reshape(-1, 2), "offsets": np.arange(7)}
    return change(extend_store(store, {"queries/own/test": Section(queries)}))


def files_of(store: Store, kind: str) -> list[Path]:
    """Return the files of a kind."""
    places = [store.folder / name for name in KINDS[kind].split()]
    return [path for place in places for path in ([place] if place.is_file() else sorted(place.rglob("*.npy")))]


def flipped(store: Store, path: Path, draw: random.Random) -> str:
    """Change a byte of a file for a while; say what was not found."""
    data = path.read_bytes()
    at, by = draw.randrange(len(data)), draw.randrange(1, 256)
    path.write_bytes(data[:at] + bytes([data[at] ^ by]) + data[at + 1 :])
    findings = check_store(store.path)
    path.write_bytes(data)
    named = any(path.name in finding for finding in findings)
    return "" if named else f"{path}: byte {at} by {by}: {findings or 'not found'}"


def wrong_after_kill(path: Path, acknowledged: int) -> tuple[list[str], bool]:
    """Say what is wrong with a store whose writer was killed, and whether it was killed on the way.

    Afterwards another version has been committed.
    """
    try:
        store = Store(path)
    except FormatError as error:
        wrong = [str(error)] if acknowledged else []
        interrupted, store = bool(list(path.parent.glob(".tmp-*"))), build(path)
    else:
        wrong = [] if store.version in (acknowledged, acknowledged + 1) else [f"{acknowledged} became {store.version}"]
        if store.version > 1 and not (store.section("vectors/a")["rows"] == store.version).all():
            wrong.append(f"version {store.version} has the vectors of another")
        findings = check_store(path)
        wrong += [finding for finding in findings if "left by an interrupted commit" not in finding]
        interrupted = bool(findings)
    return wrong + check_store(change(store).path) + _litter(path.parent), interrupted


def failures(folder: Path, what: str, step: int = 1) -> Iterator[tuple[str, list[str]]]:
    """Let each call of a build or a commit fail, or each so many; yield which it was, and what is wrong afterwards."""
    for reason, (code, lasting) in REFUSED.items():
        for number in itertools.count(1, step):
            own = folder / f"{code}-{number}"
            own.mkdir(parents=True)
            before = build(own / "store") if what == "commit" else None
            act = partial(change, before) if before else partial(build, own / "store")
            with failing(code, number, lasting=lasting) as calls:
                error = raised(act)
            if len(calls) < number:
                break
            yield f"{reason}, call {number}, {calls[number - 1]}", wrong_after_failure(own, before, error)


@contextlib.contextmanager
def failing(code: int, number: int, *, lasting: bool) -> Iterator[list[str]]:
    """Let one call of the disk fail, and perhaps all after it; gives the names of the calls."""
    calls: list[str] = []

    def wrapped(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def refuse(*arguments: Any) -> Any:
            calls.append(name)
            if len(calls) == number or (lasting and len(calls) > number):
                named = [str(given) for given in arguments if isinstance(given, Path)]  # as the system does of a rename
                raise OSError(code, os.strerror(code), *named[:1])
            return call(*arguments)

        return refuse

    with contextlib.ExitStack() as patches:
        for name in CALLS:
            patches.enter_context(mock.patch.object(_io, name, wrapped(name, getattr(_io, name))))
        yield calls


def raised(act: Callable[[], object]) -> Exception | None:
    """Return the error that is raised."""
    try:
        act()
    except Exception as error:
        return error
    return None


def wrong_after_failure(folder: Path, before: Store | None, error: Exception | None) -> list[str]:
    """Say what is wrong with a store in a folder after a build, or a commit after a version, that failed."""
    path, wrong = folder / "store", list[str]()
    told = isinstance(error, KgrError) or (isinstance(error, OSError) and error.filename is not None)
    if not told or str(folder) not in str(error) or "\n" in str(error):
        wrong.append(f"raised {error!r}, expected one line that names a path")
    if before or path.exists():
        wrong += check_store(path)
        versions = (before.version, before.version + 1) if before else (1,)
        if Store(path).version not in versions:
            wrong.append(f"version {Store(path).version} after {versions[0]}")
    return wrong + _litter(folder)


def _litter(folder: Path) -> list[str]:
    return [f"{path}: left behind" for path in folder.rglob(".tmp-*")]
