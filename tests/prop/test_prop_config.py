"""Settings of pre-training: what of a file stands beside given ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kgr.prop.config import resolve

BPROP = {"law": "attention", "attention": "enc", "temperature": 0.1}


@pytest.mark.parametrize(
    ("file", "given", "left"),
    [
        (BPROP, {"objective": "ict"}, ("attention", "temperature")),
        (BPROP, {"law": "dirichlet"}, ("attention", "temperature")),
        ({"law": "published", "candidates": 300}, {"law": "dirichlet"}, ("candidates",)),
        ({"mu": 100.0}, {"law": "attention", "model": "enc"}, ("mu",)),
        (
            {"law": "attention", "model": "enc", "max_entropy": 0.5},
            {"law": "attention", "temperature": 0.2},
            ("max_entropy",),
        ),
    ],
)
def test_of_a_file_what_is_not_read_is_left_out(
    tmp_path: Path, file: dict[str, Any], given: dict[str, Any], left: tuple[str, ...]
) -> None:
    path = tmp_path / "prop.toml"
    path.write_text("".join(f"{name} = {value!r}\n" for name, value in file.items()))
    own, alone = resolve(path, given), resolve(None, {"model": "enc", **given})
    assert all(getattr(own, name) == getattr(alone, name) for name in left)
    assert all(getattr(own, name) == value for name, value in given.items())
