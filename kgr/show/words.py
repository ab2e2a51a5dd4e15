"""Queries in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kgr.query.words import Node, Word, parse
from kgr.show.table import clean

if TYPE_CHECKING:
    from kgr.index.store import Store

_JOINS = {"I": " and ", "U": " or "}


def query_in_words(store: Store, structure: str, query: Sequence[str], language: str = "en") -> str:
    """Return a query by key in the words of its labels, e.g. ``(Austria → borders) and not (euro → ^uses)``.

    An arrow leads from things to what the relation after it says of them; ``^`` before a relation
    follows it backward.
    """
    word = parse(structure)
    names = [
        _entity(store, key, language) if letter == "A" else _relation(store, key, language)
        for letter, key in zip(word.slots, query, strict=True)
    ]
    return phrase(word, names)


def _entity(store: Store, key: str, language: str) -> str:
    return clean(store.label("entries", store.entries.id(key), language))


def _relation(store: Store, key: str, language: str) -> str:
    label = store.label("relations", store.relations.id(key.removeprefix("^")), language)
    return "^" * key.startswith("^") + clean(label)


def phrase(word: Word, names: Sequence[str]) -> str:
    """Return a word with ``names`` for its arguments."""
    return _phrase(word.tree, names)


def _phrase(node: Node, names: Sequence[str]) -> str:
    if node.op == "A":
        return names[node.slot]
    if node.op == "P":
        start = _phrase(node.parts[0], names)
        return f"{start if node.parts[0].op in 'AP' else f'({start})'} → {names[node.slot]}"
    if node.op == "N":
        return f"not ({_phrase(node.parts[0], names)})"
    parts = [_phrase(part, names) if part.op == "N" else f"({_phrase(part, names)})" for part in node.parts]
    return _JOINS[node.op].join(parts)
