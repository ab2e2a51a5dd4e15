"""Keys as IRIs: any key comes back, and what is written every parser takes."""

from __future__ import annotations

import pytest
import rdflib
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kgr.index.iris import FIELDS, PREFIXES, TYPE, field_of, iri_of, key_of, predicate_of
from kgr.index.keys import key_fault

KEYS = st.one_of(
    st.text(max_size=12),
    st.from_regex(r"[a-z]{1,3}:[!-~\u00a0-\u0390]{0,8}", fullmatch=True),
    st.from_regex(r"https?://[!-~]{0,6}[/:#?][!-~]{0,6}", fullmatch=True),
    st.builds(str.__add__, st.sampled_from(list(PREFIXES.values())), st.text("a%4:/ ", max_size=4)),
).filter(lambda key: key_fault(key) is None)


@settings(deadline=None)
@example("a:\u3000b", "entries")
@example("a:", "entries")
@given(key=KEYS, of=st.sampled_from(list(PREFIXES)))
def test_every_key_comes_back_from_a_parser(key: str, of: str) -> None:
    pyoxigraph = pytest.importorskip("pyoxigraph")
    written = iri_of(key, of)
    line = f"<{written}> <{written}> <{written}> ."
    (triple,) = pyoxigraph.parse(line, format=pyoxigraph.RdfFormat.N_TRIPLES)
    assert [key_of(term.value, of) for term in (triple.subject, triple.predicate, triple.object)] == [key] * 3
    assert len(rdflib.Graph().parse(data=line, format="nt")) == 1


@pytest.mark.parametrize(
    ("key", "iri"),
    [
        ("Q42", "urn:kgr:entity:Q42"),
        ("/m/027rn", "urn:kgr:entity:/m/027rn"),
        ("human|人", "urn:kgr:entity:human%7C%E4%BA%BA"),
        ("a b", "urn:kgr:entity:a%20b"),
        ("territory:ES", "territory:ES"),
        ("http://www.wikidata.org/entity/Q42", "http://www.wikidata.org/entity/Q42"),
        ("http://dbpedia.org/resource/Köln", "http://dbpedia.org/resource/Köln"),
        ("http://a.b/c d", "urn:kgr:entity:http://a.b/c%20d"),
        ("http://a.b/100%", "urn:kgr:entity:http://a.b/100%25"),
        ("urn:kgr:entity:Q42", "urn:kgr:entity:urn:kgr:entity:Q42"),
    ],
)
def test_iris_of_entities(key: str, iri: str) -> None:
    assert iri_of(key, "entries") == iri


def test_a_relation_is_not_taken_for_types_or_texts() -> None:
    for reserved in (TYPE, *FIELDS.values()):
        assert iri_of(reserved, "entries") == reserved
        assert iri_of(reserved, "relations") == f"urn:kgr:relation:{reserved.replace('#', '%23')}"
        assert key_of(iri_of(reserved, "relations"), "relations") == reserved


@pytest.mark.parametrize("field", [*FIELDS, "gloss", "body", "a_b", "ü"])
def test_fields_come_back(field: str) -> None:
    assert field_of(predicate_of(field)) == field


def test_other_predicates_are_no_fields() -> None:
    assert field_of("http://example.org/label") is None
