"""Arrays that grow in files: what was added comes back, whole or in pieces."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgr.index import spool
from kgr.index.spool import Spool, joined, pieces_of


def whole(pieces):
    array = np.concatenate([np.empty(0, pieces.dtype), *pieces.make()])
    assert (array.dtype, array.shape) == (pieces.dtype, pieces.shape)
    return array.tolist()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.integers(-9, 9), max_size=9), max_size=6), st.integers(0, 5), st.sampled_from([8, 64]))
def test_what_was_added_comes_back(tmp_path, monkeypatch, parts, plus, piece):
    monkeypatch.setattr(spool, "PIECE", piece)
    grown, expected = Spool(tmp_path / "grown", np.int64), [number for part in parts for number in part]
    for part in parts:
        grown.append(np.array(part, np.int32))
    assert len(grown) == len(expected)
    assert whole(grown.pieces()) == whole(grown.pieces()) == grown.array().tolist() == expected
    more = pieces_of(grown.array(), plus=plus)
    assert whole(more) == [number + plus for number in expected]
    assert whole(joined(grown.pieces(), more)) == [*expected, *(number + plus for number in expected)]


def test_nothing_is_added_after_reading(tmp_path):
    grown = Spool(tmp_path / "grown", np.int32)
    grown.pieces()
    with pytest.raises(ValueError, match="closed"):
        grown.append(np.zeros(1, np.int32))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
@pytest.mark.parametrize("count", [1, 100_000])  # refused when the file is ended, and at once
def test_a_full_disk_names_the_file(count):
    grown = Spool(Path("/dev/full"), np.int64)
    with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
        grown.append(np.zeros(count))
        grown.close()
    with contextlib.suppress(OSError):
        grown.close()
