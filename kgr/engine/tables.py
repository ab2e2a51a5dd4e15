"""Where the rows of a table lie: chosen by name, and refused where there is no room for them."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from kgr.engine.memory import UNKNOWN, free_memory
from kgr.engine.optim import ROW_OPTIMIZERS
from kgr.engine.processes import ALONE, Processes
from kgr.engine.sharded import ShardedTable
from kgr.engine.shares import Share
from kgr.engine.staged import DiskTable, HostTable
from kgr.engine.table import DeviceTable, Init, Table
from kgr.errors import ConfigError


def make_table(
    kind: str,
    rows: int,
    width: int,
    *,
    optimizer: str,
    device: torch.device,
    init: Init,
    key: int,
    folder: Path | None = None,
    others: Sequence[str] = (),
    processes: Processes = ALONE,
) -> Table:
    """Return a table with its initial rows; what they are does not depend on the kind, nor on who holds them.

    Parameters
    ----------
    kind
        "device", "host" or "disk".
    rows, width, device, init, key
        As for a :class:`kgr.engine.table.DeviceTable`.
    optimizer
        One of ``ROW_OPTIMIZERS``.
    folder
        Where a table on the disk lies; by default where the system has temporary files.
    others
        Kinds that the training could have instead.
    processes
        Those that share its rows; each calls this.

    Raises
    ------
    ConfigError
        There is no room: says how much it needs, how much there is, and which of ``others`` has room.
    """
    share, law = Share(rows, processes.rank, processes.size), ROW_OPTIMIZERS[optimizer]()
    place = folder or Path(tempfile.gettempdir())
    need = 4 * len(share) * (width + sum(law.widths(width).values()))
    if kind != "device" or device.type == "cpu":
        need *= processes.local_size  # whose memory and disk are the same
    what = f"a table of {rows:,} rows of {width:,} numbers, with what {optimizer} keeps beside them"

    def check() -> None:
        free = _free(kind, device, place)
        if free is not None and free < need:
            instead = next((other for other in others if _has_room(other, device, place, need)), None)
            raise ConfigError(f"{what}, needs {_gib(need)}, but {_where(kind, device, place)} has {_gib(free)} free: "
                              f"{_advice(instead, optimizer)}")  # fmt: skip

    processes.together(check)  # before one of them takes any
    local: Table
    if kind == "device":
        local = DeviceTable(share, width, optimizer=law, device=device, init=init, key=key)
    elif kind == "host":
        local = HostTable(share, width, optimizer=law, device=device, init=init, key=key)
    else:
        try:
            local = DiskTable(share, width, optimizer=law, device=device, init=init, key=key, folder=place)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise ConfigError(f"{what}, needs {_gib(need)}, which {place} has no room for: {error.strerror}") from error
    return local if processes.size == 1 else ShardedTable(local, processes)


def _free(kind: str, device: torch.device, folder: Path) -> int | None:
    """Return the free bytes where a kind of table lies; None where the system does not say."""
    if kind == "disk":
        return shutil.disk_usage(folder).free
    if kind == "device" and device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    free = free_memory()
    return None if free == UNKNOWN else free


def _has_room(kind: str, device: torch.device, folder: Path, need: int) -> bool:
    free = _free(kind, device, folder)
    return free is None or free >= need


def _where(kind: str, device: torch.device, folder: Path) -> str:
    if kind == "disk":
        return f"the disk of {folder}"
    return str(device) if kind == "device" and device.type == "cuda" else "this machine's memory"


def _advice(instead: str | None, optimizer: str) -> str:
    if instead is not None:
        return f"give table {instead}, which has room for it"
    least = "" if optimizer == "row-adagrad" else ", or optimizer row-adagrad, which keeps least"
    return f"give a smaller dim{least}"


def _gib(size: int) -> str:
    return f"{size / 2**30:,.1f} GiB"
