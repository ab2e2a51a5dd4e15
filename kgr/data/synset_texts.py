"""Texts of synsets: lemmas, glosses and examples by the synset's key, from JSON lines or a key table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kgr.data.json_lines import read_objects
from kgr.data.keyed_texts import key_of
from kgr.data.lines import file_blocks
from kgr.data.tables import Column, KeyTable, read_table
from kgr.errors import DataError
from kgr.index.languages import LANGUAGE, language_name

SYNSET_TEXTS = "synset-texts"
"""What ``kgr add --format`` calls the form."""

KEYS = ("bn", "id", "_id")
"""What JSON lines call the key: the first of these that a line has and that is no list."""

PLACES = ("wn30", "wn", "pos")
"""What JSON lines call a place in WordNet, such as ``08950407-n`` or ``wn:08950407n``, and the part of speech."""

_LETTER = re.compile(r"(?:(?:wn:)?\d{8}-?)?([nvasr])")
"""A part of speech, alone or at the end of a place in WordNet."""

_SYNSET = re.compile(r"bn:\d+([nvar])")

_MARKED = re.compile(r"zh(?:-.*)?|cmn")
"""Languages whose lemmas in the Chinese Open Wordnet have ``+`` between their morphemes."""


def read_synset_texts(path: Path, language: str) -> KeyTable:
    """Read texts of synsets: a key table where the name ends in ``.tsv``, else JSON lines; packed by ``.gz`` or not.

    A line has a key (``bn``, ``id`` or ``_id``), and any of ``lemmas``, ``gloss``, ``examples`` in ``language`` (each a
    text or a list of texts) and lemmas of other languages under their codes, as lists: ``"zh": […], "fr": […]``. The
    first lemma becomes the ``label``, the others are each an ``alias``; ``gloss`` and ``example`` keep their names.
    Underscores of lemmas become spaces, and ``+`` marks of Chinese ones go. Other fields are ignored, but for places
    in WordNet and parts of speech (:data:`PLACES`): they say by the letter whether a line belongs to its synset.

    Raises
    ------
    DataError
        Names file and line: no JSON, no key or one that is there twice, what is no text, or a part of speech that is
        not the synset's: so texts that were aligned by WordNet's offsets show, for other synsets have the same ones.
    """
    if path.name.removesuffix(".gz").endswith(".tsv"):
        table = read_table(path)
        texts = {name: _plain_column(column, *name) for name, column in table.texts.items()}
        return KeyTable(table.where, texts, keys=table.keys)
    columns: dict[tuple[str, str], Column] = {}
    lines: dict[str, int] = {}
    for number, (place, record) in enumerate(read_objects(file_blocks(path), str(path)), 1):
        key = _key(record, place)
        if key in lines:
            raise DataError(f"{place}: found key {key!r} again, first in line {lines[key]}, expected each key once")
        lines[key] = number
        _check_part_of_speech(record, key, place)
        for field, values in _texts_of(record, language, place).items():
            if values:
                columns.setdefault(field, {})[key] = values
    return KeyTable(str(path), columns, keys=list(lines))


def named_lemmas(lemmas: Iterable[str], language: str) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return lemmas as what a store has of a synset: by language and field, the first as label, others as aliases."""
    plain = plain_lemmas(lemmas, language)
    return {(language, "label"): plain[:1], (language, "alias"): plain[1:]}


def plain_lemmas(lemmas: Iterable[str], language: str) -> tuple[str, ...]:
    """Return lemmas in the letters of a text, each once: no underscores, and no ``+`` marks in Chinese."""
    marked = _MARKED.fullmatch(language)
    spaced = (" ".join((lemma.replace("+", "") if marked else lemma).replace("_", " ").split()) for lemma in lemmas)
    return tuple(dict.fromkeys(filter(None, spaced)))


def letter_of(key: str) -> str:
    """Return the part of speech that a synset's key ends in, n, v, a or r; empty for another key."""
    found = _SYNSET.fullmatch(key)
    return found[1] if found else ""


def _plain_column(column: Column, language: str, field: str) -> Column:
    if field not in ("label", "alias"):
        return column
    return {key: plain for key, values in column.items() if (plain := plain_lemmas(values, language))}


def _key(record: Mapping[str, Any], place: str) -> str:
    named = next((name for name in KEYS if name in record and not isinstance(record[name], list)), None)
    if named is None:
        raise DataError(f'{place}: found no key among {list(record)}, expected "bn", "id" or "_id": a synset\'s key')
    return key_of({"id": record[named]}, place)


def _check_part_of_speech(record: Mapping[str, Any], key: str, place: str) -> None:
    """Refuse a line whose place in WordNet or part of speech is not that of its synset."""
    letter = letter_of(key)
    for name in PLACES:
        value = record.get(name)
        found = _LETTER.fullmatch(value) if isinstance(value, str) else None
        if letter and found and found[1].replace("s", "a") != letter:
            remedy = "align WordNet with BabelNet by rank (kgr add --format wordnet), not by offset"
            raise DataError(f"{place}: found {name} {value!r} for {key}, expected part of speech {letter}: {remedy}")


def _texts_of(record: Mapping[str, Any], language: str, place: str) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the texts of a line by language and field."""
    found = {
        **named_lemmas(_listed(record, "lemmas", place), language),
        (language, "gloss"): _listed(record, "gloss", place),
        (language, "example"): _listed(record, "examples", place),
    }
    others = [name for name in record if isinstance(record[name], list) and re.fullmatch(LANGUAGE, name)]
    names = {language: "lemmas"} if "lemmas" in record else {}
    for other in others:
        name = language_name(other)
        if name in names:
            raise DataError(f"{place}: found lemmas under {names[name]!r} and {other!r}, expected those of {name} once")
        names[name] = other
        found |= named_lemmas(_listed(record, other, place), name)
    return found


def _listed(record: Mapping[str, Any], name: str, place: str) -> tuple[str, ...]:
    """Return the texts of a field that are not blank, each once, or raise a DataError."""
    value = record.get(name)
    values = [] if value is None else value if isinstance(value, list) else [value]
    for text in values:
        if not isinstance(text, str):
            raise DataError(f"{place}: found {name!r} {value!r:.80}, expected a text or a list of texts")
    return tuple(dict.fromkeys(text.strip() for text in values if text.strip()))
