"""Checkpoints written while training goes on."""

import errno
import signal
import threading
import time

import pytest
import torch
from engine_toy import Toy, assert_same, config_of, losses_of, run_toy

from kgr import _io
from kgr.engine import checkpoint, saving
from kgr.engine.processes import Processes
from kgr.engine.run import Run
from kgr.engine.saving import Saver


class Gate:
    """Holds the writing of the first checkpoint until a step is reported, or for good."""

    def __init__(self, monkeypatch, step):
        self.step, self.opened, self.names = step, threading.Event(), []
        self.sync = _io._sync_tree
        monkeypatch.setattr(_io, "_sync_tree", self.hold)

    def hold(self, folder):
        self.names.append(folder.name.split("-")[1])
        assert self.opened.wait(10)
        self.sync(folder)

    def report(self, progress):
        if progress.step == self.step:
            self.opened.set()


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def loaded(path, step):
    """The toy as a checkpoint of the run has it."""
    task = Toy(config_of())
    found = checkpoint.Checkpoint.open(path / "checkpoints" / str(step))
    found.restore_weights(task.module, task.tables)
    found.restore_moments(task.module, task.tables, None)
    return task


def test_training_goes_on_while_a_checkpoint_is_written_and_does_not_change_it(tmp_path, monkeypatch):
    gate = Gate(monkeypatch, step=14)  # had training waited, the gate would stay shut
    task, run = run_toy(tmp_path / "a", progress=gate.report, keep_checkpoints=9)
    assert gate.names == ["10", "20", "30", "40"]
    monkeypatch.undo()
    short, _ = run_toy(tmp_path / "b", steps=10)
    assert_same(loaded(tmp_path / "a", 10), short)
    whole, other = run_toy(tmp_path / "c")
    assert_same(task, whole)
    assert losses_of(run) == losses_of(other)


def test_the_next_checkpoint_waits_for_the_one_before(tmp_path, monkeypatch):
    gate, order = Gate(monkeypatch, step=None), []
    save, copies = checkpoint.save, checkpoint.files_of

    def saved(*given, **named):
        save(*given, **named)
        order.append("written")

    def copied(*given):
        order.append("copied")
        return copies(*given)

    monkeypatch.setattr(checkpoint, "save", saved)
    monkeypatch.setattr(checkpoint, "files_of", copied)
    threading.Timer(0.3, gate.opened.set).start()
    run_toy(tmp_path, steps=30)
    assert order == ["copied", "written"] * 3


@pytest.mark.parametrize("why", ["little is free", "it cannot be allocated"])
def test_where_memory_has_no_room_for_a_copy_training_waits_and_says_so_once(tmp_path, monkeypatch, why):
    live = []
    files = checkpoint.files_of

    def counted(module, tables, optimizer):
        if why == "it cannot be allocated" and threading.current_thread() is threading.main_thread():
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
        live.append(tables["left"].steps)
        yield from files(module, tables, optimizer)
        live.append(tables["left"].steps)

    monkeypatch.setattr(checkpoint, "files_of", counted)
    if why == "little is free":
        monkeypatch.setattr(saving, "free_memory", lambda: 1000)
    with pytest.warns(UserWarning, match="training waits while a checkpoint is written: its copy needs") as told:
        task, _ = run_toy(tmp_path / "a", keep_checkpoints=9)
    assert len(told) == 1
    assert live == [10, 10, 20, 20, 30, 30, 40, 40]
    monkeypatch.undo()
    assert_same(task, run_toy(tmp_path / "b")[0])
    assert_same(loaded(tmp_path / "a", 20), run_toy(tmp_path / "c", steps=20)[0])


def test_processes_of_one_machine_share_the_memory_that_is_free_for_copies(tmp_path, monkeypatch):
    task, run = run_toy(tmp_path, steps=2)
    need = 3 * checkpoint.size_of(task.module, task.tables, None)
    monkeypatch.setattr(saving, "free_memory", lambda: 2 * need)
    for together, copied in ((1, True), (2, False)):
        with Saver(run, task.config, task, None, Processes(local_size=together)) as saver:
            saver._told = True
            assert (saver._copied() is not None) == copied


def test_the_size_of_a_copy_is_that_of_its_files(tmp_path):
    task, _ = run_toy(tmp_path, steps=2)
    optimizer = torch.optim.Adam(task.module.parameters())
    task.module(torch.rand(2, 6)).sum().backward()
    optimizer.step()
    every = [tensors for _, tensors in checkpoint.files_of(task.module, task.tables, optimizer)]
    size = sum(tensor.nbytes for tensors in every for tensor in tensors.values())
    assert checkpoint.size_of(task.module, task.tables, optimizer) == size


def refuse(monkeypatch, number):
    """Let the disk be full for the first checkpoint, or fail."""

    def refused(folder):
        monkeypatch.undo()
        raise OSError(number, "refused", str(folder))

    monkeypatch.setattr(_io, "_sync_tree", refused)


def test_a_failure_behind_the_training_is_raised_in_the_trainer(tmp_path, monkeypatch):
    refuse(monkeypatch, errno.EIO)
    with pytest.raises(OSError, match="refused"):
        run_toy(tmp_path, steps=10**6)
    assert Run.open(tmp_path).checkpoint() is None


def test_what_a_failing_training_could_not_write_is_told_beside_it(tmp_path, monkeypatch):
    refuse(monkeypatch, errno.EIO)

    class Broken(Toy):
        def step(self, slot):
            if slot.step == 11:
                raise ValueError("step 11")
            return super().step(slot)

    def blind(saver):
        """The failure comes to light when the training is left."""

    monkeypatch.setattr(saving.Saver, "check", blind)
    with pytest.raises(ValueError, match="step 11"), pytest.warns(UserWarning, match="refused"):
        run_toy(tmp_path, task=Broken(config_of()))


def test_a_second_ctrl_c_while_the_training_waits_gives_the_checkpoint_up(tmp_path, monkeypatch):
    """The first file is written when the signals come; the next are not."""
    files, main = checkpoint.files_of, threading.main_thread().ident

    def interrupted(*live):
        for number, each in enumerate(files(*live)):
            if number == 1:
                for _ in range(2):
                    signal.pthread_kill(main, signal.SIGINT)
                    time.sleep(0.2)
            yield each

    monkeypatch.setattr(checkpoint, "files_of", interrupted)
    monkeypatch.setattr(saving, "free_memory", lambda: 0)
    with (
        pytest.raises(KeyboardInterrupt),
        pytest.warns(UserWarning, match="training waits|given up"),
    ):
        run_toy(tmp_path / "a")
    assert list((tmp_path / "a" / "checkpoints").iterdir()) == []
    monkeypatch.undo()
    assert_same(run_toy(tmp_path / "a")[0], run_toy(tmp_path / "b")[0])


def test_what_a_kill_left_of_a_deleted_checkpoint_goes_with_the_next(tmp_path):
    """The manifest goes first, so a kill leaves a folder without one."""
    run_toy(tmp_path, steps=20)
    left = tmp_path / "checkpoints" / "3"
    left.mkdir()
    (left / "module.safetensors").write_bytes(b"rows")
    run_toy(tmp_path, steps=30)
    assert sorted(path.name for path in left.parent.iterdir()) == ["20", "30"]
