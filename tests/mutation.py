"""Files damaged by chance: bytes, and what their forms are made of, lines, fields and brackets, changed at random."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

NASTY = (
    *(b"", b" ", b"\t", b"\n", b"\r", b"\0", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xff\xfe"),
    *(b"-1", b"0", b"1", b"-0", b"3.5", b"1e999", b"nan", b"-inf", b"1_0", b"0x10", b"+1", b"127", b"256", b"65536"),
    *(b"2147483647", b"2147483648", b"4294967296", b"9223372036854775808", b"9" * 400, b"1" * 5000),
    *("²".encode(), "٣".encode(), "\u2028".encode(), "\x85".encode(), "𝒳".encode(), "\u0301".encode()),
    *(b"null", b"true", b"[]", b"{}", b'""', b'" "', b'"\\ud800"', b"\\ud800", b"\\u0000", b"\\n", b"'", b'"', b"\\"),
    *(b"<", b">", b"</doc>", b"<doc ", b"<top>", b"</top>", b"<!--", b"-->", b"&#1114112;", b"&#xD800;", b"&a;", b"^"),
    *(b"A", b"P", b"N", b"U", b"I", b"APPP", b"../x", b"/", b"..", b"C:\\", b"x" * 100_000, b"^" * 50, b"1979-05-27"),
)
"""What stands in place of a field."""

_FIELD = re.compile(rb"[^\s,:\"{}\[\]()<>=|&;]+")


def mutate(draw: random.Random, data: bytes) -> bytes:
    """Return bytes that are changed in one place to four."""
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        data = draw.choice(CHANGES)(draw, data)
    return data


def _slice(draw: random.Random, data: bytes) -> tuple[int, int]:
    first = draw.randrange(len(data) + 1)
    return first, min(len(data), first + draw.choice((1, 1, 2, 8, 64)))


def _flipped(draw: random.Random, data: bytes) -> bytes:
    if not data:
        return data
    at = draw.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1 :]


def _drawn_bytes(draw: random.Random, data: bytes) -> bytes:
    first, last = _slice(draw, data)
    return data[:first] + draw.randbytes(draw.choice((1, 1, 2, 9))) + data[last:]


def _cut(draw: random.Random, data: bytes) -> bytes:
    first, last = _slice(draw, data)
    return data[:first] + (b"" if draw.random() < 0.3 else data[last:])


def _repeated(draw: random.Random, data: bytes) -> bytes:
    first, last = _slice(draw, data)
    return data[:first] + data[first:last] * draw.choice((2, 2, 3, 1000)) + data[last:]


def _moved(draw: random.Random, data: bytes) -> bytes:
    """Copy a part of the data to another place of it."""
    (first, last), (at, end) = _slice(draw, data), _slice(draw, data)
    return data[:at] + data[first:last] + data[draw.choice((at, end)) :]


def _with_nasty(draw: random.Random, data: bytes) -> bytes:
    first, last = _slice(draw, data)
    return data[:first] + draw.choice(NASTY) + data[draw.choice((first, last)) :]


def _with_field(draw: random.Random, data: bytes) -> bytes:
    """Put a nasty field, or another one of the data, in place of a field."""
    fields = [match.span() for match in _FIELD.finditer(data)]
    if not fields:
        return data
    (first, last), (one, end) = draw.choice(fields), draw.choice(fields)
    new = draw.choice(NASTY) if draw.random() < 0.7 else data[one:end]
    return data[:first] + new + data[last:]


def _with_lines(draw: random.Random, data: bytes) -> bytes:
    """Leave out a line, repeat it, or change places with another."""
    lines = data.splitlines(keepends=True)
    if not lines:
        return data
    one, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    kind = draw.randrange(4)
    if kind == 0:
        del lines[one]
    elif kind == 1:
        lines.insert(other, lines[one])
    elif kind == 2:
        lines[one], lines[other] = lines[other], lines[one]
    else:
        lines[one] = lines[one].rstrip(b"\r\n")
    return b"".join(lines)


def _nested(draw: random.Random, data: bytes) -> bytes:
    """Put a part into many brackets or tags, of which some may be missing."""
    first, last = _slice(draw, data)
    begin, end = draw.choice(((b"[", b"]"), (b'{"a":', b"}"), (b"(", b")"), (b"<a>", b"</a>"), (b"<!--", b"")))
    times = draw.choice((1, 3, 2000, 20_000))
    inside = data[first:last] or b"1"
    return data[:first] + begin * times + inside + end * draw.choice((times, times - 1)) + data[last:]


CHANGES: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    *(_flipped, _drawn_bytes, _cut, _repeated, _moved),
    *(_with_nasty, _with_field, _with_field, _with_field, _with_lines, _with_lines, _nested),
)
"""Fields and lines more often than the rest: what a form is known by must stay whole for its depths to be reached."""
