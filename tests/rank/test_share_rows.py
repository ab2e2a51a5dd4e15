"""Rows shared among threads."""

from __future__ import annotations

import pytest

from kgr._threads import share_rows


@pytest.mark.parametrize("rows", [0, 1, 2, 7])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_row_is_done_once(rows: int, threads: int) -> None:
    seen: list[int] = []
    share_rows(lambda first, last: seen.extend(range(first, last)), rows, threads)
    assert sorted(seen) == list(range(rows))


def test_an_error_of_any_range_is_raised() -> None:
    def work(first: int, last: int) -> None:
        if first == 2:
            raise ValueError("row 2")

    with pytest.raises(ValueError, match="row 2"):
        share_rows(work, 4, 2)
