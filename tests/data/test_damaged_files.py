"""Damaged input: a short form of ``tests/benchmarks/fuzz_readers.py``, and what that has found."""

from __future__ import annotations

import lzma
import re
from pathlib import Path

import pytest
from fuzzed_readers import readers
from fuzzing import Reader, Trial

from kgr.errors import KgrError

INPUTS = 25


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reader]:
    return readers(tmp_path_factory.mktemp("home"))


def test_only_errors_that_name_the_file_come_of_damage(every: dict[str, Reader], tmp_path: Path) -> None:
    kinds = set()
    for place, (name, reader) in enumerate(every.items()):
        trial = Trial(name, reader, tmp_path / str(place))
        reader.read(tmp_path / str(place))  # the valid files
        for number in range(INPUTS):
            outcome = trial.outcome(number)
            assert not outcome.fault, f"{name}, input {number}: {outcome}"
            kinds.add(outcome.kind)
    assert kinds == {"read", "refused"}


def test_a_reader_at_fault_is_found_out(tmp_path: Path) -> None:
    def read(folder: Path) -> None:
        number = int((folder / "file").read_text())  # not guarded
        if number < 0:
            raise KgrError("somewhere something is negative")

    trial = Trial("bad", Reader({"file": b"1"}, read), tmp_path)
    assert trial.taken(tmp_path / "file", b"2").kind == "read"
    assert trial.taken(tmp_path / "file", b"x").kind == "ValueError"
    assert trial.taken(tmp_path / "file", b"-1").kind == "no file named"
    assert (tmp_path / "file").read_bytes() == b"1"


DEEP = 100_000


@pytest.mark.parametrize(
    ("name", "file", "old", "new"),
    [
        ("rdf nt", "file", b"<http://e/r>", b"<^://e/r>"),
        ("recipes", "m.toml", b"512", b"[" * DEEP),
        ("query lines", "file", b'["a", "r"]', b"[" * DEEP),
        ("nested lines", "file", b"3}", b"1" * 30 + b"}"),
        ("nested lines", "file", b"3}", b"-2}"),
        ("wordnet", "data.noun", b"00000100 03", b"00000100 -1"),
        ("vector lines", "file", b"3 2\n", b"3 " + b"9" * 30 + b"\n"),
        ("vector arrays", "entities.npy", b"(3, 2)", b"(3, 2\n"),
        ("numbered triples", "h.npy", b"(2,)", b"(2,\n"),
        ("codex", "types.json", b'[\n  "Q90"\n ]', b"7"),
        ("codex", "entities.json", b'"eins"', b'["\\ud800"]'),
        ("codex", "texts.tsv", b"one", b"x" * 200_000),
        ("codex", "labels.tsv", b"qid", b"key"),
        ("published fb15k-237", "wikidata.json", b'"A"', b"{}"),
        ("published model", "config.json", b'"hidden_size": 16', b'"hidden_size": "x"'),
        ("ir_datasets", "docs", b"d1\t", b"d1 "),
        ("ir_datasets", "qrels", b"d2 1", b"d2"),
        ("run folder", "config.toml", b"0.05", b"9" * 400),
        ("run folder", "metrics.jsonl", b"0.5", b"\xff"),
        ("run folder", "metrics.jsonl", b"0.5", b"[" * DEEP),
        ("run folder", "metrics.jsonl", b'"split"', b'"splat"'),
        ("betae and query2box", "id2ent", b"0,", b"Infinity,"),
        ("published model", "config.json", b'"num_attention_heads": 2', b'"num_attention_heads": 3'),
        ("store manifest", "manifest.json", b'"name"', b'"nome"'),
        ("store manifest", "manifest.json", b'"blake2b"', b'"blake"'),
        ("store manifest", "manifest.json", b'"counts": {', b'"counts": ' + b"[" * DEEP),
        ("store manifest", "manifest.json", b'"offsets"', b'"' + b"o" * 300 + b'"'),
    ],
)
def test_what_was_found(every: dict[str, Reader], tmp_path: Path, name: str, file: str, old: bytes, new: bytes) -> None:
    if name not in every:
        pytest.skip(f"{name} is not installed")
    trial, data = Trial(name, every[name], tmp_path), every[name].files[file]
    assert old in data
    outcome = trial.taken(tmp_path / file, data.replace(old, new, 1))
    assert outcome.kind == "refused", outcome


def test_a_damaged_block_of_xz_is_named(every: dict[str, Reader], tmp_path: Path) -> None:
    trial, data = Trial("xz", every["archive tar.xz"], tmp_path), every["archive tar.xz"].files["a"]
    damaged = data[: len(data) // 2] + b"\xff" * 8 + data[len(data) // 2 + 8 :]
    with pytest.raises(lzma.LZMAError):
        lzma.decompress(damaged)
    outcome = trial.taken(tmp_path / "a", damaged)
    assert outcome.kind == "refused" and re.search("a: .*cannot be read", outcome.message), outcome


@pytest.mark.parametrize("change", [(b"/n>", b"/" + b"n" * 300 + b">"), (b"@en-GB", b"@en" + b"-abcdefgh" * 40)])
def test_names_of_rdf_of_any_length_are_kept(
    every: dict[str, Reader], tmp_path: Path, change: tuple[bytes, bytes]
) -> None:
    trial, data = Trial("rdf", every["rdf nt"], tmp_path), every["rdf nt"].files["file"]
    assert change[0] in data
    assert trial.taken(tmp_path / "file", data.replace(*change)).kind == "read"
