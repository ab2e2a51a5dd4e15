"""Sememes of new words, and as anchors of a logical query: on a made-up set of the form of BabelSememe."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import kgr
from kgr.data.babelsememe import build_babelsememe
from kgr.graph.graph import load_graph
from kgr.query.answers import answers
from kgr.query.keyed import read_arguments
from kgr.query.words import parse

KINDS = {"dog": "beast|兽", "oak": "tree|树", "truck": "vehicle|交通工具"}
GLOSSES = {"dog": "fur and paws, kept by people", "oak": "leaves and bark, grows", "truck": "wheels, carries loads"}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = made_up(Path(folder))
        run = kgr.train_sememes(store, method="neighbours", wordnet=False, relations=False, out=f"{folder}/run")
        print(f"MAP of test: {run.metrics['test']['map']:.2f}")

        found = run.predict(lemmas=["sledge dog"], gloss="has fur and paws, pulls people over snow", k=2)
        for sememe in found.results:
            print(f"{sememe.key:20} {sememe.probability:.2f}", *(f"{reason.label};" for reason in sememe.why[:2]))

        # predictions become triples of the store: which synsets are both big and beasts, as annotated or predicted?
        grown = run.add_to_store("predicted")
        word = parse("2i")
        asked = read_arguments(grown, word, ["big|大", "^synset:have_sememe", "beast|兽", "^synset:have_sememe"])
        for splits in (["train"], ["train", "predicted"]):
            ids = answers(load_graph(grown, splits), word, asked)
            print(", ".join(splits), "->", *(grown.label("entries", int(id)) for id in ids))


def made_up(folder: Path) -> kgr.Store:
    """Build a store of 36 synsets, every second one of them big."""
    synsets = [(f"bn:{number:08d}n", word, number) for number, word in enumerate(list(KINDS) * 12)]
    entries = [*(key for key, _, _ in synsets), *KINDS.values(), "big|大"]
    lines: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    texts = []
    for key, word, number in synsets:
        split = "valid" if number >= 30 else "test" if number >= 24 else "train"
        sememes = [KINDS[word], "big|大"] if number % 2 else [KINDS[word]]
        lines[split] += [f"{number}\t{entries.index(sememe)}\t0" for sememe in sememes]
        size = "big" if number % 2 else "small"
        texts.append({"id": key, "lemmas": [f"{size} {word} {number}"], "gloss": f"{size}, {GLOSSES[word]}"})
    (folder / "entity2id.txt").write_text("".join(f"{key}\t{id}\n" for id, key in enumerate(entries)))
    (folder / "relation2id.txt").write_text("synset:have_sememe\t0\n")
    for split, own in lines.items():
        (folder / f"{split}2id.txt").write_text("\n".join(own))
    (folder / "texts.jsonl").write_text("\n".join(map(json.dumps, texts)))
    return kgr.add_synset_texts(build_babelsememe(folder, folder / "store"), folder / "texts.jsonl")


if __name__ == "__main__":
    main()
