"""Small valid files of every form that kgr reads, and what reads them."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from collection_folder import FILES as COLLECTION
from fuzzed_runs import run_readers
from fuzzed_sets import set_readers
from fuzzing import Reader, read_json
from synset_folder import TRAIN as SYNSETS
from wordnet_folder import write_wordnet

from kgr import _io
from kgr.completion.config import CompletionConfig
from kgr.data import query_files
from kgr.data.archives import members, unpack
from kgr.data.babelsememe import read_annotations, read_babelsememe
from kgr.data.beir import QUERIES, read_beir
from kgr.data.betae import read_id_map
from kgr.data.build import build_store, read_material
from kgr.data.document_shards import file_sources
from kgr.data.documents import DocumentReader, Documents, ReadingConfig
from kgr.data.id_lines import read_id_lines
from kgr.data.json_read import build_json
from kgr.data.judgements import read_judged
from kgr.data.keyed_texts import file_source, read_keyed_texts
from kgr.data.lines import Numbering
from kgr.data.manifest import read_manifest
from kgr.data.numbered import build_numbered
from kgr.data.pickles import read_pickle
from kgr.data.qrels import read_keyed_qrels
from kgr.data.rdf import build_rdf
from kgr.data.recipes import resolve
from kgr.data.synset_texts import read_synset_texts
from kgr.data.tables import read_table
from kgr.data.topics import read_topics
from kgr.data.triples import read_id_triples, read_triples
from kgr.data.vector_files import read_vectors
from kgr.data.wordnet import read_wordnet
from kgr.errors import KgrError
from kgr.index.analysis import Analyzer, AnalyzerConfig
from kgr.index.check import check_store
from kgr.index.manifest import checksum
from kgr.index.store import Store
from kgr.multihop.config import MultihopConfig
from kgr.prop.config import PropConfig
from kgr.query.keyed import read_arguments, read_queries
from kgr.query.words import STRUCTURES, parse
from kgr.retrieval.ranking import read_ranking
from kgr.sememe.config import SememeConfig


def readers(folder: Path) -> dict[str, Reader]:
    """Return all readers by name; ``folder`` is for what they need beside their input."""
    store = _store(folder)
    return {
        **_graphs(),
        **_rdf(folder),
        **_lines(folder),
        **_documents(folder),
        **_judged(store),
        **_synsets(folder),
        **_queries(store),
        **_arrays(store, folder),
        **_settings(),
        **_archives(folder),
        **set_readers(folder),
        **run_readers(folder),
    }


TRIPLES = "a\tr\tb c\nb c\ts\td\na\ts\td\nd\tr\té\n".encode()
TABLE = "key\tlabel.en\talias.zh\ttypes\na\tA\tx|y\tt u\nd\t\té\tt\n".encode()


def _store(folder: Path) -> Store:
    for name, data in (("train.tsv", TRIPLES), ("entities.tsv", TABLE), ("test.tsv", b"b c\tr\ta\n")):
        (folder / name).write_bytes(data)
    return build_store(
        folder / "store", train=folder / "train.tsv", test=folder / "test.tsv", entities_table=folder / "entities.tsv"
    )


def _graphs() -> dict[str, Reader]:
    def material(folder: Path) -> object:
        paths = {"train": [folder / "train.tsv"], "test": [folder / "test.tsv"]}
        return read_material(paths, folder / "entities.tsv")

    def ids(folder: Path) -> object:
        keys = read_id_lines(folder / "ids.txt")
        return read_id_triples(folder / "triples.txt", len(keys), 2)

    columns = {
        f"{name}.npy": _npy(np.array(column)) for name, column in zip("hrt", ((0, 1), (0, 0), (1, 2)), strict=True)
    }

    def numbered(folder: Path) -> object:
        try:
            return build_numbered(folder / "out", train=[folder / name for name in columns])
        finally:
            shutil.rmtree(folder / "out", ignore_errors=True)

    return {
        "triples": Reader({"train.tsv": TRIPLES, "test.tsv": b"a\tr\ta\n", "entities.tsv": TABLE}, material),
        "packed triples": Reader(
            {"t.tsv.gz": TRIPLES}, lambda folder: read_triples(folder / "t.tsv.gz", Numbering(), Numbering()), _gzip
        ),
        "key tables": Reader({"t.tsv": TABLE}, lambda folder: read_table(folder / "t.tsv")),
        "ids": Reader({"ids.txt": b"a\t0\nb\t1\nc\t2\n", "triples.txt": b"0\t1\t2\n1\t0\t0\n"}, ids),
        "numbered triples": Reader(columns, numbered),
    }


NTRIPLES = b"""<http://e/a> <http://e/r> <http://e/b> .
_:x <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://e/T> . # comment
<http://e/a> <http://www.w3.org/2000/01/rdf-schema#label> "A \\u00e9 \\"q\\""@en-GB .
<http://e/b> <http://e/n> "1.5"^^<http://www.w3.org/2001/XMLSchema#decimal> .
"""
TURTLE = """@prefix e: <http://e/> . @base <http://e/> .
e:a e:r e:b , [ a e:T ; e:s ( e:a 1 true ) ] ; <r2> _:y .
e:b <http://www.w3.org/2000/01/rdf-schema#label> \'\'\'B
é\'\'\'@fr .
""".encode()
RDF_XML = b"""<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://e/">
<e:T rdf:about="http://e/a"><e:r rdf:resource="http://e/b"/><e:n xml:lang="en">x &amp; y</e:n></e:T>
</rdf:RDF>
"""
RDF = {
    "nt": NTRIPLES,
    "nq": NTRIPLES.replace(b"> .\n", b"> <http://e/g> .\n"),
    "ttl": TURTLE,
    "trig": b"@prefix f: <http://f/> . f:g { f:a f:r f:b . }\n" + TURTLE,
    "xml": RDF_XML,
}


def _rdf(home: Path) -> dict[str, Reader]:
    def reads(syntax: str, **settings: Any) -> Callable[[Path], object]:
        def read(folder: Path) -> object:
            out = home / "rdf"
            try:
                return build_rdf(folder / "file", out, syntax=syntax, literals="keep", **settings)
            finally:
                shutil.rmtree(out, ignore_errors=True)
                _io.beside(out, ".quarantine.jsonl").unlink(missing_ok=True)

        return read

    found = {f"rdf {syntax}": Reader({"file": data}, reads(syntax)) for syntax, data in RDF.items()}
    return found | {"rdf nt, strict": Reader({"file": NTRIPLES}, reads("nt", strict=True))}


LINES = """{"kind": "entity", "key": "a", "types": ["T"], "texts": {"label": {"en": ["A", "\\u00e9"], "pt-BR": ["á"]}}}
{"kind": "document", "key": "d", "texts": {"body": {"en": ["one two"]}}}
{"kind": "type", "key": "T"}
{"kind": "triple", "head": "a", "relation": "r", "tail": "b", "split": "train"}
{"kind": "triple", "head": "b", "relation": "r", "tail": "b", "split": "test"}
""".encode()


def _lines(home: Path) -> dict[str, Reader]:
    def read(folder: Path) -> object:
        try:
            return build_json(folder / "file", home / "lines")
        finally:
            shutil.rmtree(home / "lines", ignore_errors=True)

    return {"exported lines": Reader({"file": LINES}, read)}


MSMARCO = b"D1\thttp://a\tTitle\tA body\nD2\thttp://b\t\tAnother\n7\ta passage\n"
TREC = (
    "<DOC>\n<DOCNO> AP-1 </DOCNO>\n<HEAD>A &amp; B</HEAD>\n<TEXT>\n Words <!-- c --> é.\n</TEXT>\n</DOC>\n"
    "<DOC><DOCNO>AP-2</DOCNO><TTL>x<TEXT>open</DOC>\n"
).encode()
WIKI = (
    '<doc id="1" url="u" title="T &quot;q&quot;">\nT "q"\n\nText.\n</doc>\n<doc id="2" title="É">\nÉ\n</doc>\n'.encode()
)
CORPUS = b'{"_id": "d1", "title": "T", "text": "one two"}\n{"id": 2, "text": "", "url": ["u", 1.5, null]}\n'


def _documents(home: Path) -> dict[str, Reader]:
    def reads(form: str, strict: bool) -> Callable[[Path], object]:
        def read(folder: Path) -> object:
            spool = home / "spool"
            spool.mkdir(exist_ok=True)
            documents = Documents(file_sources([folder / "file"]), form, {"url": "url"})
            reader = DocumentReader(documents, ReadingConfig(strict=strict), spool)
            blocks = list(reader.read(Analyzer(AnalyzerConfig())))
            return blocks, reader.sections("en"), reader.counts(), list(reader.remarks())

        return read

    files = {"corpus": CORPUS, "texts": CORPUS, "msmarco": MSMARCO, "trec": TREC, "wikiextractor": WIKI}
    found = {f"documents {form}": Reader({"file": data}, reads(form, False)) for form, data in files.items()}
    return found | {"documents corpus, strict": Reader({"file": CORPUS}, reads("corpus", True))}


TOPICS = {
    "lines": b'{"_id": "q1", "text": "one"}\n{"id": 2, "text": "two"}\n',
    "tabs": b"q1\tone two\nq2\tthree\n",
    "sgml": b"<top>\n<num> Number: 051\n<title> Topic: A title\n<desc> Description:\nx < y\n</top>\n"
    b"<top><num>2<title>b</top>",
    "xml": b'<?xml version="1.0"?>\n<topics><topic number="1"><query>a &amp; b</query></topic></topics>\n',
}
RUN = b"q1 Q0 d1 1 3.5 tag\nq1 Q0 d2 2 1e-3 tag\nq2\tQ0\td1\t1\t-7\ttag of it\n"
QRELS = b"q1 0 d1 1\nq1 0 d2 0\nq2 0 d1 -1\n"


def _judged(store: Store) -> dict[str, Reader]:
    def beir(folder: Path) -> object:
        paths = {"corpus": "corpus.jsonl", "queries": "queries.jsonl", "qrels.test": "qrels/test.tsv"}
        collection = read_beir({what: file_source(folder / path) for what, path in paths.items()}, QUERIES)
        return read_judged(collection.judged, {"d1": 0, "d2": 1, "d3": 2})

    def keyed(folder: Path) -> object:
        return read_keyed_texts([file_source(folder / "file")], {"title": "title", "text": "text"})

    return {
        **{
            f"topics {form}": Reader({"file": data}, lambda folder: read_topics(folder / "file"))
            for form, data in TOPICS.items()
        },
        "keyed texts": Reader({"file": CORPUS}, keyed),
        "run": Reader({"file": RUN}, lambda folder: read_ranking(folder / "file")),
        "run of a store": Reader(
            {"file": RUN.replace(b"d1", b"a").replace(b"d2", b"d")}, lambda folder: read_ranking(folder / "file", store)
        ),
        "qrels": Reader({"file": QRELS}, lambda folder: read_keyed_qrels(file_source(folder / "file"))),
        "beir": Reader({name: text.encode() for name, text in COLLECTION.items()}, beir),
    }


SYNSET_TEXTS = (
    '{"bn": "bn:00000001n", "lemmas": ["a_b", "c"], "gloss": "g", "wn30": "00000100-n", "zh": ["中+国"]}\n'
    '{"id": "bn:00000002v", "lemmas": "d", "examples": ["x", "y"]}\n'
).encode()


def _synsets(home: Path) -> dict[str, Reader]:
    entities = ["bn:1n", "bn:2n", "bn:3n", "bn:5v", "bn:7a", "bn:9n", "human|人", "animal|兽", "eat|吃"]
    relations = ["synset:have_sememe", "synset:hypernym", "synset:antonym", "sememe:antonym"]
    numbered = {
        name: "".join(f"{key}\t{id}\n" for id, key in enumerate(keys))
        for name, keys in (("e", entities), ("r", relations))
    }
    files = {"e": numbered["e"], "r": numbered["r"], "train": SYNSETS, "valid": "2\t7\t0\n", "test": "4\t7\t0\n"}
    names = {"e": "entities", "r": "relations"}

    def babelsememe(folder: Path) -> object:
        return read_babelsememe({names.get(name, name): folder / name for name in files})

    wordnet = write_wordnet(home / "wordnet")
    return {
        "babelsememe": Reader({name: text.encode() for name, text in files.items()}, babelsememe),
        "annotations": Reader(
            {"file": "bn:1n\thuman|人 eat|吃\nbn:2v\tanimal|兽\n".encode()},
            lambda folder: read_annotations({"annotations": folder / "file"}),
        ),
        "synset texts": Reader({"file": SYNSET_TEXTS}, lambda folder: read_synset_texts(folder / "file", "en")),
        "wordnet": Reader({path.name: path.read_bytes() for path in wordnet.iterdir()}, read_wordnet),
    }


KEYED = (
    '{"structure": "1p", "query": ["a", "r"], "easy": ["b c"], "hard": ["d"]}\n'
    '{"structure": "APAPI", "query": ["a", "^r", "d", "s"], "easy": [], "hard": ["é"], "unranked": ["a"]}\n'
).encode()
NESTED = (
    b'{"type": "1p", "query": [0, [1]], "hard": [1], "easy": 3}\n'
    b'{"type": "2in", "query": [[0, [0]], [1, [1, -2]]], "hard": [2], "easy": [0]}\n'
)
PAIRS = {
    "queries": [[["e", ["r"]], [[2, [0]]]], [[["e", ["r"]], ["e", ["r", "n"]]], [[[2, [0]], [3, [0, -2]]]]]],
    "easy": [[[2, [0]], [1]]],
    "hard": [[[2, [0]], [3]], [[[2, [0]], [3, [0, -2]]], [3]]],
}
QUERY_PICKLES = {
    "queries": {("e", ("r",)): {(2, (0,)), (0, (1,))}},
    "sets": {(2, (0,)): {3, 1}, ((2, (0,)), (3, (0, -2))): {0}},
    "ids": dict(enumerate("abcd")),
}


def _queries(store: Store) -> dict[str, Reader]:
    space = query_files.IdSpace(4, np.arange(4, dtype=np.int32))

    def nested(folder: Path) -> object:
        with mock.patch.object(query_files, "read_pickle", lambda path: read_json(path)):
            return query_files.read_query_pickles(*(folder / name for name in PAIRS), "test", space)

    def pickles(folder: Path) -> object:
        return [read_id_map(folder / "ids"), *(read_pickle(folder / name) for name in ("queries", "sets"))]

    def words(folder: Path) -> object:
        return [parse(word) for word in _text(folder / "words").split("\n")]

    def keys(folder: Path) -> object:
        return [read_arguments(store, parse("2i"), line.split("\t")) for line in _text(folder / "keys").split("\n")]

    return {
        "query lines": Reader({"file": KEYED}, lambda folder: read_queries(folder / "file", store)),
        "nested lines": Reader(
            {"file": NESTED}, lambda folder: query_files.read_query_lines(folder / "file", "test", space)
        ),
        "nested pairs": Reader({name: json.dumps(pairs).encode() for name, pairs in PAIRS.items()}, nested),
        "pickles": Reader({name: pickle.dumps(value, 4) for name, value in QUERY_PICKLES.items()}, pickles),
        "words": Reader({"words": "\n".join([*STRUCTURES, "APPAPNI"]).encode()}, words, named=False),
        "keys": Reader({"keys": b"a\tr\td\t^s\nb c\ts\ta\tr"}, keys, named=False),
    }


def _arrays(store: Store, home: Path) -> dict[str, Reader]:
    rows = np.array([[3, -0.5], [0, 0], [1, 2]], np.float32)
    arrays = {
        "entities.npy": _npy(rows),
        "entities.txt": b"d\nx\nb c\n",
        "relations.npy": _npy(rows[:2]),
        "relations.txt": b"r\n^s\n",
    }
    files = (path for path in store.path.rglob("*") if path.is_file() and path.name != ".lock")
    parts = {path.relative_to(store.path).as_posix(): path.read_bytes() for path in files}
    folder_name = store.folder.name

    def vectors(path: Path) -> object:
        found = read_vectors(path, store)
        return [list(matched.vectors.blocks()) for matched in (found.entries, found.relations) if matched]

    def checked(folder: Path) -> object:
        if findings := check_store(folder):
            raise KgrError("\n".join(findings))
        opened = Store(folder)
        return [opened.section(name) for name in opened.sections]

    def believed(folder: Path) -> object:
        """Open a store whose manifest was changed on purpose, its checksum with it."""
        copy = home / "believed"
        if not copy.exists():
            shutil.copytree(store.path, copy)
        data = (folder / "manifest.json").read_bytes()
        (copy / folder_name / "manifest.json").write_bytes(data)
        (copy / "CURRENT").write_text(f"{folder_name} {checksum(data)}\n")
        opened = Store(copy)
        return check_store(copy), opened.name, opened.entities, opened.fingerprints(opened.sections), [
            opened.section(name) for name in opened.sections
        ]  # fmt: skip

    return {
        "vector arrays": Reader(arrays, vectors),
        "vector lines": Reader(
            {"file": b"3 2\nb c 1.0 2.0\nx 0 0 \nd 3 -0.5 \n"}, lambda folder: vectors(folder / "file")
        ),
        "array": Reader({"a.npy": _array(home, rows)}, lambda folder: _io.read_array(folder / "a.npy")),
        "store": Reader(parts, checked, wholly=True),
        "store manifest": Reader({"manifest.json": parts[f"{folder_name}/manifest.json"]}, believed, named=False),
    }


MULTIHOP = b'model = "gqe"\ndim = 400\ngamma = 12\nlr = 0.002\nnegatives = 512\nsteps = 15000\nminutes = 9.9\n'
COMPLETION = b'# A comment.\nmodel = "conve"\ndim = 288\ntraining = "1vsall"\nlr = 3e-2\nkeep_best = true\n'
SEMEMES = b'method = "neighbours"\nseed = 2\n'
MANIFEST = b"""title = "T"
reader = "splits"
licence = "MIT"
source = "https://example.org"
[counts]
entities = 104
[files.triples]
path = "kg/t.tar.gz"
urls = ["https://example.org/t.tar.gz"]
size = 42703
sha256 = "a3cb9ca67213eb38133aebc12901195e283d844ebd59f1a6cbf2d4fa12ced4e6"
members = { train = "train.txt" }
[files.other]
embedded = "other.txt"
optional = true
instead_of = "triples"
"""


def _settings() -> dict[str, Reader]:
    kinds = {"m.toml": MultihopConfig, "c.toml": CompletionConfig, "p.toml": PropConfig, "s.toml": SememeConfig}

    def recipes(folder: Path) -> object:
        return [resolve(kind, folder / name, {}, lambda base, _: base) for name, kind in kinds.items()]

    files = {"m.toml": MULTIHOP, "c.toml": COMPLETION, "p.toml": b"seed = 3\nsteps = 10\n", "s.toml": SEMEMES}
    return {
        "recipes": Reader(files, recipes),
        "manifest": Reader({"set/manifest.toml": MANIFEST}, lambda folder: read_manifest(folder / "set/manifest.toml")),
    }


def _archives(home: Path) -> dict[str, Reader]:
    def read(folder: Path) -> object:
        try:
            listed = [(name, file.read()) for name, _, file in members(folder / "a")]
            return listed, unpack(folder / "a", home / "unpacked")
        finally:
            shutil.rmtree(home / "unpacked", ignore_errors=True)

    return {
        f"archive {name}": Reader({"a": data}, read)
        for name, data in (("zip", _zip()), ("tar", _tar("w")), ("tar.gz", _tar("w:gz")), ("tar.xz", _tar("w:xz")))
    }


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _array(home: Path, rows: np.ndarray) -> bytes:
    _io.write_array(home / "array.npy", rows)
    return (home / "array.npy").read_bytes()


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, 1, mtime=0)


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/train.txt", TRIPLES * 9)
        archive.writestr("test.txt", TRIPLES)
    return file.getvalue()


def _tar(mode: Any) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, data in (("folder/train.txt", TRIPLES * 9), ("test.txt", TRIPLES)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "surrogateescape")
