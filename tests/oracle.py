"""What is right, computed the slow and obvious way, with Python sets."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from hypothesis import strategies as st

from kgr.query.words import Node, Word

Edges = dict[tuple[int, int], set[int]]


def edges_of(triples: Iterable[Sequence[int]]) -> Edges:
    """Tails by (entity, directed relation), both directions."""
    edges: Edges = defaultdict(set)
    for head, relation, tail in triples:
        edges[head, 2 * relation].add(tail)
        edges[tail, 2 * relation + 1].add(head)
    return edges


def answers(edges: Edges, word: Word, arguments: Sequence[int]) -> set[int]:
    """Answers of a query, the word's letters read from left to right with a stack of sets."""
    stack: list[set[int]] = []
    negated: list[bool] = []
    rest = list(arguments)
    for letter in word.word:
        if letter == "A":
            stack.append({int(rest.pop(0))})
            negated.append(False)
        elif letter == "P":
            relation = int(rest.pop(0))
            stack.append(set().union(*(edges.get((x, relation), set()) for x in stack.pop())))
        elif letter == "N":
            negated[-1] = True
        else:
            right, left = stack.pop(), stack.pop()
            not_right, not_left = negated.pop(), negated.pop()
            if letter == "U":
                stack.append(left | right)
            else:
                stack.append(left - right if not_right else right - left if not_left else left & right)
            negated.append(False)
    return stack[0]


Link = tuple[int, int, int]


def derivations(edges: Edges, tree: Node, arguments: Sequence[int]) -> set[tuple[int, tuple[Link, ...]]]:
    """Every derivation of every member of a word's tree: the member and the links, one by one."""
    if tree.op == "A":
        return {(int(arguments[tree.slot]), ())}
    if tree.op == "U":
        return set().union(*(derivations(edges, part, arguments) for part in tree.parts))
    if tree.op == "P":
        relation = int(arguments[tree.slot])
        sources = derivations(edges, tree.parts[0], arguments)
        return {(y, (*links, (x, relation, y))) for x, links in sources for y in edges.get((x, relation), ())}
    lost = {x for part in tree.parts if part.op == "N" for x, _ in derivations(edges, part.parts[0], arguments)}
    positive = [derivations(edges, part, arguments) for part in tree.parts if part.op != "N"]
    return {
        (choice[0][0], tuple(itertools.chain.from_iterable(links for _, links in choice)))
        for choice in itertools.product(*positive)
        if len({x for x, _ in choice}) == 1 and choice[0][0] not in lost
    }


def random_triples(rng: np.random.Generator, entities: int, relations: int, count: int) -> np.ndarray:
    """Distinct triples: int32[E, 3]."""
    every = list(itertools.product(range(entities), range(relations), range(entities)))
    chosen = rng.choice(len(every), size=min(count, len(every)), replace=False)
    return np.array([every[i] for i in sorted(chosen)], np.int32).reshape(-1, 3)


def words() -> st.SearchStrategy[str]:
    """Words of the grammar S = AP | SP | SSI | SSNI | SNSI | SSU, of at most six projections and four anchors."""
    sets = st.recursive(
        st.just("AP"),
        lambda s: st.one_of(
            s.map("{}P".format),
            st.tuples(s, s).flatmap(lambda p: st.sampled_from([f"{p[0]}{p[1]}{op}" for op in ("I", "NI", "U")])),
            st.tuples(s, s).map(lambda p: f"{p[0]}N{p[1]}I"),
        ),
        max_leaves=4,
    )
    return sets.filter(lambda word: word.count("P") <= 6 and word.count("A") <= 4)


def hosting(edges: Edges, entities: int, word: Word, law: str) -> float:
    """The share of tries of a law that give a query with a positive."""
    pivots = dict.fromkeys(range(entities), 1 / entities)
    return sum(_weights(edges, entities, word, law, pivots, most=entities).values())


def groundings(
    edges: Edges, entities: int, word: Word, law: str, *, by_degree: bool = False
) -> dict[tuple[tuple[int, ...], int], float]:
    """The exact law of (arguments, positive), given that not every entity is an answer, by enumeration."""
    degree = {x: sum(len(tails) for (y, _), tails in edges.items() if x == y) for x in range(entities)}
    pivots = degree if by_degree else dict.fromkeys(range(entities), 1.0)
    weights = _weights(edges, entities, word, law, pivots, most=entities - 1)
    total = sum(weights.values())
    return {outcome: weight / total for outcome, weight in weights.items()}


def _weights(edges: Edges, entities: int, word: Word, law: str, pivots: Mapping[int, float], *, most: int):
    """Weights of (arguments, positive), of queries with at most so many answers."""
    weights: dict[tuple[tuple[int, ...], int], float] = defaultdict(float)
    for pivot, share in pivots.items():
        for arguments, weight in _draws(edges, entities, word.tree, pivot, None, law):
            query = tuple(arguments[slot] for slot in range(len(word.slots)))
            found = answers(edges, word, query)
            if len(found) > most:
                continue
            if law == "relation" and word.negates:
                for answer in found:
                    weights[query, answer] += share * weight / len(found)
            elif pivot in found:
                weights[query, pivot] += share * weight
    return weights


def _draws(edges, entities, tree: Node, at: int, after: int | None, law: str):
    """Every way to ground a tree at an entity: (arguments by slot, probability)."""
    for arguments, p, _ in _entered(edges, entities, tree, at, after, law):
        yield arguments, p


def _entered(edges, entities, tree: Node, at: int, after: int | None, law: str):
    """As ``_draws``, with the edges that lead into the entity: (source, relation)."""
    if tree.op == "P":
        source = tree.parts[0]
        incoming = {r ^ 1: tails for (x, r), tails in edges.items() if x == at and tails}
        if law == "edge":
            steps = [(r, x, 1.0) for r, xs in incoming.items() for x in xs]
            allowed = len(steps)
        else:
            steps = [(r, x, 1 / len(xs)) for r, xs in incoming.items() if after is None or r != after ^ 1 for x in xs]
            allowed = len({r for r, _, _ in steps})
        for relation, x, share in steps:
            if source.op == "A":
                yield {tree.slot: relation, source.slot: x}, share / allowed, [(x, relation)]
            else:
                follow = relation if source.op == "P" else None
                for rest, p in _draws(edges, entities, source, x, follow, law):
                    yield {tree.slot: relation, **rest}, p * share / allowed, [(x, relation)]
        return
    positive = [part for part in tree.parts if part.op != "N"]
    negated = [part.parts[0] for part in tree.parts if part.op == "N"]
    for choice in itertools.product(*(list(_entered(edges, entities, part, at, None, law)) for part in positive)):
        entries = choice[0][2] if tree.op == "U" else [entry for _, _, own in choice for entry in own]
        starts = _starts(edges, entities, at, entries, law)
        options = [
            [(d, p * share) for x, share in starts.items() for d, p in _draws(edges, entities, part, x, None, law)]
            for part in negated
        ]
        for others in itertools.product(*options):
            arguments: dict[int, int] = {}
            weight = 1.0
            for own, p in [(own, p) for own, p, _ in choice] + list(others):
                arguments.update(own)
                weight *= p
            if not _repeats(tree.parts, arguments):
                yield arguments, weight, entries


def _starts(edges, entities, at: int, entries, law: str) -> dict[int, float]:
    """Where a negated branch may start, with probabilities; the rest of them is drawn again."""
    if law == "relation":
        return {at: 1.0}
    if law == "edge":
        return dict.fromkeys(range(entities), 1 / entities)
    fragments = [edges[entry] for entry in entries]
    smallest = min(fragments, key=len)
    common = set.intersection(*fragments) - {at}
    return dict.fromkeys(common, 1 / (len(smallest) - 1)) if common else {}


def _repeats(parts: Sequence[Node], arguments: dict[int, int]) -> bool:
    seen = set()
    for part in parts:
        grounded = _grounded(part, arguments)
        if grounded in seen:
            return True
        seen.add(grounded)
    return False


def _grounded(tree: Node, arguments: dict[int, int]) -> tuple:
    return (tree.op, arguments.get(tree.slot), *(_grounded(part, arguments) for part in tree.parts))


Atoms = tuple[tuple[str, int, str], ...]


def body_pairs(triples: Sequence[Sequence[int]], atoms: Atoms) -> set[tuple[int, int]]:
    """Values of (a, b) for which a conjunction holds, by joining one atom after another."""
    found: list[dict[str, int]] = [{}]
    for x, relation, y in atoms:
        found = [
            {**values, x: head, y: tail}
            for values in found
            for head, own, tail in triples
            if own == relation
            and values.get(x, head) == head
            and values.get(y, tail) == tail
            and (x != y or head == tail)
        ]
    return {(values["a"], values["b"]) for values in found}


def rules(triples: Sequence[Sequence[int]], relations: int) -> dict[tuple[Atoms, int], tuple[int, int, int, str, int]]:
    """All path rules with a positive example: positive, body, PCA body, functional end, head's size."""
    edges = {(head, relation, tail) for head, relation, tail in triples}
    found = {}
    for names in ("ahb", "ahnb", "apab", "abpb"):
        for body in itertools.product(range(relations), repeat=len(names) - 1):
            atoms = tuple(zip(names, body, names[1:], strict=False))
            pairs = body_pairs(triples, atoms)
            for head in range(relations):
                positive = sum((a, head, b) in edges for a, b in pairs)
                if not positive or ("a", head, "b") in atoms:
                    continue
                heads, tails = ({edge[side] for edge in edges if edge[1] == head} for side in (0, 2))
                functional = "a" if len(heads) >= len(tails) else "b"
                pca = sum(a in heads if functional == "a" else b in tails for a, b in pairs)
                size = sum(relation == head for _, relation, _ in edges)
                found[atoms, head] = (positive, len(pairs), pca, functional, size)
    return found
