from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kgr import _io
from kgr.errors import FormatError
from kgr.retrieval import partial
from kgr.retrieval.partial import chunks, partial_rows


def rows(first: int, count: int) -> np.ndarray:
    return np.arange(2 * first, 2 * (first + count), dtype=np.float32).reshape(-1, 2)


def test_rows_go_on_where_they_were(tmp_path: Path) -> None:
    path = tmp_path / "p"
    with pytest.raises(KeyboardInterrupt), partial_rows(path, 2, {"a": 1}) as own:
        assert own.add(0, 3, lambda: rows(0, 3))
        raise KeyboardInterrupt
    with path.open("ab") as file:
        file.write(b"\0" * 13)  # a row and a part of one
    with partial_rows(path, 2, {"a": 1}) as own:
        assert len(own) == 4
        assert not own.add(0, 3, lambda: rows(0, 3))
        assert not own.add(3, 0, lambda: rows(0, 3))
        assert own.add(3, 2, lambda: rows(3, 2))
        pieces = own.pieces()
        assert np.array_equal(np.concatenate(list(pieces.make())), rows(0, 5))
        assert pieces.shape == (5, 2)
    assert not path.exists()


def test_of_another_question_nothing_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "p"
    for asked in ({"a": 1}, {"a": 2}):
        with pytest.raises(KeyboardInterrupt), partial_rows(path, 2, asked) as own:
            assert len(own) == 0
            own.add(0, 3, lambda: rows(0, 3))
            raise KeyboardInterrupt


def test_one_writer(tmp_path: Path) -> None:
    path = tmp_path / "p"
    with (
        _io.locked(path, wait=False),
        pytest.raises(FormatError, match="another process is writing it"),
        partial_rows(path, 1, None),
    ):
        pass


def test_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    items = [(["a"] * n, n) for n in (1, 0, 2, 3, 1, 7, 1)]
    assert [[n for _, n in chunk] for chunk in chunks(items, 3)] == [[1, 0, 2], [3], [1, 7], [1]]
    assert list(chunks(items[4:], 3)) == list(chunks(items, 3))[2:]
    monkeypatch.setattr(partial, "CHARACTERS", 2)
    assert [[n for _, n in chunk] for chunk in chunks(items, 9)] == [[1, 0, 2], [3], [1, 7], [1]]
    assert list(chunks([], 3)) == []
