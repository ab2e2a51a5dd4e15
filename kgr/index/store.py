"""The store: keys, texts, types and named sections of arrays in one folder, opened by memory map.

A store is a sequence of versions; the file CURRENT names the one in force. No file is ever
edited: a change writes the next version, which shares the files of what did not change. Older
versions stay, for those who have them open; their folders may be deleted by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from kgr import _io
from kgr.errors import DataError, FormatError, UnknownKey
from kgr.index import commit
from kgr.index import manifest as manifests
from kgr.index.commit import Section as Section
from kgr.index.keys import Keys
from kgr.index.languages import language_name
from kgr.index.texts import Texts
from kgr.index.types import Types

if TYPE_CHECKING:
    from networkx import MultiDiGraph
    from rdflib import Graph as RdfGraph

Of = Literal["entries", "relations", "types"]
_SINGULAR: dict[Of, str] = {"entries": "entry", "relations": "relation", "types": "type"}

SPLITS = ("train", "valid", "test")
"""The sets of triples that are facts; others are negatives, or what a run predicted."""

LARGE = 1_000_000
"""How many triples or entities go into the graph of another library without being asked for."""


class Store:
    """An opened version of a store; a later commit does not change it.

    Parameters
    ----------
    path : path
        The store's folder.

    Raises
    ------
    FormatError
        There is no store, it is of another format or version, or a file is missing or of another
        size than the manifest says. Checksums are verified by :func:`kgr.index.check.check_store`.
    """

    path: Path
    version: int
    manifest: dict[str, Any]

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).absolute()  # a program may go to another folder
        self.version, self.manifest = manifests.read_manifest(self.path)
        self.folder = self.path / manifests.folder_name(self.version)
        for _, _, file, described in manifests.array_files(self.folder, self.manifest):
            wrong = manifests.wrong_size(file, described)
            if wrong:
                raise FormatError(f"{wrong}; the store is damaged, build it anew")
        self._arrays: dict[str, dict[str, NDArray[Any]]] = {}

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r}, version={self.version}, entries={len(self.entries)})"

    @property
    def name(self) -> str:
        """The data set's name; empty for one of the user's own."""
        return str(self.manifest["name"])

    @property
    def entities(self) -> int:
        """G: the ids [0, G) are the graph's entities."""
        return int(self.manifest["entities"])

    @property
    def cache(self) -> Path:
        """The folder of what can be rebuilt; it may not exist yet."""
        return self.path / "cache"

    @property
    def sections(self) -> tuple[str, ...]:
        """The names of all sections."""
        return tuple(self.manifest["sections"])

    def has(self, name: str) -> bool:
        """Whether there is a section of this name."""
        return name in self.manifest["sections"]

    def section(self, name: str) -> dict[str, NDArray[Any]]:
        """Return the arrays of a section by name: memory maps, read-only.

        Raises
        ------
        FormatError
            There is no such section, or an array is not what the manifest says.
        """
        if name not in self._arrays:
            entry = self._entry(name)
            self._arrays[name] = {array: self._map(name, array, entry["arrays"][array]) for array in entry["arrays"]}
        return self._arrays[name]

    def _entry(self, name: str) -> Mapping[str, Any]:
        if not self.has(name):
            raise FormatError(f"{self.path}: no section {name!r}; there are {', '.join(self.sections)}")
        entry: Mapping[str, Any] = self.manifest["sections"][name]
        return entry

    def _map(self, section: str, name: str, described: Mapping[str, Any]) -> NDArray[Any]:
        path = self.folder / section / f"{name}.npy"
        array = _io.read_array(path)
        found, expected = (array.dtype.str, list(array.shape)), (described["dtype"], described["shape"])
        if found != expected:
            raise FormatError(
                f"{path}: found dtype and shape {found}, the manifest says {expected}; build the store anew"
            )
        return array

    def fingerprints(self, names: Iterable[str]) -> dict[str, str]:
        """Return the fingerprints of sections by name.

        ``"entities"`` gives that of the keys [0, G) alone, which adding documents does not change.
        """
        fixed = self.manifest["entities_fingerprint"]
        return {name: str(fixed if name == "entities" else self._entry(name)["fingerprint"]) for name in names}

    @cached_property
    def entries(self) -> Keys:
        """The keys of all entries: the graph's entities, then what else there is."""
        return self.keys("entries")

    @cached_property
    def relations(self) -> Keys:
        """The keys of the base relations; none in a store without a graph."""
        return self.keys("relations")

    @cached_property
    def types(self) -> Types | None:
        """The types of the entries, if there are any."""
        return Types.from_arrays(self.section("types")) if self.has("types") else None

    @property
    def kinds(self) -> NDArray[np.uint8]:
        """What each entry is, uint8[N]: flags of :mod:`kgr.index.kinds`."""
        return self.section("entries")["kinds"]

    @property
    def splits(self) -> tuple[str, ...]:
        """The names of the sets of triples."""
        return tuple(name.removeprefix("triples/") for name in self.sections if name.startswith("triples/"))

    def triples(self, split: str) -> NDArray[np.int32]:
        """Return the triples of a split: int32[E, 3], head, base relation, tail.

        Raises
        ------
        UnknownKey
            There is no such split.
        """
        if split not in self.splits:
            raise UnknownKey.of("split", split, self.splits)
        return self.section(f"triples/{split}")["ids"]

    def languages(self, of: Of, field: str) -> tuple[str, ...]:
        """Return the languages in which there are texts of a field."""
        start, end = f"text/{of}/", f".{field}"
        found = (name.removeprefix(start) for name in self.sections if name.startswith(start) and name.endswith(end))
        return tuple(name.removesuffix(end) for name in found if "." not in name.removesuffix(end))

    def texts(self, of: Of, field: str, language: str) -> Texts | None:
        """Return the texts of a field in a language, whose tag may have other capital letters, or None."""
        name = f"text/{of}/{language}.{field}"
        if not self.has(name):
            name = f"text/{of}/{language_name(language)}.{field}"
        return Texts.from_arrays(self.section(name)) if self.has(name) else None

    def label(self, of: Of, id: int, language: str = "en") -> str:
        """Return a label in the language, else in English, else in any, else the key."""
        for choice in dict.fromkeys((language, "en", *self.languages(of, "label"))):
            texts = self.texts(of, "label", choice)
            label = texts.first(id) if texts is not None else None
            if label is not None:
                return label
        return self.keys(of).key(id)

    def labels(self, of: Of, first: int, last: int, language: str = "en") -> list[str]:
        """Return the labels of the ids [first, last), each as :meth:`label` does."""
        found = self.keys(of).keys_of(range(first, last))
        for choice in reversed(dict.fromkeys((language, "en", *self.languages(of, "label")))):
            if (texts := self.texts(of, "label", choice)) is not None:
                for row, label in reversed(list(texts.between(first, last))):
                    found[row - first] = label
        return found

    def labelled(self, of: Of, label: str) -> list[int]:
        """Return the ids of what has a label, letter by letter, in any language: ascending."""
        wanted, found = label.encode(errors="replace"), set[int]()
        for language in self.languages(of, "label"):
            texts = self.texts(of, "label", language)
            assert texts is not None
            starts, lengths = texts.offsets[:-1], np.diff(texts.offsets)
            places = np.flatnonzero(lengths == len(wanted))
            for at, byte in enumerate(wanted):
                places = places[texts.bytes[starts[places] + at] == byte]
            found.update(texts.rows[places].tolist())
        return sorted(found)

    def keys(self, of: Of) -> Keys:
        """Return the keys of entries, relations or types; none where the store has no such section."""
        what = _SINGULAR[of]
        return Keys.from_arrays(self.section(of), what=what) if self.has(of) else Keys.build([], what=what)

    def facts(self, splits: Sequence[str] | None = None) -> tuple[str, ...]:
        """Return the given splits, by default those of train, valid and test that there are.

        Raises
        ------
        UnknownKey
            There is no such split.
        """
        for split in splits or ():
            self.triples(split)
        if splits is None:
            return tuple(split for split in SPLITS if split in self.splits)
        return tuple(dict.fromkeys(splits))

    def to_networkx(
        self,
        splits: Sequence[str] | None = None,
        *,
        language: str = "en",
        entities: Sequence[str] | None = None,
        most: int = LARGE,
    ) -> MultiDiGraph:
        """Return the graph for networkx: see :func:`kgr.index.views.to_networkx`."""
        from kgr.index.views import to_networkx

        return to_networkx(self, splits, language=language, entities=entities, most=most)

    def to_rdflib(self, splits: Sequence[str] | None = None, *, texts: bool = True, most: int = LARGE) -> RdfGraph:
        """Return triples, types and texts for rdflib: see :func:`kgr.index.views.to_rdflib`."""
        from kgr.index.views import to_rdflib

        return to_rdflib(self, splits, texts=texts, most=most)


def create_store(
    path: str | Path,
    sections: Mapping[str, Section],
    *,
    entities: int,
    counts: Mapping[str, int],
    sources: Mapping[str, Any],
    name: str = "",
    replace: bool = False,
) -> Store:
    """Write a store, all of it or nothing.

    Parameters
    ----------
    path : path
        A folder that does not exist, or is empty, or with ``replace`` holds a store: then a next
        version is written, which has nothing of the ones before.
    sections : by name
        ``entries`` is needed.
    entities : int
        G: the first G entries are the graph's entities.
    counts, sources
        For the manifest: numbers by name; what the store was made from, as JSON has it.

    Raises
    ------
    DataError
        Sections that do not fit together.
    FormatError
        Something else is at ``path``, or another process is writing there.
    """
    path = Path(path)
    check_place(path, replace=replace)
    if "entries" not in sections:
        raise DataError(f"{path}: section 'entries' is missing")
    commit.check_sections(sections)
    commit.check_entries(sections["entries"], entities)
    manifest = {
        "format": manifests.FORMAT,
        "version": manifests.VERSION,
        "name": name,
        "entities": entities,
        "counts": dict(counts),
        "sources": dict(sources),
        "sections": {},
    }
    if not (path / "CURRENT").exists():
        try:
            with _io.atomic_folder(path) as folder:
                commit.write_version(folder, 1, manifest, sections)
        except FileExistsError:
            check_place(path)  # another process was here first
            raise
    else:
        with commit.next_version(path) as version:
            commit.write_version(path, version, manifest, sections)
    return Store(path)


def check_place(path: Path, *, replace: bool = False) -> None:
    """Raise a FormatError where :func:`create_store` cannot write a store: before one is read for hours, too."""
    if (path / "CURRENT").exists():
        if not replace:
            raise FormatError(f"{path}: a store is there already; delete it, give another folder, or ask to replace it")
        return
    if path.name in ("", ".."):
        raise FormatError(f"{path}: a new store takes the place of a folder; give one by its name, such as ./store")
    try:
        _io.refuse_existing(path)
    except FileExistsError:
        raise FormatError(f"{path}: exists and is no store; give a new or an empty folder") from None


def extend_store(
    store: Store,
    sections: Mapping[str, Section],
    *,
    counts: Mapping[str, int] | None = None,
    sources: Mapping[str, Any] | None = None,
) -> Store:
    """Write the next version of a store: with ``sections`` added or changed, and the others shared.

    ``store`` itself stays as it is. ``counts`` and ``sources`` are added to those of the manifest.

    Raises
    ------
    DataError
        Sections that do not fit: entries that do not begin with all present ones, or a section
        that stays though one that it was made from changes.
    FormatError
        The store was changed since it was opened, or another process is writing it.
    """
    commit.check_sections(sections)
    old = store.manifest
    if "entries" in sections:
        commit.check_entries(sections["entries"], store.entities)
        _check_appended(store, sections["entries"])
    for name, entry in old["sections"].items():
        changed = [source for source in entry["made_from"] if source in sections]
        if changed and name not in sections:
            raise DataError(f"{store.path}: section {name!r} was made from {changed[0]!r}, which changes; give both")
    manifest = {
        **old,
        "counts": {**old["counts"], **(counts or {})},
        "sources": {**old["sources"], **(sources or {})},
        "sections": dict(old["sections"]),
    }
    with commit.next_version(store.path) as version:
        current, _ = manifests.read_current(store.path)
        if current != store.version:
            raise FormatError(f"{store.path}: now at version {current}, opened at {store.version}; open it anew")
        commit.write_version(store.path, version, manifest, sections, linked=store.folder)
    return Store(store.path)


def stale_sections(store: Store, changed: Iterable[str]) -> list[str]:
    """Return the sections that were made from changed ones, directly or not: they must be given anew with these."""
    gone = set(changed)
    stale: list[str] = []
    while found := [
        name
        for name, entry in store.manifest["sections"].items()
        if name not in gone and not gone.isdisjoint(entry["made_from"])
    ]:
        gone.update(found)
        stale += found
    return stale


def preview_store(store: Store, sections: Mapping[str, Section], path: Path) -> Store:
    """Write, as a store of its own at ``path``, the next version as far as it is known: without what becomes stale.

    From it the stale sections can be made anew, before one commit changes everything.
    """
    stale = stale_sections(store, sections)
    kept = {name: entry for name, entry in store.manifest["sections"].items() if name not in stale}
    path.mkdir()
    commit.write_version(path, 1, {**store.manifest, "sections": kept}, sections, linked=store.folder)
    return Store(path)


def _check_appended(store: Store, section: Section) -> None:
    """Ids are positions: keys may be added at the end only."""
    new, count = section.arrays, len(store.entries)
    same = len(new["offsets"]) > count
    if not same or manifests.keys_fingerprint(new, count) != manifests.keys_fingerprint(
        store.section("entries"), count
    ):
        raise DataError(f"{store.path}: the new entries do not begin with the {count} present ones; append to them")
