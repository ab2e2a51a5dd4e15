"""A module imports only from lower floors or from its own folder, and folders make no circles."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "kgr"

FLOORS = (
    ("errors", "_io", "_rng", "_config", "_jit", "_ragged", "_threads", "_shards", "_plots"),
    ("index", "engine", "rank"),
    ("graph",),
    ("query",),
    ("data", "models"),
    ("multihop", "completion", "retrieval"),
    ("prop", "sememe"),
    ("__init__", "__main__", "runs", "vectors", "cli", "show"),
)
"""Folders and top modules by floor, the ground first; those of the first and the last may import each other."""

FLOOR_OF = {part: floor for floor, parts in enumerate(FLOORS) for part in parts}

SHARED = (0, len(FLOORS) - 1)


def modules(package: Path) -> Iterator[tuple[str, Path]]:
    """Yield each module's part (its folder, or its own name at the top) and file."""
    for path in sorted(package.rglob("*.py")):
        inside = path.relative_to(package)
        yield inside.parts[0] if len(inside.parts) > 1 else path.stem, path


def imported(path: Path, package: Path) -> Iterator[tuple[int, str]]:
    """Yield line and part of everything that a module imports of the package, wherever it stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: relative import, expected one from kgr"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            top, *rest = name.split(".")
            if top == "kgr":
                yield node.lineno, _part(rest, package)


def _part(names: list[str], package: Path) -> str:
    """Return the part that holds a name; names of kgr itself are its __init__'s."""
    there = names and ((package / names[0]).is_dir() or (package / f"{names[0]}.py").is_file())
    return names[0] if there else "__init__"


def faults(package: Path) -> list[str]:
    """Return each import that the floors forbid, as a line."""
    found = []
    for part, path in modules(package):
        if part not in FLOOR_OF:
            found.append(f"{path}: {part!r} has no floor, give it one in tests/test_floors.py")
            continue
        for line, other in imported(path, package):
            own, floor = FLOOR_OF[part], FLOOR_OF.get(other, len(FLOORS))
            if other != part and not (floor < own or (floor == own and own in SHARED)):
                found.append(f"{path}:{line}: {part} (floor {own}) imports {other} (floor {floor})")
    return found


def circle(package: Path) -> list[str]:
    """Return parts that import each other in a circle, none where there is none."""
    uses: dict[str, set[str]] = {}
    for part, path in modules(package):
        uses.setdefault(part, set()).update(other for _, other in imported(path, package) if other != part)
    try:
        TopologicalSorter(uses).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_imports_go_down() -> None:
    assert faults(PACKAGE) == []


def test_no_circles() -> None:
    assert circle(PACKAGE) == []


def test_all_parts_exist() -> None:
    assert {part for part, _ in modules(PACKAGE)} == set(FLOOR_OF)


@pytest.mark.parametrize(
    ("path", "line", "fault"),
    [
        ("index/store.py", "from kgr.graph.graph import Graph", "index (floor 1) imports graph (floor 2)"),
        ("data/build.py", "def f():\n    import kgr.models.embed", "data (floor 4) imports models (floor 4)"),
        ("engine/run.py", "from kgr import index", "engine (floor 1) imports index (floor 1)"),
        ("query/sets.py", "from kgr import open_store", "query (floor 3) imports __init__ (floor 7)"),
        ("query/sets.py", "import kgr", "query (floor 3) imports __init__ (floor 7)"),
        ("utils.py", "", "'utils' has no floor"),
    ],
)
def test_faults_are_found(tmp_path: Path, path: str, line: str, fault: str) -> None:
    for part in ("index", "graph", "models"):
        (tmp_path / part).mkdir()
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text(line)
    assert [fault in found for found in faults(tmp_path)] == [True]


def test_allowed_imports(tmp_path: Path) -> None:
    (tmp_path / "cli").mkdir()
    (tmp_path / "show").mkdir()
    (tmp_path / "index").mkdir()
    (tmp_path / "errors.py").write_text("")
    (tmp_path / "_io.py").write_text("from kgr.errors import FormatError\nimport json, numpy.typing\n")
    (tmp_path / "cli" / "look.py").write_text("import kgr.show.table\nfrom kgr.cli import base\nfrom kgr import _io\n")
    (tmp_path / "index" / "keys.py").write_text("from kgr.index import texts\nfrom kgr.errors import DataError\n")
    assert faults(tmp_path) == []


def test_circles_are_found(tmp_path: Path) -> None:
    (tmp_path / "errors.py").write_text("import kgr._io")
    (tmp_path / "_io.py").write_text("import kgr.errors")
    assert set(circle(tmp_path)) == {"errors", "_io"}
