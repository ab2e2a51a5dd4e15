"""Measure how much synsets that are described in another language are like the same ones in English.

Of the test synsets that have lemmas in both languages: how many of the ten nearest train synsets by words and pieces
of lemmas are those that English lemmas find, and MAP of SPBS-SR's rule over both. Relations, glosses and WordNet are
hidden; with --vectors NAME … the vectors of each language, in their order, count alone.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

import numpy as np
from machine import figure

import kgr
from kgr.sememe.annotations import Annotations, annotations_of
from kgr.sememe.dense_view import DenseView, encoded_of
from kgr.sememe.descriptions import Descriptions, describe
from kgr.sememe.measure import average_precisions
from kgr.sememe.neighbours import PUBLISHED, NearestSynsets, fit_neighbours
from kgr.sememe.views import View, fit_views

NEAREST = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", help="a known name or a store's folder")
    parser.add_argument("--languages", nargs="+", default=["fr", "zh"])
    parser.add_argument("--vectors", nargs="+", help="of English, then of each language")
    arguments = parser.parse_args()
    store = kgr.open_store(arguments.store)
    annotations = annotations_of(store)
    languages = ["en", *arguments.languages]
    lemmas = {language: _lemmas_alone(describe(store, annotations, language=language)) for language in languages}
    scorers = {}
    for place, language in enumerate(languages):
        views: tuple[View, ...] = ()
        if arguments.vectors:
            views = (DenseView("vectors", encoded_of(store, annotations, arguments.vectors[place])),)
        scorers[language] = _scorer(lemmas[language], annotations, language, views)
    english = scorers.pop("en")
    for language, scorer in scorers.items():
        both = [row for row in annotations.rows("test") if lemmas["en"].lemmas[row] and lemmas[language].lemmas[row]]
        rows = np.array(both, np.int32)
        gold = annotations.of("test")[rows]
        found = {"en": lemmas["en"].take(rows), language: lemmas[language].take(rows)}
        own, its = (
            average_precisions(one.scores(found[key]), gold).mean()
            for key, one in ((language, scorer), ("en", english))
        )
        near, same = scorer.near(found[language]).rows[:, :NEAREST], english.near(found["en"]).rows[:, :NEAREST]
        overlap = np.mean([len(np.intersect1d(*pair)) / NEAREST for pair in zip(near, same, strict=True)])
        command = "python tests/benchmarks/languages_sememes.py " + " ".join(sys.argv[1:])
        more = {"map": float(own), "map_en": float(its), "synsets": len(rows), "command": command}
        figure(f"languages_sememes/{store.name}/{language}", float(overlap), f"overlap@{NEAREST}", **more)


def _lemmas_alone(descriptions: Descriptions) -> Descriptions:
    lemmas, count = descriptions.lemmas, len(descriptions)
    bare = descriptions.without_texts().without_edges()
    concepts = bare.concepts._replace(
        offsets=np.zeros(count + 1, np.int64), ids=bare.concepts.ids[:0], steps=bare.concepts.steps[:0]
    )
    return replace(bare, lemmas=lemmas, concepts=concepts)


def _scorer(
    descriptions: Descriptions, annotations: Annotations, language: str, views: tuple[View, ...]
) -> NearestSynsets:
    rows = annotations.rows("train")
    own = views or fit_views(descriptions, annotations, rows, language=language)
    rule = replace(PUBLISHED, weights={view.name: 1.0 for view in own if view.name in ("words", "pieces", "vectors")})
    return fit_neighbours(descriptions, annotations, rows, own, rule)


if __name__ == "__main__":
    main()
