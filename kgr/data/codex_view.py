"""CoDEx as users of its own package know it: splits, hard negatives, labels, types and extracts by key and language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kgr.data.codex import LANGUAGES
from kgr.data.fetch import Progress
from kgr.data.known import known_names, open_store
from kgr.data.splits import Message, Triples
from kgr.errors import ConfigError, UnknownKey
from kgr.index.keys import Keys
from kgr.index.store import Of, Store

SIZES = ("s", "m", "l")

Field = Literal["label", "description", "wikipedia", "extract"]
FIELDS = ("label", "description", "wikipedia", "extract")


@dataclass(frozen=True)
class Codex:
    """One size of CoDEx, over its store.

    Attributes
    ----------
    size : "s", "m" or "l"
    store : Store
        Everything of it; what follows are views.
    splits : by ``train``, ``valid``, ``test``, int32[E, 3]
        Head, relation and tail by id. Of a part, ``train`` may have no rows.
    negatives : by ``valid``, ``test``, int32[E, 3]
        Hard negatives; none are published for CoDEx-L.
    entities, relations : Keys
        Wikidata ids by id, and back.
    types : Keys
        The types that entities have.
    absent : tuple of str
        Files that could not be had when the store was built, by their names in the manifest.
    """

    size: str
    store: Store
    splits: Mapping[str, Triples]
    negatives: Mapping[str, Triples]
    entities: Keys
    relations: Keys
    types: Keys
    absent: tuple[str, ...]

    def triples(self, split: str, *, negative: bool = False) -> list[tuple[str, str, str]]:
        """Return a split, or its hard negatives, by key.

        Raises
        ------
        UnknownKey
            There is no such split, or it has no negatives.
        """
        among = self.negatives if negative else self.splits
        if split not in among:
            what = "split with hard negatives" if negative else "split"
            have = ", ".join(among) or "none: they are published for the sizes s and m only, or could not be had"
            raise UnknownKey(f"codex-{self.size}: unknown {what} {split!r}; it has {have}")
        heads, relations, tails = among[split].T
        names = (self.entities.keys_of(heads), self.relations.keys_of(relations), self.entities.keys_of(tails))
        return list(zip(*names, strict=True))

    def text(self, key: str, field: Field, language: str = "en", *, of: Of = "entries") -> str | None:
        """Return a text in exactly this language; None where there is none.

        Parameters
        ----------
        key : str
            A Wikidata id.
        field : "label", "description", "wikipedia" or "extract"
            The third is the address of the page in Wikipedia; relations have the first two.
        of : "entries", "relations" or "types"
            What the key is taken for: some Wikidata ids are an entity and a type.

        Raises
        ------
        UnknownKey
            There is no such key; the nearest are named.
        ConfigError
            No such field or language in CoDEx, or ``of`` is none of the three.
        """
        keyed = {"entries": self.entities, "relations": self.relations, "types": self.types}
        for what, given, allowed in (("field", field, FIELDS), ("language", language, LANGUAGES), ("of", of, keyed)):
            if given not in allowed:
                raise ConfigError(f"{what} is {given!r}, expected one of {', '.join(allowed)}")
        keys = keyed[of]
        texts = self.store.texts(of, field, language)
        row = keys.id(key)
        return texts.first(row) if texts is not None else None

    def label(self, key: str, language: str = "en", *, of: Of = "entries") -> str | None:
        """Return a label; see :meth:`text`."""
        return self.text(key, "label", language, of=of)

    def description(self, key: str, language: str = "en", *, of: Of = "entries") -> str | None:
        """Return a description; see :meth:`text`."""
        return self.text(key, "description", language, of=of)

    def extract(self, key: str, language: str = "en", *, of: Of = "entries") -> str | None:
        """Return the beginning of the article in Wikipedia; see :meth:`text`."""
        return self.text(key, "extract", language, of=of)

    def types_of(self, key: str) -> tuple[str, ...]:
        """Return the types of an entity, by key.

        Raises
        ------
        UnknownKey
            There is no such entity.
        """
        id = self.entities.id(key)
        types = self.store.types
        return tuple(self.types.keys_of(types.of(id))) if types is not None else ()

    def coverage(self) -> dict[str, dict[str, int]]:
        """Count the texts at hand: of ``entries``, ``relations`` and ``types``, by ``<language>.<field>``."""
        found: dict[str, dict[str, int]] = {"entries": {}, "relations": {}, "types": {}}
        for name in self.store.sections:
            if name.startswith("text/"):
                _, of, field = name.split("/")
                found[of][field] = len(self.store.section(name)["rows"])
        return found


def load_codex(
    size: str = "s",
    *,
    store: Store | str | Path | None = None,
    partial: bool = False,
    message: Message | None = None,
    progress: Progress | None = None,
) -> Codex:
    """Load a size of CoDEx: fetched, verified and built when it is first asked for.

    Parameters
    ----------
    size : "s", "m" or "l"
    store : Store, folder or name, optional
        Where it was built, if that is not its own place.
    partial : bool
        Load what is there where a needed file cannot be had, such as the training triples of CoDEx-L.
    message, progress
        As :func:`kgr.open_store` calls them.

    Raises
    ------
    ConfigError
        No such size, or ``store`` is another known data set.
    FetchError, DataError, FormatError
        As :func:`kgr.open_store`; the first names what cannot be had and what can be done.
    """
    if size not in SIZES:
        raise ConfigError(f"size is {size!r}, expected one of {', '.join(SIZES)}")
    opened = open_store(store or f"codex-{size}", partial=partial, message=message, progress=progress)
    if opened.name in set(known_names()) - {f"codex-{size}"}:
        raise ConfigError(f"store is {opened.name}, expected codex-{size}")
    triples = {split: opened.triples(split) for split in opened.splits}
    mark = "_negatives"
    return Codex(
        size=size,
        store=opened,
        splits={split: rows for split, rows in triples.items() if not split.endswith(mark)},
        negatives={split.removesuffix(mark): rows for split, rows in triples.items() if split.endswith(mark)},
        entities=opened.entries,
        relations=opened.relations,
        types=opened.types.keys if opened.types is not None else Keys.build([], what="type"),
        absent=tuple(opened.manifest["sources"].get("absent", ())),
    )
