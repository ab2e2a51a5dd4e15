"""A small graph, its store, and a run trained on it, made once; and the command line, called."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kgr.cli import cli
from kgr.data.build import build_store

SETTINGS = ["--model", "gqe", "--dim", "8", "--batch", "16", "--negatives", "8", "--steps", "20", "--log-every", "10"]


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the small graph's files, its store and its run are."""

    folder: Path

    @property
    def store(self) -> str:
        return str(self.folder / "store")

    @property
    def run(self) -> str:
        return str(self.folder / "run")


def write_graph(folder: Path) -> None:
    """Write train, valid and test of a random graph of 40 entities, with labels."""
    draw = random.Random(0)
    triples = sorted({(draw.randrange(40), draw.randrange(3), draw.randrange(40)) for _ in range(400)})
    draw.shuffle(triples)
    lines = [f"e{head}\tr{relation}\te{tail}\n" for head, relation, tail in triples]
    for name, part in (("train", lines[:300]), ("valid", lines[300:340]), ("test", lines[340:])):
        (folder / f"{name}.tsv").write_text("".join(part))
    rows = [f"e{i}\tthing\tEntity {i}\tدولة {i}\n" for i in range(40)]
    (folder / "entities.tsv").write_text("key\ttypes\tlabel.en\tlabel.ar\n" + "".join(rows))


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Place:
    """The small graph and its store."""
    folder = tmp_path_factory.mktemp("place")
    write_graph(folder)
    files = {split: folder / f"{split}.tsv" for split in ("train", "valid", "test")}
    build_store(folder / "store", entities_table=folder / "entities.tsv", **files)
    return Place(folder)


@pytest.fixture(scope="session")
def trained(place: Place) -> tuple[Place, Result]:
    """The small graph with a run, and what its training printed."""
    return place, call("train-multihop", place.store, "--out", place.run, *SETTINGS)


def call(*arguments: str, code: int = 0) -> Result:
    """Call the command line."""
    result = CliRunner().invoke(cli, arguments, prog_name="kgr")
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    return result


@pytest.fixture
def kgr(home: Path) -> Callable[..., Result]:
    """Call the command line and check its exit code, by default 0."""
    return call


@pytest.fixture
def kgr_json(home: Path) -> Callable[..., Any]:
    """Call the command line with ``--json``; standard output is one object and nothing else."""

    def run(*arguments: str, code: int = 0) -> Any:
        output = call(*arguments, "--json", code=code).stdout
        assert output.count("\n") == 1
        return json.loads(output)

    return run
