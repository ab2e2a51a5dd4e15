"""Commits: a store goes from one version to the next in one step, or stays as it is."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr import _io
from kgr._io import Pieces
from kgr.errors import DataError, FormatError
from kgr.index import manifest as manifests


@dataclasses.dataclass(frozen=True)
class Section:
    """A named part of a store, to be written.

    Attributes
    ----------
    arrays : by name
        Arrays of numbers, of any shape.
    made_from : tuple of str
        The sections that this one was computed from; ``"entities"`` stands for the keys of the graph's
        entities. When one of them changes, this one must be given anew too.
    pieces : by name
        More arrays, which are too large to be held.
    """

    arrays: Mapping[str, NDArray[Any]]
    made_from: tuple[str, ...] = ()
    pieces: Mapping[str, Pieces] = dataclasses.field(default_factory=dict)

    @property
    def everything(self) -> dict[str, NDArray[Any] | Pieces]:
        """All arrays, whole and in pieces."""
        return {**self.arrays, **self.pieces}


def check_sections(sections: Mapping[str, Section]) -> None:
    """Refuse names and arrays that a store cannot hold, with a DataError."""
    for name, section in sections.items():
        if not manifests.valid_name(name) or name == "entities":
            raise DataError(f"section {name!r:.80}: a name is made of letters, digits, '_', '.', '-' and '/'")
        for array_name, array in section.everything.items():
            if not manifests.valid_name(array_name) or "/" in array_name:
                raise DataError(
                    f"section {name!r}: array {array_name!r}: a name is made of letters, digits, '_', '.', '-'"
                )
            if array.dtype.kind not in "biuf":
                raise DataError(f"section {name!r}: array {array_name!r} is of {array.dtype}; expected numbers")


def check_entries(section: Section, entities: int) -> None:
    """Refuse a section ``entries`` whose arrays do not fit together, with a DataError."""
    missing = sorted({"bytes", "offsets", "table", "kinds"} - set(section.arrays))
    if missing:
        raise DataError(f"section 'entries': array {missing[0]!r} is missing")
    count, kinds = len(section.arrays["offsets"]) - 1, section.arrays["kinds"]
    if kinds.dtype != np.uint8 or kinds.shape != (count,):
        raise DataError(f"section 'entries': kinds are {kinds.dtype}{kinds.shape}, expected uint8({count},)")
    if not 0 <= entities <= count:
        raise DataError(f"section 'entries': {entities} entities among {count} entries")


@contextlib.contextmanager
def next_version(store: Path) -> Iterator[int]:
    """Hold a store's lock and yield the number of its next version; clean up if the block fails."""
    with _io.only_writer(store):
        _remove_uncommitted(store)
        try:
            yield max(manifests.versions(store), default=0) + 1
        except BaseException:
            _remove_uncommitted(store)
            raise


def write_version(
    store: Path, version: int, manifest: dict[str, Any], sections: Mapping[str, Section], linked: Path | None = None
) -> None:
    """Write a version's folder, then put it in force.

    Parameters
    ----------
    manifest : dict
        Describes the sections that stay; completed by those in ``sections``.
    linked : Path, optional
        The folder of the version that has the sections that stay.
    """
    with _io.atomic_folder(store / manifests.folder_name(version)) as folder:
        for name, section in sections.items():
            manifest["sections"][name] = {"arrays": write_arrays(folder / name, section.everything)}
        if "entries" in sections:
            arrays = sections["entries"].arrays
            manifest["entities_fingerprint"] = manifests.keys_fingerprint(arrays, manifest["entities"])
        manifests.set_fingerprints(manifest, {name: section.made_from for name, section in sections.items()})
        if linked is not None:
            _link_arrays(linked, folder, {n: e for n, e in manifest["sections"].items() if n not in sections})
        text = json.dumps(manifest, indent=1) + "\n"
        _io.write_text(folder / "manifest.json", text)
    _io.replace_text(store / "CURRENT", manifests.current_line(version, text))


def write_arrays(folder: Path, arrays: Mapping[str, NDArray[Any] | Pieces]) -> dict[str, Any]:
    """Write the arrays of a section into its folder, and return what a manifest says of them."""
    folder.mkdir(parents=True, exist_ok=True)
    described = {}
    for name, array in arrays.items():
        path = folder / f"{name}.npy"
        _io.write_array(path, array)
        described[name] = {
            "dtype": array.dtype.str,
            "shape": list(array.shape),
            "bytes": path.stat().st_size,
            "blake2b": _io.digest(path),
        }
    return described


def _link_arrays(source: Path, target: Path, sections: Mapping[str, Any]) -> None:
    for name, entry in sections.items():
        (target / name).mkdir(parents=True)
        for array in entry["arrays"]:
            _io.link_or_copy(source / name / f"{array}.npy", target / name / f"{array}.npy")


def _remove_uncommitted(store: Path) -> None:
    """Remove what interrupted commits left. Whoever calls holds the lock, so nobody is writing it."""
    for leftover in store.glob(".tmp-*"):
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    try:
        current, _ = manifests.read_current(store)
    except FormatError:  # a damaged store that is being replaced: nothing can be told from it
        return
    for version in manifests.versions(store):
        if version > current:
            shutil.rmtree(store / manifests.folder_name(version))
