"""Small trainings of every task, to be killed and taken up again, and what must be equal of two of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

Settings = dict[str, Any]


@dataclass(frozen=True)
class Training:
    """A training as a user would start it, in a process that has imported its modules.

    Attributes
    ----------
    modules : names
        What is imported.
    prepare : callable
        Writes into a folder what is trained from.
    train : callable
        Given the folder, the run's and settings: ``steps``, ``seed``, ``checkpoint_every`` and those of ``settings``.
    settings : dicts
        Runs take turns in these.
    steps : int
        Of a run that is killed many times.
    """

    modules: tuple[str, ...]
    prepare: Callable[[Path], object]
    train: Callable[[Path, Path, Settings], object]
    settings: tuple[Settings, ...]
    steps: int


BASE: Settings = {"device": "cpu", "threads": 2, "log_every": 20}
STEERED: Settings = {"keep_best": True}


def write_graph(folder: Path, entities: int = 400, relations: int = 5, triples: int = 4000) -> None:
    """Build a store of random triples."""
    from kgr.data.build import build_store

    draw = np.random.default_rng(0)
    rows = np.unique(draw.integers(0, [entities, relations, entities], (triples, 3)), axis=0)
    parts = np.split(draw.permutation(rows), [len(rows) * 9 // 10, len(rows) * 19 // 20])
    files = {}
    for name, part in zip(("train", "valid", "test"), parts, strict=True):
        files[name] = folder / f"{name}.tsv"
        files[name].write_text("".join(f"e{h}\tr{r}\te{t}\n" for h, r, t in part.tolist()))
    build_store(folder / "store", **files)


def _multihop(folder: Path, out: Path, settings: Settings) -> None:
    from kgr.multihop.run import train_multihop

    train_multihop(folder / "store", out=out, dim=32, batch=32, negatives=16, **{"lr": 0.01, **settings})


def _completion(folder: Path, out: Path, settings: Settings) -> None:
    from kgr.completion.run import train_completion

    train_completion(folder / "store", out=out, **{"dim": 16, "batch": 64, **settings})


def write_texts(folder: Path) -> None:
    """Build a store of documents."""
    from prop_corpus import small_store

    small_store(folder)


def _prop(folder: Path, out: Path, settings: Settings) -> None:
    from prop_corpus import SMALL

    from kgr.prop.run import pretrain_prop

    pretrain_prop(folder / "store", out=out, **{**SMALL, "width": 16, **settings})


def write_judged(folder: Path) -> None:
    """Build a store of documents with judged queries, and an encoder."""
    from judged_corpus import build_store
    from text_models import save_encoder

    build_store(folder)
    save_encoder(folder / "encoder")


def _finetune(folder: Path, out: Path, settings: Settings) -> None:
    from judged_corpus import material, questions

    from kgr.prop.finetune import finetune_prop

    grades, ranking = material()
    given: Settings = {"qrels": grades, "ranking": ranking, "topics": questions(), "batch": 4, "negatives": 3}
    finetune_prop(folder / "encoder", folder / "store", out=out, train_queries=10, **{**given, **settings})


def write_synsets(folder: Path) -> None:
    """Build a store of synsets with texts."""
    from synset_families import write_set

    from kgr.data.add_synsets import add_synset_texts
    from kgr.data.babelsememe import build_babelsememe

    files = write_set(folder / "in")
    add_synset_texts(build_babelsememe(files, folder / "store"), files / "texts.jsonl")


def _sememes(folder: Path, out: Path, settings: Settings) -> None:
    """Train with checkpoints of the link model as often as is asked for, in batches that hold every edge."""
    from kgr.sememe import methods
    from kgr.sememe.train import train_sememes

    own = dict(settings)
    make, steps = methods.make, own.pop("steps")
    cadence = {name: own.pop(name) for name in ("checkpoint_every", "log_every")}
    told = {"rounds": min(steps, 20)} if own["method"] == "ranker" else {"graph_dim": 16, "graph_epochs": steps}
    if own["method"] == "ranker":
        own.pop("device")
    with mock.patch.object(methods, "make", lambda kind, given: make(kind, {**given, **cadence})):
        train_sememes(folder / "store", out=out, **own, **told)


TRAININGS = {
    "multihop": Training(
        ("kgr.multihop.run",),
        write_graph,
        _multihop,
        (
            {"model": "gqe"},
            {"model": "query2box", "optimizer": "adagrad", "table": "host", "eval_queries": 2, **STEERED},
            {"model": "betae", "hidden": 16, "schedule": "plateau", "eval_queries": 2, **STEERED},
            {"model": "gqe", "own_negatives": True, "loss": "margin", "schedule": "cosine", "table": "disk"},
        ),
        2000,
    ),
    "completion": Training(
        ("kgr.completion.run",),
        write_graph,
        _completion,
        (
            {},
            {"model": "conve", "dim": 200, "training": "kvsall", "loss": "bce", "entity_dropout": 0.2, "batch": 16},
            {"model": "rotate", "training": "negatives", "negatives": 8, "loss": "margin", "regularizer": "none"},
            {"model": "tucker", "relation_dropout": 0.1, "optimizer": "adam", "lr": 0.01, "reciprocal": False},
            {"relation_prediction": 0.1, "schedule": "plateau", "eval_triples": 50, **STEERED},
        ),
        1500,
    ),
    "prop": Training(
        ("kgr.prop.run",),
        write_texts,
        _prop,
        (
            {"mlm_start": 0.4},
            {"objective": "mlm", "accumulate": 2},
            {"objective": "ict", "schedule": "constant", **STEERED},
        ),
        600,
    ),
    "finetune": Training(
        ("kgr.prop.finetune",),
        write_judged,
        _finetune,
        ({"loss": "pairwise"}, {"loss": "listwise", "autocast": "bfloat16", **STEERED}),
        600,
    ),
    "sememes": Training(
        ("kgr.sememe.train", "lightgbm"),
        write_synsets,
        _sememes,
        ({"method": "spbs-rr"}, {"method": "graph"}, {"method": "ranker"}),
        1000,
    ),
}
"""By task."""


def differences(a: Path, b: Path) -> list[str]:
    """Name the files that differ between two run folders but for times, and what is in one alone."""
    found = contents(a), contents(b)
    return [name for name in sorted({*found[0], *found[1]}) if found[0].get(name) != found[1].get(name)]


def contents(folder: Path) -> dict[str, Any]:
    """Return every file of a run folder, by path: its bytes, or of JSON what is told beside times."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "environment.json")
    return {path.relative_to(folder).as_posix(): _timeless(path) for path in files}


def _timeless(path: Path) -> Any:
    if path.name == "metrics.jsonl":
        return [_without_times(json.loads(line)) for line in path.read_text().splitlines()]
    if path.name == "manifest.json":
        told = json.loads(path.read_text())
        return {name: value for name, value in told.items() if name not in ("spent", "blake2b")}
    return path.read_bytes()


def _without_times(told: Any) -> Any:
    if not isinstance(told, dict):
        return told
    kept = ((name, value) for name, value in told.items() if "seconds" not in name and name != "rate")
    return {name: _without_times(value) for name, value in kept}
