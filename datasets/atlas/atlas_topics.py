"""Queries in other words than the descriptions have, and their judgements, derived from the facts of all splits."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from atlas_split import draw

Triple = tuple[str, str, str]
Edges = Mapping[tuple[str, str], set[str]]

RELEVANT, CLOSE = 2, 1
MOST = 60  # answers of a query
REJECTED = 20  # what is judged and not relevant, at most


@dataclass(frozen=True)
class Topic:
    """A query in words: its names are what it calls entities; ``grades`` are by key."""

    number: str
    text: str
    names: tuple[str, ...]
    wanted: tuple[str, ...]
    close: tuple[tuple[str, ...], ...]
    grades: Mapping[str, int]


def edges(triples: Iterable[Triple]) -> Edges:
    """The other ends by key and relation; ``^`` before a relation follows it backward."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for head, relation, tail in triples:
        found[head, relation].add(tail)
        found[tail, f"^{relation}"].add(head)
    return found


def answers(graph: Edges, keys: set[str], query: Sequence[str]) -> set[str]:
    """What a query finds: a postfix word (see kgr.query.words), then its anchors and relations in word order."""
    word, *arguments = query
    rest = iter(arguments)
    stack: list[set[str]] = []
    for letter in word:
        if letter == "A":
            stack.append({next(rest)})
        elif letter == "P":
            relation = next(rest)
            stack.append({tail for head in stack.pop() for tail in graph.get((head, relation), ())})
        elif letter == "N":
            stack.append(keys - stack.pop())
        else:
            last = stack.pop()
            stack.append(stack.pop() & last if letter == "I" else stack.pop() | last)
    return stack.pop()


def topics(rows: Iterable[Mapping[str, Any]], triples: Iterable[Triple], types: Mapping[str, str]) -> list[Topic]:
    """The topics of ``topics.toml``, graded: one for each line of ``about``, which fills what is in braces."""
    graph = edges(triples)
    found: list[Topic] = []
    for row in rows:
        for about in row["about"]:
            filled = {f"{{{place}}}": key for place, (key, _) in enumerate(about)}
            text = row["text"]
            for place, (_, name) in enumerate(about):
                text = text.replace(f"{{{place}}}", f"[{name}]")
            queries = [tuple(filled.get(part, part) for part in query) for query in (row["wanted"], *row["close"])]
            names = tuple(re.findall(r"\[(.*?)\]", text))
            grades = graded(queries[0], queries[1:], graph, types, text)
            plain = re.sub(r"[\[\]]", "", text)
            found.append(Topic(str(len(found) + 1), plain, names, queries[0], tuple(queries[1:]), grades))
    return found


def graded(
    wanted: Sequence[str], close: Sequence[Sequence[str]], graph: Edges, types: Mapping[str, str], text: str
) -> dict[str, int]:
    """2 for the answers, 1 for those of the looser queries, 0 for some of the same type beside what the query names."""
    keys = set(types)
    anchors = {part for part in wanted if part in keys}
    right = answers(graph, keys, wanted) - anchors
    if not 1 <= len(right) <= MOST:
        raise ValueError(f"{text!r} has {len(right)} answers, expected 1 to {MOST}")
    loose = set().union(*(answers(graph, keys, query) for query in close)) - right - anchors
    beside = {tail for (head, _), tails in graph.items() if head in anchors for tail in tails}
    kinds = {types[key] for key in right}
    others = sorted(key for key in beside - right - loose - anchors if types[key] in kinds)
    rejected = sorted(others, key=lambda key: draw("rejected", text, key))[:REJECTED]
    return {
        **dict.fromkeys(sorted(right), RELEVANT),
        **dict.fromkeys(sorted(loose), CLOSE),
        **dict.fromkeys(sorted(rejected), 0),
    }


def topic_files(found: Iterable[Topic]) -> dict[str, str]:
    """The queries as BEIR has them, with what they are made from, and the judgements as TREC has them."""
    queries, qrels = [], []
    for topic in found:
        made_from = {"names": topic.names, "wanted": topic.wanted, "close": topic.close}
        line = {"_id": topic.number, "text": topic.text, "metadata": made_from}
        queries.append(json.dumps(line, ensure_ascii=False) + "\n")
        qrels += [f"{topic.number} 0 {key} {grade}\n" for key, grade in topic.grades.items()]
    return {"queries.jsonl": "".join(queries), "qrels-test.txt": "".join(qrels)}
