"""Which split a fact goes to, and false facts beside the held-out ones. Every draw is a keyed hash."""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

Triple = tuple[str, str, str]

KEY = b"atlas 1"
SHARE = 0.06  # of the pairs drawn for valid, and for test; the conditions below bring it to about a twentieth
KEPT_PAIRS = 2  # an entity keeps at least as many pairs in train
KEPT_FACTS = 10  # a relation keeps at least as many facts in train
CITY_RELATIONS = ("in_country", "in_zone")
RIVALS = 4  # a false fact is drawn from as many


def draw(*words: str) -> int:
    """64 bits that depend on the words only."""
    return int.from_bytes(hashlib.blake2b("\t".join(words).encode(), digest_size=8, key=KEY).digest(), "big")


def split(triples: Iterable[Triple]) -> dict[str, list[Triple]]:
    """train, valid and test. All facts between two entities go together, and train covers every entity and relation."""
    pairs: dict[tuple[str, ...], list[Triple]] = defaultdict(list)
    for triple in triples:
        pairs[tuple(sorted((triple[0], triple[2])))].append(triple)
    kept = Counter(entity for pair in pairs for entity in pair)
    facts = Counter(relation for group in pairs.values() for _, relation, _ in group)
    splits: dict[str, list[Triple]] = {"train": [], "valid": [], "test": []}
    for place, pair in sorted((draw("split", *pair), pair) for pair in pairs):
        relations = Counter(relation for _, relation, _ in pairs[pair])
        name = "test" if place < SHARE * 2**64 else "valid" if place < 2 * SHARE * 2**64 else "train"
        if min(kept[e] for e in pair) <= KEPT_PAIRS or any(facts[r] - n < KEPT_FACTS for r, n in relations.items()):
            name = "train"
        if name != "train":
            kept.subtract(pair)
            facts.subtract(relations)
        splits[name] += pairs[pair]
    return splits


def neighbours(triples: Iterable[Triple]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for head, _, tail in triples:
        found[head].add(tail)
        found[tail].add(head)
    return found


def negatives(splits: Mapping[str, list[Triple]]) -> dict[str, list[Triple]]:
    """One false fact for each of valid and test: in no split, well-typed, and none twice.

    Its tail is another tail of the relation in train. Where all of them are true (a territory in all three
    groups of states), its head is another of the head's type.
    """
    known = {triple for triples in splits.values() for triple in triples}
    beside = neighbours(splits["train"])
    alike: dict[str, set[str]] = defaultdict(set)
    tails: dict[str, set[str]] = defaultdict(set)
    for key in beside:
        alike[key.split(":")[0]].add(key)
    for _, relation, tail in splits["train"]:
        tails[relation].add(tail)
    found: dict[str, list[Triple]] = {"valid": [], "test": []}
    for name, triples in found.items():
        for head, relation, tail in splits[name]:
            other_tails = {t: (head, relation, t) for t in tails[relation] - {head}}
            other_heads = {h: (h, relation, tail) for h in alike[head.split(":")[0]] - {tail}}
            false = rival(head, tail, other_tails, beside, known) or rival(tail, head, other_heads, beside, known)
            if false is None:
                raise ValueError(f"nothing false is left to say with {relation}")
            triples.append(false)
            known.add(false)
    return found


def rival(
    fixed: str, true: str, facts: Mapping[str, Triple], beside: Mapping[str, set[str]], known: set[Triple]
) -> Triple | None:
    """A false one of ``facts`` (by the key put for ``true``), from those best linked to ``fixed`` and to ``true``.

    A link is a neighbour in common; a rare one counts for more (Adamic and Adar).
    """
    weight = {other: 1 / math.log(2 + len(beside[other])) for key in (fixed, true) for other in beside[key]}
    rivals = []
    for key, fact in facts.items():
        if fact not in known:
            links = [*sorted(beside[fixed] & beside[key]), *sorted(beside[true] & beside[key])]
            rivals.append((-sum(weight[other] for other in links), draw("rival", *fact), fact))
    best = sorted(rivals)[:RIVALS]
    return min(best, key=lambda rival: rival[1])[2] if best else None
