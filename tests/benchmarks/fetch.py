"""Downloads from servers that cut, delay, flip bytes, fail or ignore Range, some killed on the way: is one wrong?"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path += [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

from faulty_server import FaultyServer, served_by
from machine import figure

from kgr.data.fetch import Patience, RemoteFile, fetch
from kgr.errors import FetchError

PATIENCE = Patience(tries=12, pause=0.0, timeout=0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--downloads", type=int, default=1000, help="how many (default: %(default)s)")
    parser.add_argument("--size", type=int, default=1_000_000, help="of the file, in bytes (default: %(default)s)")
    parser.add_argument("--kill-every", type=int, default=20, help="kill -9 in every so many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the faults (default: %(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        found = downloads(
            Path(folder), arguments.downloads, arguments.size, kill_every=arguments.kill_every, seed=arguments.seed
        )
        seconds = time.perf_counter() - start
    for name, value in found.items():
        unit = "bytes per byte" if name.startswith("bytes") else "requests" if isinstance(value, dict) else "downloads"
        figure(f"fetch {name}", value, unit, downloads=arguments.downloads, size=arguments.size, seconds=seconds)


def downloads(folder: Path, count: int, size: int, *, kill_every: int, seed: int) -> dict[str, Any]:
    """Fetch a file so often from two servers; every so many times the fetching process is killed first.

    Returns
    -------
    dict
        ``whole`` downloads with the right bytes, ``wrong`` ones that were accepted with others, ``refused``
        ones; ``kills``, and how many of these went on where they were cut; ``bytes_sent_per_byte`` of all
        that is whole; ``faults``: answers by what was wrong with them.
    """
    draw = random.Random(seed)
    data = draw.randbytes(size)
    digest = hashlib.sha256(data).hexdigest()
    faults: Counter[str] = Counter()
    found: Counter[str] = Counter()
    with served_by(data, _faults(draw, size, faults)) as one, served_by(data, _faults(draw, size, faults)) as two:
        for number in range(count):
            to = folder / f"{number}.bin"
            file = RemoteFile("file.bin", (one.url(), two.url()), size if number % 2 else None, digest)
            if number % kill_every == kill_every - 1:
                found["kills"] += 1
                found["resumed_after_kill"] += _killed(file, to, one)
            try:
                fetch(file, to, mirror="", patience=PATIENCE)
            except FetchError:
                found["refused"] += 1
            else:
                found["whole" if to.read_bytes() == data else "wrong"] += 1
            to.unlink(missing_ok=True)
        sent = one.sent + two.sent
    counted = {name: found[name] for name in ("whole", "wrong", "refused", "kills", "resumed_after_kill")}
    return {**counted, "bytes_sent_per_byte": sent / (size * max(found["whole"], 1)), "faults": dict(faults)}


def _faults(draw: random.Random, size: int, seen: Counter[str]) -> Callable[[int], str]:
    def behave(number: int) -> str:
        cut = draw.randrange(size)
        kinds = ["ok", "ok", f"cut:{cut}", f"cut:{cut}", "flip", "status:500", "status:503", "ignore", f"ignore:{cut}"]
        fault = draw.choice([*kinds, "longer", "shifted", "drip:0.001", f"lengthless:{cut}"])
        if draw.random() < 0.01:
            fault = "stall:0.6"
        seen[fault.partition(":")[0]] += 1
        return fault

    return behave


def _killed(file: RemoteFile, to: Path, server: FaultyServer) -> bool:
    """Kill a process while it fetches; then say whether the next request asks for the rest."""
    part = to.with_name(f".{to.name}.part")
    behave, server.behave = server.behave, lambda number: "drip:0.02"
    child = multiprocessing.get_context("spawn").Process(target=_fetch, args=(file, to))
    child.start()
    while child.is_alive() and not (part.exists() and part.stat().st_size):
        time.sleep(0.001)
    child.kill()
    child.join()
    have, asked = part.stat().st_size, len(server.ranges)
    server.behave = lambda number: "status:404"  # what is asked for is seen, and nothing else happens
    with contextlib.suppress(FetchError):
        fetch(RemoteFile(file.path, (server.url(),), file.size, file.sha256), to, mirror="", patience=PATIENCE)
    server.behave = behave
    return server.ranges[asked:] == [f"bytes={have}-"] and not to.exists()


def _fetch(file: RemoteFile, to: Path) -> None:
    fetch(file, to, mirror="", patience=PATIENCE)


if __name__ == "__main__":
    main()
