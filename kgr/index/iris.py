"""How keys and fields of texts stand in RDF: the names that are written, and read back.

A key that is an absolute IRI stands for itself. Any other is percent-encoded under a prefix of its kind, and so is one
that would be taken for something else when it is read: one that begins with such a prefix, or a relation named as what
carries types and texts.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from kgr.index.store import Of

PREFIXES: dict[Of, str] = {
    "entries": "urn:kgr:entity:",
    "relations": "urn:kgr:relation:",
    "types": "urn:kgr:type:",
}
"""Under which keys stand that are no IRIs."""

TEXT = "urn:kgr:text:"
"""Under which fields of texts stand that have no predicate below."""

TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"

FIELDS = {
    "label": "http://www.w3.org/2000/01/rdf-schema#label",
    "alias": "http://www.w3.org/2004/02/skos/core#altLabel",
    "description": "https://schema.org/description",
}
"""The predicates of fields of texts."""

_FIELD_OF = {predicate: field for field, predicate in FIELDS.items()}
_RESERVED = {TYPE, *_FIELD_OF}
_OURS = (*PREFIXES.values(), TEXT)

# what every parser takes for an absolute IRI: RFC 3987 without spaces of any script, and of authorities those without
# user, brackets or odd ports
_CHARACTER = (
    r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2}"
    r"|[\u00a0-\u200d\u2010-\u2027\u202f-\ud7ff\uf900-\ufdcf\ufdf0-\uffef\U00010000-\U0001fffd])"
)
_AUTHORITY = r"//[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?=[/?#]|$)"
_PATH = rf"(?!//)(?:{_CHARACTER}|/)*"
_END = rf"(?:\?(?:{_CHARACTER}|[/?])*)?(?:\#(?:{_CHARACTER}|[/?])*)?"
_ABSOLUTE = re.compile(rf"(?!.*\s)[A-Za-z][A-Za-z0-9+.-]*:(?=.)(?:{_AUTHORITY})?{_PATH}{_END}")


def iri_of(key: str, of: Of) -> str:
    """Return the IRI of a key: itself where it is one, else percent-encoded under the prefix of its kind."""
    if _ABSOLUTE.fullmatch(key) and not key.startswith(_OURS) and not (of == "relations" and key in _RESERVED):
        return key
    return PREFIXES[of] + quote(key, safe="/:")


def key_of(iri: str, of: Of) -> str:
    """Return the key of an IRI: the inverse of :func:`iri_of`."""
    prefix = PREFIXES[of]
    return unquote(iri.removeprefix(prefix)) if iri.startswith(prefix) else iri


def predicate_of(field: str) -> str:
    """Return the IRI of a field of texts."""
    return FIELDS.get(field) or TEXT + quote(field, safe="")


def field_of(predicate: str) -> str | None:
    """Return the field that a predicate's literals are texts of: the inverse of :func:`predicate_of`, else None."""
    if predicate.startswith(TEXT):
        return unquote(predicate.removeprefix(TEXT))
    return _FIELD_OF.get(predicate)
