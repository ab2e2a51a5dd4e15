import errno
import gc
import itertools
import os
import threading
import time

import numpy as np
import pytest
import torch
from engine_toy import assert_same, lines_of, run_toy

from kgr.engine import lane as lane_module
from kgr.engine import mapped, room, staged
from kgr.engine.config import TABLES
from kgr.engine.lane import Lane
from kgr.engine.optim import ROW_OPTIMIZERS
from kgr.engine.staged import DiskTable, HostTable
from kgr.engine.table import INIT_ROWS, DeviceTable, uniform
from kgr.engine.tables import make_table
from kgr.errors import ConfigError

CPU = torch.device("cpu")
ROWS, WIDTH = 40, 5


@pytest.fixture(autouse=True)
def no_thread_is_left():
    """A table's thread ends with it, which an exception that was caught may hold a moment longer."""
    before, until = running(), time.monotonic() + 60
    yield
    while running() - before and time.monotonic() < until:
        gc.collect()
        time.sleep(0.01)
    assert running() <= before


def running():
    return {thread for thread in threading.enumerate() if thread.name.startswith("kgr-table")}


def make(kind, folder, optimizer="adam", rows=ROWS):
    return make_table(
        kind, rows, WIDTH, optimizer=optimizer, device=CPU, init=uniform(0.5), key=7, folder=folder, others=()
    )


def assert_equal(table, other):
    table.flush()
    assert table.steps == other.steps and torch.equal(table.weight, other.weight)
    assert table.moments.keys() == other.moments.keys()
    for name, moment in table.moments.items():
        assert torch.equal(moment, other.moments[name]), name


def drawn(seed, batches):
    """Distinct ids of batches: empty and whole ones too, some the same as those before."""
    draw = np.random.default_rng(seed)
    sizes = draw.choice([0, 1, 5, 20, ROWS], batches)
    ids = [np.sort(draw.choice(ROWS, size, replace=False)).astype(np.int64) for size in sizes]
    return [ids[n - 1] if n and draw.random() < 0.2 else own for n, own in enumerate(ids)]


def move(table, ids, n):
    """One step, whose gradient depends on the rows; every fifth has none. Return the rows that were gathered."""
    rows = table.gather(torch.from_numpy(ids))
    gathered = rows.detach().clone()
    if n % 5 < 4:
        (rows * (rows + n)).sum().backward()
    table.step(0.1 / (1 + n))
    return gathered


@pytest.mark.parametrize("kind", ["host", "disk"])
@pytest.mark.parametrize("optimizer", sorted(ROW_OPTIMIZERS))
@pytest.mark.parametrize("slow", ["", "_read", "_write"])
def test_any_look_ahead_gives_the_bits_of_the_device(kind, optimizer, slow, tmp_path, monkeypatch):
    for seed, ahead in itertools.product(range(3), range(4)):
        table, plain = make(kind, tmp_path, optimizer), make("device", None, optimizer)
        if slow:
            job = getattr(table, slow)
            monkeypatch.setattr(table, slow, lambda *given, job=job: (time.sleep(0.002), job(*given))[1])
        batches, announced = drawn(seed, 12), 0
        for n, ids in enumerate(batches):
            while ahead and announced < min(n + 1 + ahead, len(batches)):
                table.prefetch(batches[announced].copy())
                announced += 1
            assert torch.equal(move(table, ids, n), move(plain, ids, n)), (seed, ahead, n)
            if n % 4 == seed:
                assert_equal(table, plain)
        assert_equal(table, plain)


def test_announced_arrays_may_be_filled_anew():
    table, plain, ids = make("host", None), make("device", None), np.arange(3)
    table.prefetch(ids)
    ids += 20
    for each in (table, plain):
        move(each, np.arange(3), 1)
    assert_equal(table, plain)


@pytest.mark.parametrize("kind", ["host", "disk"])
def test_what_is_written_after_a_flush_is_gathered(kind, tmp_path):
    """As a resumed run writes its checkpoint, and a best one in the end."""
    table = make(kind, tmp_path)
    table.prefetch(np.array([1, 2]))
    table.flush()
    table.weight[1:3] = 8.0
    table.moments["mean"][2] = 3.0
    rows = table.gather(torch.tensor([1, 2]))
    assert rows.eq(8).all() and rows.is_leaf and rows.requires_grad
    rows.sum().backward()
    table.step(0.0)
    table.flush()
    assert torch.allclose(table.moments["mean"][:3, 0], torch.tensor([0, 0.1, 2.8]))


def test_reading_without_gradients_remembers_nothing():
    table = make("host", None)
    move(table, np.arange(4), 1)
    with torch.no_grad():
        rows = table.gather(torch.tensor([3, 1]))
    assert torch.equal(rows, table.weight[[3, 1]]) and not rows.requires_grad
    move(table, np.arange(4), 2)
    assert_equal(table, table)


def test_gathers_that_cannot_be():
    table = make("host", None)
    with pytest.raises(ValueError, match="all rows"):
        table.gather(None)
    table.prefetch(np.array([1, 2]))
    with pytest.raises(RuntimeError, match="2 rows are gathered that are not the 2 announced"):
        table.gather(torch.tensor([1, 3]))
    table = make("host", None)
    table.gather(torch.tensor([1, 2]))
    with pytest.raises(RuntimeError, match="gathered twice"):
        table.gather(torch.tensor([1]))
    table.flush()


@pytest.mark.parametrize("job", ["_read", "_write"])
def test_an_error_of_the_tables_thread_is_raised_in_the_trainer_from_then_on(job, monkeypatch):
    class Broken(Exception):
        pass

    def fail(*_):
        raise Broken("the cable")

    table = make("host", None)
    for n in range(3):
        move(table, np.arange(4), n)
    monkeypatch.setattr(table, job, fail)
    with pytest.raises(Broken, match="the cable"):
        for n in range(3):
            move(table, np.arange(4), n)
    monkeypatch.undo()
    for again in (table.flush, lambda: table.gather(torch.arange(4)), table.flush):
        with pytest.raises(Broken):
            again()


@pytest.mark.parametrize("kind", ["host", "disk"])
@pytest.mark.parametrize("optimizer", sorted(ROW_OPTIMIZERS))
def test_training_is_the_same_wherever_rows_lie(kind, optimizer, tmp_path):
    settings = {"optimizer": optimizer, "eval_every": 15, "log_every": 10, "checkpoint_every": 40}
    whole, a = run_toy(tmp_path / "device", **settings)
    one, b = run_toy(tmp_path / "one", table=kind, slots=1, **settings)
    many, c = run_toy(tmp_path / "many", table=kind, slots=5, threads=3, **settings)
    assert_same(whole, one)
    assert_same(whole, many)
    assert lines_of(a) == lines_of(b) == lines_of(c)


def test_a_run_may_go_on_with_another_table(tmp_path):
    whole, a = run_toy(tmp_path / "a", optimizer="row-adagrad")
    for table, steps in (("host", 11), ("disk", 23), ("device", 32), ("disk", 40)):
        task, b = run_toy(tmp_path / "b", optimizer="row-adagrad", table=table, steps=steps)
    assert_same(whole, task)
    assert lines_of(a)[-1] == lines_of(b)[-1]


@pytest.mark.parametrize("kind", ["host", "disk"])
def test_a_training_that_breaks_resumes_and_leaves_no_file(kind, tmp_path):
    def stop(report):
        if report.step == 17:
            raise InterruptedError

    whole, _ = run_toy(tmp_path / "a", log_every=1)
    with pytest.raises(InterruptedError):
        run_toy(tmp_path / "b", log_every=1, table=kind, progress=stop)
    assert {path.name for path in (tmp_path / "b").iterdir()} == {path.name for path in (tmp_path / "a").iterdir()}
    resumed, _ = run_toy(tmp_path / "b", log_every=1, table=kind)
    assert_same(whole, resumed)


def test_no_checkpoint_is_made_of_a_table_that_failed(tmp_path, monkeypatch):
    def fail(self, *_):
        if self.steps == 25:
            raise OSError("unreadable sector")

    write = HostTable._write
    monkeypatch.setattr(HostTable, "_write", lambda self, *given: (fail(self), write(self, *given))[1])
    with pytest.raises(OSError, match="unreadable sector"):
        run_toy(tmp_path, table="host", eval_every=25)
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["10", "20"]
    monkeypatch.undo()
    resumed, _ = run_toy(tmp_path, table="host", eval_every=25)
    whole, _ = run_toy(tmp_path / "whole", eval_every=25)
    assert_same(whole, resumed)


def test_a_file_has_rows_and_moments_side_by_side_and_no_name(tmp_path):
    rows = INIT_ROWS + 3
    table, plain = make("disk", tmp_path, "row-adagrad", rows), make("device", None, "row-adagrad", rows)
    assert list(tmp_path.iterdir()) == []
    for each in (table, plain):
        move(each, np.array([2, INIT_ROWS + 1]), 1)
    assert_equal(table, plain)
    record = torch.as_strided(table.weight, (rows, WIDTH + 1), (WIDTH + 1, 1))
    assert torch.equal(record, torch.cat([plain.weight, plain.moments["sum"]], dim=1))


def free(monkeypatch, memory, disk):
    monkeypatch.setattr(room, "free_memory", lambda: memory)
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: type("Usage", (), {"free": disk}))


@pytest.mark.parametrize(
    ("kind", "memory", "disk", "told"),
    [
        ("device", 100, 0, r"this machine's memory has 100\.0 GiB free: give a smaller dim, or optimizer row-adagrad,"),
        ("device", 2, 500, r"this machine's memory has 2\.0 GiB free: give table disk, which has room for it"),
        ("host", 2, 500, r"this machine's memory has 2\.0 GiB free: give table disk, which has room for it"),
        ("disk", 100, 3, r"the disk of .*run has 3\.0 GiB free: give a smaller dim"),
        ("disk", 1000, 0.25, r"the disk of .*run has 256\.0 MiB free: give table device, which has room for it"),
    ],
)
def test_what_will_not_fit_is_refused_before_it_is_made(kind, memory, disk, told, monkeypatch, tmp_path):
    free(monkeypatch, memory << 30, int(disk * 2**30))
    shape = {"rows": 86_000_000, "width": 400, "optimizer": "adam", "device": CPU, "init": uniform(1), "key": 1}
    what = "a table of 86,000,000 rows of 400 numbers, with what adam keeps beside them, needs 384.4 GiB, but"
    with pytest.raises(ConfigError, match=f"{what} {told}"):
        make_table(kind, **shape, folder=tmp_path / "run", others=[other for other in TABLES if other != kind])


def test_a_gpu_that_is_full_has_the_hosts_memory_named(monkeypatch):
    free(monkeypatch, 1000 << 30, 0)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (3 << 30, 80 << 30))
    shape = {"rows": 86_000_000, "width": 400, "optimizer": "row-adagrad", "init": uniform(1), "key": 1}
    with pytest.raises(ConfigError, match=r"128\.5 GiB, but cuda:1 has 3\.0 GiB free: give table host, which has room"):
        make_table("device", **shape, device=torch.device("cuda:1"), others=("host", "disk"))


def test_rows_that_are_only_read_have_no_moments_and_lie_where_there_is_room(monkeypatch, tmp_path):
    shape = {"rows": ROWS, "width": WIDTH, "optimizer": None, "device": CPU, "init": uniform(1), "key": 1}
    size = 4 * ROWS * WIDTH
    free(monkeypatch, size, 0)
    table = make_table("device", **shape, folder=tmp_path, others=("host", "disk"))
    assert isinstance(table, DeviceTable) and not table.moments
    free(monkeypatch, size - 1, size)
    moved = make_table("device", **shape, folder=tmp_path, others=("host", "disk"))
    assert isinstance(moved, DiskTable) and not moved.moments and torch.equal(moved.weight, table.weight)
    free(monkeypatch, size - 1, size - 1)
    with pytest.raises(ConfigError, match=r"numbers needs 0\.0 MiB, but .* free: make room for it there, or read"):
        make_table("device", **shape, folder=tmp_path, others=("host", "disk"))


def test_where_the_system_does_not_say_what_is_free_tables_are_made(monkeypatch):
    free(monkeypatch, room.UNKNOWN, 0)
    assert len(make("host", None).weight) == ROWS


def test_a_disk_that_fills_while_the_file_is_made(monkeypatch, tmp_path):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(mapped.os, "posix_fallocate", full)
    with pytest.raises(ConfigError, match=r"needs 0\.0 MiB, which .* has no room for: No space left"):
        make("disk", tmp_path)
    assert list(tmp_path.iterdir()) == []


class Event:
    def __init__(self, calls, name):
        self.calls, self.name = calls, name

    def record(self, stream):
        self.calls.append(f"{self.name} marks {stream.name}")

    def synchronize(self):
        self.calls.append(f"the table's thread waits for {self.name}")


class Stream:
    def __init__(self, calls, name):
        self.calls, self.name = calls, name

    def wait_event(self, event):
        self.calls.append(f"{self.name} waits for {event.name}")

    def __enter__(self):
        self.calls.append(f"on {self.name}:")

    def __exit__(self, *_):
        pass


def fake_gpu(monkeypatch):
    """Have a GPU whose queues only note what is asked of them, so that copies are made at once; return the notes."""
    calls, numbers = [], itertools.count(1)
    compute, side = Stream(calls, "compute"), Stream(calls, "side")
    make_lane = Lane.__init__

    def with_stream(self, device):
        make_lane(self, device)
        self._stream = side

    monkeypatch.setattr(Lane, "__init__", with_stream)
    monkeypatch.setattr(torch.cuda, "Event", lambda blocking: Event(calls, f"event {next(numbers)}"))
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: compute)
    monkeypatch.setattr(lane_module.torch, "empty", lambda shape, pin_memory, empty=torch.empty: empty(shape))
    monkeypatch.setattr(torch.Tensor, "record_stream", lambda self, stream: None)
    return calls


def test_order_of_copies_on_a_gpu(monkeypatch):
    """Copies wait for what they copy, the trainer's stream for the copies up, and the host never in a step."""
    plain = make("device", None, "row-adagrad")
    columns = {"weight": plain.weight.clone(), "sum": torch.zeros(ROWS, 1)}
    calls = fake_gpu(monkeypatch)
    table = staged.StagedTable(columns, plain.share, optimizer=ROW_OPTIMIZERS["row-adagrad"](), device=CPU)
    batches = [np.arange(3), np.arange(1, 5)]
    for ids in batches:
        table.prefetch(ids)
        table._expected[-1].reading.result()
    for n, ids in enumerate(batches):
        move(table, ids, n + 1)
        move(plain, ids, n + 1)
        table.flush() if n else time.sleep(0.05)
    assert_equal(table, plain)
    assert calls == [
        *("on side:", "event 1 marks side"),  # up, of either batch
        *("on side:", "event 2 marks side"),
        *("compute waits for event 1", "event 3 marks compute"),  # a step
        *("side waits for event 3", "on side:", "event 4 marks side", "the table's thread waits for event 4"),  # down
        *("compute waits for event 2", "event 5 marks compute"),
        *("side waits for event 5", "on side:", "event 6 marks side", "the table's thread waits for event 6"),
    ]
