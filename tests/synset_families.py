"""A small set of the form of BabelSememe, made up: families of synsets, alike in texts, relations and sememes."""

from __future__ import annotations

import json
from pathlib import Path

FAMILIES = {
    "cat": ("AnimalBeast|兽", "human kept fur paw", "animal"),
    "rose": ("FlowerGrass|花草", "red garden petal bloom", "plant"),
    "lorry": ("vehicle|交通工具", "road wheel engine carry", "machine"),
    "soup": ("edible|食物", "hot bowl spoon cook", "food"),
    "nurse": ("human|人", "hospital care sick work", "person"),
    "river": ("waters|水域", "water flow bank deep", "water"),
}
"""Word, own sememe, words of glosses, and the synset above all of a family."""

MORE = ("entity|实体", "part|部件", "able|能", "rare|稀")

RELATIONS = ("synset:have_sememe", "synset:hypernym", "synset:related", "sememe:hypernym")

PER_FAMILY = 10


def write_set(folder: Path) -> Path:
    """Write the files of a set: 66 synsets in 6 families, 10 sememes, splits by place in the family."""
    folder.mkdir(parents=True, exist_ok=True)
    synsets, texts, sememes = [], [], [own for own, _, _ in FAMILIES.values()] + list(MORE)
    triples: dict[str, list[tuple[str, str, str]]] = {"train": [], "valid": [], "test": []}
    for family, (word, (own, words, top)) in enumerate(FAMILIES.items()):
        above = _key(family, 0)
        for place in range(PER_FAMILY + 1):
            key = _key(family, place)
            synsets.append(key)
            lemma = top if place == 0 else f"{word}{place}"
            gloss = f"a {top} {' '.join(words.split()[place % 3 : place % 3 + 2])} of kind {place}"
            texts.append({"bn": key, "lemmas": [lemma, f"{word} thing"], "gloss": gloss, "zh": [f"{own[-1]}{place}"]})
            if place:
                triples["train"].append((key, above, RELATIONS[1]))
            split = {9: "valid", 10: "test"}.get(place, "train")
            gold = [own, MORE[0]] if place % 2 else [own]
            gold += [MORE[3]] if (family, place) == (0, 10) else []
            triples[split] += [(key, sememe, RELATIONS[0]) for sememe in gold]
        triples["train"].append((_key(family, 1), _key(family, 10), RELATIONS[2]))
    triples["train"].append((sememes[0], MORE[0], RELATIONS[3]))
    _write(folder, synsets + sememes, triples)
    (folder / "texts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in texts), encoding="utf-8")
    return folder


def _key(family: int, place: int) -> str:
    return f"bn:{family * 100 + place:08d}{'v' if family == 3 else 'n'}"


def _write(folder: Path, entries: list[str], triples: dict[str, list[tuple[str, str, str]]]) -> None:
    for name, keys in (("entity2id", entries), ("relation2id", list(RELATIONS))):
        lines = "".join(f"{key}\t{id}\n" for id, key in enumerate(keys))
        (folder / f"{name}.txt").write_text(lines, encoding="utf-8")
    ids = {key: id for id, key in enumerate(entries)}
    for split, some in triples.items():
        lines = [f"{ids[head]}\t{ids[tail]}\t{RELATIONS.index(relation)}" for head, tail, relation in some]
        (folder / f"{split}2id.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
