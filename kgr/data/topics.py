"""Topics: what is searched for, by key; from a store, or from files of JSON lines, tab-separated lines, SGML or XML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from kgr.data.judgements import kept_topics
from kgr.data.keyed_texts import read_keyed_texts
from kgr.data.lines import decode, file_blocks, numbered_lines
from kgr.errors import DataError, UnknownKey
from kgr.index.keys import Keys, key_fault
from kgr.index.store import Store

Rows = Iterator[tuple[str, str, dict[str, str]]]
"""Of each topic its place, its key and its texts by field."""


@dataclass(frozen=True)
class Topics:
    """Queries in words.

    Attributes
    ----------
    keys : Keys
        Of the Q queries.
    texts : sequence of str
        Of each query; empty where it has no words.

    Raises
    ------
    DataError
        There are not as many texts as keys.
    """

    keys: Keys
    texts: Sequence[str]

    def __post_init__(self) -> None:
        if len(self.keys) != len(self.texts):
            raise DataError(f"topics: {len(self.texts):,} texts for {len(self.keys):,} keys, expected one for each")

    def __len__(self) -> int:
        return len(self.keys)


def topics_of(store: Store, name: str | None = None) -> Topics:
    """Return the queries that a store keeps.

    Parameters
    ----------
    name : str, optional
        The collection that they came with; by default the store's first.

    Raises
    ------
    UnknownKey
        The store keeps none of that name.
    DataError
        The store keeps no queries.
    """
    parts = (section.split("/") for section in store.sections)
    known = [part[1] for part in parts if part[::2] == ["queries", "topics"]]
    if not known:
        raise DataError(f"{store.path}: no queries are kept here; give a file of them")
    if name is not None and name not in known:
        raise UnknownKey(f"{UnknownKey.of('queries', name, known)}; the store keeps {', '.join(known)}")
    keys, texts = kept_topics(store, name or known[0])
    return Topics(keys, [texts.first(row) or "" for row in range(len(keys))])


def read_topics(path: str | Path, field: str | None = None) -> Topics:
    """Read queries from a file, whose form is known by how it begins.

    ================  ==============================================================  ===========================
    form              of a query                                                      fields, the default first
    ================  ==============================================================  ===========================
    JSON lines        ``{"_id" or "id": …, "text": …}``                               ``text``, any other
    tab-separated     key, a tab and text                                             ``text``
    TREC's SGML       ``<top> <num> Number: 301 <title> … <desc> … <narr> … </top>``  ``title``, ``desc``, ``narr``
    XML               ``<topic number="1"> <query> … </topic>``                       ``query``, any other
    ================  ==============================================================  ===========================

    Of SGML the words before colons (``Description:``) are left out, and so are zeros before a number, as in TREC's
    judgements. A name that ends in ``.gz`` is unpacked.

    Parameters
    ----------
    field : str, optional
        What to search for; several are joined by a plus sign, as in ``title+desc``. A query without it has an empty
        text.

    Raises
    ------
    DataError
        Names file and line: a malformed topic, a key that is none or is there twice; or no topic has the field.
    """
    path = Path(path)
    start = next(file_blocks(path), b"").removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"{"):
        return _read_lines(path, (field or "text").split("+"))
    if not start.startswith(b"<"):
        return _topics(path, _tab_rows(path), field or "text")
    if _TOP.search(start):
        return _topics(path, _sgml_rows(path), field or "title")
    return _topics(path, _xml_rows(path), field or "query")


def _read_lines(path: Path, fields: Sequence[str]) -> Topics:
    read = read_keyed_texts([(str(path), file_blocks(path))], {field: field for field in fields})
    absent = next((field for field in fields if not len(read.texts[field])), None)
    if absent is not None:
        raise DataError(f"{path}: no topic has text in field {absent!r}, expected some")
    texts = [" ".join(filter(None, (read.texts[field].first(row) for field in fields))) for row in read.rows.values()]
    return Topics(Keys.build(list(read.rows), what="query"), texts)


def _topics(path: Path, rows: Rows, wanted: str) -> Topics:
    texts: dict[str, str] = {}
    seen: dict[str, None] = {}
    for place, key, fields in rows:
        if fault := key_fault(key):
            raise DataError(f"{place}: the topic's key {key!r:.80} {fault}")
        if key in texts:
            raise DataError(f"{place}: found topic {key!r} again, expected each key once")
        seen |= dict.fromkeys(fields)
        texts[key] = " ".join(filter(None, (fields.get(field, "") for field in wanted.split("+"))))
    if not texts:
        raise DataError(f"{path}: found no topics, expected at least one")
    for field in wanted.split("+"):
        if field not in seen:
            raise DataError(f"{path}: no topic has field {field!r}; there are {', '.join(seen) or 'none'}")
    return Topics(Keys.build(list(texts), what="query"), list(texts.values()))


def _tab_rows(path: Path) -> Rows:
    for line, text in numbered_lines(file_blocks(path), str(path)):
        key, tab, words = text.partition("\t")
        if not tab:
            raise DataError(f"{path}:{line}: found {text!r:.80}, expected a key and a text with a tab between")
        yield f"{path}:{line}", key, {"text": " ".join(words.split())}


_TOP = re.compile(rb"<top[ >]", re.IGNORECASE)
_TOPIC = re.compile(r"<top(?: [^>]*)?>(.*?)(?=</top>|<top[ >]|\Z)", re.DOTALL | re.IGNORECASE)
_FIELD = re.compile(r"<([A-Za-z][A-Za-z-]*)>([^<]*(?:<(?!/?[A-Za-z][A-Za-z-]*>)[^<]*)*)")
_LABEL = re.compile(r"\s*(?:Number|Topic|Title|Description|Narrative|Domain|Summary|Concept\(s\))\s*:", re.IGNORECASE)


def _sgml_rows(path: Path) -> Rows:
    """Fields end where the next begins: TREC's closing tags may be missing."""
    text = decode(b"".join(file_blocks(path)), str(path))
    for topic in _TOPIC.finditer(text):
        place = f"{path}:{text.count(chr(10), 0, topic.start()) + 1}"
        found = _FIELD.findall(topic[1])
        fields = {name.lower(): " ".join(_LABEL.sub("", words, count=1).split()) for name, words in found}
        number = fields.pop("num", "")
        if not number:
            raise DataError(f"{place}: found a topic without <num>, expected its number")
        yield place, (number.lstrip("0") or "0") if number.isdigit() else number, fields


def _xml_rows(path: Path) -> Rows:
    try:
        root = ElementTree.fromstring(b"".join(file_blocks(path)))
    except ElementTree.ParseError as error:
        raise DataError(f"{path}:{error.position[0]}: cannot be read as XML: {error}") from None
    except (ValueError, LookupError) as error:  # an encoding that there is not
        raise DataError(f"{path}: cannot be read as XML: {error}") from None
    for place, topic in enumerate(root.iter("topic"), 1):
        number = topic.get("number")
        if number is None:
            raise DataError(f'{path}: topic {place} has no number, expected <topic number="…">')
        fields = {child.tag: " ".join("".join(child.itertext()).split()) for child in topic}
        yield f"{path}: topic {place}", number.strip(), fields
