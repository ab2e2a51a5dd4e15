"""Graphs as published: splits in an archive or in BetaE's form, and texts from the files that go with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from kgr.data.archives import extracted, member_blocks
from kgr.data.build import Material
from kgr.data.json_rows import read_rows, texts_in
from kgr.data.lines import Numbering, read_text
from kgr.data.manifest import Manifest
from kgr.data.splits import SPLITS
from kgr.data.tables import Column, KeyTable
from kgr.data.triples import parse_triples


def read_fb15k237(manifest: Manifest, paths: Mapping[str, Path]) -> Material:
    """Read FB15k-237: names as published with it; descriptions and aliases from Wikidata where they are at hand."""
    return _material(manifest, paths, fb15k237_texts(paths))


def read_wn18rr(manifest: Manifest, paths: Mapping[str, Path]) -> Material:
    """Read WN18RR: the first word of each synset is its label, the definition its gloss."""
    return _material(manifest, paths, wn18rr_texts(paths))


def read_fb15k237_betae(manifest: Manifest, paths: Mapping[str, Path]) -> Material:
    """Read BetaE's FB15k-237 with Query2Box's queries; texts as :func:`read_fb15k237` has them."""
    return _with_texts(_betae(manifest, paths, "query2box"), manifest, paths, fb15k237_texts(paths))


def read_wn18rr_qa(manifest: Manifest, paths: Mapping[str, Path]) -> Material:
    """Read WN18RR-QA with its queries; texts as :func:`read_wn18rr` has them."""
    return _with_texts(_betae(manifest, paths, "betae"), manifest, paths, wn18rr_texts(paths))


def read_betae_archive(manifest: Manifest, paths: Mapping[str, Path]) -> Material:
    """Read a graph in BetaE's form with its queries from an archive that holds it among others; it has no texts."""
    archive, members = paths["archive"], manifest.files["archive"].members
    with extracted(archive, members) as found:
        return _betae(manifest, found, "betae", {split: f"{archive}/{members[split]}" for split in SPLITS})


def _betae(
    manifest: Manifest, paths: Mapping[str, Path], queries: str, places: Mapping[str, str] | None = None
) -> Material:
    """Read BetaE's form; files that stand in for others, ``train_plain`` for ``train``, are taken as these."""
    from kgr.data.betae import read_betae  # executes queries: loads the compiler, which other sets do without

    found = {name.removesuffix("_plain"): path for name, path in paths.items()}
    return read_betae(found, queries=queries, title=manifest.title, places=places)


def fb15k237_texts(paths: Mapping[str, Path]) -> dict[tuple[str, str], Column]:
    """Return the texts of FB15k-237's entities by language and field."""
    names: Column = {key: (text.replace("_", " "),) for key, text in _pairs(paths["names"])}
    texts = {("en", "label"): names}
    wikidata = paths.get("wikidata") or paths.get("wikidata_plain")
    if wikidata:
        described, aliases = (texts.setdefault(("en", field), {}) for field in ("description", "alias"))
        for key, row in read_rows(wikidata).items():
            of = partial(texts_in, row, place=f"{wikidata}: {key!r:.80}")
            if description := of("description"):
                described[key] = description
            known = ("", *names.get(key, ()))
            if others := [name for name in dict.fromkeys((*of("label"), *of("alternatives"))) if name not in known]:
                aliases[key] = tuple(others)
    return texts


def read_splits(manifest: Manifest, paths: Mapping[str, Path]) -> Material:
    """Read a graph that is an archive of splits and nothing else."""
    return read_archive(paths["triples"], manifest.files["triples"].members)


def wn18rr_texts(paths: Mapping[str, Path]) -> dict[tuple[str, str], Column]:
    """Return the texts of WN18RR's entities by language and field."""
    texts: dict[tuple[str, str], Column] = {}
    source = paths.get("texts") or paths.get("texts_plain")
    if source:
        parts = {key: text.partition(", ") for key, text in _pairs(source)}
        texts["en", "label"] = {key: (word,) for key, (word, _, _) in parts.items()}
        texts["en", "gloss"] = {key: (gloss,) for key, (_, _, gloss) in parts.items() if gloss}
    return texts


def _material(manifest: Manifest, paths: Mapping[str, Path], texts: Mapping[tuple[str, str], Column]) -> Material:
    material = read_archive(paths["triples"], manifest.files["triples"].members)
    return _with_texts(material, manifest, paths, texts)


def _with_texts(
    material: Material, manifest: Manifest, paths: Mapping[str, Path], texts: Mapping[tuple[str, str], Column]
) -> Material:
    relations: Column = {key: (text,) for key, text in _pairs(paths["relations"])}
    return replace(
        material,
        entity_table=KeyTable(manifest.title, texts),
        relation_table=KeyTable(manifest.title, {("en", "label"): relations}),
    )


def read_archive(archive: Path, members: Mapping[str, str]) -> Material:
    """Read splits from the named members of a tar archive; nothing is written to disk.

    Raises
    ------
    DataError
        A member is missing or is no plain file, the archive is damaged, or a line is malformed.
    """
    entities, relations, none = Numbering(), Numbering(), KeyTable("")
    splits = {}
    for split, member in members.items():
        splits[split] = parse_triples(member_blocks(archive, member), f"{archive}/{member}", entities, relations)
    places = {split: f"{archive}/{member}" for split, member in members.items()}
    return Material(entities, relations, splits, places, none, none, none)


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    """Yield key and text of each line."""
    for line in read_text(path).split("\n"):
        if line:
            key, _, text = line.partition("\t")
            yield key, text
