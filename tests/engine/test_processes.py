from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest
import torch
from engine_toy import config_of

from kgr.engine.optim import RowAdam
from kgr.engine.processes import ALONE, TOLD, Processes, joined, leads
from kgr.engine.run import begin
from kgr.engine.sharded import ShardedTable, all_rows, collected
from kgr.engine.shares import Share
from kgr.engine.table import DeviceTable, uniform
from kgr.errors import ConfigError, TrainingError

ROWS, WIDTH = 70_001, 4


def speak():
    with joined("cpu") as processes:
        rank, size = processes.rank, processes.size
        tensor = torch.full((2, 3), float(rank))
        processes.sum_in_place(tensor)
        rows = torch.arange(size * (size + 1) // 2).view(-1, 1) + 100 * rank
        sent = [part + 1 for part in range(size)]
        return {
            "first": processes.first == leads() == (rank == 0),
            "sum": processes.sum(np.array([1.0, rank])).tolist(),
            "any": processes.any(False, rank == 1, True),
            "tensor": tensor.unique().tolist(),
            "counts": processes.exchange_counts([10 * rank + other for other in range(size)]),
            "rows": processes.exchange(rows, sent, [rank + 1] * size).flatten().tolist(),
            "together": processes.together(lambda: rank**2),
            "led": processes.led(lambda: f"by {rank}"),
        }


def test_what_processes_say_to_each_other(group):
    for rank, said in enumerate(group.call(3, speak)):
        begin = rank * (rank + 1) // 2  # of the slice for this rank
        assert said == {
            "first": True,
            "sum": [3, 3],
            "any": (False, True, True),
            "tensor": [3],
            "counts": [rank, 10 + rank, 20 + rank],
            "rows": [100 * other + begin + i for other in range(3) for i in range(rank + 1)],
            "together": [0, 1, 4],
            "led": "by 0",
        }
    assert group.call(1, speak)[0]["rows"] == [0]  # alone: the same calls, and no group


def table_of(processes, rows=ROWS):
    settings = {"optimizer": RowAdam(), "device": torch.device("cpu"), "init": uniform(0.5), "key": 4}
    if processes is None:
        return DeviceTable(rows, WIDTH, **settings)
    return ShardedTable(DeviceTable(Share(rows, processes.rank, processes.size), WIDTH, **settings), processes)


def drawn(step, size):
    """The ids that each process asks for: in no order, many asked by several, few rows or all of them."""
    draw = np.random.default_rng(step)
    return [draw.permutation(ROWS if step % 2 else 150)[:100] for _ in range(size)]


def train_shared():
    with joined("cpu") as processes:
        table = table_of(processes)
        target = torch.randn(ROWS, WIDTH, generator=torch.Generator().manual_seed(1))
        for step in range(12):
            ids = torch.from_numpy(drawn(step, processes.size)[processes.rank])
            rows = table.gather(ids)
            with torch.no_grad():
                assert torch.equal(table.gather(ids), rows)
            with pytest.raises(RuntimeError, match="gathered twice"):
                table.gather(ids)
            (rows - target[ids]).square().sum().backward()
            table.step(0.1)
        table.step(0.1)  # nothing was gathered, so nothing moves
        with pytest.raises(ValueError, match="all rows"):
            table.gather(None)
        with collected({"a table": table}):
            whole = all_rows(table) if processes.first else None
        with pytest.raises(RuntimeError, match="not collected"):
            all_rows(table)
        return whole, table.weight, dict(table.moments), table.steps


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_shared_table_moves_as_one_that_gets_the_sums_of_all_gradients(group, size):
    peer, target = table_of(None), torch.randn(ROWS, WIDTH, generator=torch.Generator().manual_seed(1))
    for step in range(12):
        parts = drawn(step, size)
        ids = np.unique(np.concatenate(parts))
        rows = peer.gather(torch.from_numpy(ids))
        for part in parts:
            (rows[np.searchsorted(ids, part)] - target[part]).square().sum().backward()
        peer.step(0.1)
    for rank, (whole, weight, moments, steps) in enumerate(group.call(size, train_shared)):
        assert torch.equal(weight, peer.weight[rank::size]) and steps == peer.steps == 12
        assert all(torch.equal(moment, peer.moments[name][rank::size]) for name, moment in moments.items())
        assert whole is None if rank else torch.equal(whole, peer.weight)


def failing(how):
    """What a process meets when the last one fails."""
    try:
        with joined("cpu", 20) as processes:
            last = processes.rank == processes.size - 1
            if how == "in common work":
                processes.together(lambda: {}["missing"] if last else time.sleep(0.5))
            if last:
                raise OSError(28, "No space left on device")
            processes.any(True)
    except (TrainingError, KeyError, OSError) as error:
        return f"{type(error).__name__}: {error}"


def test_the_first_error_is_told_to_all(group):
    assert group.call(3, failing, "in common work") == ["KeyError: 'missing'"] * 3
    *others, own = group.call(3, failing, "alone")
    assert own == "OSError: [Errno 28] No space left on device"
    assert others == ["TrainingError: process 2: [Errno 28] No space left on device"] * 2


def slow():
    with joined("cpu", 4) as processes:
        return processes.together(lambda: time.sleep(5 * processes.rank) or processes.rank)


def test_common_work_is_waited_for_as_long_as_all_live(group):
    assert group.call(2, slow) == [[0, 1]] * 2


def stopped():
    start = time.monotonic()
    try:
        with joined("cpu", 4) as processes:
            if not processes.first:
                os.kill(os.getpid(), signal.SIGSTOP)
            processes.any(True)
    except TrainingError as error:
        return str(error), time.monotonic() - start


def test_a_stopped_process_ends_in_a_time_out_that_is_named(group):
    (pid,) = group.call(2, os.getpid)[1:]
    waiting, still = group.start(2, stopped)
    try:
        message, seconds = waiting.result()
    finally:
        os.kill(pid, signal.SIGCONT)
    assert "no answer for 4 seconds (process_timeout)" in message and seconds < 30
    assert "another process has ended" in still.result()[0]


def test_what_one_process_trains_is_refused_to_several(monkeypatch, tmp_path):
    for name in TOLD:
        monkeypatch.setenv(name, "2")
    begun = begin(tmp_path, task="toy", store="none", config=config_of(), sections={})
    with pytest.raises(ConfigError, match="a toy run is trained by one process, but torchrun started 2"):
        begun.__enter__()
    assert not any(tmp_path.iterdir())


def test_each_process_has_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    second = Processes(5, 6, local_rank=1, local_size=2)
    assert second.device_of("auto") == second.device_of("cuda") == torch.device("cuda", 1)
    assert second.device_of("cpu") == torch.device("cpu")
    assert ALONE.device_of("cuda:1") == torch.device("cuda", 1) and ALONE.device_of("auto") == torch.device("cuda", 0)
    with pytest.raises(ConfigError, match="device is 'cuda:1', but 2 processes train here"):
        second.device_of("cuda:1")
    with pytest.raises(ConfigError, match="torch sees 2 GPUs here for 3 processes"):
        Processes(0, 3, local_size=3).device_of("auto")
