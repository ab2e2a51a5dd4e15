"""The head of the folder names each module once, so that a stranger finds the way."""

from __future__ import annotations

import re
from pathlib import Path

import kgr.sememe


def test_every_module_is_named() -> None:
    named = re.findall(r"``(\w+)``", str(kgr.sememe.__doc__))
    there = {path.stem for path in Path(str(kgr.sememe.__file__)).parent.glob("*.py")} - {"__init__"}
    assert sorted(named) == sorted(there)
