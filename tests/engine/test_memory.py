import os
import platform
import subprocess
import sys

import pytest

from kgr.engine.memory import UNKNOWN, free_memory, hand_back, keep_freed

STEPS = """
import resource
import torch
from kgr.engine.memory import keep_freed

def faults(steps):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(steps):
        torch.zeros(1 << 24).add_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

given_back = faults(8)
keep_freed()
faults(2)
print(given_back, faults(8))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_pages_of_a_step_serve_the_next() -> None:
    done = subprocess.run([sys.executable, "-c", STEPS], capture_output=True, text=True, check=True)
    given_back, kept = map(int, done.stdout.split())
    assert kept < given_back / 4


def test_without_such_a_library_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    assert keep_freed() is None and hand_back() is None


@pytest.fixture
def root(tmp_path):
    """Return what makes files of a system in which 8,000 kB are free."""

    def made(**files):
        every = {"proc/meminfo": "MemTotal: 9000 kB\nMemAvailable:    8000 kB\n", "proc/self/cgroup": "", **files}
        for name, text in every.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    return made


def group(folder, limit, used, limit_bytes, cached):
    return {
        f"sys/fs/cgroup/{folder}/{limit}": f"{limit_bytes}\n",
        f"sys/fs/cgroup/{folder}/{used}": "5000000\n",
        f"sys/fs/cgroup/{folder}/memory.stat": f"anon 1\n{cached} 1000000\n",
    }


def test_free_memory_is_what_the_system_has_unless_the_control_group_may_take_less(root):
    assert free_memory(root()) == 8_000 * 1024
    new, old = ("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")
    assert free_memory(root(**group("a/b", *new, "max", "inactive_file"))) == 8_000 * 1024  # another's
    line = {"proc/self/cgroup": "4:memory:/\n0::/a/b\n"}
    assert free_memory(root(**line, **group("a/b", *new, "max", "inactive_file"))) == 8_000 * 1024
    assert free_memory(root(**line, **group("a/b", *new, 6_000_000, "inactive_file"))) == 2_000_000
    assert free_memory(root(**line, **group("a/b", *new, 3_000_000, "inactive_file"))) == 0
    line = {"proc/self/cgroup": "4:memory:/host/c\n0::/\n"}
    assert free_memory(root(**line, **group("memory", *old, 2**63 - 4096, "total_inactive_file"))) == 8_000 * 1024
    assert free_memory(root(**line, **group("memory", *old, 7_000_000, "total_inactive_file"))) == 3_000_000
    assert free_memory(root(**line, **group("memory/host/c", *old, 4_500_000, "total_inactive_file"))) == 500_000


def test_where_the_system_does_not_say(tmp_path):
    assert free_memory(tmp_path) == UNKNOWN


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="another system")
def test_free_memory_of_this_very_system():
    assert 1 << 20 < free_memory() < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
