import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import engine_toy
import pytest
from engine_toy import SECTIONS, Toy, ToyConfig, assert_same, config_of, losses_of, run_toy

import kgr.errors
from kgr import _io
from kgr.engine import checkpoint
from kgr.engine import environment as environment_module
from kgr.engine.run import Run, begin, begin_fit
from kgr.errors import ConfigError, FormatError, TrainingError


def start(path, mode):
    """Train in a process of its own."""
    paths = [str(Path(kgr.errors.__file__).parents[1]), str(Path(engine_toy.__file__).parent)]
    command = [sys.executable, engine_toy.__file__, str(path), mode]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ)


def wait_for(process, text):
    for line in process.stdout:
        if line.decode().strip() == text:
            return
    pytest.fail(process.stderr.read().decode())


def test_what_a_run_folder_holds(tmp_path):
    run_toy(tmp_path / "run", label="x", weights={"a": 3})
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        ".lock",
        "config.toml",
        "environment.json",
        "metrics.jsonl",
        "checkpoints",
    }
    run = Run.open(tmp_path / "run")
    assert (run.task, run.store) == ("toy", "nowhere")
    assert run.config(ToyConfig) == config_of(label="x", weights={"a": 3})
    environment = json.loads((tmp_path / "run" / "environment.json").read_text())
    assert environment.keys() >= {"python", "kgr", "torch", "numpy", "numba", "threads", "device", "seed", "commit"}
    assert environment["torch"] and environment["threads"] == 1


def test_a_run_that_is_fitted_at_once(tmp_path):
    told = {"task": "fit", "store": "nowhere", "config": config_of(), "settings": {"k": 3}, "sections": SECTIONS}
    with begin_fit(tmp_path / "run", **told) as run:
        run.record({"step": 0, "figure": 1})
        with pytest.raises(FormatError, match="another process is writing it"), begin_fit(tmp_path / "run", **told):
            pass
    assert (run.settings, run.sections) == ({"k": 3}, SECTIONS)
    assert Run.open(tmp_path / "run").settings == {"k": 3}
    with begin_fit(tmp_path / "run", **told | {"settings": {"k": 4}}) as again:  # begins anew
        assert again.metrics() == []
    with (
        pytest.raises(ConfigError, match="holds a run of 'fit', not 'other'"),
        begin_fit(tmp_path / "run", **told | {"task": "other"}),
    ):
        pass
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "file").touch()
    with pytest.raises(ConfigError, match="holds 'file'"), begin_fit(tmp_path / "else", **told):
        pass


def test_no_commit_outside_a_checkout(tmp_path):
    assert environment_module._commit(tmp_path) is None
    (tmp_path / ".git").mkdir()
    assert environment_module._commit(tmp_path) is None


def test_restore_for_evaluation(tmp_path):
    task, run = run_toy(tmp_path)
    fresh = Toy(config_of(seed=5))
    assert Run.open(tmp_path).restore(fresh.module, fresh.tables, SECTIONS) == 40
    for name, table in fresh.tables.items():
        assert table.weight.equal(task.tables[name].weight)
    assert fresh.module[0].weight.equal(task.module[0].weight)
    # the moments' files are not even read
    for path in run.checkpoints.glob("40/*/moments-*"):
        path.unlink()
    assert Run.open(tmp_path).restore(fresh.module, fresh.tables, SECTIONS) == 40


def test_restore_refuses(tmp_path):
    task, _ = run_toy(tmp_path / "a")
    with pytest.raises(FormatError, match=r"'graph' with fingerprint aa, the store's is cc"):
        Run.open(tmp_path / "a").restore(task.module, task.tables, {**SECTIONS, "graph": "cc"})
    with pytest.raises(FormatError, match="holds tables"):
        Run.open(tmp_path / "a").restore(task.module, {"left": task.tables["left"]}, SECTIONS)
    with pytest.raises(FormatError, match="of another model"):
        Run.open(tmp_path / "a").restore(task.module[0], task.tables, SECTIONS)
    with begin(tmp_path / "b", task="toy", store="s", config=config_of(), sections=SECTIONS) as run:
        pass
    with pytest.raises(FormatError, match="no checkpoint yet"):
        run.restore(task.module, task.tables, SECTIONS)


def test_open_refuses_what_is_no_run(tmp_path):
    with pytest.raises(FormatError, match=r"not a run folder: it has no config\.toml$"):
        Run.open(tmp_path)
    for name in ("seed-1", "seed-0"):
        (tmp_path / "many" / name).mkdir(parents=True)
        (tmp_path / "many" / name / "config.toml").touch()
    with pytest.raises(FormatError, match="it holds the runs seed-0, seed-1: give one of them"):
        Run.open(tmp_path / "many")
    (tmp_path / "config.toml").write_text("[run]\nformat = 9\n")
    with pytest.raises(FormatError, match="format 9 of a run, expected 1"):
        Run.open(tmp_path)


def test_a_folder_that_holds_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("x")
    with pytest.raises(ConfigError, match=r"thesis\.txt"):
        run_toy(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(ConfigError, match="is a file"):
        run_toy(tmp_path / "thesis.txt")


def test_other_settings_are_refused_by_name(tmp_path):
    run_toy(tmp_path, steps=20)
    config = (tmp_path / "config.toml").read_bytes()
    with pytest.raises(ConfigError, match=r"lr was 0\.05, now 0\.1; noise was 0\.1, now 0\.3") as caught:
        run_toy(tmp_path, lr=0.1, noise=0.3, threads=2)
    assert "threads" not in str(caught.value)
    with pytest.raises(ConfigError, match="steps was 20, now 10"):
        run_toy(tmp_path, steps=10)
    with (
        pytest.raises(ConfigError, match="holds a run of 'toy', not 'other'"),
        begin(tmp_path, task="other", store="", config=config_of(), sections=SECTIONS),
    ):
        pass
    assert (tmp_path / "config.toml").read_bytes() == config


def test_settings_edited_by_hand_are_refused_too(tmp_path):
    run_toy(tmp_path)
    where = tmp_path / "config.toml"
    where.write_text(where.read_text().replace("lr = 0.05", "lr = 0.06"))
    with pytest.raises(ConfigError, match=r"lr was 0\.05, now 0\.06"):
        run_toy(tmp_path, lr=0.06)


def test_other_sections_are_refused_naming_both_fingerprints(tmp_path):
    run_toy(tmp_path)
    with pytest.raises(FormatError, match=r"section 'graph' with fingerprint aa, the store's is cc"):
        run_toy(tmp_path, sections={**SECTIONS, "graph": "cc"})
    with pytest.raises(FormatError, match=r"section 'types' with fingerprint absent, the store's is dd"):
        run_toy(tmp_path, sections={**SECTIONS, "types": "dd"})


def test_a_flipped_byte_is_refused_naming_the_file(tmp_path):
    _, run = run_toy(tmp_path / "a", steps=20)
    files = [path for path in (run.checkpoints / "20").rglob("*") if path.is_file()]
    assert len(files) == 7
    for path in files:
        good = path.read_bytes()
        bad = bytearray(good)
        bad[len(bad) * 3 // 5] ^= 1
        path.write_bytes(bad)
        with pytest.raises(FormatError, match=f"20/.*{path.name}"):
            run_toy(tmp_path / "a", steps=30)
        path.write_bytes(good)
    (run.checkpoints / "20" / "left" / "rows-0.safetensors").unlink()
    with pytest.raises(FormatError, match="rows-0"):
        run_toy(tmp_path / "a", steps=30)
    shutil.rmtree(run.checkpoints / "20")  # as the message says
    resumed, _ = run_toy(tmp_path / "a", steps=30)
    assert_same(resumed, run_toy(tmp_path / "b", steps=30)[0])


def test_another_version_is_refused(tmp_path):
    _, run = run_toy(tmp_path, steps=20)
    manifest = run.checkpoints / "20" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(FormatError, match="kgr-checkpoint 2, expected kgr-checkpoint 1"):
        run_toy(tmp_path, steps=30)


def test_tables_in_several_files(tmp_path, monkeypatch):
    whole, _ = run_toy(tmp_path / "a")
    monkeypatch.setattr(checkpoint, "PART_BYTES", 17 * engine_toy.WIDTH * 4)
    _, run = run_toy(tmp_path / "b", steps=20)
    names = {path.name for path in (run.checkpoints / "20" / "left").iterdir()}
    assert names == {f"{kind}-{first}.safetensors" for kind in ("rows", "moments") for first in (0, 17, 34, 51)}
    monkeypatch.setattr(checkpoint, "PART_BYTES", 1 << 20)
    assert_same(whole, run_toy(tmp_path / "b")[0])


@pytest.mark.parametrize(("keep", "kept"), [(1, ["40"]), (2, ["30", "40"]), (9, ["10", "20", "30", "40"])])
def test_old_checkpoints_are_deleted(tmp_path, keep, kept):
    _, run = run_toy(tmp_path, keep_checkpoints=keep)
    assert sorted(path.name for path in run.checkpoints.iterdir()) == kept


def test_what_a_killed_process_left_is_removed(tmp_path):
    _, run = run_toy(tmp_path, steps=10)
    (run.checkpoints / ".tmp-7-1-ab" / "left").mkdir(parents=True)
    run_toy(tmp_path, steps=20)
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["10", "20"]


def test_a_deletion_cut_short_leaves_no_checkpoint(tmp_path, monkeypatch):
    def killed(*_, **__):
        raise SystemExit

    run_toy(tmp_path / "a", steps=10)
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(shutil, "rmtree", killed)
        run_toy(tmp_path / "a", steps=20, keep_checkpoints=1)
    run = Run.open(tmp_path / "a")
    assert (run.checkpoints / "10").is_dir() and not (run.checkpoints / "10" / "manifest.json").exists()
    (run.checkpoints / "20" / "manifest.json").unlink()
    assert run.checkpoint() is None
    again, _ = run_toy(tmp_path / "a", steps=20)  # writes over what was left
    assert run.checkpoint().step == 20
    assert_same(again, run_toy(tmp_path / "b", steps=20)[0])


def fill_disk(monkeypatch, calls):
    """Let the disk be full for these numbers of syncs of a checkpoint."""
    number = 0
    sync = _io._sync_tree

    def full(folder):
        nonlocal number
        number += 1
        if number in calls:
            raise OSError(errno.ENOSPC, "No space left on device", str(folder))
        sync(folder)

    monkeypatch.setattr(_io, "_sync_tree", full)


def test_a_full_disk_is_a_warning_and_training_goes_on(tmp_path, monkeypatch):
    fill_disk(monkeypatch, {2})
    with pytest.warns(UserWarning, match="no checkpoint of step 20; the newest is of step 10"):
        task, run = run_toy(tmp_path / "a", keep_checkpoints=9)
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["10", "30", "40"]
    assert_same(task, run_toy(tmp_path / "b")[0])


def test_a_full_disk_at_the_end_is_an_error_and_the_same_command_goes_on(tmp_path, monkeypatch):
    fill_disk(monkeypatch, {4})
    with pytest.raises(TrainingError, match=r"no checkpoint of step 40; make room"):
        run_toy(tmp_path / "a")
    resumed, _ = run_toy(tmp_path / "a")
    assert_same(resumed, run_toy(tmp_path / "b")[0])


def test_other_failures_of_the_disk_are_raised(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(_io, "_sync_tree", refuse)
    with pytest.raises(OSError, match="Input/output"):
        run_toy(tmp_path)


def test_metrics_that_did_not_fit_are_written_later(tmp_path, monkeypatch):
    from kgr.engine import run as run_module

    append = run_module._append
    with begin(tmp_path, task="toy", store="s", config=config_of(), sections={}) as run:
        run.record({"step": 1})

        def full(file, data):
            file.write(data[:5])
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(run_module, "_append", full)
        with pytest.warns(UserWarning, match="tried again"):
            run.record({"step": 2})
        assert [line["step"] for line in run.metrics()] == [1]
        monkeypatch.setattr(run_module, "_append", append)
        run.record({"step": 3})
    assert [line["step"] for line in run.metrics()] == [1, 2, 3]


def test_a_line_cut_short_by_a_crash_is_left_out(tmp_path):
    whole, _ = run_toy(tmp_path / "a")
    run_toy(tmp_path / "b", steps=20)
    with (tmp_path / "b" / "metrics.jsonl").open("a") as file:
        file.write('{"step": 21, "lo')
    resumed, b = run_toy(tmp_path / "b")
    assert_same(whole, resumed)
    assert [step for step, _ in losses_of(b)] == [7, 14, 20, 21, 28, 35, 40]


def test_two_writers_at_once_are_refused(tmp_path):
    process = start(tmp_path, "wait")
    try:
        wait_for(process, "step 14")
        with pytest.raises(FormatError, match="another process"):
            run_toy(tmp_path)
        process.communicate(timeout=20)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()
    run_toy(tmp_path)


def test_control_c_in_a_process_of_its_own(tmp_path):
    process = start(tmp_path / "b", "interrupt-itself")
    _, error = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT, error.decode()
    assert error.decode().splitlines()[-1] == "KeyboardInterrupt"
    assert (tmp_path / "b" / "checkpoints" / "14").is_dir()
    resumed, b = run_toy(tmp_path / "b")
    whole, a = run_toy(tmp_path / "a")
    assert_same(whole, resumed)
    assert losses_of(a) == losses_of(b)


def test_kill_9_leaves_a_whole_checkpoint(tmp_path):
    """It writes a checkpoint at every step, so a kill nearly always falls into one."""
    reached = 0
    for delay in (0.0, 0.013, 0.031):
        process = start(tmp_path / "b", "kill")
        wait_for(process, f"step {reached - reached % 7 + 14}")
        time.sleep(delay)
        process.kill()
        process.communicate()
        found = Run.open(tmp_path / "b").checkpoint()
        task = Toy(config_of())
        found.restore_weights(task.module, task.tables)
        found.restore_moments(task.module, task.tables, None)
        assert found.step > reached
        reached = found.step
    assert_same(task, run_toy(tmp_path / "a", steps=reached)[0])
