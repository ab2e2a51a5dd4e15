"""Multi-hop training with tables on the device, in memory, on the disk; nothing in a step waits for the device."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from random_graph import split_files
from torch.utils._python_dispatch import TorchDispatchMode

from kgr._config import make
from kgr.data.build import build_store
from kgr.engine.dense import check_module
from kgr.engine.loop import _Session, train
from kgr.engine.processes import Processes
from kgr.engine.ring import Slot
from kgr.engine.run import begin
from kgr.errors import ConfigError
from kgr.index.store import Store
from kgr.models import MODELS
from kgr.multihop.config import MultihopConfig
from kgr.multihop.run import MultihopRun, train_multihop
from kgr.multihop.task import MultihopTask
from kgr.runs import load_run

SMALL = {"dim": 8, "batch": 16, "negatives": 8, "steps": 9, "device": "cpu", "log_every": 4, "checkpoint_every": 6}
WAITING = {
    "aten._local_scalar_dense.default",
    "aten.equal.default",
    "aten.is_nonzero.default",
    "aten.masked_select.default",
    "aten.nonzero.default",
    "aten.repeat_interleave.Tensor",
    "aten._unique2.default",
    "aten.unique_dim.default",
    "aten.unique_consecutive.default",
}
"""What on a GPU waits until it is known how large the result is, or what it is."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("store")
    return build_store(folder / "store", **split_files(folder, 40, 400, 340, 370))


def weights(run: MultihopRun) -> dict[str, torch.Tensor]:
    found = run._run.checkpoint()
    assert found is not None
    return {f"{name}/{key}": own for name in found.manifest["files"] for key, own in found.read(name).items()}


def same(a: MultihopRun, b: MultihopRun) -> bool:
    x, y = weights(a), weights(b)
    return x.keys() == y.keys() and all(torch.equal(x[name], y[name]) for name in x)


@pytest.mark.parametrize("optimizer", ["adam", "row-adagrad"])
def test_the_table_changes_no_bit_of_a_run(store: Store, tmp_path: Path, optimizer: str) -> None:
    settings = SMALL | {"model": "gqe", "optimizer": optimizer}
    plain = train_multihop(store, out=tmp_path / "device", **settings)
    for table in ("host", "disk"):
        run = train_multihop(store, out=tmp_path / table, table=table, threads=2, **settings)
        assert same(plain, run) and run.metrics == plain.metrics, table
        assert {path.name for path in run.path.iterdir()} == {path.name for path in plain.path.iterdir()}
    for table, steps in (("disk", 3), ("device", 5), ("host", 9)):
        run = train_multihop(store, out=tmp_path / "parts", **{**settings, "table": table, "steps": steps})
    assert same(plain, run)
    kept = {name.rpartition("/")[2]: own.shape[1] for name, own in weights(plain).items() if "entities/moments" in name}
    assert kept == ({"sum": 1} if optimizer == "row-adagrad" else {"mean": 8, "square": 8})


def test_a_table_that_does_not_fit_is_refused_with_the_one_to_use(store: Store, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("kgr.engine.dense.free_at", lambda *_: None)
    monkeypatch.setattr("kgr.engine.room.free_memory", lambda: 100)
    with pytest.raises(ConfigError, match=r"table of 40 rows of 8 numbers.*give table disk, which has room"):
        train_multihop(store, out=tmp_path / "run", model="gqe", **SMALL)
    with pytest.raises(ConfigError, match=r"table is 'tape', expected one of device, host, disk"):
        train_multihop(store, out=tmp_path / "run", table="tape", **SMALL)


@pytest.mark.parametrize(("model", "wide"), [("gqe", {"dim": 900_000}), ("betae", {"hidden": 900_000, "dim": 4})])
def test_a_model_that_does_not_fit_is_refused_before_it_is_made(store: Store, tmp_path: Path, model, wide) -> None:
    name = next(iter(wide))
    told = rf"model {model} of .*{name} 900000.* needs [\d,.]+ GiB beside the tables.*give a smaller .*{name}"
    with pytest.raises(ConfigError, match=told):
        train_multihop(store, out=tmp_path / "run", **SMALL | {"model": model} | wide)
    with pytest.raises(ConfigError, match=rf"{name} is 2000000000, expected a whole number, at least 1 and at most"):
        train_multihop(store, out=tmp_path / "run", **SMALL | {"model": model, name: 2_000_000_000})


@pytest.mark.parametrize("model", sorted(MODELS))
def test_what_a_model_needs_is_known_before_it_is_made(monkeypatch, model: str) -> None:
    def make() -> torch.nn.Module:
        return MODELS[model](8)

    size = sum(parameter.nbytes for parameter in make().parameters())
    asked = {"device": torch.device("cpu"), "advice": "give less"}
    for optimizer, copies in ((None, 1), ("adam", 4), ("row-adagrad", 3)):
        monkeypatch.setattr("kgr.engine.room.free_memory", lambda copies=copies: copies * size)
        check_module(make, model, optimizer=optimizer, **asked)
        two = Processes(0, 1, local_size=2)
        monkeypatch.setattr("kgr.engine.room.free_memory", lambda copies=copies: 2 * copies * size - 1)
        if size:
            with pytest.raises(ConfigError, match=rf"{model} needs .* MiB beside the tables.*: give less"):
                check_module(make, model, optimizer=optimizer, processes=two, **asked)


@pytest.mark.parametrize("table", ["device", "disk"])
def test_a_run_is_read_in_the_room_of_its_weights(store: Store, tmp_path: Path, monkeypatch, table: str) -> None:
    plain = train_multihop(store, out=tmp_path / "run", model="complex", table=table, **SMALL)
    expected = plain.evaluate()
    rows = 4 * 40 * 8
    monkeypatch.setattr("kgr.engine.dense.free_at", lambda *_: None)
    monkeypatch.setattr("kgr.engine.room.free_memory", lambda: 2 * rows)  # with moments it would be three times
    assert load_run(tmp_path / "run").evaluate() == expected
    monkeypatch.setattr("kgr.engine.room.free_memory", lambda: 0)
    assert load_run(tmp_path / "run").evaluate() == expected  # read from the disk


class NoWaiting(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert str(func) not in WAITING, f"{func} waits for the device"
        if str(func).startswith("aten.index"):
            indices = args[1] if isinstance(args[1], list) else []
            assert all(index is None or index.dtype != torch.bool for index in indices), "indexed by a mask"
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("model", sorted(MODELS))
@pytest.mark.parametrize("table", ["device", "host"])
@pytest.mark.parametrize("more", [{}, {"loss": "margin", "own_negatives": True, "optimizer": "row-adagrad"}])
def test_a_step_asks_for_nothing_that_waits_for_the_device(
    store: Store, tmp_path: Path, monkeypatch, model: str, table: str, more: dict[str, object]
) -> None:
    settings = {**SMALL, "model": model, "table": table, **({"hidden": 8} if model == "betae" else {}), **more}
    advance, steps = _Session.advance, []

    def watched(self: _Session, slot: Slot) -> bool:
        steps.append(slot.step)
        with NoWaiting():
            return advance(self, slot)

    monkeypatch.setattr(_Session, "advance", watched)
    config = make(MultihopConfig, settings)
    with begin(tmp_path / "run", task="multihop", store="", config=config, sections={}) as run:
        train(MultihopTask(store, config, torch.device("cpu")), run, config)
    assert len(steps) == config.steps


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("table", ["device", "host", "disk"])
def test_a_gpu_is_never_waited_for_in_a_step(store: Store, tmp_path: Path, monkeypatch, table: str) -> None:
    advance = _Session.advance

    def watched(self: _Session, slot: Slot) -> bool:
        torch.cuda.set_sync_debug_mode("error")
        try:
            return advance(self, slot)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    monkeypatch.setattr(_Session, "advance", watched)
    config = make(MultihopConfig, {**SMALL, "model": "gqe", "table": table, "device": "cuda"})
    with begin(tmp_path / "run", task="multihop", store="", config=config, sections={}) as run:
        train(MultihopTask(store, config, torch.device("cuda"), folder=tmp_path), run, config)


def test_what_waits_for_the_device_is_seen() -> None:
    for waiting in (lambda x: x.sum().item(), lambda x: x[x > 0], lambda x: x.unique(), lambda x: x.nonzero()):
        with pytest.raises(AssertionError), NoWaiting():
            waiting(torch.rand(3))
