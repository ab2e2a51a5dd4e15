"""Where the rows of a table lie: chosen by name, and refused where there is no room for them."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from kgr.engine.optim import ROW_OPTIMIZERS, Unmoved
from kgr.engine.processes import ALONE, Processes
from kgr.engine.room import free_at, has_room, in_words, place
from kgr.engine.sharded import ShardedTable
from kgr.engine.shares import Share
from kgr.engine.staged import DiskTable, HostTable
from kgr.engine.table import DeviceTable, Init, Table
from kgr.errors import ConfigError

READ_ELSEWHERE = "make room for it there, or read it on a machine that has more"
"""What is to be done where there is no room to read something that was trained."""


def make_table(
    kind: str,
    rows: int,
    width: int,
    *,
    optimizer: str | None,
    rate: float = 1.0,
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
        One of ``ROW_OPTIMIZERS``. None for rows that are only read: they then lie where there is room, by the kind if
        it has any, else by the first of ``others`` that has.
    rate
        How many times the learning rate they are moved by.
    folder
        Where a table on the disk lies; by default where the system has temporary files.
    others
        Kinds that it could be of instead.
    processes
        Those that share its rows; each calls this.

    Raises
    ------
    ConfigError
        There is no room: says how much it needs, how much there is, and which of ``others`` has room.
    """
    share = Share(rows, processes.rank, processes.size)
    law = ROW_OPTIMIZERS[optimizer](rate) if optimizer else Unmoved()
    where = folder or Path(tempfile.gettempdir())
    need = 4 * len(share) * (width + sum(law.widths(width).values()))
    if kind != "device" or device.type == "cpu":
        need *= processes.local_size  # whose memory and disk are the same
    beside = f", with what {optimizer} keeps beside them," if optimizer else ""
    what = f"a table of {rows:,} rows of {width:,} numbers{beside} needs {in_words(need)}"
    roomy = next((own for own in (kind, *others) if has_room(own, device, where, need)), None)
    if optimizer is None and roomy is not None:
        kind = roomy

    def check() -> None:
        free = free_at(kind, device, where)
        if free is not None and free < need:
            raise ConfigError(
                f"{what}, but {place(kind, device, where)} has {in_words(free)} free: {_advice(roomy, optimizer)}"
            )

    processes.together(check)  # before one of them takes any
    local: Table
    if kind == "device":
        local = DeviceTable(share, width, optimizer=law, device=device, init=init, key=key)
    elif kind == "host":
        local = HostTable(share, width, optimizer=law, device=device, init=init, key=key)
    else:
        try:
            local = DiskTable(share, width, optimizer=law, device=device, init=init, key=key, folder=where)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise ConfigError(f"{what}, which {where} has no room for: {error.strerror}") from error
    return local if processes.size == 1 else ShardedTable(local, processes)


def _advice(roomy: str | None, optimizer: str | None) -> str:
    if optimizer is None:
        return READ_ELSEWHERE
    if roomy is not None:
        return f"give table {roomy}, which has room for it"
    least = "" if optimizer == "row-adagrad" else ", or optimizer row-adagrad, which keeps least"
    return f"give a smaller dim{least}"
