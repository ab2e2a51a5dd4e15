"""The error tree. Every message says where, what was found, what was expected and what to do.

KgrError
├── DataError(ValueError)          an input file or line; the message starts with ``file:line``
├── FormatError                    something of ours on disk: version, dtype, fingerprint, checksum
├── UnknownKey(LookupError)        a key, name or id that is not there; names the nearest ones
├── ConfigError(ValueError)        a setting: its name, the value, what is allowed
├── QueryError(ValueError)         a query word or its arguments; names the position
├── SamplerError(RuntimeError)     a structure that the graph cannot host
├── TrainingError(RuntimeError)    training cannot go on, for instance a loss that is not finite
└── FetchError(OSError)            a download
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class KgrError(Exception):
    """Base of every error that kgr raises on purpose."""


class DataError(KgrError, ValueError):
    """An input file is not as expected."""


class FormatError(KgrError):
    """A store, checkpoint or run folder is damaged, of another version, or of other sections."""


class UnknownKey(KgrError, LookupError):
    """A key or name does not exist."""

    @classmethod
    def of(cls, what: str, key: str, known: Iterable[str]) -> UnknownKey:
        """Compose the message, naming the known keys nearest to ``key``."""
        near = difflib.get_close_matches(key, known, n=3, cutoff=0.5)
        hint = f"; nearest: {', '.join(near)}" if near else ""
        return cls(f"unknown {what} {key!r}{hint}")


class ConfigError(KgrError, ValueError):
    """A setting has a value that is not allowed."""


class QueryError(KgrError, ValueError):
    """A query word or its arguments are not valid."""


class SamplerError(KgrError, RuntimeError):
    """Queries of a structure cannot be drawn from a graph."""


class TrainingError(KgrError, RuntimeError):
    """Training cannot go on."""


class FetchError(KgrError, OSError):
    """A file could not be fetched whole."""
