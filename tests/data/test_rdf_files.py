"""Files of RDF are read the same whatever the syntax and the cuts, and a bad line costs no other."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyoxigraph
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rdf_folder import EXAMPLE, LABEL, RDF, RDFS, TYPE, Folder, counts, short, texts, triples, types

import kgr
from kgr.data import rdf_files
from kgr.data.quarantine import Quarantine
from kgr.data.rdf_files import Reading, syntax_of
from kgr.errors import ConfigError, DataError

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


@pytest.mark.parametrize("ending", [*GRAPH])
def test_labels_that_look_drawn_are_kept(ending: str, folder: Folder) -> None:
    """They look like those that the parser draws for nodes without a label, and stand where blocks are cut too."""
    labels = [f"{'abcdef'[number % 6]}{number:031x}" for number in range(3000)] + ["0" * 32, "a" * 21, "deadbeef"]
    if ending in ("xml", "rdf"):
        some = "".join(
            f'<rdf:Description rdf:nodeID="{label}"><p rdf:nodeID="x"/></rdf:Description>'
            for label in labels
            if label[0] > "9"
        )
        more = '<rdf:Description><p><rdf:Description rdf:about="http://e/a"/></p></rdf:Description>'
        content = f'<rdf:RDF xmlns:rdf="{RDF}" xmlns="http://e/">{some}{more}</rdf:RDF>'
        labels = [label for label in labels if label[0] > "9"]
    else:
        content = "".join(f"_:{label} <http://e/p> _:x .\n" for label in labels)
        content += "[] <http://e/p> <http://e/a> .\n" if ending in ("ttl", "trig") else ""
    store = folder.build(content, f"a.{ending}")
    own = [f"_:1/{label}" for label in labels]
    unnamed = [("_:1/[1]", "http://e/p", "http://e/a")] if ending not in ("nt", "nq") else []
    assert triples(store) == [(key, "http://e/p", "_:1/x") for key in own] + unnamed
    assert counts(store)["blank_nodes"] == len(own) + 1 + len(unnamed)
    kgr.export(store, folder.path / "out.nt", "nt")
    assert triples(folder.build_files([folder.path / "out.nt"], "again")) == triples(store)


def test_a_key_that_a_blank_node_has_too(folder: Folder) -> None:
    with pytest.raises(DataError, match=r"both urn:kgr:entity:_:1/x and _:1/x: blank nodes are named by the number"):
        folder.build("<urn:kgr:entity:_:1/x> <http://e/p> <http://e/a> .\n_:x <http://e/p> <http://e/a> .")


ENDLESS = {
    "nt": '<http://e/a> <http://e/p> "',
    "ttl": "<http://e/a> <http://e/p> <http://e/",
    "trig": "<http://e/g> { # ",
    "xml": f'<rdf:RDF xmlns:rdf="{RDF}" a="',
    "rdf": f'<rdf:RDF xmlns:rdf="{RDF}" xmlns="http://e/"><rdf:Description rdf:about="http://e/a"><p>',
    "owl": "<!-- > ",
}


@pytest.mark.parametrize("ending", ENDLESS)
def test_what_has_no_end_is_refused(ending: str, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of any length: what is read of it is bounded."""
    if ending not in ("ttl", "trig"):  # of which the parser itself has a bound
        monkeypatch.setattr(rdf_files, "LONGEST", 3 << 20)
    read = 0

    def blocks() -> Iterator[bytes]:
        nonlocal read
        yield GRAPH["nt"].encode() if ending not in ("xml", "rdf", "owl") else b"\n" * 8
        yield ENDLESS[ending].encode()
        while True:
            read += 1 << 16
            assert read < 40 << 20
            yield b"a> "[: 1 + 2 * (ending == "owl")] * (1 << 16)

    name = "XML" if ending in ("xml", "rdf", "owl") else {"ttl": "Turtle", "trig": "TriG"}.get(ending, "")
    lines = 9 if name == "XML" else GRAPH["nt"].count("\n") + 1
    found = (
        f"found no {name}: a literal, name or comment, .* does not end in" if name else "found a line .* of more than"
    )
    reading = Reading(Quarantine(folder.path / "quarantine", "statement"))
    with pytest.raises(DataError, match=rf"a:{lines}: {found} \d+ MiB"):
        reading.read(("a", blocks()), syntax_of(f"a.{ending}"), list)


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "windows-1252", "UTF-8", "us-ascii", "Shift_JIS"])
def test_xml_in_the_encoding_that_it_declares(encoding: str, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rdf_files, "BLOCK", 7)
    text = {"Shift_JIS": "日本", "us-ascii": "Koln"}.get(encoding, "Köln")
    content = GRAPH["xml"].replace('?xml version="1.0"?', f"?xml version='1.0' encoding='{encoding}'?")
    content = content.replace("kind", text).replace("\U0001f600", "")
    store = folder.build(content.encode(encoding), "a.rdf")
    assert texts(store)["types/en.label"] == {"http://e/T": [text]}


@pytest.mark.parametrize(
    ("encoding", "text", "message"),
    [
        (
            None,
            b"\xf6",
            r"a\.rdf:9: found byte 0xf6 that UTF-8 has not: convert the file to UTF-8, or let its first line",
        ),
        ("us-ascii", b"\xf6", r"a\.rdf:9: found byte 0xf6 that us-ascii has not"),
        ("UTF-8", b"\xc3", r"a\.rdf:9: found byte 0xc3 that UTF-8 has not"),
        (
            "klingon",
            b"",
            r"a\.rdf:1: found the encoding klingon declared, expected one that .*: convert the file to UTF-8",
        ),
        ("UTF-16", b"", r"a\.rdf:1: found the encoding UTF-16 declared, expected one that"),
        ("zlib", b"", r"a\.rdf:1: found the encoding zlib declared, expected one that"),
    ],
)
def test_xml_in_no_known_encoding(encoding: str | None, text: bytes, message: str, folder: Folder) -> None:
    declared = f' encoding="{encoding}"' if encoding else ""
    content = (
        GRAPH["xml"]
        .replace("?>", f"{declared}?>", 1)
        .replace("\U0001f600", "")
        .encode()
        .replace(b"kind", b"ki" + text + b"nd")
    )
    with pytest.raises(DataError, match=message):
        folder.build(content, "a.rdf")


def test_a_direction_of_writing_is_told(folder: Folder) -> None:
    line = f'a {LABEL} "\u05d0"@{{}}'
    store = folder.build(short("\n".join([line.format("he--rtl"), line.format("yi"), "a p b"])), strip=EXAMPLE)
    assert texts(store) == {"entries/he.label": {"a": ["\u05d0"]}, "entries/yi.label": {"a": ["\u05d0"]}}
    assert folder.said == ["1 texts have a direction of writing (--ltr or --rtl): kept without it"]


def test_a_literal_of_a_million_characters(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rdf_files, "BLOCK", 1 << 12)
    long = "é" * 10**6
    store = folder.build(short(f'a {LABEL} "{long}"\na p b\nb {LABEL} "{long[1:]}'), strip=EXAMPLE)
    assert texts(store) == {"entries/en.label": {"a": [long]}}
    assert counts(store)["quarantined"] == 1
    assert max(map(len, folder.said)) < 500
