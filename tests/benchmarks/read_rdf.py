"""Speed and memory of building a store from N-Triples, whole and with bad lines. One line of JSON per figure.

The file is drawn: three quarters of the lines are triples between entities, a fifth labels, the rest dates. Each build
runs in a process of its own, after a tiny one that loads what is compiled.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyoxigraph
from machine import ONE_THREAD, cpu_seconds, figure

from kgr.data.rdf import build_rdf

LABEL = "<http://www.w3.org/2000/01/rdf-schema#label>"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=500_000, help="of the file (default: 500,000)")
    parser.add_argument("--entities", type=int, default=100_000, help="from which they are drawn (default: 100,000)")
    parser.add_argument("--every", type=int, default=10_000, help="one line in so many is bad (default: 10,000)")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(build(arguments.child)))
        return
    alone = {**os.environ, **dict.fromkeys(ONE_THREAD, "1")}
    for every in (0, arguments.every):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "drawn.nt")
            with path.open("w") as file:
                file.writelines(drawn(arguments.lines, arguments.entities, every))
            command = [sys.executable, __file__, "--child", str(path)]
            done = subprocess.run(command, env=alone, stdout=subprocess.PIPE, text=True, check=True)
            found = json.loads(done.stdout)
            about = {"lines": arguments.lines, "bytes": path.stat().st_size, "entities": arguments.entities}
        about |= {"bad_lines": found["quarantined"], "threads": 1}
        if not every:
            parsed = round(arguments.lines / found["parse_seconds"])
            figure("RDF parsed to strings, nothing else", parsed, "lines per CPU second", **about)
        figure("RDF built", round(arguments.lines / found["cpu_seconds"]), "lines per CPU second", **about)
        figure("peak memory above imports", round(found["peak_mb"]), "MB", **about)


def drawn(lines: int, entities: int, every: int) -> Iterator[str]:
    """Draw lines as Wikidata's truthy dump has them; one in ``every`` lacks its end."""
    draw = random.Random(0)
    for number in range(lines):
        head = f"<http://www.wikidata.org/entity/Q{draw.randrange(entities)}>"
        relation = f"<http://www.wikidata.org/prop/direct/P{int(draw.paretovariate(0.5)) % 1000}>"
        kind = draw.random()
        if kind < 0.75:
            line = f"{head} {relation} <http://www.wikidata.org/entity/Q{draw.randrange(entities)}>"
        elif kind < 0.95:
            line = f'{head} {LABEL} "name {draw.randrange(10**9)} of it"@{draw.choice(("en", "de", "fr", "zh-hans"))}'
        else:
            line = f'{head} {relation} "{draw.randrange(1000, 2000)}-01-01"^^<http://www.w3.org/2001/XMLSchema#date>'
        yield line + ("\n" if every and number % every == every // 2 else " .\n")


def parse(path: Path) -> None:
    for quad in pyoxigraph.parse(path=path):
        _ = quad.subject.value, quad.predicate.value, quad.object.value


def build(path: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        tiny = Path(folder, "tiny.nt")
        tiny.write_text("".join(drawn(50, 10, 0)))
        build_rdf(tiny, Path(folder, "tiny"), strip="wikidata")
        before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        store = build_rdf(path, Path(folder, "store"), strip="wikidata")
        spent, after = time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        parsing = cpu_seconds(lambda: parse(path), 1) if not store.manifest["counts"]["quarantined"] else 0
    return {
        "cpu_seconds": spent,
        "parse_seconds": parsing,
        "peak_mb": (after - before) / 1024,
        "quarantined": store.manifest["counts"]["quarantined"],
    }


if __name__ == "__main__":
    main()
