"""A store, and what it says of one entity or relation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kgr.show.table import clean, size, table

if TYPE_CHECKING:
    from kgr.data.describe import Edges, Entry, Named
    from kgr.index.store import Store


def overview(store: Store) -> str:
    """Return what a store is, where it comes from, its counts and its sections."""
    sources = store.manifest["sources"]
    facts = [
        ["name", store.name or "(none: made from files)"],
        *([what, str(sources[what])] for what in ("title", "licence", "source") if sources.get(what)),
        ["folder", f"{store.path}, version {store.version}"],
    ]
    counts = [[what.replace("_", " "), f"{count:,}"] for what, count in store.manifest["counts"].items()]
    rows = []
    for name, entry in store.manifest["sections"].items():
        arrays = entry["arrays"]
        shapes = (f"{array} {_shape(described['shape'])}" for array, described in arrays.items())
        rows.append([name, size(sum(described["bytes"] for described in arrays.values())), ", ".join(shapes)])
    # a query set has four arrays for each of its structures
    rows = [[name, total, _short(shapes)] for name, total, shapes in rows]
    return "\n\n".join(
        [table(["", ""], facts, "ll"), table(["", ""], counts, "lr"), table(["section", "size", "arrays"], rows, "lrl")]
    )


def literal_counts(literals: Mapping[str, Any], most: int = 20) -> str:
    """Return a table of the literals of RDF files by predicate, the most frequent first; empty where there are none."""
    counts = literals["by_predicate"]
    if not counts:
        return ""
    fields = literals.get("fields", {})
    rows = [[predicate, f"{count:,}", fields.get(predicate, "")] for predicate, count in list(counts.items())[:most]]
    rest = list(counts.values())[most:]
    rows += [[f"{len(rest):,} more predicates", f"{sum(rest):,}", ""]] if rest else []
    if literals["kept"]:
        return table(["literals kept as texts", "", "field"], rows, "lrl")
    return table(["literals left out", ""], [row[:2] for row in rows], "lr")


def _shape(shape: Sequence[int]) -> str:
    return "×".join(f"{length:,}" for length in shape)


def _short(text: str, most: int = 100) -> str:
    return text if len(text) <= most else text[: most - 2].rpartition(",")[0] + ", …"


def entry_in_words(entry: Entry) -> str:
    """Return what a store says of an entity or relation."""
    facts = [["key", entry.key], ["label", entry.label]]
    if entry.types:
        facts.append(["types", ", ".join(map(_named, entry.types))])
    facts += [[f"label.{language}", label] for language, label in entry.labels.items() if label != entry.label]
    facts += [
        [f"{field}.{language}", " | ".join(texts)]
        for field, by_language in entry.texts.items()
        for language, texts in by_language.items()
    ]
    if entry.counts:
        facts.append(["triples", ", ".join(f"{count:,} {split}" for split, count in entry.counts.items())])
    parts = [f"{entry.kind} {entry.id}", table(["", ""], facts, "ll")]
    if entry.edges:
        rows = [[_relation(edges), f"{edges.count:,}", _tails(edges)] for edges in entry.edges]
        parts.append(table(["edges", "count", "to"], rows, "lrl"))
    if entry.examples:
        rows = [[_named(head), _named(tail)] for head, tail in entry.examples]
        parts.append(table(["from", "to"], rows, "ll"))
    return "\n\n".join(parts)


def _named(named: Named) -> str:
    return clean(named.label if named.label == named.key else f"{named.label} ({named.key})")


def _relation(edges: Edges) -> str:
    label = "^" * edges.inverse + edges.relation.label
    return clean(label if label == edges.relation.key else f"{label} ({edges.relation.key})")


def _tails(edges: Edges) -> str:
    rest = edges.count - len(edges.tails)
    return ", ".join([*map(_named, edges.tails), *([f"… {rest:,} more"] if rest else [])])
