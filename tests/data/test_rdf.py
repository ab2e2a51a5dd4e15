"""RDF as a store: things, relations, types and texts by their keys; nothing is dropped silently."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rdf_folder import EXAMPLE, LABEL, RDFS, SKOS, TYPE, Folder, counts, keys, short, texts, triples, types

from kgr.data.rdf_names import LONGEST, field_names, own_name
from kgr.errors import ConfigError, DataError, FormatError
from kgr.graph.graph import load_graph
from kgr.index.check import check_store
from kgr.index.iris import iri_of, predicate_of
from kgr.index.keys import key_fault

WIKIDATA = """
<http://wikiba.se/ontology#Dump> <http://creativecommons.org/ns#license> <http://creativecommons.org/publicdomain/zero/1.0/> .
<http://www.wikidata.org/entity/Q42> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://wikiba.se/ontology#Item> .
<http://www.wikidata.org/entity/Q42> <http://www.w3.org/2000/01/rdf-schema#label> "Douglas Adams"@en .
<http://www.wikidata.org/entity/Q42> <http://www.w3.org/2004/02/skos/core#prefLabel> "Douglas Adams"@en .
<http://www.wikidata.org/entity/Q42> <http://schema.org/name> "Douglas Adams"@en .
<http://www.wikidata.org/entity/Q42> <http://www.w3.org/2000/01/rdf-schema#label> "\\u9053\\u683C\\u62C9\\u65AF"@zh-hans .
<http://www.wikidata.org/entity/Q42> <http://www.w3.org/2004/02/skos/core#altLabel> "Douglas N. Adams"@en .
<http://www.wikidata.org/entity/Q42> <http://www.w3.org/2004/02/skos/core#altLabel> "DNA"@en .
<http://www.wikidata.org/entity/Q42> <http://schema.org/description> "escritor"@pt-br .
<http://www.wikidata.org/entity/Q42> <http://www.wikidata.org/prop/direct/P31> <http://www.wikidata.org/entity/Q5> .
<http://www.wikidata.org/entity/Q42> <http://www.wikidata.org/prop/direct/P106> <http://www.wikidata.org/entity/Q36180> .
<http://www.wikidata.org/entity/Q42> <http://www.wikidata.org/prop/direct/P569> "1952-03-11T00:00:00Z"^^<http://www.w3.org/2001/XMLSchema#dateTime> .
<http://www.wikidata.org/entity/Q5> <http://www.w3.org/2000/01/rdf-schema#label> "human"@en .
<http://www.wikidata.org/entity/P31> <http://www.w3.org/2000/01/rdf-schema#label> "ist ein"@de .
<http://www.wikidata.org/prop/direct/P106> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://www.w3.org/2002/07/owl#ObjectProperty> .
<http://www.wikidata.org/entity/Q1> <http://www.w3.org/2000/01/rdf-schema#label> "universe"@en .
""".lstrip()  # noqa: E501


def test_the_form_of_wikidatas_truthy_dump(folder: Folder) -> None:
    store = folder.build_files([folder.write("truthy.nt.gz", WIKIDATA)], strip="wikidata", name="mine")
    other = "http://creativecommons.org/publicdomain/zero/1.0/"
    assert triples(store) == [
        ("http://wikiba.se/ontology#Dump", "http://creativecommons.org/ns#license", other),
        ("Q42", "P31", "Q5"),
        ("Q42", "P106", "Q36180"),
    ]
    claim = "http://www.wikidata.org/prop/direct/P106"  # spoken of, it is a thing beside the property
    assert types(store) == {
        "Q42": ["http://wikiba.se/ontology#Item"], claim: ["http://www.w3.org/2002/07/owl#ObjectProperty"]
    }  # fmt: skip
    assert texts(store) == {
        "entries/en.label": {"Q42": ["Douglas Adams"], "Q5": ["human"], "Q1": ["universe"]},
        "entries/zh-Hans.label": {"Q42": ["道格拉斯"]},
        "entries/en.alias": {"Q42": ["Douglas N. Adams", "DNA"]},
        "entries/pt-BR.description": {"Q42": ["escritor"]},
        "relations/de.label": {"P31": ["ist ein"]},
    }
    assert (store.name, store.entities, keys(store)[store.entities :]) == ("mine", 5, [claim, "Q1"])
    assert load_graph(store).tails(2, 2).tolist() == [3]
    assert counts(store) == {
        "entities": 5, "relations": 3, "types": 2, "train": 3, "repeated_texts": 1, "entries_without_triples": 2
    }  # fmt: skip
    predicates = {"http://schema.org/name": 1, "http://www.wikidata.org/prop/direct/P569": 1}
    assert store.manifest["sources"]["literals"] == {"kept": False, "by_predicate": predicates}
    assert folder.said == [
        "2 literals of 2 predicates (http://schema.org/name 1, http://www.wikidata.org/prop/direct/P569 1): left out,"
        " kept as texts with literals=keep (--literals keep)",
        "2 entries are in no triple: kept after the entities",
    ]
    assert check_store(store.path) == []
    assert not list(folder.path.glob("*quarantine*")) + list(folder.path.glob(".tmp*"))


def test_a_property_and_its_direct_claim_are_two_things(folder: Folder) -> None:
    wd, claim = "http://www.wikidata.org/entity/", "http://www.wikidata.org/prop/direct/P31"
    store = folder.build(
        f"<{wd}P31> <http://wikiba.se/ontology#directClaim> <{claim}> .\n<{wd}Q42> <{claim}> <{wd}Q5> .\n",
        strip="wikidata",
    )
    expected = [("P31", "http://wikiba.se/ontology#directClaim", claim), ("Q42", "P31", "Q5")]
    assert triples(store) == expected


def test_what_was_left_out_is_said_where_nothing_else_is_there(folder: Folder) -> None:
    with pytest.raises(DataError, match=r"no statements to keep; 1 literals of 1 predicates .*--literals keep"):
        folder.build('<http://a/x> <http://a/age> "12" .\n')


def test_literals_are_kept_by_option(folder: Folder) -> None:
    store = folder.build(WIKIDATA, strip="wikidata", literals="keep", language="fr")
    found = texts(store)
    assert found["entries/fr.p569"] == {"Q42": ["1952-03-11T00:00:00Z"]}
    assert found["entries/en.name"] == {"Q42": ["Douglas Adams"]}
    assert store.manifest["sources"]["literals"]["kept"]
    assert len(folder.said) == 1


@pytest.mark.parametrize(
    ("predicate", "field"),
    [
        ("http://schema.org/birthDate", "birth_date"),
        ("http://a/P569", "p569"),
        ("http://a/b#42", "literal"),
        ("http://a/b#1a-Ü-b_", "a_b"),
        ("http://a/geo/", "geo"),
        ("urn:kgr:text:Größe", "gr_e"),
        ("x", "x"),
    ],
)
def test_fields_are_named_after_predicates(predicate: str, field: str) -> None:
    assert own_name(predicate) == field


def test_a_predicate_without_a_meaning_shares_its_field_with_none() -> None:
    long = "a" * LONGEST
    predicates = [
        "http://o/label", "http://o/gloss", f"{RDFS}label", f"{SKOS}prefLabel", "http://a/name", "http://b/name",
        "x:Name", "http://b/name_2", "urn:kgr:text:gloss", f"http://a/{long}", f"http://b/{long}",
    ]  # fmt: skip
    assert field_names(predicates) == dict(zip(predicates, (
        "label_2", "gloss_2", "label", "label", "name", "name_2", "name_3", "name_2_2", "gloss", long, long[:-2] + "_2"
    ), strict=True))  # fmt: skip


def test_kept_literals_are_not_mixed_with_labels(folder: Folder) -> None:
    lines = [f'a {LABEL} "A"@en', 'a label "other"@en', 'a label "autre"@fr', 'a <http://f/label> "third"@en', "a p b"]
    for ordered in (lines, lines[::-1]):
        store = folder.build(short("\n".join(ordered)), out=ordered[0][-2:], strip=EXAMPLE, literals="keep")
        first, second = (f"{EXAMPLE}label", "http://f/label")[:: 1 if ordered is lines else -1]
        own = {first: "label_2", second: "label_3"}
        assert store.manifest["sources"]["literals"]["fields"] == own
        assert texts(store) == {
            "entries/en.label": {"a": ["A"]},
            f"entries/en.{own[EXAMPLE + 'label']}": {"a": ["other"]},
            f"entries/fr.{own[EXAMPLE + 'label']}": {"a": ["autre"]},
            f"entries/en.{own['http://f/label']}": {"a": ["third"]},
        }
        told = f"label_2 for {first}, label_3 for {second}"
        assert folder.said == [f"2 predicates of kept literals have the name of another field: kept apart ({told})"]
        assert store.label("entries", 0) == "A"


@pytest.mark.parametrize("content", ["", "\n", "# nothing\n"])
@pytest.mark.parametrize("ending", ["nt", "ttl"])
def test_nothing_said(content: str, ending: str, folder: Folder) -> None:
    with pytest.raises(DataError, match=rf"a\.{ending}: found no statements to keep$"):
        folder.build(content, f"a.{ending}")
    with pytest.raises(DataError, match=r"found no statements to keep; 1 lines are no statements, the first: .*:1: "):
        folder.build("bad", "b.nt")


def test_files_that_are_not_there(folder: Folder) -> None:
    with pytest.raises(DataError, match=r"none\.nt: no such file"):
        folder.build_files([folder.path / "none.nt"])
    folder.build(short("a p b"))
    with pytest.raises(FormatError, match="a store is there already"):
        folder.build(short("a p b"))


def test_types_may_run_in_a_circle(folder: Folder) -> None:
    sub = f"<{RDFS}subClassOf>"
    store = folder.build(short(f"a {TYPE} T\na {TYPE} S\na {TYPE} T\nT {sub} S\nS {sub} T\nT {TYPE} T"), strip=EXAMPLE)
    assert triples(store) == [("T", f"{RDFS}subClassOf", "S"), ("S", f"{RDFS}subClassOf", "T")]
    assert types(store) == {"T": ["T"], "a": ["T", "S"]}
    assert (keys(store), store.entities, counts(store)["repeated_types"]) == (["T", "S", "a"], 2, 1)


def test_a_file_without_a_triple_between_things(folder: Folder) -> None:
    store = folder.build(
        short(f'b {LABEL} "Bé"@EN\na {LABEL} "A"\na {TYPE} T\nb {LABEL} "B"@de\nb {LABEL} " "'), strip=EXAMPLE
    )
    assert (store.entities, keys(store), store.has("graph"), store.splits) == (0, ["b", "a"], False, ())
    assert store.kinds.tolist() == [1, 1]
    assert texts(store) == {"entries/en.label": {"b": ["Bé"], "a": ["A"]}, "entries/de.label": {"b": ["B"]}}
    assert types(store) == {"a": ["T"]}
    assert folder.said == [
        f"{folder.path / 'a.nt'}: found no triple between two things: the store has texts and types alone",
        "1 texts are empty: left out",
        "2 entries are in no triple: kept after the entities",
    ]
    assert check_store(store.path) == []
    with pytest.raises(DataError, match="has no graph, only 2 entries in no triple; give a store with triples"):
        load_graph(store)


def test_names_of_ours_come_back(folder: Folder) -> None:
    """What has the same key as an entity, relation and type is told apart, and so are their texts."""
    lines = [
        f"<{iri_of('x', 'entries')}> <{iri_of('x', 'relations')}> <{iri_of('a b', 'entries')}> .",
        f"<{iri_of('x', 'entries')}> {TYPE} <{iri_of('x', 'types')}> .",
        *(f'<{iri_of("x", of)}> {LABEL} "{of}"@en .' for of in ("relations", "types", "entries")),
        f'<{iri_of("unused", "relations")}> {LABEL} "r"@en .',
        f'<{iri_of("unused", "types")}> <{predicate_of("gloss")}> "t"@en .',
        f'<{iri_of("alone", "entries")}> <{predicate_of("a_b")}> "1"@en .',
    ]
    store = folder.build("\n".join(lines))
    assert triples(store) == [("x", "x", "a b")]
    assert keys(store) == ["x", "a b", "alone"]
    assert store.relations.keys_of([0, 1]) == ["x", "unused"]
    assert texts(store) == {
        "entries/en.label": {"x": ["entries"]},
        "relations/en.label": {"x": ["relations"], "unused": ["r"]},
        "types/en.label": {"x": ["types"]},
        "types/en.gloss": {"unused": ["t"]},
        "entries/en.a_b": {"alone": ["1"]},
    }


def test_two_iris_of_one_key(folder: Folder) -> None:
    content = "<http://a/x> <http://e/p> <http://b/x> .\n"
    expected = "entity 'x' is found for both http://a/x and http://b/x: strip fewer prefixes"
    with pytest.raises(DataError, match=expected):
        folder.build(content, strip=["http://a/", "http://b/"])
    with pytest.raises(DataError, match="relation 'p' is found for both http://a/p and http://b/p"):
        folder.build("<e:x> <http://a/p> <e:y> .\n<e:x> <http://b/p> <e:y> .", strip=["http://a/", "http://b/"])
    assert [path.name for path in folder.path.iterdir()] == ["a.nt"]
    store = folder.build(content, strip=["http://a/", "http://", "http://b/x"])
    assert keys(store) == ["x", "b/x"]  # the longest prefix, but no key is empty


def test_what_cannot_be_stripped_or_a_relation(folder: Folder) -> None:
    with pytest.raises(ConfigError, match=r"strip is 'wikipedia', expected how IRIs begin, .* or one of wikidata"):
        folder.build(short("a p b"), strip="wikipedia")
    with pytest.raises(DataError, match=r"relation '\^p': begins with \^"):
        folder.build("<http://e/a> <http://e/^p> <http://e/b> .", strip="http://e/")
    with pytest.raises(ConfigError, match="unknown setting 'stirct'"):
        folder.build(short("a p b"), stirct=True)


def test_repeated_texts_are_removed(folder: Folder) -> None:
    lines = [f'{key} <{SKOS}altLabel> "{text}"@en' for key in "ab" for text in ("x", "y", "x", "z", "yy", "z", "x")]
    store = folder.build(short("a p b\n" + "\n".join(lines)), strip=EXAMPLE)
    assert texts(store) == {"entries/en.alias": {"a": ["x", "y", "z", "yy"], "b": ["x", "y", "z", "yy"]}}
    assert counts(store)["repeated_texts"] == 6


def test_statements_about_statements(folder: Folder) -> None:
    store = folder.build("<e:a> <e:p> <<( <e:a> <e:q> <e:b> )>> .\n<e:a> <e:q> <e:b> .")
    assert triples(store) == [("e:a", "e:q", "e:b")]
    assert folder.said == ["1 statements about statements of 1 predicates (e:p 1): left out"]


ESCAPES: dict[str, Callable[[str], str]] = {
    "plain": lambda text: "".join({"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r"}.get(c, c) for c in text),
    "short": lambda text: "".join(c if c.isascii() and c.isalnum() else f"\\U{ord(c):08x}" for c in text),
}


@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    strings=st.lists(st.text(min_size=1, max_size=20).filter(str.strip), min_size=1, max_size=30, unique=True),
    names=st.lists(
        st.text(min_size=1, max_size=8).filter(lambda key: key_fault(key) is None), min_size=30, unique=True
    ),
    escape=st.sampled_from(list(ESCAPES)),
)
def test_strange_texts_and_keys_come_back(
    strings: list[str], names: list[str], escape: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = Folder(tmp_path_factory.mktemp("strange"))
    iris = [iri_of(name, "entries") for name in names]
    lines = [f"<{iri}> <http://e/p> <{iris[0]}> ." for iri in iris]
    lines += [
        f'<{iri}> {LABEL} "{ESCAPES[escape](text)}"@ar .' for iri, text in zip(iris, strings, strict=False)
    ]  # fmt: skip
    store = folder.build("\n".join(lines))
    assert not counts(store).get("quarantined")
    assert triples(store) == [(name, "http://e/p", names[0]) for name in names]
    expected = {name: [text] for name, text in zip(names, strings, strict=False)}
    assert texts(store) == {"entries/ar.label": expected}
