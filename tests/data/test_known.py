"""Known data sets by name: built once, rebuilt when they change, whole or not at all."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from pathlib import Path

import pytest

from kgr.data import known
from kgr.data.known import build_known, data_home, datasets_folder, known_names, manifest_of, open_store
from kgr.data.manifest import read_manifest
from kgr.errors import ConfigError, DataError, FetchError, FormatError, UnknownKey
from kgr.index.store import Store

HEAD = 'title = "Toy"\nreader = "tables"\nlicence = "CC0"\nsource = "a test"\n'


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KGR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KGR_MIRROR", str(tmp_path / "mirror"))
    return tmp_path / "home"


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of one embedded data set, ``toy``, in place of the real ones."""
    folder = tmp_path / "datasets" / "toy"
    folder.mkdir(parents=True)
    (folder / "train.tsv").write_text("a\tr\tb\n")
    (folder / "manifest.toml").write_text(HEAD + '[counts]\nentities = 2\n[files.train]\nembedded = "train.tsv"\n')
    monkeypatch.setattr(known, "datasets_folder", lambda: tmp_path / "datasets")
    return folder


def remote(name: str, content: bytes, mirror: Path | None, more: str = "") -> str:
    """Return a manifest's table of a file, which lies in the mirror if one is given."""
    if mirror is not None:
        mirror.mkdir(exist_ok=True)
        (mirror / name).write_bytes(content)
    return f'[files.{name}]\npath = "{name}"\nsha256 = "{hashlib.sha256(content).hexdigest()}"\n{more}\n'


def test_what_is_known() -> None:
    small = {"kinship", "nations", "umls", "babelsememe-all", "babelsememe-noun", "cranfield", "cisi", "scifact"}
    assert small | {"atlas", "codex-l", "codex-m", "codex-s", "fb15k-237", "wn18rr"} <= set(known_names())
    untested = {name for name in known_names() if manifest_of(name).untested}
    assert untested == {"fb15k-betae", "nell-betae", "ogbl-wikikg2", "wikidata5m", "yago3-10"}
    for name in known_names():
        manifest = manifest_of(name)
        assert (datasets_folder() / name / "README.md").is_file()
        assert manifest.reader in known.READERS
        graph = {"entities", "relations", "train"} | ({"valid", "test"} if name != "babelsememe-annotations" else set())
        assert ({"documents", "queries"} if "documents" in manifest.counts else graph) <= set(manifest.counts)
        for file in manifest.files.values():
            assert file.embedded is None or file.embedded.is_file()
            assert all(manifest.files[name].optional for name in file.instead_of)
            assert file.file is None or file.file.has_checksum or manifest.untested


def test_embedded_set_opens_without_mirror(home: Path) -> None:
    store = open_store("atlas")
    assert store.name == "atlas"
    assert store.path == home / "stores" / "atlas"
    assert store.manifest["counts"]["entities"] >= 2000


def test_built_once(toy: Path) -> None:
    said: list[str] = []
    store = open_store("toy", message=said.append)
    assert said == ["toy: Toy, licence: CC0"]
    assert store.manifest["sources"]["files"] == {"train": {"embedded": "train.tsv"}}
    assert store.manifest["sources"]["absent"] == []
    again = open_store("toy", message=said.append)
    assert (len(said), again.version) == (1, 1)


@pytest.mark.parametrize("change", ["manifest", "data", "readers"])
def test_rebuilt_when_something_changed(toy: Path, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    old = open_store("toy")
    if change == "manifest":
        (toy / "manifest.toml").write_text((toy / "manifest.toml").read_text().replace("CC0", "MIT"))
    elif change == "data":
        (toy / "train.tsv").write_text("b\tr\ta\n")
    else:
        monkeypatch.setattr(known, "RECIPE", known.RECIPE + 1)
    new = open_store("toy")
    assert new.version == 2
    assert old.entries.key(0) == "a"  # what is open stays


def test_damaged_store_is_rebuilt(toy: Path) -> None:
    store = open_store("toy")
    file = next(store.path.glob("v*/entries/bytes.npy"))
    file.write_bytes(file.read_bytes()[:-1])
    assert open_store("toy").entries.key(0) == "a"


def test_a_failed_rebuild_leaves_the_old_store(toy: Path) -> None:
    open_store("toy")
    (toy / "train.tsv").write_text("a\tr\n")
    with pytest.raises(DataError, match=r"train\.tsv:1: found 2 fields"):
        open_store("toy")
    assert Store(data_home() / "stores" / "toy").entries.key(0) == "a"


def test_an_embedded_file_is_verified_where_a_checksum_is_given(toy: Path) -> None:
    digest = hashlib.sha256(b"a\tr\tb\n").hexdigest()
    (toy / "manifest.toml").write_text(HEAD + f'[files.train]\nembedded = "train.tsv"\nsha256 = "{digest}"\n')
    assert open_store("toy").manifest["sources"]["files"]["train"] == {"embedded": "train.tsv", "sha256": digest}
    (toy / "train.tsv").write_text("a\tr\tc\n")
    with pytest.raises(DataError, match=rf"train\.tsv: found sha256 .* where {digest} is expected"):
        open_store("toy")


def test_counts_are_checked(toy: Path) -> None:
    (toy / "train.tsv").write_text("a\tr\tc\nb\tr\ta\n")
    with pytest.raises(DataError, match="toy: found 3 entities, expected 2"):
        open_store("toy")
    assert not (data_home() / "stores" / "toy").exists()


def test_fetched_files_and_optional_ones(toy: Path, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    table = b"key\tlabel.en\na\tA\n"
    files = remote("train", b"a\tr\tb\n", mirror)
    files += remote("whole", table, None, "optional = true")
    files += remote("entities", table, mirror, 'optional = true\ninstead_of = "whole"')
    files += remote("other", b"?", None, 'optional = true\ninstead_of = "entities"')  # not even asked for
    files += remote("relations", table, None, "optional = true")
    (toy / "manifest.toml").write_text(HEAD + files)
    said: list[str] = []
    store = open_store("toy", message=said.append)
    assert store.label("entries", 0) == "A"
    assert set(store.manifest["sources"]["files"]) == {"train", "entities"}
    assert store.manifest["sources"]["files"]["train"]["sha256"] == hashlib.sha256(b"a\tr\tb\n").hexdigest()
    assert store.manifest["sources"]["absent"] == ["whole", "relations"]
    assert "toy: with entities instead of whole: whole cannot be fetched" in said[1]
    assert "toy: without relations: relations cannot be fetched" in said[2]
    assert len(said) == 3
    (mirror / "train").unlink()
    build_known("toy")  # downloads are kept


def test_a_needed_file_that_cannot_be_had(toy: Path, tmp_path: Path) -> None:
    (toy / "manifest.toml").write_text(HEAD + remote("train", b"a\tr\tb\n", None))
    with pytest.raises(FetchError, match=r"train cannot be fetched: .*mirror/train: No such file.*KGR_MIRROR"):
        open_store("toy")


def test_what_else_can_be_done_is_said(toy: Path) -> None:
    head = HEAD + 'remedy = "Draw it by hand."\n'
    (toy / "manifest.toml").write_text(head + remote("train", b"a\tr\tb\n", None))
    with pytest.raises(FetchError, match=r"train cannot be fetched: .*\. Draw it by hand\.$"):
        open_store("toy")


def test_every_missing_file_is_named_and_the_others_are_kept(toy: Path, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    files = remote("valid", b"a\tr\tb\n", None) + remote("test", b"b\tr\ta\n", None)
    (toy / "manifest.toml").write_text(HEAD + files + remote("train", b"a\tr\tb\n", mirror))
    with pytest.raises(FetchError, match=r"toy: valid cannot be fetched: .*; nor can test$"):
        open_store("toy")
    assert (data_home() / "downloads" / "train").is_file()


def test_a_part_loads_where_it_is_asked_for(toy: Path, tmp_path: Path) -> None:
    files = remote("train", b"a\tr\tb\n", tmp_path / "mirror") + remote("valid", b"b\tr\tc\n", None, "partial = true")
    (toy / "manifest.toml").write_text(HEAD + "[counts]\nentities = 3\ntrain = 1\nvalid = 1\n" + files)
    with pytest.raises(FetchError, match=r"valid cannot .*open_store\('toy', partial=True\), kgr build toy --partial"):
        open_store("toy")
    part = open_store("toy", partial=True)
    assert part.path.name == "toy.partial"
    assert (part.manifest["counts"]["entities"], part.splits) == (2, ("train",))
    with pytest.raises(FetchError):  # the part does not pass for the whole
        open_store("toy")
    (tmp_path / "mirror" / "valid").write_bytes(b"b\tr\tc\n")
    whole = open_store("toy")
    assert whole.manifest["counts"]["entities"] == 3
    assert open_store("toy", partial=True).path == whole.path


def test_restrictions_are_told_when_files_are_fetched(toy: Path, tmp_path: Path) -> None:
    (toy / "manifest.toml").write_text('restrictions = "non-commercial"\n' + (toy / "manifest.toml").read_text())
    said: list[str] = []
    known.fetch_files(manifest_of("toy"), message=said.append)
    assert said == ["toy: non-commercial"]


def test_a_first_download_is_pinned(toy: Path, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "train").write_bytes(b"a\tr\tb\n")
    (toy / "manifest.toml").write_text(HEAD + '[files.train]\npath = "train"\nunverified = true\n')
    said: list[str] = []
    store = open_store("toy", message=said.append)
    digest = hashlib.sha256(b"a\tr\tb\n").hexdigest()
    assert said[1].startswith(f"train: no checksum is published; that of this download, sha256 {digest}, is kept in ")
    assert store.manifest["sources"]["files"]["train"]["sha256"] == digest
    (data_home() / "downloads" / "train").unlink()
    (mirror / "train").write_bytes(b"a\tr\tc\n")
    with pytest.raises(FetchError, match=f"sha256 .* where {digest} is expected"):
        build_known("toy")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (b"<html>", r"train:1: found "),
        (b"a\tr\tb\n", "toy: found 2 entities, expected 3"),
    ],
)
def test_a_wrong_first_download_is_told_with_its_pin(toy: Path, tmp_path: Path, wrong: bytes, message: str) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "train").write_bytes(wrong)
    (toy / "manifest.toml").write_text(
        HEAD + '[counts]\nentities = 3\n[files.train]\npath = "train"\nunverified = true\n'
    )
    pin = data_home() / "pins" / "train.json"
    for _ in range(2):
        with pytest.raises(DataError, match=rf"{message}.* remove {pin} to fetch anew$"):
            open_store("toy")
    (mirror / "train").write_bytes(b"a\tr\tb\nb\tr\tc\n")
    pin.unlink()
    assert open_store("toy").manifest["counts"]["entities"] == 3


def test_a_verified_file_has_no_pin_to_remove(toy: Path, tmp_path: Path) -> None:
    (toy / "manifest.toml").write_text(HEAD + remote("train", b"<html>", tmp_path / "mirror"))
    with pytest.raises(DataError, match=r"train:1: found ") as refusal:
        open_store("toy")
    assert "remove" not in str(refusal.value)


def test_build_known_elsewhere(toy: Path, tmp_path: Path) -> None:
    store = build_known("toy", tmp_path / "mine")
    assert store.path == tmp_path / "mine"
    assert not (data_home() / "stores" / "toy").exists()
    with pytest.raises(FormatError, match="already"):
        build_known("toy", tmp_path / "mine")


def test_what_a_name_means(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    kept = open_store("toy")
    assert open_store(kept) is kept
    assert open_store(kept.path).path == open_store(str(kept.path)).path == kept.path
    (tmp_path / "toy").mkdir()  # a folder of that name which is no store does not hide the data set
    assert open_store("toy").path == kept.path
    (tmp_path / "toy").rmdir()
    build_known("toy", tmp_path / "toy")
    assert open_store("toy").path == tmp_path / "toy"
    with pytest.raises(UnknownKey, match="unknown data set 'tay'; nearest: toy; known: toy"):
        open_store("tay")
    for folder in ("./tay", Path("tay"), "datasets"):
        with pytest.raises(FormatError):
            open_store(folder)


def _open_toy(datasets: Path) -> None:
    known.datasets_folder = lambda: datasets
    open_store("toy", message=lambda line: (datasets / f"built-by-{os.getpid()}").touch())


def test_two_processes_build_once(toy: Path) -> None:
    lines = "".join(f"{i}\tr\t{i * 7 % 20011}\n" for i in range(20011))
    (toy / "train.tsv").write_text(lines)
    (toy / "manifest.toml").write_text(HEAD + '[files.train]\nembedded = "train.tsv"\n')
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=_open_toy, args=(toy.parent,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert len(list(toy.parent.glob("built-by-*"))) == 1
    assert open_store("toy").version == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD.replace('title = "Toy"\n', "") + "[files]\n", "title is missing"),
        (HEAD, "files is missing"),
        (HEAD + "colour = 1\n[files]\n", "unknown field 'colour', expected counts, files"),
        (HEAD + '[files.train]\nembeded = "x"\n', r"files\.train: unknown field 'embeded'"),
        (HEAD + "[files.train]\noptional = true\n", r"files\.train: neither embedded nor path is given"),
        (HEAD + '[files.train]\npath = "x"\n', r"files\.train: x: none of sha256, git_sha1 and md5"),
        ("title = ", "cannot be read as TOML"),
    ],
)
def test_bad_manifests(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "manifest.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_manifest(path)


def test_unknown_reader_and_missing_embedded_file(toy: Path) -> None:
    (toy / "manifest.toml").write_text(HEAD.replace('"tables"', '"table"') + "[files]\n")
    with pytest.raises(ConfigError, match=r"reader is 'table', expected one of tables, codex"):
        open_store("toy")
    (toy / "manifest.toml").write_text(HEAD + '[files.train]\nembedded = "gone.tsv"\n')
    with pytest.raises(DataError, match=r"gone\.tsv: cannot be read.*not whole"):
        open_store("toy")
