"""What can be rebuilt from a store's sections, kept beside them in its ``cache`` folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from kgr import _io
from kgr.errors import FormatError
from kgr.index import commit
from kgr.index import manifest as manifests
from kgr.index.check import wrong_content
from kgr.index.store import Store

FORMAT = "kgr-cache"
VERSION = 1

Arrays = Mapping[str, NDArray[Any]]

_UNREADABLE = (OSError, FormatError, ValueError, TypeError, KeyError, AttributeError)  # damage may raise any of them


def cached(store: Store, kind: str, made_from: Iterable[str], make: Callable[[], Arrays]) -> Arrays:
    """Return the arrays that ``make`` gives, from the cache if they are there: memory maps, read-only.

    They lie in ``cache/<kind>-<digest>``, named by the fingerprints of the sections that they are made from, and appear
    there in one step: one process makes them while others wait for it. Every byte is verified; what is damaged is
    made anew. What was made from sections that the store no longer has is removed when something of its kind is
    written. Where nothing can be kept, in a read-only folder or on a full disk, the arrays are made all the same.
    """
    sources = store.fingerprints(made_from)
    described = json.dumps([VERSION, sorted(sources.items())])
    folder = store.cache / f"{kind}-{manifests.checksum(described.encode())[:32]}"
    found, made = _open(folder), None
    if found is not None:
        return found
    try:
        store.cache.mkdir(exist_ok=True)
        with _io.locked(store.cache / ".lock", wait=True):
            found = _open(folder)  # another process may have made it by now
            if found is None:
                made = make()
                _clear(store, kind, folder)
                _write(folder, made, sources)
                found = _open(folder)
    except OSError as error:
        if error.errno not in _io.CANNOT_KEEP:
            raise
    return found or made or make()


def _open(folder: Path) -> Arrays | None:
    """Map what is kept into memory if it is there and whole."""
    try:
        files = {folder / f"{name}.npy": described for name, described in _read(folder)["arrays"].items()}
        if any(wrong_content(file, described) for file, described in files.items()):
            return None
        return {file.stem: _io.read_array(file) for file in files}
    except _UNREADABLE:
        return None


def _read(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    if (manifest["format"], manifest["version"]) != (FORMAT, VERSION):
        raise FormatError(f"{folder}: of another format")
    return manifest


def _write(folder: Path, arrays: Arrays, sources: Mapping[str, str]) -> None:
    with _io.atomic_folder(folder) as temporary:
        described = commit.write_arrays(temporary, arrays)
        manifest = {"format": FORMAT, "version": VERSION, "made_from": sources, "arrays": described}
        _io.write_text(temporary / "manifest.json", json.dumps(manifest, indent=1) + "\n")


def _clear(store: Store, kind: str, wanted: Path) -> None:
    """Remove what is damaged, unfinished, or made from sections that are no more; whoever calls holds the lock."""
    now = manifests.fingerprints(manifests.read_manifest(store.path)[1])
    kept = [folder for folder in store.cache.glob(f"{kind}-*") if folder != wanted and _is_of(folder, now)]
    for folder in [*store.cache.glob(f"{kind}-*"), *store.cache.glob(f".tmp-{kind}-*")]:
        if folder not in kept:
            shutil.rmtree(folder)


def _is_of(folder: Path, now: Mapping[str, str]) -> bool:
    try:
        return bool(_read(folder)["made_from"].items() <= now.items())
    except _UNREADABLE:
        return False
