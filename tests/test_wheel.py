"""The wheel works where there is no checkout: manifests, recipes and the embedded data travel inside."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

USE = """
import kgr, pathlib, sys
from kgr.data.known import datasets_folder, known_names
from kgr.data.recipes import recipe
from kgr.multihop.config import resolve
assert pathlib.Path(kgr.__file__).is_relative_to(sys.argv[1]), kgr.__file__
assert datasets_folder().is_relative_to(sys.argv[1])
store = kgr.open_store("atlas")
print(len(store.entries), store.label("entries", store.entries.id("territory:CH"), "de"))
print(kgr.evaluate_ranking("atlas", kgr.retrieve("atlas"))["queries"])
print(resolve(recipe("multihop", "atlas", None, None), {}).model, *known_names())
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        str(ROOT),
        "--no-deps",
        "--no-build-isolation",
        "-q",
        "-w",
        str(folder),
    ]
    subprocess.run(build, check=True, capture_output=True, timeout=300)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_it_holds_what_is_needed_and_no_more(unpacked: Path) -> None:
    held = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    assert {"kgr/py.typed", "kgr/_datasets/atlas/train.tsv", "kgr/_datasets/codex-s/multihop-gqe.toml"} <= held
    assert not [name for name in held if name.startswith(("tests/", "datasets/")) or "__pycache__" in name]


def test_it_works_without_the_checkout(unpacked: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(unpacked), "KGR_HOME": str(tmp_path / "home")}
    environment.pop("KGR_MIRROR", None)
    done = subprocess.run(
        [sys.executable, "-c", USE, str(unpacked)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "3336 Schweiz"
    assert lines[1] == "90"
    assert "codex-s" in lines[2]
