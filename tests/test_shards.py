"""Mapping over shards: the same results in the same order by any number of workers, whatever is killed."""

from __future__ import annotations

import importlib.util
import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from kgr._shards import AHEAD, TRIES, map_shards
from kgr.errors import ConfigError, DataError, KgrError

RAY = pytest.param("ray", marks=pytest.mark.skipif(not importlib.util.find_spec("ray"), reason="Ray is not installed"))


def squared(number: int) -> int:
    """Later shards are done first."""
    time.sleep(0.02 if number % 3 == 0 else 0)
    return number * number


def refused(number: int) -> int:
    if number >= 3:
        raise DataError(f"file:{number}: refused")
    return number


def killed(folder: Path, deaths: int, number: int) -> int:
    """Kill the process that works on shard 2, ``deaths`` times."""
    marks = list(folder.glob("death-*"))
    if number == 2 and len(marks) < deaths:
        (folder / f"death-{len(marks)}").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number + 10


def process_of(number: int) -> int:
    time.sleep(0.05)
    return os.getpid()


def unsendable(number: int) -> object:
    return lambda: number


@pytest.mark.parametrize(("workers", "engine"), [(1, "local"), (2, "local"), (3, "local")])
def test_results_in_order(workers: int, engine: str) -> None:
    found = map_shards(squared, range(20), workers=workers, engine=engine)
    assert list(found) == [number * number for number in range(20)]


def test_no_shards() -> None:
    assert list(map_shards(squared, [], workers=2)) == []


def test_one_worker_is_this_process_and_more_are_others() -> None:
    assert set(map_shards(process_of, range(3))) == {os.getpid()}
    others = set(map_shards(process_of, range(6), workers=2))
    assert len(others) == 2 and os.getpid() not in others


@pytest.mark.parametrize("engine", ["local", RAY])
def test_engines(engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both engines give the results in order, retry a killed worker's shard, and raise what the work raises."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    found = map_shards(partial(killed, tmp_path, 1), range(6), workers=2, engine=engine)
    assert list(found) == [number + 10 for number in range(6)]
    assert len(list(tmp_path.iterdir())) == 1
    with pytest.raises(DataError, match="file:3: refused"):
        list(map_shards(refused, range(6), workers=2, engine=engine))


def test_a_shard_that_kills_every_worker(tmp_path: Path) -> None:
    found = map_shards(partial(killed, tmp_path, 99), range(6), workers=2)
    assert [next(found), next(found)] == [10, 11]
    with pytest.raises(KgrError, match=rf"shard 3: {TRIES} processes .* by signal 9: .*Try fewer"):
        next(found)
    assert len(list(tmp_path.iterdir())) == TRIES


@pytest.mark.parametrize("workers", [1, 3])
def test_the_first_error_is_raised_in_its_turn(workers: int) -> None:
    found = map_shards(refused, range(9), workers=workers)
    assert [next(found) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(DataError, match="file:3: refused") as raised:
        next(found)
    assert workers == 1 or "in refused" in raised.value.__notes__[0]  # where it was raised is not lost


def test_shards_are_taken_a_few_ahead() -> None:
    taken = []

    def shards() -> Iterator[int]:
        for number in range(50):
            taken.append(number)
            yield number

    found = map_shards(squared, shards(), workers=2)
    next(found)
    assert len(taken) <= 2 * AHEAD
    found.close()  # type: ignore[attr-defined]
    assert len(taken) < 50


def test_errors_of_shards_and_results_arrive() -> None:
    def shards() -> Iterator[int]:
        yield 1
        raise DataError("file: broken")

    with pytest.raises(DataError, match="file: broken"):
        list(map_shards(squared, shards(), workers=2))
    with pytest.raises(TypeError, match="cannot be sent"):
        list(map_shards(unsendable, range(2), workers=2))


def test_settings() -> None:
    with pytest.raises(ConfigError, match="engine is 'spark', expected one of local, ray"):
        map_shards(squared, [], engine="spark")
    with pytest.raises(ConfigError, match="workers is 0, expected at least 1"):
        map_shards(squared, [], workers=0)


def test_ray_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(ConfigError, match=r"pip install 'kgr\[ray\]'"):
        map_shards(squared, [], engine="ray")
