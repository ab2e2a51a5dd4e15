"""Speed of the look-up of names with slips of the pen, among synthetic ones. One line of JSON per figure."""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from machine import figure

from kgr.index.keys import Keys
from kgr.index.store import Section, Store, create_store
from kgr.index.texts import Texts
from kgr.retrieval.lookup import Names, load_names

ALPHABETS = {
    "ar": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "de": "enisratdhulcgmobwfkzpvjyxq",
    "en": "etaoinshrdlcumwfgypbvkjxqz",
    "es": "eaosrnidlctumpbgvyqhfzjxkw",
    "ru": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэф",
    "zh": "".join(map(chr, range(0x4E00, 0x4E00 + 1500))),
}
"""Languages and their letters, the frequent ones first."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--entities", type=int, default=77_951, help="each with a label in six languages (default: %(default)s)"
    )
    parser.add_argument("--queries", type=int, default=2_000, help="names with one slip (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the names and slips (default: %(default)s)")
    arguments = parser.parse_args()
    draw = random.Random(arguments.seed)
    labels = {language: [name(draw, language) for _ in range(arguments.entities)] for language in ALPHABETS}
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), labels, draw, arguments.queries)


def name(draw: random.Random, language: str) -> str:
    """One to three words whose letters follow a law like Zipf's."""
    letters = ALPHABETS[language]
    sizes = (1, 2) if language == "zh" else (3, 10)
    words = (draw.randint(*sizes) for _ in range(draw.choice((1, 2, 2, 2, 3))))
    return " ".join("".join(letters[int(len(letters) ** draw.random()) - 1] for _ in range(size)) for size in words)


def slipped(draw: random.Random, text: str) -> str:
    """The name with a letter of a word missing, doubled, or changed with its neighbour."""
    at = draw.choice([at for at in range(len(text) - 1) if " " not in text[at : at + 2]])
    first, second, rest = text[: at + 1], text[at + 1], text[at + 2 :]
    return draw.choice((first + rest, first + second + second + rest, first[:-1] + second + first[-1] + rest))


def make_store(path: Path, labels: dict[str, list[str]]) -> Store:
    count = len(labels["en"])
    keys = Keys.numbers(count, what="entry").arrays()
    sections = {"entries": Section({**keys, "kinds": np.ones(count, np.uint8)})}
    for language, own in labels.items():
        sections[f"text/entries/{language}.label"] = Section(Texts.build(range(count), own).arrays(), ("entries",))
    return create_store(path, sections, entities=count, counts={}, sources={})


def measure(folder: Path, labels: dict[str, list[str]], draw: random.Random, count: int) -> None:
    load_names(make_store(folder / "few", {language: own[:9] for language, own in labels.items()})).find("compiled")
    store = make_store(folder / "all", labels)
    begin = time.process_time()
    names = load_names(store)
    figure("names indexed", round(time.process_time() - begin, 2), "CPU s", names=len(names.marks), threads=1)
    for language, own in labels.items():
        look_up(names, language, own, draw, count)


def look_up(names: Names, language: str, own: list[str], draw: random.Random, count: int) -> None:
    long = [entry for entry, label in enumerate(own) if len(label) > 6]  # one letter less is long enough for two edits
    spent = []
    for entry in draw.choices(long, k=count):
        text = slipped(draw, own[entry])
        begin = time.perf_counter()
        matches = names.find(text)
        spent.append(time.perf_counter() - begin)
        if entry not in matches.entries:
            raise SystemExit(f"{language}: {own[entry]!r} is not found by {text!r}: no figure")
    milliseconds = round(1000 * statistics.median(spent), 3)
    figure("look-up of a name with a slip", milliseconds, "ms", language=language, names=len(names.marks), threads=1)


if __name__ == "__main__":
    main()
