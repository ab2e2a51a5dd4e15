"""RDF files as a stream of statements: line by line where a line is one, so that a bad one costs no other."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import PurePath
from typing import Any, cast
from xml.parsers import expat

import pyoxigraph
from pyoxigraph import BlankNode, Quad, RdfFormat

from kgr.data.document_shards import cut_records, unmarked_blocks
from kgr.data.keyed_texts import Source
from kgr.data.quarantine import Fault, Quarantine
from kgr.data.rdf_config import SYNTAXES
from kgr.errors import ConfigError, DataError

_FORMS = dict(
    zip(
        SYNTAXES,
        (RdfFormat.N_TRIPLES, RdfFormat.N_QUADS, RdfFormat.TURTLE, RdfFormat.TRIG, RdfFormat.RDF_XML),
        strict=True,
    )
)

BLOCK = 1 << 18
"""Bytes that are parsed at once, more where one line is longer: what is made of them stays in the processor's cache."""

_ENDINGS = {**{f".{name}": name for name in SYNTAXES}, ".rdf": "xml", ".owl": "xml"}
_PARTS = 32  # into which lines are cut, again and again, until the bad one is alone
_BATCH = 1 << 11
_DRAWN = "[a-f][0-9a-f]{20,31}"  # labels that the parser draws at random for nodes without one
_ANONYMOUS = re.compile(_DRAWN)
_LABELS = {
    **dict.fromkeys(("ttl", "trig"), re.compile(f"_:({_DRAWN})".encode())),
    "xml": re.compile(rf"nodeID\s{{0,9}}=\s{{0,9}}[\"']({_DRAWN})".encode()),
}
"""Where such labels are written: nodes of N-Triples and N-Quads have labels, all of them."""

_LABEL_BYTES = 64

LONGEST = 15 << 20
"""Bytes of a line of N-Triples or N-Quads, or of what XML has between tags: below what the parser's buffer holds."""

_DECLARED = re.compile(rb"<\?xml\s[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)")
_DECLARATION = 1 << 10  # bytes in which it is looked for

Take = Callable[[Iterable[Quad]], None]
"""Takes statements; where these end with an error, it takes none of them."""


@dataclass(frozen=True)
class Reading:
    """How RDF files are read.

    Attributes
    ----------
    quarantine : Quarantine
        Of lines that are no statements.
    base : str or None
        What relative IRIs are relative to.
    strict : bool
        Whether the first bad line, or IRI, is an error.
    """

    quarantine: Quarantine
    base: str | None = None
    strict: bool = False

    def read(self, source: Source, syntax: str, take: Take) -> None:
        """Give the statements of a file to ``take``, in order; ``syntax`` is one of the settings' names.

        Lines of N-Triples and N-Quads that cannot be read are set aside. A bad IRI is read as it is, unless strict.

        Raises
        ------
        DataError
            Names file and line: of other syntaxes, or if strict, whatever cannot be read; a file that is cut short.
        ConfigError
            The base is no IRI.
        """
        where, blocks = source
        small = unmarked_blocks(where, blocks, BLOCK)
        if syntax in ("nt", "nq"):
            self._by_line(where, small, _FORMS[syntax], take)
        else:
            self._as_document(where, small, _FORMS[syntax], take)

    def _by_line(self, where: str, blocks: Iterable[bytes], form: RdfFormat, take: Take) -> None:
        line = 1  # counted here, for carriage returns end lines too
        for _, block in cut_records(where, blocks, (b"\n",), BLOCK, LONGEST):
            try:
                take(pyoxigraph.parse(block, format=form))
            except SyntaxError:
                self._parts(where, block.splitlines(keepends=True), line, form, take)
            line += block.count(b"\n") if b"\r" not in block else len(block.splitlines())

    def _parts(self, where: str, lines: list[bytes], first: int, form: RdfFormat, take: Take) -> None:
        """Read lines of which one is bad: after it the parser would lose good ones, and read leniently join others."""
        size = -(-len(lines) // _PARTS)
        for at in range(0, len(lines), size):
            part = lines[at : at + size]
            try:
                take(pyoxigraph.parse(b"".join(part), format=form))
            except SyntaxError as error:
                if len(part) > 1:
                    self._parts(where, part, first + at, form, take)
                else:
                    self._one_line(where, part[0], first + at, form, take, error)

    def _one_line(self, where: str, line: bytes, number: int, form: RdfFormat, take: Take, error: SyntaxError) -> None:
        message = f"{where}:{number}: found no statement of {form.name}: {_reason(error)}"
        if self.strict:
            raise DataError(message) from None
        try:
            take(pyoxigraph.parse(line, format=form, lenient=True))
        except SyntaxError:
            self.quarantine.add([Fault(message, line.rstrip(b"\r\n"))])

    def _as_document(self, where: str, blocks: Iterable[bytes], form: RdfFormat, take: Take) -> None:
        stream = _Stream(_well_formed(where, _in_utf8(where, blocks)) if form == RdfFormat.RDF_XML else blocks)
        try:
            quads = pyoxigraph.parse(cast(Any, stream), format=form, base_iri=self.base, lenient=not self.strict)
        except ValueError as error:
            raise ConfigError(f"base is {self.base!r}, expected an absolute IRI: {error}") from None
        try:
            while batch := list(islice(quads, _BATCH)):
                take(batch)
        except SyntaxError as error:
            place = f"{where}:{error.lineno}" if error.lineno else where
            raise DataError(f"{place}: found no {form.name}: {_reason(error)}") from None
        except MemoryError as error:
            if "buffer" not in str(error):  # the parser's, which is bounded
                raise
            raise DataError(_endless(where, stream.line, form.name)) from error


def syntax_of(where: str) -> str:
    """Return the syntax that the ending of a file's name tells, that of ``.gz`` aside, or raise a ConfigError."""
    path = PurePath(where)
    ending = (PurePath(path.stem) if path.suffix == ".gz" else path).suffix
    if ending not in _ENDINGS:
        expected = f"expected {', '.join(_ENDINGS)}, packed by gzip or not; say by syntax (--syntax) what it is"
        raise ConfigError(f"{where}: found the ending {ending!r}, {expected}")
    return _ENDINGS[ending]


class BlankNames:
    """Names the blank nodes of a file.

    One with a label is named ``_:<file>/<label>``, one without ``_:<file>/[<n>]``, by its first appearance.

    Parameters
    ----------
    file : int
        The file's number.
    syntax : str
        One of the settings' names.
    """

    def __init__(self, file: int, syntax: str) -> None:
        self._file, self._label = file, _LABELS.get(syntax)
        self._anonymous: dict[str, int] = {}
        self._written = set[str]()

    def watched(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass on the file, noting labels that look like those that the parser gives to nodes without one."""
        rest = b""
        for block in blocks:
            if self._label:
                rest += block
                self._written.update(found[1].decode() for found in self._label.finditer(rest))
                rest = rest[-_LABEL_BYTES:]
            yield block

    def __call__(self, node: BlankNode) -> str:
        """Return the name of a blank node that was read."""
        label = node.value
        if self._label and _ANONYMOUS.fullmatch(label) and label not in self._written:
            label = f"[{self._anonymous.setdefault(label, len(self._anonymous) + 1)}]"
        return f"_:{self._file}/{label}"


def _reason(error: SyntaxError) -> str:
    """Return in words what is wrong, and in which column, without the line, which counts from where parsing began."""
    reason = re.sub(r"^Parser error [^:]*: ", "", error.msg or "")
    column = f" at column {error.offset}" if error.offset else ""
    return f"{reason:.200}{column}"


def _endless(where: str, line: int, form: str) -> str:
    found = f"a literal, name or comment, begun here or before, that does not end in {LONGEST >> 20} MiB"
    return f"{where}:{line}: found no {form}: {found}, expected shorter ones"


class _Stream:
    """A file to be read, of blocks; ``line`` is the number of the line that was reached."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks, self._held, self.line = iter(blocks), b"", 1

    def read(self, size: int = -1) -> bytes:
        while not self._held:
            block = next(self._blocks, None)
            if block is None:
                return b""
            self._held = block
        size = len(self._held) if size < 0 else size
        block, self._held = self._held[:size], self._held[size:]
        self.line += block.count(b"\n")
        return block


def _in_utf8(where: str, blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Pass XML on in UTF-8, from the encoding that it declares, UTF-8 where it declares none."""
    blocks, start = iter(blocks), b""
    while len(start) < _DECLARATION and b">" not in start and (block := next(blocks, b"")):
        start += block
    declared = _DECLARED.match(start)
    encoding = declared[1].decode() if declared else "UTF-8"
    if declared:
        start = start[: declared.start(1)] + b"UTF-8" + start[declared.end(1) :]
    line = 1
    try:
        if "<?xml".encode(encoding) != b"<?xml":
            raise LookupError
        decoder = codecs.getincrementaldecoder(encoding)()
        for block in chain((start,), blocks):
            yield decoder.decode(block).encode()
            line += block.count(b"\n")
        yield decoder.decode(b"", True).encode()
    except LookupError:
        expected = "expected one that it can be in and that Python knows: convert the file to UTF-8"
        raise DataError(f"{where}:1: found the encoding {encoding} declared, {expected}") from None
    except UnicodeError as error:
        raise _no_encoding(where, line, encoding, error) from None


def _no_encoding(where: str, line: int, encoding: str, error: UnicodeError) -> DataError:
    found = "characters"
    if isinstance(error, UnicodeDecodeError):
        found, line = f"byte 0x{error.object[error.start]:02x}", line + error.object[: error.start].count(b"\n")
    remedy = "convert the file to UTF-8, or let its first line name its encoding"
    return DataError(f"{where}:{line}: found {found} that {encoding} has not: {remedy}")


def _well_formed(where: str, blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Pass XML on; refuse what is cut short, which the parser of RDF takes for whole, or goes on without an end."""
    parser, read, last = expat.ParserCreate(), 0, 0
    try:
        for block in blocks:
            parser.Parse(block, False)
            read += len(block)
            last = read if b">" in block else last
            if read - min(last, parser.CurrentByteIndex) > LONGEST:
                raise DataError(_endless(where, parser.CurrentLineNumber, "XML"))
            yield block
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise DataError(f"{where}:{error.lineno}: found no XML: {expat.ErrorString(error.code)}") from None
