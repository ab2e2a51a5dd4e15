"""Small valid files of runs, and what reads them."""

from __future__ import annotations

from pathlib import Path

import torch
from fuzzing import Reader

from kgr import _config
from kgr.completion.calibration import Calibration, kept_calibration
from kgr.completion.config import CompletionConfig
from kgr.engine.checkpoint import Checkpoint, files_of, save
from kgr.engine.run import Run
from kgr.retrieval.filters import read_keys
from kgr.sememe import calibration
from kgr.sememe.learned import FILE, Law, Learned
from kgr.sememe.measure import Threshold

LINES = b'{"step": 5, "loss": 0.5}\n{"step": 9, "split": "test", "whole": true, "metrics": {"mrr": 0.5}}\n'


def run_readers(home: Path) -> dict[str, Reader]:
    """Return the readers by name; ``home`` is for what makes their files."""
    return {**_runs(home), **_learned(home), **_asked()}


def _runs(home: Path) -> dict[str, Reader]:
    head = {"format": 1, "task": "completion", "store": "atlas"}
    config = _config.to_toml({"run": head, "settings": {"model": "complex", "lr": 0.05, "steps": 10}}).encode()

    def run(folder: Path) -> object:
        found = Run.open(folder)
        return found.config(CompletionConfig), found.metrics(), found.evaluations(), found.checkpoint()

    module = torch.nn.Linear(4, 2)
    told = {"step": 5, "settings": {}, "sections": {"graph": "aa"}, "tables": {}, "history": [[5, 0.5]]}
    save(home / "checkpoints", files_of(module, {}, torch.optim.Adam(module.parameters())), told, keep=1)
    whole = {path.name: path.read_bytes() for path in (home / "checkpoints" / "5").iterdir()}

    def checkpoint(folder: Path) -> object:
        found = Checkpoint.open(folder)
        found.check_sections({"graph": "aa"})
        found.restore_weights(module, {})
        return [found.read(name) for name in found.manifest["files"]], found.step

    tensors = {name: data for name, data in whole.items() if name != "manifest.json"}
    signed = whole["manifest.json"]

    def arrays(folder: Path) -> object:
        (folder / "manifest.json").write_bytes(signed)
        return checkpoint(folder)

    return {
        "run folder": Reader({"config.toml": config, "metrics.jsonl": LINES}, run),
        "checkpoint": Reader(whole, checkpoint),
        "checkpoint arrays": Reader(tensors, arrays, wholly=True),
    }


def _learned(home: Path) -> dict[str, Reader]:
    law = Law(Threshold(0.5, True), calibration.Calibration((0.1, 1.0, 0.0, 2.0, -1.5), 0.3, 0.2, False))
    Learned({"trees": 5}, law, None, Threshold(0.25, False), {"graph": "aa"}).write(home)

    def kept(folder: Path) -> object:
        return kept_calibration(folder / "calibration.json", {"step": 5}, lambda: None)

    kept_calibration(home / "calibration.json", {"step": 5}, lambda: Calibration((0.5,) * 6, 9, 0.1))
    return {
        "learned sememes": Reader({FILE: (home / FILE).read_bytes()}, Learned.read),
        "calibration": Reader({"calibration.json": (home / "calibration.json").read_bytes()}, kept),
    }


def _asked() -> dict[str, Reader]:
    return {"keys by line": Reader({"file": b"a\nb c\n\nd\n"}, lambda folder: read_keys(folder / "file"))}
