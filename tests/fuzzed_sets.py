"""Small valid files of known data sets and of published models, and what reads them."""

from __future__ import annotations

import gzip
import importlib.util
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import text_models
import torch
import transformers
from betae_folder import EDGES, IN, P1, lines
from collection_folder import FILES as COLLECTION
from fuzzing import Reader, read_json

from kgr.data import betae, query_files
from kgr.data.beir import read_known_beir
from kgr.data.build import write_store
from kgr.data.codex import read_codex
from kgr.data.collection import write_collection
from kgr.data.documents import ReadingConfig
from kgr.data.ir_dataset import build_ir_dataset
from kgr.data.known import read_tables
from kgr.data.manifest import KnownFile, Manifest
from kgr.data.ogb import read_mapping, read_split, read_wikikg2
from kgr.data.published import read_fb15k237, read_wn18rr
from kgr.prop.convert import convert_prop

Read = Callable[[Path], object]


def set_readers(home: Path) -> dict[str, Reader]:
    """Return the readers by name; ``home`` is for what they need beside their input."""
    return {**_graphs(home), **_betae(home), **_ogb(), **_collections(home), **_models(home)}


def _manifest(**members: dict[str, str]) -> Manifest:
    files = {name: KnownFile(members=own) for name, own in members.items()}
    return Manifest("toy", "Toy", "", "", "", {}, files, Path("manifest.toml"))


def _built(home: Path, make: Callable[[Path], object]) -> object:
    """Build a store that is removed again."""
    out = home / "built"
    try:
        return make(out)
    finally:
        shutil.rmtree(out, ignore_errors=True)


def _paths(folder: Path, files: dict[str, str]) -> dict[str, Path]:
    return {name: folder / path for name, path in files.items()}


def _json(content: object) -> bytes:
    return json.dumps(content, indent=1, ensure_ascii=False).encode()


def _row(label: str) -> dict[str, str | None]:
    return {"label": label, "description": "d", "wiki": None}


def _zip(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


TRIPLES = {"train.txt": b"Q1\tP1\tQ2\nQ2\tP2\tQ3\n", "valid.txt": b"Q1\tP2\tQ3\n", "test.txt": b"Q3\tP1\tQ1\n"}
SPLITS = {Path(name).stem: name for name in TRIPLES}
CODEX = {
    **TRIPLES,
    "negatives.txt": b"Q3\tP1\tQ2\n",
    "types.json": _json({"Q1": ["Q90", "Q91"], "Q2": ["Q90"], "Q77": []}),
    "relations.json": _json({"P1": _row("p"), "P2": {}}),
    "kinds.json": _json({"Q90": _row("kind"), "Q99": _row("other")}),
    "entities.json": _json({"Q1": _row("eins"), "Q3": _row("dréi")}),
    "texts.tsv": 'id\tqid\tname\tdescription\textract\n0\tQ1\tone\tx\t"two\nlines, ""q"""\n1\tQ2\té\t\t\n'.encode(),
    "labels.tsv": b"qid\tlabel\tdescription\nQ3\tthree\t\n",
    "extracts.zip": _zip(**{"e/Q1.txt": b"text\n", "e/Q2.txt": "zwéi".encode(), "e/": b""}),
}
CODEX_NAMES = {
    **SPLITS,
    "test_negatives": "negatives.txt",
    "types": "types.json",
    "relations.en": "relations.json",
    "types.en": "kinds.json",
    "entities.de": "entities.json",
    "entity_text": "texts.tsv",
    "partial_labels": "labels.tsv",
    "entity_extracts.ru": "extracts.zip",
}
WIKIDATA = {"/m/a": {"label": "A", "description": "x", "alternatives": ["AA", "é"]}, "/m/b": {"label": None}}
FB15K = {
    "names.txt": b"/m/a\tA_a\n/m/b\tB\n",
    "relations.txt": b"/r\tr of\n",
    "wikidata.json": _json(WIKIDATA),
    "triples.zip": _zip(**{"t.txt": b"/m/a\t/r\t/m/b\n/m/b\t/r\t/m/a\n"}),
}
TABLES = {
    **TRIPLES,
    "entities.tsv": "key\tlabel.en\talias.zh\ttypes\nQ1\tA\tx|y\tt u\nQ3\t\té\tt\n".encode(),
    "types.tsv": b"key\tlabel.en\nt\tT\n",
    "queries.jsonl": b'{"_id": "q1", "text": "one"}\n{"_id": "q2", "text": "two"}\n',
    "qrels.txt": b"q1 0 Q1 1\nq2 0 Q3 0\n",
}
TABLE_NAMES = {
    **SPLITS, "entities": "entities.tsv", "types": "types.tsv", "queries": "queries.jsonl", "qrels.test": "qrels.txt",
}  # fmt: skip


def _graphs(home: Path) -> dict[str, Reader]:
    def reads(read: Callable[..., Any], manifest: Manifest, names: dict[str, str]) -> Read:
        return lambda folder: _built(
            home, lambda out: write_store(out, read(manifest, _paths(folder, names)), name="toy")
        )

    one = _manifest(triples={"train": "t.txt"})
    fb15k = {name: next(path for path in FB15K if path.startswith(name)) for name in ("names", "relations", "wikidata")}
    wn18rr = {"texts": "names.txt", "relations": "relations.txt"}
    packed = {"triples": "triples.zip"}
    return {
        "codex": Reader(CODEX, reads(read_codex, _manifest(), CODEX_NAMES)),
        "published fb15k-237": Reader(FB15K, reads(read_fb15k237, one, fb15k | packed)),
        "published wn18rr": Reader(
            {**{name: FB15K[name] for name in ("relations.txt", "triples.zip")}, "names.txt": b"/m/a\ta, that is a\n"},
            reads(read_wn18rr, one, wn18rr | packed),
        ),
        "tables of a known set": Reader(TABLES, reads(read_tables, _manifest(), TABLE_NAMES)),
    }


BETAE = {
    **{f"{split}.txt": lines(edges).encode() for split, edges in EDGES.items()},
    "id2ent": _json(list(enumerate("abcd"))),
    "id2rel": _json(list(enumerate(("+r", "-r", "+s", "-s")))),
    "queries": _json([[P1, [[2, [0]]]], [IN, [[[2, [0]], [3, [0, -2]]]]]]),
    "easy": _json([]),
    "hard": _json([[[2, [0]], [3]], [[[2, [0]], [3, [0, -2]]], [3]]]),
    "valid.jsonl": b'{"type": "1p", "query": [0, [2]], "hard": [3], "easy": 0}\n',
}
BETAE_NAMES = {
    **SPLITS, "id2ent": "id2ent", "id2rel": "id2rel", "valid_lines": "valid.jsonl",
    **{f"test_{what}": what for what in ("queries", "easy", "hard")},
}  # fmt: skip


def _betae(home: Path) -> dict[str, Reader]:
    def read(folder: Path) -> object:
        with mock.patch.object(betae, "read_pickle", read_json), mock.patch.object(
            query_files, "read_pickle", read_json
        ):  # fmt: skip
            material = betae.read_betae(_paths(folder, BETAE_NAMES), queries="query2box")
            return _built(home, lambda out: write_store(out, material))

    return {"betae and query2box": Reader(BETAE, read)}


def _saved(content: object) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def _ogb() -> dict[str, Reader]:
    columns = {name: np.array(own) for name, own in (("head", (0, 1)), ("relation", (0, 0)), ("tail", (1, 2)))}
    split, entities, relations = _saved(columns), b"id,key\n1,Q5\n0,Q7\n2,Q42\n", b"id,key\n0,P1\n"
    mappings = {"entities": "e.csv.gz", "relations": "r.csv.gz"}
    members = {
        **dict.fromkeys(("train.pt", "valid.pt", "test.pt"), split),
        "e.csv.gz": gzip.compress(entities, mtime=0),
        "r.csv.gz": gzip.compress(relations, mtime=0),
    }
    manifest = _manifest(archive={**mappings, **{split: f"{split}.pt" for split in ("train", "valid", "test")}})
    return {
        "ogb archive": Reader(
            {"a.zip": _zip(**members)}, lambda folder: read_wikikg2(manifest, {"archive": folder / "a.zip"})
        ),
        "ogb mapping": Reader(
            {"m.csv.gz": entities}, lambda folder: read_mapping(folder / "m.csv.gz"), partial(gzip.compress, mtime=0)
        ),
        "ogb split": Reader({"train.pt": split}, lambda folder: read_split(folder / "train.pt", 3, 1)),
    }


IR_FILES = {"docs": b"d1\tfirst document\nd2\tsecond\n", "queries": b"q1\tfirst?\n", "qrels": b"q1 0 d2 1\n"}


def _collections(home: Path) -> dict[str, Reader]:
    config = ReadingConfig(strict=True)

    def known(folder: Path) -> object:
        inside = {"corpus": "corpus.jsonl", "queries": "queries.jsonl", "qrels.test": "qrels/test.tsv"}
        collection = read_known_beir(_manifest(archive=inside), {"archive": folder / "a.zip"})
        return _built(home, lambda out: write_collection(out, collection, config))

    def ir_dataset(folder: Path) -> object:
        import ir_datasets

        names = {"docs_tsv": "docs", "queries_tsv": "queries", "qrels_trec": "qrels"}
        own = ir_datasets.create_dataset(**{what: str(folder / name) for what, name in names.items()})
        return _built(home, lambda out: build_ir_dataset(own, out))

    archive = _zip(**{name: text.encode() for name, text in COLLECTION.items()})
    found = {"beir archive": Reader({"a.zip": archive}, known)}
    if importlib.util.find_spec("ir_datasets"):
        found["ir_datasets"] = Reader(IR_FILES, ir_dataset, named=False)  # a data set has a name, and no files
    return found


def _models(home: Path) -> dict[str, Reader]:
    """A published checkpoint, as its authors packed it."""
    torch.manual_seed(0)
    own, folder = text_models.tokenizer(), home / "model"
    config = transformers.BertConfig(vocab_size=len(own), max_position_embeddings=32, **text_models.SMALL)
    weights = transformers.BertForPreTraining(config).state_dict()
    weights = {name: tensor for name, tensor in weights.items() if not name.startswith("cls.seq")}
    weights |= {"cls.weight": torch.zeros(1, 16), "cls.bias": torch.zeros(1)}
    own.save_pretrained(folder)
    config.save_pretrained(folder)
    files = {path.name: path.read_bytes() for path in folder.iterdir()} | {"pytorch_model.bin": _saved(weights)}
    return {"published model": Reader(files, lambda folder: _built(home, lambda out: convert_prop(folder, out)))}
