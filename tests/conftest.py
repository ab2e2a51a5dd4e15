"""Shared fixtures. Kernels are cached by their sources' content: the compiler's own cache misses a callee's edits."""

from __future__ import annotations

import hashlib
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from process_group import ProcessGroup

ROOT = Path(__file__).resolve().parent.parent


def _kernel_cache() -> str:
    state = hashlib.blake2b(digest_size=8)
    parts = ("index", "rank", "graph", "query", "models", "completion", "retrieval", "prop")
    for folder in ("_*.py", *(f"{part}/**/*.py" for part in parts)):
        for path in sorted((ROOT / "kgr").glob(folder)):
            state.update(path.read_bytes())
    return str(Path(tempfile.gettempdir()) / f"kgr-kernels-{os.getuid()}-{state.hexdigest()}")


# before anything imports numba; children inherit it
os.environ.setdefault("NUMBA_CACHE_DIR", _kernel_cache())
# before anything imports triton: its kernels run on the CPU
os.environ.setdefault("TRITON_INTERPRET", "1")


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Ctrl-C works in tests and their children also where the tests were started with SIGINT ignored, as ``&`` does."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures of runs that a test draws; they are saved too."""
    from kgr.engine import curves

    figures: list[Any] = []
    save = curves.save_figure
    monkeypatch.setattr(curves, "save_figure", lambda figure, path: (figures.append(figure), save(figure, path)))
    return figures


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of public data that KGR_MIRROR names; tests that need it skip where there is none."""
    place = os.environ.get("KGR_MIRROR", "")
    if not place or not Path(place).is_dir():
        pytest.skip("KGR_MIRROR does not name a folder of public data")
    return Path(place).resolve()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for known data sets: the user's own is left alone."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KGR_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def group() -> Iterator[ProcessGroup]:
    """Three processes for whatever several do together: to start them takes longer than most of that."""
    with ProcessGroup(3, "kgr.multihop.run") as started:
        yield started
