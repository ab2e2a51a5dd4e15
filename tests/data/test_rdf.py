"""RDF as a store: the same whatever the syntax and the cuts; a bad line costs no other, nothing is dropped silently."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import odd_store
import pyoxigraph
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odd_store import add_odder, build_odd, facts

from kgr.data import rdf_files
from kgr.data.export import export
from kgr.data.quarantine import Quarantine
from kgr.data.rdf import build_rdf
from kgr.data.rdf_files import Reading
from kgr.data.rdf_names import LONGEST, field_names, language_name, own_name
from kgr.errors import ConfigError, DataError, FormatError
from kgr.graph.graph import load_graph
from kgr.index.check import check_store
from kgr.index.iris import iri_of, predicate_of
from kgr.index.keys import key_fault
from kgr.index.store import Of, Store

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
TYPE, LABEL = f"<{RDF}type>", f"<{RDFS}label>"
EXAMPLE = "http://example.org/"


class Folder:
    """Writes files and builds stores of them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.said: list[str] = []

    def write(self, name: str, content: str | bytes) -> Path:
        path, data = self.path / name, content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    def build(self, content: str | bytes, name: str = "a.nt", out: str = "store", **more: Any) -> Store:
        return self.build_files([self.write(name, content)], out, **more)

    def build_files(self, files: list[Path], out: str = "store", **more: Any) -> Store:
        self.said.clear()
        return build_rdf(files, self.path / out, message=self.said.append, **more)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def short(lines: str) -> str:
    """Return N-Triples of ``a p b`` and ``a p "literal"@en``, names being of example.org but for whole IRIs."""
    return "".join(" ".join(map(_term, line.split(" ", 2))) + " .\n" for line in lines.strip().split("\n"))


def _term(word: str) -> str:
    return word if word.startswith(('"', "<", "_:")) else f"<{EXAMPLE}{word}>"


def triples(store: Store, split: str = "train") -> list[tuple[str, str, str]]:
    ids = store.triples(split).tolist()
    key, relation = store.entries.key, store.relations.key
    return [(key(head), relation(own), key(tail)) for head, own, tail in ids]


def texts(store: Store) -> dict[tuple[str, str], dict[str, list[str]]]:
    """All texts by section (without ``text/``) and key."""
    found: dict[str, Any] = {}
    for name in store.sections:
        if name.startswith("text/"):
            of: Of = name.split("/")[1]  # type: ignore[assignment]
            language, field = name.split("/")[2].split(".")
            own = store.texts(of, field, language)
            assert own is not None
            rows = dict.fromkeys(own.rows.tolist())
            keys = {"entries": store.entries, "relations": store.relations, "types": store.types and store.types.keys}
            found[name.removeprefix("text/")] = {keys[of].key(row): own.all(row) for row in rows}  # type: ignore[union-attr]
    return found


def types(store: Store) -> dict[str, list[str]]:
    if store.types is None:
        return {}
    own = {id: store.types.keys.keys_of(store.types.of(id)) for id in range(len(store.entries))}
    return {store.entries.key(id): found for id, found in own.items() if found}


def keys(store: Store) -> list[str]:
    return store.entries.keys_of(range(len(store.entries)))


def counts(store: Store) -> dict[str, int]:
    return {name: count for name, count in store.manifest["counts"].items() if count}


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


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("EN", "en"),
        ("pt-br", "pt-BR"),
        ("ZH-hans-cn", "zh-Hans-CN"),
        ("de-1996", "de-1996"),
        ("sl-rozaj-biske", "sl-rozaj-biske"),
        ("be-tarask", "be-tarask"),
        ("es-419", "es-419"),
        ("en-x-us", "en-x-us"),
        ("x-klingon", "und-x-klingon"),
        ("simple", "und-x-simple"),
        ("i-klingon", "und-x-i-klingon"),
    ],
)
def test_language_tags(tag: str, name: str) -> None:
    assert language_name(tag) == name


GRAPH = {
    "nt": f"""<http://e/a> <http://e/p> <http://e/b> . # a remark
# another

<http://e/b>\t<http://e/p><http://e/a>.
_:x <http://e/q> _:x .
<http://e/a> {LABEL} "A \\"1\\"\\n\\U0001F600"@en-GB .
<http://e/a> {TYPE} <http://e/T> .
<http://e/T> {LABEL} "kind"@en .
<http://e/a> {LABEL} "plain" .
""",
    "ttl": f"""@base <http://e/> . @prefix : <http://e/> . PREFIX rdfs: <{RDFS}>
<a> :p :b .
:b :p <a> . _:x :q _:x .
:a rdfs:label \"\"\"A "1"
\U0001f600\"\"\"@en-GB ; a <T> . <T> rdfs:label 'kind'@en . :a rdfs:label "plain" .
""",
    "xml": f"""<?xml version="1.0"?>
<!DOCTYPE r [<!ENTITY e "http://e/">]>
<rdf:RDF xmlns:rdf="{RDF}" xmlns:rdfs="{RDFS}" xmlns="http://e/" xml:base="http://e/">
<rdf:Description rdf:about="a"><p rdf:resource="&e;b"/></rdf:Description>
<rdf:Description rdf:about="b"><p rdf:resource="a"/></rdf:Description>
<rdf:Description rdf:nodeID="x"><q rdf:nodeID="x"/></rdf:Description>
<T rdf:about="a"><rdfs:label xml:lang="en-gb">A "1"
\U0001f600</rdfs:label></T>
<rdf:Description rdf:about="T"><rdfs:label xml:lang="en">kind</rdfs:label></rdf:Description>
<rdf:Description rdf:about="a" rdfs:label="plain"/>
</rdf:RDF>
""",
}
GRAPH |= {
    "nq": GRAPH["nt"].replace("<http://e/a>.", "<http://e/a> <http://e/g> ."),
    "trig": GRAPH["ttl"].replace(":b :p <a> .", ":g { :b :p <a> }"),
    "rdf": GRAPH["xml"],
}


@pytest.mark.parametrize("ending", [*GRAPH, *(f"{ending}.gz" for ending in GRAPH)])
def test_every_syntax_gives_the_same(ending: str, folder: Folder) -> None:
    store = folder.build(GRAPH[ending.removesuffix(".gz")], f"a.{ending}", strip="http://e/")
    assert triples(store) == [("a", "p", "b"), ("b", "p", "a"), ("_:1/x", "q", "_:1/x")]
    assert types(store) == {"a": ["T"]}
    assert texts(store) == {
        "entries/en.label": {"a": ["plain"]},
        "entries/en-GB.label": {"a": ['A "1"\n😀']},
        "types/en.label": {"T": ["kind"]},
    }
    assert counts(store).get("graphs", 0) == (ending[:2] == "nq" or ending[:4] == "trig")
    assert folder.said == ["1 statements of 1 named graphs (http://e/g 1): read as one graph"] * counts(store).get(
        "graphs", 0
    )


def test_the_syntax_may_be_said(folder: Folder) -> None:
    assert len(triples(folder.build(GRAPH["ttl"], "a.nt", "one", syntax="ttl"))) == 3
    with pytest.raises(ConfigError, match=r"a\.txt\.gz: found the ending '\.txt', expected \.nt, .* \(--syntax\) what"):
        folder.build(GRAPH["nt"], "a.txt.gz", "two")
    with pytest.raises(ConfigError, match=r"syntax is 'n3', expected one of nt, nq, ttl, trig, xml"):
        folder.build(GRAPH["nt"], syntax="n3")
    assert not (folder.path / "two").exists()


GOOD = [
    "<http://e/a> <http://e/p> <http://e/b> .",
    f'<http://e/a> {LABEL} "x \\u00e9 \\t"@en .',
    "_:b1 <http://e/p> _:b2 . # remark",
    "# remark",
    "",
    '<http://e/ü> <http://e/p> "1"^^<http://e/t> .',
]
BAD = [
    "bad",
    "<http://e/a> <http://e/p> <http://e/b>",
    '<http://e/a> <http://e/p> "open .',
    '<http://e/a> <http://e/p> "x"@en" .',
    "<http://e/a> <http://e/p> <http://e/b> . <http://e/c> <http://e/p> <http://e/d> .",
    "<http://e/a> <http://e/p> <http://e/b> . rest",
    '<http://e/a> <http://e/p> "\\uD800" .',
    "<http://e/a> <http://e/open .",
    "<http://e/a> <http://e/p> .",
    '"literal" <http://e/p> <http://e/b> .',
    "a:b a:c a:d .",
    "\0",
    "@prefix a: <http://e/> .",
]
LENIENT = ["<http://e/a b> <http://e/p> <http://e/b> .", '<http://e/a> <http://e/p> "x"@abcdefghijkl .']


def read_one_by_one(lines: list[bytes], lenient: bool = True) -> tuple[list[Any], list[tuple[int, bytes]]]:
    """The obvious slow way: each line is a file."""
    quads, bad = [], []
    for number, line in enumerate(lines, 1):
        for leniently in (False, True)[: 1 + lenient]:
            try:
                quads += list(pyoxigraph.parse(line, format=pyoxigraph.RdfFormat.N_TRIPLES, lenient=leniently))
                break
            except SyntaxError:
                continue
        else:
            bad.append((number, line))
    return quads, bad


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.one_of(st.sampled_from(GOOD), st.sampled_from([*BAD, *LENIENT])), max_size=60),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    last=st.booleans(),
    block=st.sampled_from([1, 64, 1 << 20]),
    sizes=st.integers(1, 300),
)
def test_bad_lines_cost_no_good_ones(
    lines: list[str], end: str, last: bool, block: int, sizes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = (end.join(lines) + end * last).encode()
    monkeypatch.setattr(rdf_files, "BLOCK", block)
    path = tmp_path / "quarantine"
    path.unlink(missing_ok=True)
    quarantine = Quarantine(path, "statement")
    blocks = [data[first : first + sizes] for first in range(0, len(data), sizes)]
    found: list[Any] = []
    Reading(quarantine).read(("a.nt", blocks), "nt", lambda quads: found.extend(list(quads)))
    quads, bad = read_one_by_one(data.splitlines())
    assert found == quads
    records = [json.loads(line) for line in path.read_text().splitlines()] if bad else []
    assert [(record["place"], record["line"]) for record in records] == [
        (f"a.nt:{n}", line.decode()) for n, line in bad
    ]
    assert quarantine.count == len(bad)


def test_bad_lines_are_set_aside(folder: Folder) -> None:
    lines = [f"<http://e/{n}> <http://e/p> <http://e/{n + 1}> ." for n in range(5000)]
    for place in (0, 1, 2500, 4998, 4999):
        lines[place] = BAD[place % len(BAD)]
    store = folder.build("\n".join(lines).encode() + b"\nnot \xff UTF-8\n")
    assert len(triples(store)) == counts(store)["train"] == 4995
    assert counts(store)["quarantined"] == 6
    aside = folder.path / "store.quarantine.jsonl"
    records = [json.loads(line) for line in aside.read_text().splitlines()]
    places = [f"{folder.path / 'a.nt'}:{n}" for n in (1, 2, 2501, 4999, 5000, 5001)]
    assert [record["place"] for record in records] == places
    assert records[-1]["line"] == "not \\xff UTF-8"
    assert records[0]["found"].startswith("found no statement of N-Triples: ")
    first = f"{places[0]}: {records[0]['found']}"
    assert folder.said == [f"6 lines are no statements: set aside in {aside}; the first: {first}"]


@pytest.mark.parametrize("line", [*BAD, LENIENT[0]])
def test_strict_stops_at_the_first(line: str, folder: Folder) -> None:
    content = "\n".join([GOOD[0], *GOOD, line, "bad"])
    with pytest.raises(DataError, match=rf"a\.nt:{len(GOOD) + 2}: found no statement of N-Triples: .+"):
        folder.build(content, strict=True)
    assert [path.name for path in folder.path.iterdir()] == ["a.nt"]


def test_iris_that_are_none(folder: Folder) -> None:
    content = "<http://e/a b> <http://e/p> <http://e/c\\u0009d> .\n<http://e/{x}> <p> <> .\n"
    store = folder.build(content)
    assert triples(store) == [
        ("http://e/a b", "http://e/p", "http://e/c%09d"), ("http://e/{x}", "p", "<>")
    ]  # fmt: skip
    assert counts(store)["irregular_iris"] == 5
    assert folder.said == ["5 names are no IRIs, for a space or the like: kept as they are"]


def test_documents_with_bad_iris(folder: Folder) -> None:
    assert triples(folder.build("<http://e/a b> <http://e/p> <#c> .", "a.ttl")) == [
        ("http://e/a b", "http://e/p", "#c")
    ]
    with pytest.raises(DataError, match=r"b\.ttl:2: found no Turtle: Invalid IRI code point ' ' at column 1"):
        folder.build("\n<http://e/a b> <http://e/p> <#c> .", "b.ttl", "two", strict=True)
    store = folder.build("<a> <p> <#c> .", "c.ttl", "three", base="http://e/x", strict=True)
    assert triples(store) == [("http://e/a", "http://e/p", "http://e/x#c")]
    with pytest.raises(ConfigError, match="base is 'here', expected an absolute IRI"):
        folder.build("<a> <p> <#c> .", "c.ttl", "four", base="here")


@pytest.mark.parametrize("ending", ["ttl", "xml", "trig"])
def test_documents_that_are_cut_short(ending: str, folder: Folder) -> None:
    whole = GRAPH[ending].rstrip()
    cuts = [len(whole) - 5, whole.rindex("</rdf:RDF>") if ending == "xml" else len(whole) - 1]
    for number, cut in enumerate(cuts):
        with pytest.raises(DataError, match=rf"a\.{ending}:[0-9]+: found no (Turtle|TriG|XML): .+"):
            folder.build(whole[:cut], f"a.{ending}", str(number))


def test_an_xml_file_of_something_else(folder: Folder) -> None:
    with pytest.raises(DataError, match=r"a\.rdf: found no RDF/XML: .+|found no statements"):
        folder.build("<html/>", "a.rdf")


@pytest.mark.parametrize("cut", [20, -9, -1])
def test_gzip_that_is_cut_short(cut: int, folder: Folder) -> None:
    path = folder.path / "a.nt.gz"
    path.write_bytes(gzip.compress(GRAPH["nt"].encode())[:cut])
    with pytest.raises(DataError, match=r"a\.nt\.gz: cannot be read: Compressed file ended"):
        folder.build_files([path])


def test_marks_and_line_ends(folder: Folder) -> None:
    for number, content in enumerate(
        (GRAPH["nt"].replace("\n", "\r\n"), GRAPH["nt"].replace("\n", "\r"), GRAPH["nt"].rstrip())
    ):
        store = folder.build("\ufeff" + content, out=str(number))
        assert len(triples(store)) == 3
        assert not folder.said
    assert len(triples(folder.build("\ufeff" + GRAPH["ttl"], "a.ttl", out="ttl"))) == 3
    with pytest.raises(DataError, match=r"a\.nt:1: found a UTF-16 byte order mark"):
        folder.build(GRAPH["nt"].encode("utf-16"), out="utf16")


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
    folder.build(GRAPH["nt"])
    with pytest.raises(FormatError, match="a store is there already"):
        folder.build(GRAPH["nt"])


def test_two_files_and_their_blank_nodes(folder: Folder) -> None:
    one = folder.write("1.nt", short("a p b\n_:x p a\na p b"))
    two = folder.write("2.nt.gz", short("b p a\n_:x p a\na p b"))
    store = folder.build_files([one, two], strip=EXAMPLE)
    assert triples(store) == [("a", "p", "b"), ("_:1/x", "p", "a"), ("b", "p", "a"), ("_:2/x", "p", "a")]
    assert counts(store) == {"entities": 4, "relations": 1, "train": 4, "duplicates": 2, "blank_nodes": 2}
    assert folder.said == [f"{one}, {two}: 2 duplicate triples removed"]
    sub = folder.path / "sub"
    sub.mkdir()
    for path in (one, two):
        path.rename(sub / path.name)
    assert triples(folder.build_files([sub], "again", strip=EXAMPLE)) == triples(store)


def test_blank_nodes_without_a_label_are_numbered(folder: Folder) -> None:
    content = "@prefix : <http://e/> . :a :p [ :p :b ], [ :p _:c ] . :b :q (:a) ."
    stores = [folder.build(content, "a.ttl", out, strip="http://e/") for out in ("one", "two")]
    first, rest = f"{RDF}first", f"{RDF}rest"
    assert triples(stores[0]) == triples(stores[1])
    assert set(triples(stores[0])) == {
        ("_:1/[1]", "p", "b"), ("a", "p", "_:1/[1]"), ("_:1/[2]", "p", "_:1/c"), ("a", "p", "_:1/[2]"),
        ("b", "q", "_:1/[3]"), ("_:1/[3]", first, "a"), ("_:1/[3]", rest, f"{RDF}nil"),
    }  # fmt: skip


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
        folder.build(GRAPH["nt"], strip="wikipedia")
    with pytest.raises(DataError, match=r"relation '\^p': begins with \^"):
        folder.build("<http://e/a> <http://e/^p> <http://e/b> .", strip="http://e/")
    with pytest.raises(ConfigError, match="unknown setting 'stirct'"):
        folder.build(GRAPH["nt"], stirct=True)


def test_a_literal_of_a_million_characters(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rdf_files, "BLOCK", 1 << 12)
    long = "é" * 10**6
    store = folder.build(short(f'a {LABEL} "{long}"\na p b\nb {LABEL} "{long[1:]}'), strip=EXAMPLE)
    assert texts(store) == {"entries/en.label": {"a": [long]}}
    assert counts(store)["quarantined"] == 1
    assert max(map(len, folder.said)) < 500


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


@pytest.mark.parametrize("ending", ["nt", "ttl"])
def test_what_is_exported_comes_back(ending: str, tmp_path: Path) -> None:
    store = add_odder(build_odd(tmp_path))
    export(store, tmp_path / f"out.{ending}", format=ending)
    again = build_rdf(tmp_path / f"out.{ending}", tmp_path / "again")
    assert facts(again, "train") == facts(store, *store.facts(None))
    assert odd_store.texts(again) == odd_store.texts(store)
    assert odd_store.types(again) == odd_store.types(store)
    assert not again.manifest["counts"]["irregular_iris"]
