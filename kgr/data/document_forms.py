"""The forms of documents in files: where a record ends, and what key and texts it has.

A form cuts bytes into records and reads one record, so that any worker reads any part of a file, and a record that is
none can be told from the others by its line.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

from kgr.data.json_lines import read_object
from kgr.data.keyed_texts import key_of, text_of
from kgr.data.lines import decode
from kgr.errors import DataError

Fields = Mapping[str, str]
"""Our name of each text, and what the source calls it."""

Texts = dict[str, bytes]
"""The texts of one record by our name, in UTF-8; none of them blank."""


@dataclass(frozen=True)
class Form:
    """How documents lie in a file.

    Attributes
    ----------
    split : callable
        Cuts whole records: yields how many lines are before each, and its bytes.
    read : callable
        Returns key and texts of a record, given its bytes, its file, its first line and the fields.
    ends : tuple of bytes
        After any of these a file may be cut.
    """

    split: Callable[[bytes], Iterator[tuple[int, bytes]]]
    read: Callable[[bytes, str, int, Fields], tuple[str, Texts]]
    ends: tuple[bytes, ...] = (b"\n",)
    fields: Fields = field(default_factory=lambda: {"title": "title", "body": "text"})


def split_lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the lines without their ends; empty ones hold nothing."""
    for number, line in enumerate(data.split(b"\n")):
        if line and line != b"\r":
            yield number, line.removesuffix(b"\r")


def read_json(record: bytes, where: str, line: int, fields: Fields, *, needed: str = "body") -> tuple[str, Texts]:
    """Read a JSON object: ``_id`` or ``id``, and texts; what is ``needed`` must be there, whatever the line calls it.

    Title and body are texts. In another field a number, true or false is taken as JSON writes it, and a list is the
    lines of one text.
    """
    place = f"{where}:{line}"
    values = read_object(decode(record, where, line), place)
    key = key_of(values, place)
    found = {own: _json_text(values, own, name, place, own == needed) for own, name in fields.items()}
    return key, {own: text for own, text in found.items() if text}


def _json_text(values: Mapping[str, Any], own: str, name: str, place: str, needed: bool) -> bytes:
    value = values.get(name)
    if own not in ("title", "body") and isinstance(value, list | int | float):
        parts = value if isinstance(value, list) else [value]
        lines = (part if isinstance(part, str) else json.dumps(part, ensure_ascii=False) for part in parts)
        values = {name: "\n".join(lines)}
    return text_of(values, name, place, needed=needed)


_COLUMNS = {2: ("pid", "passage"), 4: ("docid", "url", "title", "body")}


def read_msmarco(record: bytes, where: str, line: int, fields: Fields) -> tuple[str, Texts]:
    """Read a line of MS MARCO: docid, url, title, body; or pid and passage, which is a body; tabs between."""
    cells = decode(record, where, line).split("\t")
    columns = _COLUMNS.get(len(cells))
    if columns is None:
        expected = "expected docid, url, title and body, or pid and passage, with tabs between"
        raise DataError(f"{where}:{line}: found {len(cells)} fields, {expected}")
    values = dict(zip(columns, cells, strict=True))
    if "passage" in values:
        values["body"] = values["passage"]
    return cells[0], _texts({own: values.get(name, "") for own, name in fields.items()})


def _splitter(begin: bytes, end: bytes) -> Callable[[bytes], Iterator[tuple[int, bytes]]]:
    """Return a function that yields what is between the marks, and what else there is that is not blank."""
    record = re.compile(rb"(?is)" + begin + rb".*?(?:" + end + rb"|(?=" + begin + rb")|\Z)")

    def split(data: bytes) -> Iterator[tuple[int, bytes]]:
        bounds = [0, *(bound for match in record.finditer(data) for bound in match.span()), len(data)]
        at = lines = 0
        for first, last in pairwise(bounds):
            if found := data[first:last].strip():
                place = data.index(found, first)
                lines += data.count(b"\n", at, place)
                at = place
                yield lines, found

    return split


_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_DOC = re.compile(r"<doc\b[^>]*>(.*)</doc\s*>", re.DOTALL | re.IGNORECASE)
_DOCNO = re.compile(r"<docno>([^<]*)</docno>", re.IGNORECASE)

TREC_TAGS = {
    "title": "title headline hl head ttl",
    "body": "date dd lp leadpara text",
}
"""The tags of TREC's collections whose texts are a title or a body; several of one kind are joined in their order."""


def read_trec(record: bytes, where: str, line: int, fields: Fields) -> tuple[str, Texts]:
    """Read ``<DOC> <DOCNO>key</DOCNO> … </DOC>``; tags within a text are blanks, entities are characters.

    A text that is not closed goes to the end of the document.
    """
    text = decode(record, where, line)
    inside = _DOC.fullmatch(text)
    number = _DOCNO.search(inside[1]) if inside else None
    if inside is None or number is None:
        what = "<DOCNO>…</DOCNO> in it" if inside else "<DOC> … </DOC>"
        raise DataError(f"{where}:{line}: found {text[:60]!r}, expected {what}")
    return number[1].strip(), _texts({own: _tagged(inside[1], names) for own, names in fields.items()})


def _tagged(text: str, names: str) -> str:
    tags = "|".join(map(re.escape, names.split()))
    found = re.finditer(rf"<({tags})\b[^<>]*>(.*?)(?:</\1\s*>|\Z)", text, re.DOTALL | re.IGNORECASE)
    return "\n".join(html.unescape(_untagged(match[2])).strip() for match in found)


def _untagged(text: str) -> str:
    closed = text.rfind("-->") + 3  # looking for the end of each comment that has none takes forever
    return _TAG.sub(" ", _COMMENT.sub(" ", text[:closed]) + text[closed:])


_WIKI = re.compile(r"<doc ([^\n]*)>\r?\n(.*)</doc\s*>", re.DOTALL)
_ATTRIBUTE = re.compile(r'\b(\w+)="(.*?)"(?=\s+\w+="|\s*$)')


def read_wiki(record: bytes, where: str, line: int, fields: Fields) -> tuple[str, Texts]:
    """Read ``<doc id="…" url="…" title="…">`` with lines of text, of which the first repeats the title."""
    whole = decode(record, where, line)
    match = _WIKI.fullmatch(whole)
    values = {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(match[1])} if match else {}
    if match is None or "id" not in values:
        raise DataError(f'{where}:{line}: found {whole[:60]!r}, expected <doc id="…" title="…"> … </doc>')
    text = html.unescape(match[2]).strip()
    first, _, rest = text.partition("\n")
    values["text"] = rest.strip() if first.strip() == values.get("title", "").strip() else text
    return values["id"], _texts({own: values.get(name, "") for own, name in fields.items()})


def _texts(values: Mapping[str, str]) -> Texts:
    return {own: value.encode() for own, value in values.items() if value.strip()}


TEXTS = "texts"
"""The form of texts of entries that there are: JSON lines, of which no text is needed."""

FORMS = {
    "corpus": Form(split_lines, read_json),
    "trec": Form(_splitter(rb"<doc>", rb"</doc\s*>"), read_trec, (b"</DOC>", b"</doc>"), TREC_TAGS),
    "msmarco": Form(split_lines, read_msmarco, fields={"title": "title", "body": "body"}),
    "wikiextractor": Form(_splitter(rb"<doc ", rb"</doc\s*>"), read_wiki, (b"</doc>",)),
    TEXTS: Form(split_lines, partial(read_json, needed="")),
}
"""By name."""

DOCUMENT_FORMS = tuple(form for form in FORMS if form != TEXTS)
"""The forms of documents, as ``kgr build --format`` has them."""


def form_of(form: str, start: bytes) -> str:
    """Return the form of a file of which the first bytes are given: WikiExtractor also writes JSON lines."""
    return "corpus" if form == "wikiextractor" and start.lstrip()[:1] == b"{" else form
