"""Known data sets by name: fetched, verified, built once, kept under ``$KGR_HOME``."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from kgr import _io
from kgr.data.babelsememe import read_annotations, read_babelsememe
from kgr.data.beir import read_known_beir
from kgr.data.build import Material, read_material, write_store
from kgr.data.codex import read_codex
from kgr.data.collection import Collection, write_collection
from kgr.data.documents import ReadingConfig
from kgr.data.fetch import Patience, Progress, RemoteFile, fetch, pinned
from kgr.data.judgements import read_judged
from kgr.data.keyed_texts import file_source
from kgr.data.manifest import KnownFile, Manifest, read_manifest
from kgr.data.ogb import read_wikikg2
from kgr.data.published import (
    read_betae_archive,
    read_fb15k237,
    read_fb15k237_betae,
    read_splits,
    read_wn18rr,
    read_wn18rr_qa,
)
from kgr.data.splits import NEGATIVES, SPLITS, Message
from kgr.errors import ConfigError, DataError, FetchError, FormatError, UnknownKey
from kgr.index.store import Store

RECIPE = 3
"""Raised when the readers below make another store of the same files: kept stores are then built anew."""


def read_tables(manifest: Manifest, paths: Mapping[str, Path]) -> Material:
    """Read a data set that lies in the forms of :func:`kgr.data.build.build_store`, and perhaps ``queries`` in words.

    Their judgements are ``qrels.<name>``; what they judge are entities.
    """
    splits = {split: [paths[split]] for split in (*SPLITS, *NEGATIVES) if split in paths}
    material = read_material(splits, paths.get("entities"), paths.get("relations"), paths.get("types"))
    if "queries" not in paths:
        return material
    sources = {what: file_source(path) for what, path in paths.items()}
    entities = {key: id for id, key in enumerate(material.entities.keys)}
    topics, qrels = read_judged(sources, entities)
    return replace(material, topics=topics, qrels=qrels)


READERS: dict[str, Callable[[Manifest, Mapping[str, Path]], Material | Collection]] = {
    "tables": read_tables,
    "codex": read_codex,
    "fb15k-237": read_fb15k237,
    "fb15k-237-betae": read_fb15k237_betae,
    "wn18rr": read_wn18rr,
    "splits": read_splits,
    "betae-archive": read_betae_archive,
    "ogbl-wikikg2": read_wikikg2,
    "wn18rr-qa": read_wn18rr_qa,
    "babelsememe": lambda manifest, paths: read_babelsememe(paths, manifest.title),
    "synset-sememes": lambda manifest, paths: read_annotations(paths, manifest.title),
    "beir": read_known_beir,
}


def data_home() -> Path:
    """Return the folder for downloads and built stores: ``$KGR_HOME``, else ``~/.cache/kgr``."""
    return Path(os.environ.get("KGR_HOME") or "~/.cache/kgr").expanduser()


def datasets_folder() -> Path:
    """Return the folder of manifests, recipes and embedded data: in the package, else in the checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "_datasets"
    return inside if inside.is_dir() else package.parent / "datasets"


def known_names() -> tuple[str, ...]:
    """Return the names of the known data sets, sorted."""
    return tuple(sorted(path.parent.name for path in datasets_folder().glob("*/manifest.toml")))


def manifest_of(name: str) -> Manifest:
    """Return the manifest of a known data set.

    Raises
    ------
    UnknownKey
        No data set of that name; the nearest names are given.
    """
    if name not in known_names():
        raise UnknownKey(f"{UnknownKey.of('data set', name, known_names())}; known: {', '.join(known_names())}")
    return read_manifest(datasets_folder() / name / "manifest.toml")


def open_store(
    store: Store | str | Path,
    *,
    partial: bool = False,
    message: Message | None = None,
    progress: Progress | None = None,
) -> Store:
    """Open a store: itself, the folder of one, or a known data set by name.

    A text is a folder if it has a separator or a store lies there, else a name. A known data set is
    fetched, verified and built when it is first asked for, or when its manifest or the readers changed
    since; what happens, and what could not be had, is told to ``message`` line by line. ``partial`` loads
    what is there of a known data set where a part cannot be had; such a store may have nothing to train on.

    Raises
    ------
    UnknownKey
        Neither a folder nor a known name.
    FetchError, DataError, FormatError
        A file cannot be had; it is not as expected; the folder is no store of this version.
    """
    if isinstance(store, Store):
        return store
    if isinstance(store, Path) or "/" in store or os.sep in store or (Path(store) / "CURRENT").exists():
        return Store(Path(store).expanduser())
    if store not in known_names() and Path(store).is_dir():
        return Store(store)
    return _kept(manifest_of(store), partial, message, progress)


def build_known(
    name: str,
    out: str | Path | None = None,
    *,
    partial: bool = False,
    message: Message | None = None,
    progress: Progress | None = None,
) -> Store:
    """Build a known data set at ``out``, or anew in its place under ``$KGR_HOME``; see :func:`open_store`."""
    manifest = manifest_of(name)
    if out is not None:
        return _build(manifest, Path(out), message, progress, fresh=True, partial=partial)
    with _lock_of(name):
        return _build(manifest, store_place(name, partial), message, progress, fresh=False, partial=partial)


def _kept(manifest: Manifest, partial: bool, message: Message | None, progress: Progress | None) -> Store:
    def current() -> Store | None:
        whole = _current(store_place(manifest.name), manifest)
        return whole or (_current(store_place(manifest.name, partial), manifest) if partial else None)

    store = current()
    if store is not None:
        return store
    with _lock_of(manifest.name):
        place = store_place(manifest.name, partial)
        return current() or _build(manifest, place, message, progress, fresh=False, partial=partial)


def store_place(name: str, partial: bool = False) -> Path:
    """Return where the store of a known data set is kept."""
    return data_home() / "stores" / (f"{name}.partial" if partial else name)


def _lock_of(name: str) -> Any:
    folder = data_home() / "stores"
    folder.mkdir(parents=True, exist_ok=True)
    return _io.locked(folder / f".{name}.lock", wait=True)


def _current(place: Path, manifest: Manifest) -> Store | None:
    """Open the kept store if it was made by this manifest and these readers."""
    try:
        store = Store(place)
    except FormatError:
        return None
    return store if store.manifest["sources"].get("stamp") == stamp(manifest) else None


def stamp(manifest: Manifest) -> str:
    """Return what a kept store is recognised by: a digest of manifest, embedded files and the readers' version."""
    digest = hashlib.blake2b(b"%d\n" % RECIPE + manifest.path.read_bytes(), digest_size=16)
    for name, file in sorted(manifest.files.items()):
        if file.embedded is not None:
            digest.update(hashlib.blake2b(name.encode() + b"\n" + _bytes_of(file.embedded)).digest())
    return digest.hexdigest()


def _bytes_of(embedded: Path) -> bytes:
    try:
        return embedded.read_bytes()
    except OSError as error:
        raise DataError(
            f"{embedded}: cannot be read: {error.strerror}: this installation of kgr is not whole"
        ) from error


def _build(
    manifest: Manifest,
    out: Path,
    message: Message | None,
    progress: Progress | None,
    *,
    fresh: bool,
    partial: bool,
) -> Store:
    say = message or (lambda line: None)
    say(f"{manifest.name}: {manifest.title}, licence: {manifest.licence}")
    if manifest.reader not in READERS:
        raise ConfigError(f"{manifest.path}: reader is {manifest.reader!r}, expected one of {', '.join(READERS)}")
    made_by = stamp(manifest)  # before its files are read: what changes meanwhile is built anew next time
    paths, absent = fetch_files(manifest, partial=partial, message=say, progress=progress)
    with _naming_pins(manifest, paths):
        made = READERS[manifest.reader](manifest, paths)
    sources = {
        "title": manifest.title,
        "licence": manifest.licence,
        "source": manifest.source,
        "stamp": made_by,
        "files": {name: _identity(verifiable(manifest.files[name])) for name in paths},
        "absent": absent,
    }
    cut = any(manifest.files[name].partial for name in absent)
    expected = {what: count for what, count in manifest.counts.items() if not cut or what in paths}
    rest: dict[str, Any] = {"sources": sources, "message": say, "expected": expected, "replace": not fresh}
    with _naming_pins(manifest, paths):
        if isinstance(made, Collection):
            return write_collection(out, made, ReadingConfig(strict=True), name=manifest.name, **rest)
        return write_store(out, made, name=manifest.name, partial=cut, **rest)


@contextmanager
def _naming_pins(manifest: Manifest, names: Iterable[str]) -> Iterator[None]:
    """Add to a DataError which of the files are only believed: their first download may be what is wrong."""
    try:
        yield
    except DataError as error:
        files = [file for name in names if (file := manifest.files[name].file) and not file.has_checksum]
        pins = [str(pin) for file in files if (pin := _pin(file)).is_file()]
        if not pins:
            raise
        what = ", ".join(file.path for file in files)
        remedy = f"If that was a wrong one, remove {', '.join(pins)} to fetch anew"
        raise DataError(f"{error}. No checksum is published of {what}: its first download holds. {remedy}") from error


def fetch_files(
    manifest: Manifest,
    folder: Path | None = None,
    *,
    partial: bool = False,
    message: Message | None = None,
    progress: Progress | None = None,
) -> tuple[dict[str, Path], list[str]]:
    """Bring the files of a data set; embedded ones are verified where they are.

    Every file that can be had is brought before a missing one is an error.

    Parameters
    ----------
    folder : path, optional
        Where to put them; by default below ``$KGR_HOME``.
    partial : bool
        Go on without files that a part of the set can do without.

    Returns
    -------
    dict of paths by name, list of names
        The files at hand, and those that cannot be had, each told to ``message``.

    Raises
    ------
    FetchError, DataError
        A file that is needed cannot be had; an embedded one is damaged.
    """
    say = message or (lambda line: None)
    if manifest.restrictions:
        say(f"{manifest.name}: {manifest.restrictions}")
    paths: dict[str, Path] = {}
    refusals: dict[str, FetchError] = {}
    needed: list[str] = []
    for name, file in manifest.files.items():
        if file.instead_of and not set(file.instead_of) & set(refusals):
            continue
        try:
            paths[name] = _bring(file, file_path(file, folder), file.optional or bool(needed), say, progress)
        except FetchError as error:
            refusals[name] = error
            if not file.optional and not (partial and file.partial):
                needed.append(name)
    if needed:
        raise _refusal(manifest, needed, refusals)
    for line in _absences(manifest, paths, refusals):
        say(line)
    return paths, list(refusals)


def _refusal(manifest: Manifest, needed: list[str], refusals: Mapping[str, FetchError]) -> FetchError:
    """Return the error of files that are needed: the first whole, the others by name, and what can be done."""
    first, *others = needed
    also = f"; nor can {', '.join(others)}" if others else ""
    rest = ""
    if all(manifest.files[name].partial for name in needed):
        commands = f"open_store({manifest.name!r}, partial=True), kgr build {manifest.name} --partial"
        rest = f". What is there still loads: {commands}"
    remedy = f". {manifest.remedy}" if manifest.remedy else ""
    return FetchError(f"{manifest.name}: {refusals[first]}{also}{rest}{remedy}")


def _absences(manifest: Manifest, paths: Mapping[str, Path], refusals: Mapping[str, FetchError]) -> Iterator[str]:
    """Say what could not be had and what is done without it; files with nothing in their place in one line."""
    without = []
    for name in refusals:
        stand_in = next((other for other in paths if name in manifest.files[other].instead_of), None)
        if stand_in is None:
            without.append(name)
        else:
            yield f"{manifest.name}: with {stand_in} instead of {name}: {refusals[name]}"
    if without:
        more = " (the others likewise)" if len(without) > 1 else ""
        yield f"{manifest.name}: without {', '.join(without)}: {refusals[without[0]]}{more}"


def file_path(known: KnownFile, folder: Path | None = None) -> Path:
    """Return where a file lies, or will when it is fetched: see :func:`fetch_files`."""
    if known.embedded is not None:
        return known.embedded
    assert known.file is not None  # a manifest gives one of the two
    return (folder or data_home() / "downloads") / known.file.path


def verifiable(known: KnownFile) -> KnownFile:
    """Return a file with the checksum that was kept of its first download, where none is published."""
    return replace(known, file=pinned(known.file, _pin(known.file))) if known.file else known


def _pin(file: RemoteFile) -> Path:
    return data_home() / "pins" / f"{file.path}.json"


def _bring(known: KnownFile, path: Path, hasty: bool, message: Message, progress: Progress | None) -> Path:
    if known.embedded is None and known.file is not None:
        patience = Patience(tries=1, timeout=10.0) if hasty else Patience()
        pin = _pin(known.file)
        return fetch(known.file, path, pin=pin, message=message, progress=progress, patience=patience)
    wrong = known.file.fault(path) if known.file else None
    if wrong:
        raise DataError(f"{path}: found {wrong}: the file or its manifest was changed")
    return path


def _identity(known: KnownFile) -> dict[str, Any]:
    """Return what a store says of a file that it was made from."""
    found = {"embedded": known.embedded.name} if known.embedded else {"path": known.file.path if known.file else ""}
    checksums = {name: getattr(known.file, name) for name in ("sha256", "git_sha1", "md5")} if known.file else {}
    return {**found, **{name: value for name, value in checksums.items() if value}}
