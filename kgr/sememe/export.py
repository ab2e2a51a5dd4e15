"""Predictions taken out: rankings and predicted sememes as tables, as SKOS, and as triples of the store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from kgr import _io
from kgr.data.babelsememe import HAVE_SEMEME
from kgr.errors import ConfigError
from kgr.index.store import Section, Store, extend_store
from kgr.sememe.annotations import SPLITS
from kgr.sememe.lookup import named_sememe

if TYPE_CHECKING:
    from collections.abc import Callable

    from kgr.sememe.run import SememeRun

NOTICE = (
    "Made from BabelSememe: synsets and relations are BabelNet's, CC BY-NC-SA (non-commercial, share-alike), sememes "
    "are HowNet's, for research use. Name BabelNet and HowNet, and pass this notice on."
)

PROTOCOLS = {
    "clean": "learned from sememes of train alone",
    "published": "read sememes of valid and of other test synsets too: not to be compared with clean ones",
}
"""What is said of predictions by protocol."""

FORMS = (".tsv", ".jsonld")
"""Endings of files of predicted sememes."""

_BLOCK = 512
_CONTEXT = {
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dcterms": "http://purl.org/dc/terms/",
    "bn": "http://babelnet.org/rdf/s",
    "sememe": "urn:kgr:sememe:",
    "probability": "urn:kgr:probability",
}


class Row(NamedTuple):
    """A predicted sememe: row of the synset, column of the sememe, score, probability."""

    row: int
    column: int
    score: float
    probability: float


def write_rankings(run: SememeRun, path: Path, split: str | None = None) -> int:
    """Write the full ranking of each synset as lines ``synset``, ``sememe``, ``score`` with tabs between.

    Lines that begin with ``#`` come first: the notice, method and protocol. Without ``split`` of all synsets. Returns
    how many synsets were ranked; the file is there whole or not.
    """
    keys, count = run.scores.material.annotations.sememe_keys, 0

    def lines() -> Iterator[bytes]:
        nonlocal count
        yield _comments(run) + b"synset\tsememe\tscore\n"
        for synset, columns, scores in run.predict_all(split):
            count += 1
            pairs = zip(columns.tolist(), scores.tolist(), strict=True)
            yield "".join(f"{synset}\t{keys[column]}\t{score:.6g}\n" for column, score in pairs).encode()

    _io.replace_chunks(path, lines())
    return count


def predictions(run: SememeRun, split: str | None = None) -> Iterator[list[Row]]:
    """Yield the sememes that the threshold keeps of each synset, the best first.

    Without ``split`` of all synsets that are not annotated in train.
    """
    annotations = run.scores.material.annotations
    rows = (
        annotations.rows(split)
        if split
        else np.setdiff1d(np.arange(len(annotations.synsets)), annotations.rows("train"))
    )
    for first in range(0, len(rows), _BLOCK):
        part = rows[first : first + _BLOCK]
        scores = run.scores.rows(part)
        law = run.learned.law
        kept, chances = law.threshold.kept(scores), law.calibration.of(scores)
        for place, row in enumerate(part.tolist()):
            columns = np.flatnonzero(kept[place])
            columns = columns[np.argsort(-scores[place, columns], kind="stable")]
            own = (scores[place, columns], chances[place, columns])
            yield [Row(row, *each) for each in zip(columns.tolist(), *(values.tolist() for values in own), strict=True)]


def export(run: SememeRun, path: Path, split: str | None = None) -> int:
    """Write predicted sememes to a file, by its ending a table (``.tsv``) or JSON-LD in SKOS (``.jsonld``).

    Without ``split`` those of all synsets that are not annotated in train. Returns how many synsets there are. Either
    form has the notice that the data are for non-commercial use, and says by which method and protocol they were made.

    Raises
    ------
    ConfigError
        Another ending.
    """
    if path.suffix not in FORMS:
        raise ConfigError(f"{path}: ends in {path.suffix!r}, expected one of {', '.join(FORMS)}")
    found = list(predictions(run, split))
    _io.replace_chunks(path, _table(run, found) if path.suffix == ".tsv" else _skos(run, found))
    return len(found)


def _comments(run: SememeRun) -> bytes:
    return f"# {NOTICE}\n# {_made(run)}\n".encode()


def _made(run: SememeRun) -> str:
    return f"method {run.config.method}, protocol {run.config.protocol}: {PROTOCOLS[run.config.protocol]}"


def _table(run: SememeRun, found: list[list[Row]]) -> Iterator[bytes]:
    annotations = run.scores.material.annotations
    yield _comments(run) + b"synset\tlabel\tsememe\tscore\tprobability\n"
    for row, column, score, probability in (each for own in found for each in own):
        label = " ".join(run.store.label("entries", int(annotations.synsets[row]), run.config.language).split())
        fields = (annotations.keys[row], label, annotations.sememe_keys[column], f"{score:.6g}", f"{probability:.6f}")
        yield ("\t".join(fields) + "\n").encode()


def _skos(run: SememeRun, found: list[list[Row]]) -> Iterator[bytes]:
    """Write a graph of SKOS, a node a line: the scheme, sememes, synsets, and how probable each statement is."""
    head = {"@context": _CONTEXT}
    yield (json.dumps(head)[:-1] + ', "@graph": [\n').encode()
    said = {"dcterms:rights": NOTICE, "dcterms:provenance": _made(run)}
    yield _node({"@id": "urn:kgr:sememes", "@type": "skos:ConceptScheme", **said}, first=True)
    for column in sorted({each.column for own in found for each in own}):
        yield _node(_sememe_node(run, column))
    for own in found:
        yield _node(_synset_node(run, own))
    for each in (each for own in found for each in own):
        yield _node(_statement(run, each))
    yield b"\n]}\n"


def _node(node: dict[str, Any], *, first: bool = False) -> bytes:
    return (("" if first else ",\n") + json.dumps(node, ensure_ascii=False)).encode()


def _sememe_node(run: SememeRun, column: int) -> dict[str, Any]:
    named = named_sememe(run.store, run.scores.material.annotations, column)
    names = [{"@value": text, "@language": language} for language, text in named.names.items()]
    return {
        "@id": _sememe_id(named.key),
        "@type": "skos:Concept",
        "skos:inScheme": {"@id": "urn:kgr:sememes"},
        "skos:notation": named.key,
        "skos:prefLabel": names or named.key,
    }


def _synset_node(run: SememeRun, own: list[Row]) -> dict[str, Any]:
    material = run.scores.material
    row, language = own[0].row, run.config.language
    lemmas, gloss = material.descriptions.lemmas[row], material.descriptions.gloss[row]
    texts = {"skos:prefLabel": lemmas[:1], "skos:altLabel": lemmas[1:], "skos:definition": (gloss,) if gloss else ()}
    said = {name: [{"@value": text, "@language": language} for text in some] for name, some in texts.items() if some}
    related = [{"@id": _sememe_id(material.annotations.sememe_keys[each.column])} for each in own]
    return {"@id": _synset_id(material.annotations.keys[row]), "@type": "skos:Concept", **said, "skos:related": related}


def _statement(run: SememeRun, each: Row) -> dict[str, Any]:
    annotations = run.scores.material.annotations
    return {
        "@type": "rdf:Statement",
        "rdf:subject": {"@id": _synset_id(annotations.keys[each.row])},
        "rdf:predicate": {"@id": "skos:related"},
        "rdf:object": {"@id": _sememe_id(annotations.sememe_keys[each.column])},
        "probability": round(each.probability, 6),
    }


def _synset_id(key: str) -> str:
    """Return the address of a synset, as BabelNet's own RDF has it."""
    return f"{_CONTEXT['bn']}{quote(key.removeprefix('bn:'))}"


def _sememe_id(key: str) -> str:
    return f"{_CONTEXT['sememe']}{quote(key, safe='')}"


def add_to_store(run: SememeRun, name: str = "predicted", message: Callable[[str], None] | None = None) -> Store:
    """Write predicted sememes of the synsets that are not annotated in train into the store, as its next version.

    They become triples of a split of their own, synset, have_sememe, sememe; so a graph of train and that split answers
    logical queries whose anchors are sememes. Those of the same name are replaced. Runs that were trained on the store
    stay as they are.

    Raises
    ------
    ConfigError
        The name is that of a split of the data set, or cannot be one.
    """
    if name in SPLITS or not name.replace("-", "").replace("_", "").isalnum():
        raise ConfigError(f"{name!r}: expected another name than {', '.join(SPLITS)}, of letters, digits, - and _")
    opened = Store(run.store.path)
    annotations = run.scores.material.annotations
    pairs = np.array([(each.row, each.column) for own in predictions(run) for each in own], np.int64).reshape(-1, 2)
    relation = opened.relations.id(HAVE_SEMEME)
    triples: NDArray[np.int32] = np.stack(
        [annotations.synsets[pairs[:, 0]], np.full(len(pairs), relation), annotations.sememes[pairs[:, 1]]], axis=1
    ).astype(np.int32)
    order = np.lexsort((triples[:, 2], triples[:, 0]))
    source = {"run": str(run.path), "method": run.config.method, "protocol": run.config.protocol, "notice": NOTICE}
    section = f"triples/{name}"
    found = extend_store(
        opened, {section: Section({"ids": triples[order]})}, counts={name: len(triples)}, sources={section: source}
    )
    if message:
        message(f"{found.path}: {len(triples):,} triples of split {name}")
    return found
