"""All that is to be measured where a GPU is at hand, one script after another, each line kept as it comes.

Compiled distances beside torch's own; rates of every model with device and host tables; what the trainer waits; the
device's memory for a host table of Freebase's size; with --minutes, the quality of three models by their published
settings. Without a GPU it says so and ends; ``--device cpu --small`` runs the same scripts in a small form, to see that
they work, and keeps nothing.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from kgr.models.fields import FIELDS

HERE = Path(__file__).parent
PUBLISHED = ("betae", "query2box", "cone")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", default="fb15k-237", help="a known name or a store's folder (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=0, help=f"of training of each of {', '.join(PUBLISHED)}")
    parser.add_argument("--runs", type=Path, default="runs/gpu", help="where these trainings are kept, to go on with")
    parser.add_argument("--results", type=Path, default=HERE / "results" / "gpu.jsonl", help="lines are added to it")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--small", action="store_true", help="small sizes, few steps and the embedded data set")
    given = parser.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        parser.exit(1, "torch sees no GPU here: nothing was measured; --device cpu --small tries the scripts alone\n")
    with tempfile.TemporaryDirectory() as scratch:
        every = small(given, scratch) if given.small else whole(given)
        failed = [command for command in every if not ran(command, given)]
    if failed:
        parser.exit(1, "".join(f"failed: {command}\n" for command in failed))


def whole(given: argparse.Namespace) -> Iterator[str]:
    """Every script with its options."""
    for batch in (512, 4096):
        for negatives in (128, 1024):
            yield f"scores.py --batch {batch} --negatives {negatives} --repeats 20 --device {given.device}"
        for model in FIELDS:
            shape = f"--model {model} --batch {batch} --steps 300"
            yield f"train_multihop.py {given.store} {shape} --table device host --device {given.device}"
    yield f"overlap.py {given.store} --models {' '.join(FIELDS)} --device {given.device}"
    yield f"host_table.py --device {given.device}"
    for model in PUBLISHED if given.minutes else ():
        which = f"--config published-{model} --queries query2box --minutes {given.minutes:g}"
        yield f"quality.py fb15k-237-betae {which} --out {given.runs / model}"


def small(given: argparse.Namespace, scratch: str) -> Iterator[str]:
    """The same scripts, each once and in a small form."""
    sizes = "--batch 16 --dim 8 --repeats 1"
    yield f"scores.py {sizes} --negatives 8 --entities 64 --queries 32 --device {given.device}"
    yield f"train_multihop.py atlas {sizes} --steps 12 --table device host --device {given.device}"
    yield f"overlap.py atlas --models gqe --steps 20 --every 5 --device {given.device}"
    yield f"host_table.py --rows 10000 --batch 64 --negatives 16 --steps 10 --device {given.device}"
    yield f"quality.py atlas --model gqe --minutes 0.05 --out {scratch}/run"


def ran(command: str, given: argparse.Namespace) -> bool:
    """Run a script, print its lines and, on a GPU, keep them; whether it ended well."""
    script, *options = shlex.split(command)
    running = subprocess.Popen([sys.executable, str(HERE / script), *options], stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    for line in running.stdout:
        told = json.dumps(json.loads(line) | {"command": f"python tests/benchmarks/{command}"})
        print(told, flush=True)
        if given.device == "cuda" and not given.small:
            with given.results.open("a") as results:
                results.write(told + "\n")
    return running.wait() == 0


if __name__ == "__main__":
    main()
