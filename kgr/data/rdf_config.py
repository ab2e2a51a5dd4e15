"""How RDF is read: its settings, apart from the parser, so that the command line's help does not load it."""

from __future__ import annotations

from dataclasses import dataclass

from kgr._config import setting

SYNTAXES = ("nt", "nq", "ttl", "trig", "xml")
"""N-Triples, N-Quads, Turtle, TriG and RDF/XML."""


@dataclass(frozen=True, kw_only=True)
class RdfConfig:
    """How RDF is read."""

    language: str = setting("en", "of texts without a language tag")
    strict: bool = setting(False, "stop at the first line that is no statement, instead of setting it aside")
    literals: str = setting(
        "drop",
        "RDF: literals that are no labels, aliases or descriptions: drop and count them, or keep them as texts",
        choices=("drop", "keep"),
    )
    syntax: str | None = setting(None, "RDF: of all files  [default: by the endings of their names]", choices=SYNTAXES)
    base: str | None = setting(None, "RDF: an IRI that relative ones are relative to, where a file names none")
