"""Descriptions composed from the facts of train, and the tables of keys."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Triple = tuple[str, str, str]

NAMED = 6  # names in a sentence; the rest is counted


def listed(names: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c", "a, b, c, d, e, f and 3 more"."""
    if len(names) > NAMED + 1:
        names = [*names[:NAMED], f"{len(names) - NAMED} more"]
    return " and ".join([*([", ".join(names[:-1])] if names[:-1] else []), names[-1]])


def descriptions(
    train: Iterable[Triple], labels: Mapping[str, str], types: Mapping[str, str], schema: Any
) -> dict[str, str]:
    """An English text for each key of ``types``, from the facts given. Names come best linked first."""
    facts: dict[tuple[str, str], list[str]] = defaultdict(list)
    degree: Counter[str] = Counter()
    for head, relation, tail in train:
        facts[head, relation].append(tail)
        facts[tail, f"^{relation}"].append(head)
        degree.update((head, tail))
    texts = {}
    for key, type_ in types.items():
        rule = schema["types"][type_]
        sentences = [f"{labels[key]} {'are' if type_ == 'family' else 'is'} {rule['noun']}."]
        for relation, sentence in rule["sentences"]:
            if found := facts.get((key, relation)):
                ordered = sorted(found, key=lambda other: (-degree[other], labels[other], other))
                sentences.append(sentence.format(listed([labels[other] for other in ordered])))
        texts[key] = " ".join(sentences)
    return texts


def table(rows: Sequence[Mapping[str, str]], columns: Sequence[str]) -> str:
    """TSV with a header; raises ValueError for a value with a tab or a line break."""
    lines = ["\t".join(columns)]
    for row in rows:
        cells = [row.get(column, "") for column in columns]
        if any(sign in cell for cell in cells for sign in "\t\n\r"):
            raise ValueError(f"{row['key']}: a tab or a line break in {cells}")
        lines.append("\t".join(cells))
    return "\n".join(lines) + "\n"
