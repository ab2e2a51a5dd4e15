"""Statements of RDF files, sorted into triples, texts and types that wait in files; names are numbered as they come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, Triple

from kgr.data.documents import SpooledTexts
from kgr.data.lines import Numbering
from kgr.data.rdf_names import field_names, text_field
from kgr.index.iris import TYPE, predicate_of
from kgr.index.languages import language_name
from kgr.index.spool import Spool
from kgr.index.texts import Texts

TextSection = tuple[str, str]
"""Language and field."""

_Source = tuple[str, str]  # language and predicate, of a meaning the one that stands for its field

_TYPED = -1  # in place of a text's section


class Statements:
    """What RDF files say, each thing by the number of its IRI or blank node.

    Parameters
    ----------
    spool : path
        A folder for what is not held.
    language : str
        Of texts without a tag.
    keep : bool
        Whether literals of predicates of no known meaning are texts too.

    Attributes
    ----------
    things : Numbering
        Heads, tails and whatever has a text or a type, by IRI, a blank node by its name.
    relations, types : Numbering
        By IRI.
    literals : Counter
        Literals by predicate, of those of no known meaning.
    triple_terms : Counter
        Statements about statements by predicate: these are left out.
    graphs : Counter
        Statements by named graph.
    untagged, blank, directed : int
        Texts without a language tag; texts of nothing but spaces, which are left out; texts with a direction of
        writing, which is.
    """

    def __init__(self, spool: Path, language: str, keep: bool) -> None:
        self.things, self.relations, self.types = Numbering(), Numbering(), Numbering()
        self.literals, self.triple_terms, self.graphs = Counter[str](), Counter[str](), Counter[str]()
        self.untagged = self.blank = self.directed = 0
        self._language, self._keep = language, keep
        self._fields: dict[str, str | None] = {}
        self._sections: dict[tuple[str, str | None], int] = {}
        self._numbers: dict[_Source, int] = {}
        self._triples, self._typed = Spool(spool / "triples", np.int32), Spool(spool / "typed", np.int32)
        self._texts, self._text_sections = SpooledTexts(spool / "texts"), Spool(spool / "sections", np.int32)

    def close(self) -> None:
        """End the files; nothing is added any more."""
        for part in (self._triples, self._typed, self._texts, self._text_sections):
            part.close()

    @property
    def triples(self) -> NDArray[np.int32]:
        """Head, relation and tail of each statement between two things: int32[E, 3]."""
        return self._triples.array().reshape(-1, 3)

    @property
    def typed(self) -> NDArray[np.int32]:
        """Things and their types: int32[n, 2]."""
        return self._typed.array().reshape(-1, 2)

    @property
    def texts(self) -> Texts:
        """All texts, by the number of what they are about, in the order of their statements."""
        return self._texts.texts()

    @property
    def text_sections(self) -> NDArray[np.int32]:
        """The section of each text, int32[n], of :attr:`sections`."""
        return self._text_sections.array()

    @property
    def sections(self) -> list[TextSection]:
        """Language and field of each section of texts."""
        names = field_names(predicate for _, predicate in self._numbers)
        return [(language, names[predicate]) for language, predicate in self._numbers]

    @property
    def kept(self) -> dict[str, str]:
        """The fields of the predicates of no known meaning whose literals are texts."""
        names = field_names(predicate for _, predicate in self._numbers)
        return {predicate: names[predicate] for predicate in self.literals if predicate in names}

    def add(self, quads: Iterable[Quad], blank: Callable[[BlankNode], str], *, named: bool = False) -> None:
        """Add statements of one file, all of them or, where these end with an error, none.

        Its blank nodes have the names that ``blank`` gives them; in a file with ``named`` graphs these are counted.
        """
        heads, relations, tails = list[str](), list[str](), list[str]()
        others: list[tuple[str, str, Any]] = []
        quads = list(quads) if named else quads
        for subject, predicate, object, _ in quads:
            name = predicate.value
            thing = subject.value if type(subject) is NamedNode else blank(subject)
            kind = type(object)
            if kind is Literal or name == TYPE or kind is Triple:
                others.append((thing, name, object))
            else:
                heads.append(thing)
                relations.append(name)
                tails.append(object.value if kind is NamedNode else blank(object))
        self._add_triples(heads, relations, tails)
        self._add_descriptions(others, blank)
        if named:
            graphs = (quad.graph_name for quad in quads)
            self.graphs.update(graph.value for graph in graphs if type(graph) is not DefaultGraph)

    def _add_triples(self, heads: list[str], relations: list[str], tails: list[str]) -> None:
        triples = np.empty((len(heads), 3), np.int32)
        triples[:, ::2] = self.things.number(heads + tails).reshape(2, -1).T
        triples[:, 1] = self.relations.number(relations)
        self._triples.append(triples.ravel())

    def _add_descriptions(self, statements: list[tuple[str, str, Any]], blank: Callable[[BlankNode], str]) -> None:
        """Add the texts and types of things, in the order of their statements; count what else there is."""
        described, sections, texts, types = list[str](), list[int](), list[bytes](), list[str]()
        for thing, name, object in statements:
            if type(object) is Triple:
                self.triple_terms[name] += 1
            elif type(object) is not Literal:
                described.append(thing)
                sections.append(_TYPED)
                types.append(object.value if type(object) is NamedNode else blank(object))
            elif (section := self._section_of(name, object.language)) is not None:
                text = object.value
                if not text.strip():
                    self.blank += 1
                    continue
                self.directed += object.direction is not None
                described.append(thing)
                sections.append(section)
                texts.append(text.encode())
        things, own = self.things.number(described), np.array(sections, np.int32)
        typed = np.stack([things[own == _TYPED], self.types.number(types)], axis=1)
        self._typed.append(typed.ravel())
        self._texts.add(things[own != _TYPED], np.fromiter(map(len, texts), np.int64, len(texts)), b"".join(texts))
        self._text_sections.append(own[own != _TYPED])

    def _section_of(self, predicate: str, tag: str | None) -> int | None:
        """Return the section of a literal, None where it is not kept; count it where its meaning is not known."""
        if predicate not in self._fields:
            self._fields[predicate] = text_field(predicate)
        field = self._fields[predicate]
        if field is None:
            self.literals[predicate] += 1
            if not self._keep:
                return None
        self.untagged += tag is None
        number = self._sections.get((predicate, tag))
        if number is None:
            source = language_name(tag) if tag else self._language, predicate_of(field) if field else predicate
            number = self._numbers.setdefault(source, len(self._numbers))
            self._sections[predicate, tag] = number
        return number
