"""Pickles of others: plain values come back, and nothing else happens."""

from __future__ import annotations

import gzip
import os
import pickle
import subprocess
import sys
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import pytest

from kgr.data.pickles import Limits, read_pickle
from kgr.errors import DataError


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values(tmp_path: Path, protocol: int) -> None:
    value: dict[Any, Any] = defaultdict(set)
    value[("e", ("r",))] = {(3, (1,)), (2, (0, -2))}
    value["x"] = [frozenset({5, 4}), {7: "é"}, 1 << 70]
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    expected = [[["e", ["r"]], [[2, [0, -2]], [3, [1]]]], ["x", [[4, 5], [[7, "é"]], 1 << 70]]]
    assert read_pickle(path) == expected
    (tmp_path / "a.pkl.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert read_pickle(tmp_path / "a.pkl.gz") == expected


class Call:
    """Pickles as a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


ASKED = {
    os.system: r"(posix|nt)\.system",
    eval: r"(builtins|__builtin__)\.eval",
    getattr: "getattr",
    subprocess.run: r"(subprocess|commands)\.run",
}


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("function", ASKED)
def test_nothing_is_executed(tmp_path: Path, function: Any, protocol: int) -> None:
    mark = tmp_path / "mark"
    argument = f"open({str(mark)!r}, 'w')" if function is eval else f"touch {mark}"
    path = tmp_path / "bad.pkl"
    path.write_bytes(pickle.dumps({"a": Call(function, argument)}, protocol=protocol))
    with pytest.raises(DataError, match=rf"bad\.pkl: it asks for .*{ASKED[function]}.*nothing in it was executed"):
        read_pickle(path)
    assert not mark.exists()


def test_other_values_and_other_files(tmp_path: Path) -> None:
    loop: list[Any] = []
    loop.append(loop)
    contents = {
        "asks for collections.OrderedDict": pickle.dumps(OrderedDict(a=1)),
        "asks for numpy": b"\x80\x04\x8c\x05numpy\x8c\x07ndarray\x93.",
        "value of type float": pickle.dumps({0: 1.5}),
        "value of type bytes": pickle.dumps(b"abc"),
        "value of type type": pickle.dumps(set),
        "recursion": pickle.dumps(loop),
        "Ran out of input": b"",
        "truncated": pickle.dumps({"a": 1}, protocol=4)[:-3],
        "invalid load key": b"\xffhello\n",
        "EXT|extension|registry": b"\x80\x02\x82\x01.",
        "persistent": b"Pabc\n.",
    }
    for i, (message, content) in enumerate(contents.items()):
        path = tmp_path / f"{i}.pkl"
        path.write_bytes(content)
        with pytest.raises(DataError, match=rf"{i}\.pkl: .*({message})"):
            read_pickle(path)
    with pytest.raises(DataError, match=r"none\.pkl: no such file"):
        read_pickle(tmp_path / "none.pkl")
    (tmp_path / "cut.pkl.gz").write_bytes(gzip.compress(pickle.dumps(list(range(999))))[:-9])
    with pytest.raises(DataError, match=r"cut\.pkl\.gz: "):
        read_pickle(tmp_path / "cut.pkl.gz")


def test_a_bomb_by_size(tmp_path: Path) -> None:
    path = tmp_path / "zeros.pkl.gz"
    path.write_bytes(gzip.compress(bytes(10_000_000)))
    with pytest.raises(DataError, match="longer than 1,000,000 bytes"):
        read_pickle(path, Limits(size=1_000_000))


@pytest.mark.skipif(sys.platform == "win32", reason="limits are the system's")
def test_a_bomb_by_memory(tmp_path: Path) -> None:
    laughs: Any = list(range(100))
    for _ in range(12):  # 100 numbers on disk, 10^14 when written out
        laughs = [laughs] * 10
    path = tmp_path / "laughs.pkl"
    path.write_bytes(pickle.dumps(laughs))
    with pytest.raises(DataError, match=r"laughs\.pkl: it needs more"):
        read_pickle(path, Limits(memory=256 << 20, seconds=20))


@pytest.mark.skipif(sys.platform == "win32", reason="limits are the system's")
def test_a_bomb_by_time(tmp_path: Path) -> None:
    path = tmp_path / "slow.pkl"
    # {key: 1}, where the key is a pair of the same pair of … an empty tuple: its hash takes 2^60 steps
    path.write_bytes(b"\x80\x02})" + b"2\x86" * 60 + b"K\x01s.")
    with pytest.raises(DataError, match=r"slow\.pkl: it needs more than 1 seconds"):
        read_pickle(path, Limits(seconds=1))
