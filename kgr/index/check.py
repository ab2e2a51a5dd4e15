"""Verify a store byte for byte."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from kgr import _io
from kgr.errors import FormatError
from kgr.index import manifest as manifests


def check_store(path: str | Path) -> list[str]:
    """Read every byte of the version in force and return what is wrong with it, one line each.

    Each line names the file, so the section and the array. What interrupted commits left counts
    too; it does no harm, and the next commit removes it. An empty list: the store is whole.
    """
    path = Path(path)
    try:
        version, manifest = manifests.read_manifest(path)
        folder = path / manifests.folder_name(version)
        files = list(manifests.array_files(folder, manifest))
    except FormatError as error:
        return [str(error)]
    wrong = (_wrong(section, array, file, described) for section, array, file, described in files)
    known = {file for _, _, file, _ in files}
    return [
        *filter(None, wrong),
        *_wrong_fingerprints(folder, manifest),
        *_strangers(folder, known),
        *_leftovers(path, version),
    ]


def verify_sections(path: str | Path, names: Collection[str]) -> None:
    """Read every byte of some sections of the version in force: kernels go where their arrays point.

    Raises
    ------
    FormatError
        An array is not what the manifest says; section, array and file are named.
    """
    path = Path(path)
    version, manifest = manifests.read_manifest(path)
    for section, array, file, described in manifests.array_files(path / manifests.folder_name(version), manifest):
        if section in names and (wrong := _wrong(section, array, file, described)):
            raise FormatError(f"{wrong}; the store is damaged, build it anew")


def _wrong(section: str, array: str, file: Path, described: Mapping[str, Any]) -> str | None:
    wrong = wrong_content(file, described)
    return f"section {section!r}, array {array!r}: {wrong}" if wrong else None


def wrong_content(file: Path, described: Mapping[str, Any]) -> str | None:
    """Say what is wrong with an array's file, of which every byte is read, or return None."""
    wrong = manifests.wrong_size(file, described)
    if not wrong and _io.digest(file) != described["blake2b"]:
        wrong = f"{file}: its checksum is not the manifest's; its content was changed"
    return wrong


def _wrong_fingerprints(folder: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    sections = manifest["sections"]
    now = manifests.fingerprints(manifest)
    for name, entry in sections.items():
        if manifests.fingerprint(entry) != entry["fingerprint"]:
            yield f"section {name!r}: {folder}/manifest.json: its fingerprint is not that of its arrays"
        for source, then in entry["made_from"].items():
            if now.get(source) != then:
                yield f"section {name!r}: made from {source!r} as it was before; build the store anew"


def _strangers(folder: Path, known: set[Path]) -> Iterator[str]:
    for file in sorted(folder.rglob("*")):
        if not file.is_dir() and file not in known and file != folder / "manifest.json":
            yield f"{file}: not in the manifest; delete it if it is not yours"


def _leftovers(path: Path, version: int) -> Iterator[str]:
    later = {manifests.folder_name(number) for number in manifests.versions(path) if number > version}
    own = {manifests.folder_name(number) for number in manifests.versions(path)} | {"CURRENT", "cache", ".lock"}
    for found in sorted(path.iterdir()):
        if found.name in later or found.name.startswith(".tmp-"):
            yield f"{found}: left by an interrupted commit; the next commit removes it"
        elif found.name not in own:
            yield f"{found}: not part of a store; delete it if it is not yours"
