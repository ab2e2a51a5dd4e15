"""The lines that :mod:`kgr.data.json_write` writes, read: each describes something with a key, or is a triple."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from kgr.data.build import check_relations
from kgr.data.json_lines import read_object
from kgr.data.lines import decode
from kgr.data.tables import TEXT_FIELD
from kgr.errors import DataError
from kgr.index.keys import key_fault
from kgr.index.kinds import DOCUMENT, ENTITY, SEMEME, SYNSET
from kgr.index.languages import language_name
from kgr.index.manifest import valid_name
from kgr.index.store import Of

FLAGS = {"entity": ENTITY, "document": DOCUMENT, "synset": ENTITY | SYNSET, "sememe": ENTITY | SEMEME}
"""What an entry of each kind is, as stores say it."""

_TRIPLE = "triple"
_OF: dict[str, Of] = {**dict.fromkeys(FLAGS, "entries"), "relation": "relations", "type": "types"}
_MEMBERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    **dict.fromkeys(FLAGS, (("kind", "key"), ("types", "texts"))),
    **dict.fromkeys(("relation", "type"), (("kind", "key"), ("texts",))),
    _TRIPLE: (("kind", "head", "relation", "tail", "split"), ()),
}
"""What a line of each kind has, and what it may have."""


class Link(NamedTuple):
    """A triple by keys."""

    head: str
    relation: str
    tail: str
    split: str


class Description(NamedTuple):
    """What is said of one key.

    ``types`` are keys; ``texts`` has the field, the language as stores write it, and the texts in UTF-8.
    """

    kind: str
    key: str
    types: list[str]
    texts: list[tuple[str, str, list[bytes]]]

    @property
    def of(self) -> Of:
        """What it is a key of."""
        return _OF[self.kind]


def read_record(record: bytes, where: str, line: int) -> Description | Link:
    """Read a line.

    Raises
    ------
    DataError
        Names file and line: no JSON object, a kind that is none, a member that is missing, of another type, twice there
        or not known, and whatever a store cannot have as a key, field, language, text or split.
    """
    place = f"{where}:{line}"
    values = read_object(decode(record, where, line), place, once=True)
    try:
        kind = _kind(values)
        found = _link(values) if kind == _TRIPLE else _description(kind, values)
    except DataError as error:
        raise DataError(f"{place}: {error}") from None
    if isinstance(found, Link) or found.of == "relations":
        check_relations((found.relation if isinstance(found, Link) else found.key,), place)
    return found


def _kind(values: Mapping[str, Any]) -> str:
    """Return the kind of a line that has the members of its kind."""
    kind = values.get("kind", "")
    if not isinstance(kind, str) or kind not in _MEMBERS:
        found = f"kind {_shown(kind)}" if "kind" in values else "no 'kind'"
        raise DataError(f"found {found}, expected one of {', '.join(_MEMBERS)}")
    needed, others = _MEMBERS[kind]
    if missing := [name for name in needed if name not in values]:
        raise DataError(f"found no {missing[0]!r}, expected in a line of kind {kind}: {', '.join(needed)}")
    if unknown := [name for name in values if name not in needed and name not in others]:
        expected = f"expected in a line of kind {kind} nothing but {', '.join((*needed, *others))}"
        raise DataError(f"found {unknown[0]!r:.80}, {expected}: leave it out, or make it a text")
    return kind


def _link(values: Mapping[str, Any]) -> Link:
    split = values["split"]
    if not isinstance(split, str) or not valid_name(split) or "/" in split or "." in split:
        raise DataError(
            f"found split {_shown(split)}, expected train, valid, test, or a name of letters, digits, - and _"
        )
    head, relation, tail = (_key(values[name], name) for name in ("head", "relation", "tail"))
    return Link(head, relation, tail, split)


def _description(kind: str, values: Mapping[str, Any]) -> Description:
    key = _key(values["key"], "key")
    types = [_key(type, "type") for type in _a(list, values.get("types", []), "types")]
    if len(set(types)) < len(types):
        raise DataError("found a type twice in types, expected each once")
    texts = []
    for field, by_language in _a(dict, values.get("texts", {}), "texts").items():
        for language, own in _a(dict, by_language, f"texts {field!r:.80}").items():
            what = f"texts {field!r:.80} {language!r:.80}"
            texts.append((field, _language(field, language), [_utf8(text, what) for text in _a(list, own, what)]))
    return Description(kind, key, types, [found for found in texts if found[2]])


def _key(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise DataError(f"found {what} {_shown(value)}, expected a key, in quotes")
    if fault := key_fault(value):
        raise DataError(f"{what} {value!r:.80} {fault}")
    return value


def _a(kind: type[list[Any]] | type[dict[str, Any]], value: Any, what: str) -> Any:
    """Return a value that is of the type that it is expected to be of."""
    if not isinstance(value, kind):
        expected = "a list, [ … ]" if kind is list else "an object, { … }"
        raise DataError(f"found {what}: {_shown(value)}, expected {expected}")
    return value


@lru_cache(1 << 10)
def _language(field: str, language: str) -> str:
    """Return a language as stores write it, if they can have it and the field."""
    if not TEXT_FIELD.fullmatch(field) or not valid_name(f"{language_name(language)}.{field}"):
        raise DataError(f"found the field {field!r:.80}, expected a short name of small letters, digits and _")
    if language_name(language).lower() != language.lower():
        raise DataError(f"found the language {language!r:.80}, expected a tag such as en, zh or pt-BR")
    return language_name(language)


def _utf8(text: Any, what: str) -> bytes:
    if not isinstance(text, str):
        raise DataError(f"found {_shown(text)} in {what}, expected texts, in quotes")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise DataError(f"found a text in {what} that is not valid Unicode: {error}") from None


def _shown(value: Any) -> str:
    return type(value).__name__ if isinstance(value, list | dict) else f"{value!r:.80}"
