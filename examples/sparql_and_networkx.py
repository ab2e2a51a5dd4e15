"""Ask the embedded data set in SPARQL, rank it by networkx, and write it for other tools."""

from __future__ import annotations

import tempfile
from pathlib import Path

import networkx

import kgr

# currencies by the number of territories that use them in a region, with German labels
USED = """
SELECT ?label (COUNT(?territory) AS ?territories) WHERE {
  ?territory relation:uses_currency ?currency ; relation:in_continent ?continent .
  ?continent rdfs:label "Africa"@en .
  ?currency rdfs:label ?label .
  FILTER (LANG(?label) = "de")
}
GROUP BY ?label ORDER BY DESC(?territories) ?label LIMIT 3
"""


def main() -> None:
    store = kgr.open_store("atlas")

    # for rdflib: keys that are IRIs stand for themselves, relations here are relation:borders …
    rdf = store.to_rdflib()
    print(f"{len(rdf):,} statements; currencies of Africa:")
    for label, territories in rdf.query(USED):
        print(f"  {label}: {territories}")

    # for networkx: nodes are keys, edges bear the relation's key
    graph = store.to_networkx(language="es")
    borders = networkx.Graph(ends for *ends, relation in graph.edges(keys=True) if relation == "borders")
    path = networkx.shortest_path(borders, "territory:PT", "territory:IN")
    print("From Portugal to India by land:", " – ".join(graph.nodes[key]["label"] for key in path))

    # for everything else: also ttl, tsv, jsonl, and packed
    with tempfile.TemporaryDirectory() as folder:
        for format in ("nt", "graphml"):
            written = kgr.export(store, Path(folder) / f"atlas.{format}", format)
            print(f"atlas.{format}: {sum(written.triples.values()):,} triples; {'; '.join(written.left_out)}")


if __name__ == "__main__":
    main()
