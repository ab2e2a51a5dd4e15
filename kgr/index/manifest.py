"""The manifest of a store's version: what is there, of which size and checksum, made from what."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr.errors import DataError, FormatError

FORMAT = "kgr-store"
VERSION = 1

_CURRENT = re.compile(r"(v[0-9]{8}) ([0-9a-f]{64})\n")
_FOLDER = re.compile(r"v[0-9]{8}")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")  # file systems have names of up to 255 bytes


def folder_name(version: int) -> str:
    """Return the name of a version's folder."""
    return f"v{version:08d}"


def versions(store: Path) -> list[int]:
    """Return the versions whose folders are there, in force or not, ascending."""
    return sorted(int(path.name[1:]) for path in store.iterdir() if _FOLDER.fullmatch(path.name))


def valid_name(name: str) -> bool:
    """Whether a section or array name is a relative path of plain names: 200 letters, digits and ``_ . -`` at most."""
    return all(_PART.fullmatch(part) for part in name.split("/"))


def checksum(data: bytes) -> str:
    """Return the BLAKE2b-256 of bytes, in hexadecimal."""
    return hashlib.blake2b(data, digest_size=32).hexdigest()


def current_line(version: int, manifest: str) -> str:
    """Return what CURRENT says: the version in force and its manifest's checksum."""
    return f"{folder_name(version)} {checksum(manifest.encode())}\n"


def read_current(store: Path) -> tuple[int, str]:
    """Return the version in force and the checksum of its manifest.

    Raises
    ------
    FormatError
        There is no store, or its CURRENT file is damaged.
    """
    try:
        text = (store / "CURRENT").read_text(encoding="ascii")
    except (FileNotFoundError, NotADirectoryError):
        raise FormatError(f"{store}: no store here (no file CURRENT); build one first") from None
    except ValueError:
        text = ""
    match = _CURRENT.fullmatch(text)
    if match is None:
        raise FormatError(
            f"{store}/CURRENT: expected a version and a checksum; the file is damaged, build the store anew"
        )
    return int(match[1][1:]), match[2]


def read_manifest(store: Path) -> tuple[int, dict[str, Any]]:
    """Return the version in force and its manifest.

    Raises
    ------
    FormatError
        There is no store, its manifest is damaged, or it is of another format or version.
    """
    version, expected = read_current(store)
    path = store / folder_name(version) / "manifest.json"
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise FormatError(f"{path}: missing, though CURRENT names it; build the store anew") from None
    if checksum(data) != expected:
        raise FormatError(f"{path}: its checksum is not the one in CURRENT; the file is damaged, build the store anew")
    try:
        manifest: dict[str, Any] = json.loads(data)
        found = manifest["format"], manifest["version"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise FormatError(f"{path}: not the manifest of a store: {error!r}") from error
    if found != (FORMAT, VERSION):
        raise FormatError(
            f"{path}: found format {found[0]!r} version {found[1]!r}, this kgr reads {FORMAT!r} version {VERSION}; "
            "build the store anew, or use the kgr that wrote it"
        )
    _check_fields(manifest, path)
    return version, manifest


_STORE = {"name": str, "entities": int, "counts": dict, "sources": dict, "sections": dict, "entities_fingerprint": str}
_SECTION = {"arrays": dict, "made_from": dict, "fingerprint": str}
_ARRAY = {"dtype": str, "shape": list, "bytes": int, "blake2b": str}


def _check_fields(manifest: Mapping[str, Any], path: Path) -> None:
    """Refuse a manifest that was written by something else, whose checksum says nothing of its form."""
    _check_types(manifest, _STORE, f"{path}")
    for name, section in manifest["sections"].items():
        _check_types(section, _SECTION, f"{path}: section {name!r}")
        for array, described in section["arrays"].items():
            _check_types(described, _ARRAY, f"{path}: section {name!r}, array {array!r}")


def _check_types(entry: Any, types: Mapping[str, type], where: str) -> None:
    for name, expected in types.items():
        found = entry.get(name) if isinstance(entry, dict) else None
        if type(found) is not expected:
            raise FormatError(f"{where}: {name} is {found!r:.80}, expected one of type {expected.__name__}")


def array_files(folder: Path, manifest: Mapping[str, Any]) -> Iterator[tuple[str, str, Path, Mapping[str, Any]]]:
    """Yield section, array, file and description of every array of a version."""
    for section, entry in manifest["sections"].items():
        for array, described in entry["arrays"].items():
            if not (valid_name(section) and valid_name(array)):
                raise FormatError(f"{folder}/manifest.json: a section or array has the name {section!r}, {array!r}")
            yield section, array, folder / section / f"{array}.npy", described


def wrong_size(path: Path, described: Mapping[str, Any]) -> str | None:
    """Say what is wrong with the size of an array's file, or return None."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return f"{path}: missing"
    except OSError as error:
        return f"{path}: cannot be read: {error.strerror}"
    if size != described["bytes"]:
        return f"{path}: {size} bytes, the manifest says {described['bytes']}"
    return None


def fingerprint(entry: Mapping[str, Any]) -> str:
    """Return the fingerprint of a section: of its arrays by name, and of what it was made from."""
    arrays = [[name, a["dtype"], a["shape"], a["blake2b"]] for name, a in sorted(entry["arrays"].items())]
    return checksum(json.dumps([arrays, sorted(entry["made_from"].items())]).encode())


def fingerprints(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return the fingerprints of all sections by name, and of the graph's entities as ``"entities"``."""
    sections = {name: str(entry["fingerprint"]) for name, entry in manifest["sections"].items()}
    return {**sections, "entities": str(manifest["entities_fingerprint"])}


def keys_fingerprint(entries: Mapping[str, NDArray[Any]], count: int) -> str:
    """Return the fingerprint of the first ``count`` keys, whatever keys follow."""
    offsets = entries["offsets"][: count + 1]
    state = hashlib.blake2b(offsets.astype("<i8").data, digest_size=32)
    state.update(np.ascontiguousarray(entries["bytes"][: offsets[-1]]).data)
    return state.hexdigest()


def set_fingerprints(manifest: dict[str, Any], made_from: Mapping[str, tuple[str, ...]]) -> None:
    """Set what the sections in ``made_from`` were made from, and their fingerprints.

    Raises
    ------
    DataError
        A section is made from one that is not there, or from itself.
    """
    sections, waiting = manifest["sections"], dict(made_from)

    def of(name: str, wanted_by: str) -> str:
        if name == "entities":
            return str(manifest["entities_fingerprint"])
        if name not in sections:
            raise DataError(f"section {wanted_by!r} is made from {name!r}, which is not in the store")
        if name in waiting:
            sources = waiting.pop(name)
            sections[name]["made_from"] = {source: of(source, name) for source in sources}
            sections[name]["fingerprint"] = fingerprint(sections[name])
        if "fingerprint" not in sections[name]:
            raise DataError(f"section {wanted_by!r} is made from {name!r}, which is made from it in turn")
        return str(sections[name]["fingerprint"])

    for name in made_from:
        of(name, name)
