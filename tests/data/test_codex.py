"""CoDEx from its files: every text by language, the best source first, and what is wrong with its place."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from kgr.data.build import write_store
from kgr.data.codex import LANGUAGES, read_codex
from kgr.data.codex_view import Codex, load_codex
from kgr.data.known import manifest_of
from kgr.data.manifest import Manifest
from kgr.errors import ConfigError, DataError, UnknownKey
from kgr.index.check import check_store

MANIFEST = Manifest("toy", "Toy", "codex", "", "", {}, {}, Path("manifest.toml"))

SPLITS = {
    "train": "Q1 P1 Q2\nQ2 P1 Q3\n",
    "valid": "Q1 P1 Q3\n",
    "test": "Q4 P1 Q1\n",
    "valid_negatives": "Q3 P1 Q1\n",
    "test_negatives": "Q1 P1 Q2\n",  # true
}


def row(label: str, **more: str) -> dict[str, str]:
    return {"label": label, "description": "", "wiki": "", **more}


def zipped(path: Path, **texts: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("extracts/", "")
        for key, text in texts.items():
            archive.writestr(f"extracts/{key}.txt", text)
    return path


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """A CoDEx of four entities, with nothing optional."""
    paths = {name: tmp_path / f"{name}.txt" for name in SPLITS}
    for name, text in SPLITS.items():
        paths[name].write_text(text.replace(" ", "\t"))

    def write(name: str, content: object) -> None:
        paths[name] = tmp_path / f"{name}.json"
        paths[name].write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")

    write("types", {"Q1": ["Q90", "Q1"], "Q2": ["Q90"], "Q77": ["Q91"]})
    for language in LANGUAGES:
        write(f"relations.{language}", {"P1": {"label": f"P1 {language}", "description": ""}, "P2": row("other")})
        write(f"types.{language}", {"Q90": row(f"Q90 {language}", wiki=f"https://{language}/Q90"), "Q91": row("other")})
    return paths


def codex(files: dict[str, Path], tmp_path: Path, said: list[str] | None = None) -> Codex:
    material = read_codex(MANIFEST, files)
    message = said.append if said is not None else None
    write_store(tmp_path / "store", material, message=message, partial="train" not in files)
    return load_codex("s", store=tmp_path / "store")


def test_splits_negatives_types_and_what_is_odd(files: dict[str, Path], tmp_path: Path) -> None:
    said: list[str] = []
    toy = codex(files, tmp_path, said)
    assert toy.triples("valid") == [("Q1", "P1", "Q3")]
    assert toy.triples("test", negative=True) == [("Q1", "P1", "Q2")]
    assert toy.negatives["valid"].tolist() == [[2, 0, 0]]
    assert toy.types_of("Q1") == ("Q90", "Q1")
    assert toy.types_of("Q4") == ()
    counts = toy.store.manifest["counts"]
    assert (counts["true_negatives"], counts["unseen_entities"]) == (1, 1)
    assert any("test_negatives.txt: 1 negatives are triples of the graph" in line for line in said)
    assert any("1 entities do not occur in train" in line for line in said)


def test_missing_negatives(files: dict[str, Path], tmp_path: Path) -> None:
    del files["valid_negatives"], files["test_negatives"]
    toy = codex(files, tmp_path)
    assert toy.negatives == {}
    with pytest.raises(UnknownKey, match="unknown split with hard negatives 'test'"):
        toy.triples("test", negative=True)
    with pytest.raises(UnknownKey, match="unknown split 'dev'; it has train, valid, test"):
        toy.triples("dev")


def test_texts_in_every_language(files: dict[str, Path], tmp_path: Path) -> None:
    for language in LANGUAGES:
        files[f"entities.{language}"] = tmp_path / f"e.{language}.json"
        content = {"Q1": row(f"eins {language}", description="d", wiki=f"https://{language}/Q1"), "Q99": row("other")}
        files[f"entities.{language}"].write_text(json.dumps(content))
        files[f"entity_extracts.{language}"] = zipped(tmp_path / f"e.{language}.zip", Q1=f"text {language}\n", Q99="x")
        files[f"type_extracts.{language}"] = zipped(tmp_path / f"t.{language}.zip", Q90=f"type {language}", Q91="x")
    toy = codex(files, tmp_path)
    for language in LANGUAGES:
        assert toy.label("Q1", language) == f"eins {language}"
        assert toy.description("Q1", language) == "d"
        assert toy.text("Q1", "wikipedia", language) == f"https://{language}/Q1"
        assert toy.extract("Q1", language) == f"text {language}"
        assert toy.label("Q2", language) is None
        assert toy.label("P1", language, of="relations") == f"P1 {language}"
        assert toy.extract("Q90", language, of="types") == f"type {language}"
        assert toy.text("Q90", "wikipedia", language, of="types") == f"https://{language}/Q90"
    assert toy.coverage()["entries"]["zh.extract"] == 1
    assert toy.coverage()["types"]["ru.label"] == 1
    assert check_store(toy.store.path) == []


def test_the_english_texts_that_stand_in(files: dict[str, Path], tmp_path: Path) -> None:
    files["entity_text"] = tmp_path / "entity_text.tsv"
    files["entity_text"].write_text(
        "id\tqid\tname\tent_type\tdescription\textract\n"
        '0\tQ1\tone\tx\tfirst\t"two\nlines, ""quoted"""\n'
        "1\tQ2\ta\u2028b\tx\t\t\n",
        encoding="utf-8",
    )
    toy = codex(files, tmp_path)
    assert toy.extract("Q1") == 'two\nlines, "quoted"'
    assert (toy.label("Q2"), toy.description("Q2")) == ("a\u2028b", None)
    files["entities.en"] = tmp_path / "entities.json"  # upstream's own are better, where they are at hand
    files["entities.en"].write_text(json.dumps({"Q1": row("Eins")}))
    better = tmp_path / "better"
    better.mkdir()
    toy = codex(files, better)
    assert (toy.label("Q1"), toy.extract("Q1")) == ("Eins", 'two\nlines, "quoted"')


def test_without_train_all_typed_entities_are_there(files: dict[str, Path], tmp_path: Path) -> None:
    del files["train"]
    toy = codex(files, tmp_path)
    assert toy.splits["train"].shape == (0, 3)
    assert toy.entities.keys_of(range(len(toy.entities))) == ["Q1", "Q3", "Q4", "Q2", "Q77"]
    assert toy.types_of("Q77") == ("Q91",)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("types", b'{"Q1":\n ["Q90\xff"]}', r"types\.json:2: found byte 0xff, expected UTF-8"),
        ("relations.de", b'{"P1":\n oops}', r"relations\.de\.json:2: found no JSON at column 2"),
        ("types.zh", b"[]", r"types\.zh\.json:1: found list, expected an object"),
        ("train", b"Q1\tP1\tQ2\nQ1\tP1\n", r"train\.txt:2: found 2 fields"),
        ("valid", b"Q1\tP1\tQ2\nQ1\tP1\t\xc3\n", r"valid\.txt:2: found byte 0xc3"),
    ],
)
def test_malformed_files_are_named_with_the_line(
    files: dict[str, Path], name: str, content: bytes, message: str
) -> None:
    files[name].write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_codex(MANIFEST, files)


def test_a_malformed_extract(files: dict[str, Path], tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("extracts/Q90.txt", b"one\ntwo \xe9")
    files["type_extracts.es"] = tmp_path / "bad.zip"
    with pytest.raises(DataError, match=r"bad\.zip/extracts/Q90\.txt:2: found byte 0xe9"):
        read_codex(MANIFEST, files)


def test_usage(files: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="size is 'xl', expected one of s, m, l"):
        load_codex("xl")
    toy = codex(files, tmp_path)
    with pytest.raises(ConfigError, match="language is 'fr', expected one of ar, de"):
        toy.label("Q1", "fr")
    with pytest.raises(ConfigError, match="field is 'gloss'"):
        toy.text("Q1", "gloss")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="of is 'entities', expected one of entries, relations, types"):
        toy.label("Q1", of="entities")  # type: ignore[arg-type]
    with pytest.raises(UnknownKey, match="Q5"):
        toy.label("Q5")


def test_another_data_set_is_refused() -> None:
    with pytest.raises(ConfigError, match="store is atlas, expected codex-s"):
        load_codex("s", store="atlas")


@pytest.mark.parametrize("size", ["s", "m"])
def test_negatives_can_be_done_without(size: str) -> None:
    files = manifest_of(f"codex-{size}").files
    assert {name for name, file in files.items() if file.partial} == {"valid_negatives", "test_negatives"}
