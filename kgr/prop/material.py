"""All that fine-tuning takes from a store, judgements and a ranking, made ready once for any number of runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kgr.data.topics import Topics
from kgr.index.keys import Keys
from kgr.index.manifest import checksum
from kgr.index.store import Store
from kgr.models.text_pairs import PairScorer
from kgr.prop.examples import Counts, Examples, Grades, examples_of, grades_of, some_queries
from kgr.prop.finetune_config import FinetuneConfig
from kgr.retrieval.evaluate import evaluate_ranking
from kgr.retrieval.judged import AnyQrels, as_qrels
from kgr.retrieval.passage_texts import PassageTexts
from kgr.retrieval.ranking import AnyRanking, Ranking, as_ranking, over_entries
from kgr.retrieval.rerank import rerank
from kgr.retrieval.retrieve import Queries, retrieve, topics_given

Message = Callable[[str], None]


@dataclass(frozen=True)
class Material:
    """Judged queries with their texts, the ranking of each, and the examples that they make.

    Attributes
    ----------
    topics : Topics
        Of the judged queries, as ``grades`` has them.
    ranking : Ranking
        Of these queries, over the store's entries.
    sections : dict
        Fingerprints of all of it.
    """

    store: Store
    texts: PassageTexts
    topics: Topics
    grades: Grades
    ranking: Ranking
    examples: Examples
    sections: dict[str, str]

    @classmethod
    def of(
        cls,
        store: Store,
        config: FinetuneConfig,
        message: Message,
        *,
        qrels: AnyQrels,
        ranking: AnyRanking | None = None,
        topics: Queries | None = None,
        name: str | None = None,
        language: str | None = None,
        fields: Sequence[str] | None = None,
    ) -> Material:
        """Make it; the arguments are those of :func:`kgr.prop.finetune.finetune_prop`."""
        judged, known = as_qrels(qrels, name), topics_given(store, topics)
        grades, without_text = grades_of(judged, known)
        keys = list(grades)
        own = Topics(Keys.build(keys, what="query"), [known.texts[i] for i in known.keys.find(keys).tolist()])
        if ranking is None:
            found = retrieve(store, own, method="bm25", message=message)
        else:
            found = some_queries(over_entries(as_ranking(ranking), store), own, keys)
        texts = PassageTexts.of(found.store or store, language, fields)
        examples, counts = examples_of(grades, own, found, texts, depth=config.depth, level=config.relevance_level)
        for line in _told(without_text, counts, len(keys)):
            message(line)
        sections = {
            **texts.described["sections"],
            "judgements": checksum(repr(grades).encode()),
            "queries": checksum(repr(list(own.texts)).encode()),
            "ranking": checksum(found.offsets.tobytes() + found.document.tobytes()),
        }
        return cls(texts.store, texts, own, grades, found, examples, sections)

    def measured(
        self, scorer: PairScorer, keys: Sequence[str], config: FinetuneConfig
    ) -> tuple[Ranking, dict[str, Any]]:
        """Order the ranking of some queries anew; return it and its metrics, those of the ranking ``against`` it."""
        base = some_queries(self.ranking, self.topics, keys)
        language, fields = self.texts.language, self.texts.fields
        again = rerank(base, scorer, store=self.store, language=language, fields=fields, depth=config.depth)
        judged = {key: self.grades[key] for key in keys}
        return again, evaluate_ranking(judged, again, against=base, relevance_level=config.relevance_level)


def _told(without_text: int, counts: Counts, queries: int) -> list[str]:
    """Say what is not trained on."""
    lines = {
        f"judged queries are not among the queries given, of {queries + without_text:,}: left out": without_text,
        "relevant documents are no entries of the store or have no text: not trained on": counts.unknown,
        f"of {queries:,} queries have no relevant document: not trained on": counts.without_positive,
        f"of {queries:,} queries have nothing else in the ranking: not trained on": counts.without_negative,
    }
    return [f"{count:,} {line}" for line, count in lines.items() if count]
