"""What can be rebuilt from a store's sections, kept beside them in its ``cache`` folder."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from kgr import _io
from kgr.errors import FormatError
from kgr.index import manifest as manifests
from kgr.index.check import wrong_content
from kgr.index.store import Store

FORMAT = "kgr-cache"
VERSION = 2

Arrays = Mapping[str, NDArray[Any]]

_MANIFEST = "manifest.json"
_UNREADABLE = (OSError, FormatError, ValueError, TypeError, KeyError, AttributeError)  # damage may raise any of them


def cached(
    store: Store,
    kind: str,
    made_from: Iterable[str],
    make: Callable[[], Arrays],
    *,
    settings: Mapping[str, Any] | None = None,
) -> Arrays:
    """Return the arrays that ``make`` gives, from the cache if they are there: memory maps, read-only.

    See :func:`cached_folder`. Where nothing can be kept, the arrays are made all the same, in memory.
    """
    made: dict[str, NDArray[Any]] = {}

    def write(folder: Path) -> None:
        made.update(make())
        for name, array in made.items():
            _io.write_array(folder / f"{name}.npy", array)

    folder = _kept(store, kind, made_from, write, settings or {})
    if folder is None:
        return made or make()
    return {file.stem: _io.read_array(file) for file in sorted(folder.glob("*.npy"))}


def cached_folder(
    store: Store,
    kind: str,
    made_from: Iterable[str],
    make: Callable[[Path], object],
    *,
    settings: Mapping[str, Any] | None = None,
) -> Path:
    """Return a folder with the files that ``make`` writes into the empty folder that it is given.

    They lie in ``cache/<kind>-<digest>``, named by the fingerprints of the sections that they are made from and by
    ``settings`` (as JSON has them), and appear there in one step: one process makes them while others wait for it.
    Every byte is verified; what is damaged is made anew. What was made from sections that the store no longer has is
    removed when something of its kind is written. Where nothing can be kept, in a read-only folder or on a full disk,
    the files are made in a temporary folder, which is removed when the program ends.
    """
    folder = _kept(store, kind, made_from, make, settings or {})
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix=f"kgr-{kind}-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        make(folder)
    return folder


def _kept(
    store: Store, kind: str, made_from: Iterable[str], make: Callable[[Path], object], settings: Mapping[str, Any]
) -> Path | None:
    """Return the folder in the cache, made first where it is not there, or None where nothing can be kept."""
    sources = store.fingerprints(made_from)
    described = json.dumps([VERSION, sorted(sources.items()), sorted(settings.items())])
    folder = store.cache / f"{kind}-{manifests.checksum(described.encode())[:32]}"
    if _is_whole(folder):
        return folder
    try:
        store.cache.mkdir(exist_ok=True)
        with _io.locked(store.cache / ".lock", wait=True):
            if not _is_whole(folder):  # another process may have made it by now
                _clear(store, kind, folder)
                _write(folder, make, {"made_from": sources, "settings": dict(settings)})
        return folder
    except OSError as error:
        if error.errno not in _io.CANNOT_KEEP:
            raise
    return None


def _is_whole(folder: Path) -> bool:
    """Whether everything is there, byte for byte as it was written."""
    try:
        files = _read(folder)["files"].items()
        return not any(wrong_content(folder / name, described) for name, described in files)
    except _UNREADABLE:
        return False


def _read(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / _MANIFEST).read_bytes())
    if (manifest["format"], manifest["version"]) != (FORMAT, VERSION):
        raise FormatError(f"{folder}: of another format")
    return manifest


def _write(folder: Path, make: Callable[[Path], object], origin: Mapping[str, Any]) -> None:
    with _io.atomic_folder(folder) as temporary:
        make(temporary)
        files = {
            file.relative_to(temporary).as_posix(): {"bytes": file.stat().st_size, "blake2b": _io.digest(file)}
            for file in sorted(temporary.rglob("*"))
            if file.is_file()
        }
        manifest = {"format": FORMAT, "version": VERSION, **origin, "files": files}
        _io.write_text(temporary / _MANIFEST, json.dumps(manifest, indent=1) + "\n")


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
