"""What IRIs and predicates of RDF are called in a store."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from kgr.data.tables import TEXT_FIELD
from kgr.errors import ConfigError, DataError
from kgr.index.iris import FIELDS, TEXT, field_of, key_of
from kgr.index.keys import Keys
from kgr.index.statements import OF
from kgr.index.store import Of

KNOWN_PREFIXES: dict[str, dict[str, tuple[Of, ...]]] = {
    "wikidata": {
        "http://www.wikidata.org/entity/": ("entries", "relations", "types"),
        "http://www.wikidata.org/prop/direct/": ("relations",),
    }
}
"""Names that stand for prefixes, and of what: with these Wikidata's items and direct claims are Q42 and P31. Where a
direct claim is spoken of, it keeps its IRI, for P31 is the property, which is an entity too."""

_PREDICATES = {
    "http://www.w3.org/2004/02/skos/core#prefLabel": "label",
    "http://schema.org/description": "description",
    **{predicate: field for field, predicate in FIELDS.items()},
}
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|\\^`]*")
_BREAKING = re.compile("[\0\t\n\r]")


class KeyNames:
    """The keys of IRIs.

    Parameters
    ----------
    strip : sequence of str
        Prefixes that keys go without, or the name of some (:data:`KNOWN_PREFIXES`). The longest that fits is taken.

    Raises
    ------
    ConfigError
        A prefix that begins no IRI.
    """

    def __init__(self, strip: Sequence[str] = ()) -> None:
        found = {prefix: of for given in strip for prefix, of in KNOWN_PREFIXES.get(given, {given: OF}).items()}
        for prefix in found:
            if ":" not in prefix:
                known = ", ".join(KNOWN_PREFIXES)
                raise ConfigError(f"strip is {prefix!r}, expected how IRIs begin, such as http://…/, or one of {known}")
        longest = sorted(found, key=len, reverse=True)
        self._prefixes = {of: [prefix for prefix in longest if of in found[prefix]] for of in OF}

    def key(self, iri: str, of: Of) -> str:
        """Return the key of an IRI, which is itself but for a prefix and for what a key cannot have."""
        key = iri
        if iri.startswith("urn:kgr:"):
            key = key_of(iri, of) or iri
        for prefix in self._prefixes[of]:
            if iri.startswith(prefix) and len(iri) > len(prefix):
                key = iri[len(prefix) :]
                break
        return key if key.isprintable() and key else _BREAKING.sub(_encoded, key) or "<>"


def number_keys(iris: Sequence[str], keys: Sequence[str], what: str) -> Keys:
    """Number the keys of distinct IRIs in the order given.

    Raises
    ------
    DataError
        Two IRIs have the same key.
    """
    try:
        return Keys.build(keys, what=what)
    except DataError:
        first: dict[str, str] = {}
        for iri, key in zip(iris, keys, strict=True):
            if first.setdefault(key, iri) != iri:
                both, remedy = (first[key], iri), "strip fewer prefixes (--strip)"
                if any(name.startswith("_:") for name in both):
                    remedy = "blank nodes are named by the number of their file: give the files in another order"
                raise DataError(f"{what} {key!r} is found for both {both[0]} and {both[1]}: {remedy}") from None
        raise


def _encoded(found: re.Match[str]) -> str:
    return f"%{ord(found[0]):02X}"


def irregular(iri: str) -> bool:
    """Whether an IRI is relative, or has what no IRI can have; a blank node's name is none."""
    return not _IRI.fullmatch(iri) and not iri.startswith("_:")


LONGEST = 80
"""Letters of the name of a field, which names a folder; of longer ones the first are taken."""


def text_field(predicate: str) -> str | None:
    """Return the field of a store that a predicate's literals are texts of, None where it is of no known meaning."""
    field = _PREDICATES.get(predicate) or field_of(predicate)
    return field if field and TEXT_FIELD.fullmatch(field) and len(field) <= LONGEST else None


def field_names(predicates: Iterable[str]) -> dict[str, str]:
    """Return the field of each of some predicates: that of its meaning, else one that no other predicate has.

    That is named after the predicate's last part (:func:`own_name`); where this is the name of a meaning or of an
    earlier predicate's field, a number follows: ``label_2`` for ``http://…/label``.
    """
    predicates = list(predicates)
    names = {predicate: field for predicate in predicates if (field := text_field(predicate))}
    taken, numbers = {*FIELDS, *names.values()}, Counter[str]()
    for predicate in predicates:
        if predicate not in names:
            name = plain = own_name(predicate)
            while name in taken:
                numbers[plain] += 1
                ending = f"_{numbers[plain] + 1}"
                name = plain[: LONGEST - len(ending)] + ending
            names[predicate] = name
            taken.add(name)
    return names


def own_name(predicate: str) -> str:
    """Return a field's name from the last part of any predicate: ``birth_date`` for ``http://…/birthDate``."""
    last = re.split("[/#:]", predicate.removeprefix(TEXT).rstrip("/#:"))[-1]
    words = re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", last).lower()
    return re.sub("[^a-z0-9]+", "_", words).strip("_").lstrip("_0123456789")[:LONGEST] or "literal"
