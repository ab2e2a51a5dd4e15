"""The README's code is run as it stands."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from kgr.cli import cli

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```", README, re.M | re.S)
SHELL = "".join(re.findall(r"^```sh\n(.*?)^```", README, re.M | re.S)).splitlines()
COMMANDS = sorted({line.split()[1] for line in SHELL if line.startswith("kgr ")})


def run_blocks(blocks: list[str], folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(blocks)],
        cwd=folder,
        env={**os.environ, "KGR_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_block_needs_no_download(tmp_path: Path) -> None:
    printed = run_blocks(PYTHON[:1], tmp_path).splitlines()
    assert 0 < float(printed[0]) < 1
    assert len(printed) == 6
    assert any(line.startswith("territory:") for line in printed)


def test_the_codex_block(mirror: Path, tmp_path: Path) -> None:
    assert "import kgr" in PYTHON[0]
    assert "Result(key='Q" in run_blocks(["import kgr", PYTHON[1]], tmp_path)


def test_the_retrieval_block(tmp_path: Path) -> None:
    key, ndcg, found = run_blocks(["import kgr", PYTHON[2]], tmp_path).splitlines()
    assert key == "territory:CH"
    assert 0.1 < float(ndcg) < 0.4
    assert "script:" in found


def test_the_completion_block(mirror: Path, tmp_path: Path) -> None:
    mrr, hits = map(float, run_blocks(["import kgr", PYTHON[3]], tmp_path).split())
    assert mrr > 0.3
    assert hits > 0.3


def test_there_are_no_other_blocks() -> None:
    assert len(PYTHON) == 4


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_exists(command: str) -> None:
    result = CliRunner().invoke(cli, [command, "--help"])
    assert result.exit_code == 0, result.output
    assert "Usage:" in result.output


@pytest.mark.parametrize("line", [line for line in SHELL if line.startswith("kgr ")])
def test_every_option_exists(line: str) -> None:
    name, *words = shlex.split(line)[1:]
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    if isinstance(command, click.Group):
        command = command.get_command(click.Context(command), words[0])
        assert command is not None
    known = {option for own in command.params for option in (*own.opts, *own.secondary_opts)}
    assert {word for word in words if re.fullmatch("--?[a-z].*", word)} <= known
