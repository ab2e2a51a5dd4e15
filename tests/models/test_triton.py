"""Triton's pair loops are compiled for a GPU that is not there, and taken where one is."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from kgr.models import distance

pytest.importorskip("triton")

COMPILE = """
import sys
import torch
from kgr.models import distance
assert "triton" not in sys.modules
from triton.backends.compiler import GPUTarget
from triton.runtime import driver
from kgr.models import _triton

class Absent:
    def get_current_target(self): return GPUTarget("cuda", 90, 32)
    def get_current_device(self): return 0
    def get_current_stream(self, device): return 0

class Compiled:
    def __init__(self, kernel): self.kernel = kernel
    def __getitem__(self, grid): return lambda *given: made.append(self.kernel.warmup(*given, grid=grid).asm)

driver.set_active(Absent())
made = []
_triton._distances, _triton._gradients = Compiled(_triton._distances), Compiled(_triton._gradients)
for loop in _triton.LOOPS.values():
    query, rows, weight = torch.zeros(3, 7 * loop.query_parts), torch.zeros(1, 7 * loop.row_parts), torch.zeros(3, 1)
    loop.distances(query, rows, 0.3, weight)
    loop.gradients(query, rows, weight, 0.3, query, rows)
assert len(made) == 3 * len(_triton.LOOPS) and all("cubin" in asm for asm in made)
"""


def test_every_kernel_compiles_for_a_gpu() -> None:
    # the interpreter takes more than the compiler does; fused products and sums are what it warns of
    chosen = {"TRITON_INTERPRET": "0", "TRITON_DEFAULT_FP_FUSION": "1"}
    done = subprocess.run([sys.executable, "-c", COMPILE], env=os.environ | chosen, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("capability", "taken"), [((6, 1), False), ((8, 0), True)])
def test_a_gpu_that_triton_compiles_for_takes_its_loops(
    capability: tuple[int, int], taken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kgr.models import _triton

    distance._has_triton.cache_clear()
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    tensor = SimpleNamespace(device=torch.device("cuda", 5), dtype=torch.float32)
    expected = _triton.LOOPS["box"] if taken else None
    assert distance._loop("box", tensor, tensor) is expected
    half = SimpleNamespace(device=tensor.device, dtype=torch.float16)
    assert distance._loop("box", half, half) is None
    distance._has_triton.cache_clear()
