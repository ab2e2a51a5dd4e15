"""The program as a whole: what it loads, how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from kgr.cli import COMMANDS, cli
from kgr.cli.terminal import Bars
from kgr.errors import DataError

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"torch", "numba", "numpy", "faiss", "rdflib", "tqdm"}


def process(*arguments: str, encoding: str = "utf-8", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kgr", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        encoding=encoding,
        capture_output=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["nonsense"]])
def test_light(arguments: list[str]) -> None:
    program = f"import sys; sys.argv[1:] = {arguments}\nfrom kgr.cli import main\n"
    program += "try:\n    main()\nfinally:\n    print('loaded', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    loaded = done.stdout.split("loaded ")[1].split()
    assert "click" in loaded
    assert not HEAVY & set(loaded)


def test_help_names_every_command(kgr: Callable[..., Result]) -> None:
    output = " ".join(kgr("--help").stdout.split())
    for name, (_, help) in COMMANDS.items():
        assert f"{name} {help}" in output


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_that_of_the_command(name: str, kgr: Callable[..., Result]) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.help is not None
    assert command.name == name
    assert command.help.split("\n")[0] == COMMANDS[name][1]
    assert "Usage: kgr " in kgr(name, "--help").stdout


def test_every_command_has_traceback(kgr: Callable[..., Result]) -> None:
    for name in COMMANDS:
        if name != "data":
            assert "--traceback" in kgr(name, "-h").stdout
    for name in ("list", "get", "verify"):
        assert "--traceback" in kgr("data", name, "-h").stdout


def test_unknown_command(kgr: Callable[..., Result]) -> None:
    assert "unknown command 'shwo'; nearest: show" in kgr("shwo", code=2).stderr


def test_unknown_option(kgr: Callable[..., Result]) -> None:
    result = kgr("show", "--kye", code=2)
    assert result.stdout == ""
    assert "--kye" in result.stderr


def test_an_error_is_one_line(kgr: Callable[..., Result], tmp_path: Path) -> None:
    result = kgr("show", str(tmp_path / "none"), code=1)
    assert result.stdout == ""
    assert result.stderr.startswith(f"kgr: error: {tmp_path / 'none'}")
    assert result.stderr.count("\n") == 1


def test_unknown_data_set(kgr: Callable[..., Result]) -> None:
    result = kgr("show", "atlsa", code=1)
    assert "unknown data set 'atlsa'; nearest: atlas" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--traceback", "show", "atlsa"], ["show", "atlsa", "--traceback"]])
def test_traceback(arguments: list[str], home: Path) -> None:
    done = process(*arguments, KGR_HOME=str(home))
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "kgr.errors.UnknownKey: unknown data set 'atlsa'" in done.stderr


def broken(error: BaseException) -> Callable[..., Any]:
    def command(*_: Any, **__: Any) -> None:
        raise error

    return command


def test_an_error_of_several_lines_becomes_one(kgr: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kgr.cli.look.opened", broken(DataError("f:1: this\nand that")))
    assert kgr("show", "atlas", code=1).stderr == "kgr: error: f:1: this and that\n"


def test_an_error_of_the_system_is_one_line(kgr: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kgr.cli.look.opened", broken(PermissionError(13, "Permission denied", "/x")))
    assert kgr("show", "atlas", code=1).stderr == "kgr: error: /x: Permission denied\n"


def test_a_fault_of_the_program_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kgr.cli.look.opened", broken(ZeroDivisionError("oh")))
    assert isinstance(CliRunner().invoke(cli, ["show", "atlas"]).exception, ZeroDivisionError)


def test_ctrl_c(kgr: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kgr.cli.look.opened", broken(KeyboardInterrupt()))
    result = kgr("show", "atlas", code=130)
    assert result.stderr == "kgr: interrupted\n"
    assert result.stdout == ""


def test_warnings_are_lines_on_standard_error(kgr: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    def warn(_: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("the disk is full", stacklevel=2)
        raise DataError("end")

    monkeypatch.setattr("kgr.cli.look.opened", warn)
    assert kgr("show", "atlas", code=1).stderr == "kgr: warning: the disk is full\nkgr: error: end\n"


def test_a_reader_that_leaves_is_no_error(home: Path) -> None:
    command = [sys.executable, "-m", "kgr", "data", "list"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == b""


def test_a_label_that_the_terminal_cannot_show(home: Path) -> None:
    done = process("show", "atlas", "territory:CH", encoding="latin-1", PYTHONIOENCODING="latin-1", KGR_HOME=str(home))
    assert done.returncode == 0
    assert "\\u745e\\u58eb" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="has no such signal")
def test_an_ended_build_leaves_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "in")  # which is never read to its end
    command = [sys.executable, "-m", "kgr", "build", "--format", "corpus", str(tmp_path / "in")]
    with (
        subprocess.Popen([*command, "--out", str(tmp_path / "out")], cwd=ROOT, stderr=subprocess.PIPE) as running,
        (tmp_path / "in").open("wb") as pipe,
    ):
        pipe.write(b'{"id": 1, "text": "x"}\n')
        pipe.flush()
        assert any(path.name.startswith(".tmp-out.spool-") for path in tmp_path.iterdir())
        time.sleep(1)  # until it waits for more: a signal on the way there is heeded only when there is more to read
        running.terminate()
        running.communicate(timeout=300)
    assert running.returncode == 143
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_ctrl_c_while_training_leaves_a_checkpoint(place: Any, tmp_path: Path) -> None:
    """The same command then goes on from it."""
    run = tmp_path / "run"
    options = ["--model", "gqe", "--dim", "8", "--batch", "16", "--negatives", "8", "--log-every", "1"]
    command = [sys.executable, "-m", "kgr", "train-multihop", place.store, "--out", str(run), *options]
    with subprocess.Popen(
        [*command, "--steps", "1000000"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        until = time.monotonic() + 300
        while not (run / "metrics.jsonl").exists() or not (run / "metrics.jsonl").stat().st_size:
            assert running.poll() is None, running.communicate()
            assert time.monotonic() < until
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        output, errors = running.communicate(timeout=300)
    assert running.returncode == 130
    assert output == ""
    assert (
        errors.split("\n")[-2] == "kgr: stopped; the same command goes on from the last checkpoint, where there is one"
    )
    (checkpoint,) = (run / "checkpoints").iterdir()
    assert int(checkpoint.name) > 0


def test_a_bar_shows_what_is_done() -> None:
    with Bars() as bars:
        for done, total in ((1, 3), (3, 3), (2, 5)):  # the second total is of other work of the same name
            bars.count("retrieve", done, total)
            assert bars._bar is not None and (bars._bar.n, bars._bar.total) == (done, total)
