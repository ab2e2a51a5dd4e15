"""Build a store from RDF: what things say of each other is the graph, what is said of them in words their texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kgr import _io
from kgr._config import make
from kgr.data.build import Paths, as_paths, check_relations, key_sections
from kgr.data.document_shards import Progress, file_sources
from kgr.data.keyed_texts import Source
from kgr.data.numbered import graph_sections
from kgr.data.quarantine import Quarantine
from kgr.data.rdf_config import RdfConfig
from kgr.data.rdf_files import BlankNames, Reading, syntax_of
from kgr.data.rdf_names import KeyNames, own_name
from kgr.data.rdf_places import Places, place
from kgr.data.rdf_statements import Statements
from kgr.data.splits import Message
from kgr.data.tables import check_language
from kgr.errors import DataError
from kgr.index.kinds import ENTITY
from kgr.index.store import Section, Store, check_place, create_store

_SHOWN = 3


def build_rdf(
    files: Paths,
    out: str | Path,
    *,
    strip: str | Sequence[str] = (),
    name: str = "",
    message: Message | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Store:
    """Build a store from files of N-Triples, N-Quads, Turtle, TriG or RDF/XML, packed by gzip or not.

    Statements between two things become triples of train, duplicates removed and counted; ``rdf:type`` becomes types.
    ``rdfs:label`` and ``skos:prefLabel`` become labels, ``skos:altLabel`` aliases, ``schema:description`` descriptions,
    by language, and what :mod:`kgr.index.iris` names fields of ours becomes these; no other predicate gives texts of
    these fields. Other literals are counted by predicate; kept, each predicate has a field of its own
    (:func:`kgr.data.rdf_names.field_names`), told in the manifest. A key is the IRI, without a prefix of ``strip``;
    blank nodes are ``_:<file>/<label>``, files counted from 1, and ``_:<file>/[<n>]`` the n-th without a label. Graphs
    of quads are read as one.

    Entities are numbered as their triples come, head before tail. After them come entries without a triple: what else
    has a type or a text, but a text about something that has the key of a relation or type becomes a text of these.

    Files are read as a stream: memory holds the names of things, the graph, and some 50 bytes for each text.

    Parameters
    ----------
    strip : str or sequence of str
        Prefixes of IRIs, or ``"wikidata"`` for those of its truthy dump.
    message : callable, optional
        Called with a line for everything unusual.
    progress : callable, optional
        Called with ``"statements"``, the bytes that were read and how many there are.
    **settings
        The fields of :class:`kgr.data.rdf_config.RdfConfig`. Lines of N-Triples and N-Quads that are no statements are
        set aside in ``<out>.quarantine.jsonl``; bad IRIs are kept and counted. With ``strict`` either is an error.

    Raises
    ------
    DataError
        A file is malformed or cut short, two IRIs have one key, or nothing is said. Nothing is left at ``out``.
    ConfigError
        A setting that is none, a name that tells no syntax.
    FormatError
        There is a store at ``out`` already.
    """
    out, say, config = Path(out), message or (lambda line: None), make(RdfConfig, settings)
    names = KeyNames([strip] if isinstance(strip, str) else strip)
    check_language(config.language)
    check_place(out)  # before hours of reading
    paths = as_paths(files)
    sources = file_sources(paths, progress, "statements")
    syntaxes = [config.syntax or syntax_of(where) for where, _ in sources]
    with _io.temporary_folder(_io.beside(out, ".spool")) as spool:
        quarantine = Quarantine(spool / "quarantine.jsonl", "statement")
        statements = _read(list(zip(sources, syntaxes, strict=True)), config, spool, quarantine)
        places = place(statements, names, spool)
        if not places.entries and not len(statements.relations):
            told = "".join(f"; {line}" for line in _left_out(statements, config))
            raise DataError(f"{', '.join(map(str, paths))}: found no statements to keep{quarantine.said}{told}")
        sections, counts = _sections(statements, places, ", ".join(map(str, paths)), say)
        counts |= {"graphs": len(statements.graphs), "quarantined": quarantine.count}
        for line in _remarks(statements, config, counts):
            say(line)
        record = {"files": [str(path) for path in paths], **_record(statements, config)}
        for line in quarantine.keep(out, more=False):
            say(line)
        return create_store(out, sections, name=name, entities=places.entities, counts=counts, sources=record)


def _read(sources: Sequence[tuple[Source, str]], config: RdfConfig, spool: Path, quarantine: Quarantine) -> Statements:
    statements = Statements(spool, config.language, config.literals == "keep")
    reading = Reading(quarantine, config.base, config.strict)
    try:
        for number, ((where, blocks), syntax) in enumerate(sources, 1):
            blank = BlankNames(number, syntax)
            take = partial(statements.add, blank=blank, named=syntax in ("nq", "trig"))
            reading.read((where, blank.watched(blocks)), syntax, take)
    finally:
        statements.close()
    return statements


def _sections(
    statements: Statements, places: Places, where: str, say: Message
) -> tuple[dict[str, Section], dict[str, int]]:
    """Return all sections of the store, and what they count."""
    counts = {"entities": places.entities, "relations": len(places.relations), "types": len(places.types)}
    kinds = np.full(len(places.keys), ENTITY, np.uint8)
    if places.entities:
        splits, named = {"train": places.triples}, {"train": where}
        sections, found = graph_sections(splits, named, places.entities, places.keys, places.relations, kinds, say)
        counts |= found
    else:
        say(f"{where}: found no triple between two things: the store has texts and types alone")
        sections = key_sections(places.keys, places.relations, kinds)
    check_relations(places.relations.keys_of(range(len(places.relations))), where)
    types, repeated_types = places.type_section(statements)
    texts, repeated_texts = places.text_sections(statements)
    counts |= {"repeated_types": repeated_types, "repeated_texts": repeated_texts, **places.counts}
    return {**sections, **types, **texts}, counts


def _record(statements: Statements, config: RdfConfig) -> dict[str, Any]:
    """Return what the manifest says of literals and graphs."""
    literals = {"kept": config.literals == "keep", "by_predicate": dict(statements.literals.most_common())}
    return {
        "literals": literals | ({"fields": statements.kept} if statements.kept else {}),
        "graphs": dict(statements.graphs.most_common(_SHOWN)),
    }


def _left_out(statements: Statements, config: RdfConfig) -> Iterator[str]:
    """Say what statements are not kept."""
    if statements.literals and config.literals == "drop":
        said = _counted(statements.literals, "literals", "predicates")
        yield f"{said}: left out, kept as texts with literals=keep (--literals keep)"
    if statements.triple_terms:
        yield f"{_counted(statements.triple_terms, 'statements about statements', 'predicates')}: left out"
    if statements.blank:
        yield f"{statements.blank:,} texts are empty: left out"
    if statements.directed:
        yield f"{statements.directed:,} texts have a direction of writing (--ltr or --rtl): kept without it"


def _remarks(statements: Statements, config: RdfConfig, counts: Mapping[str, int]) -> Iterator[str]:
    """Say what is unusual."""
    yield from _left_out(statements, config)
    if renamed := [f"{name} for {iri}" for iri, name in statements.kept.items() if name != own_name(iri)]:
        some = ", ".join(renamed[:_SHOWN]) + ", …" * (len(renamed) > _SHOWN)
        yield f"{len(renamed):,} predicates of kept literals have the name of another field: kept apart ({some})"
    if statements.graphs:
        yield f"{_counted(statements.graphs, 'statements', 'named graphs')}: read as one graph"
    if counts["irregular_iris"]:
        yield f"{counts['irregular_iris']:,} names are no IRIs, for a space or the like: kept as they are"
    if counts["entries_without_triples"]:
        yield f"{counts['entries_without_triples']:,} entries are in no triple: kept after the entities"


def _counted(counter: Counter[str], what: str, by: str) -> str:
    some = ", ".join(f"{name} {count:,}" for name, count in counter.most_common(_SHOWN))
    more = ", …" if len(counter) > _SHOWN else ""
    return f"{counter.total():,} {what} of {len(counter):,} {by} ({some}{more})"
