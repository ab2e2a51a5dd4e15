"""Fine-tuning: it learns, resumes exactly, tests what it has not seen, refuses what does not fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import text_models
import torch
import transformers
from judged_corpus import build_store, material, questions
from torch import Tensor

import kgr
from kgr.errors import ConfigError, DataError
from kgr.index.store import Store
from kgr.models.text_config import TextModelConfig
from kgr.models.text_pairs import PairScorer
from kgr.prop.examples import Examples, Lists
from kgr.prop.finetune import FinetuneRun
from kgr.prop.finetune_config import FinetuneConfig
from kgr.prop.finetune_task import LOSSES, FinetuneTask
from kgr.retrieval.passage_texts import PassageTexts

BASE = {"steps": 60, "batch": 4, "negatives": 3, "lr": 3e-3, "warmup": 5, "device": "cpu"}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return text_models.save_encoder(tmp_path_factory.mktemp("models") / "small")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return build_store(tmp_path_factory.mktemp("place"))


def tune(encoder: Path, store: Store, out: Path, **settings: Any) -> FinetuneRun:
    grades, run = material()
    given: dict[str, Any] = {"qrels": grades, "ranking": run, "topics": questions(), **BASE, **settings}
    return kgr.finetune_prop(encoder, store, out=out, **given)


@pytest.mark.parametrize("loss", ["pairwise", "listwise"])
def test_it_learns(encoder: Path, store: Store, tmp_path: Path, loss: str) -> None:
    told: list[str] = []
    run = tune(encoder, store, tmp_path / "run", train_queries=10, loss=loss, message=told.append)
    metrics = run.metrics["test"]
    assert metrics["queries"] == 10
    assert metrics["against"]["ndcg@10"]["other"] < 0.6 < 0.9 < metrics["ndcg@10"]
    assert told[0] == "10 queries to train on, 24.0 times each, 0 held out, 10 to test"
    assert "has no weights classifier.bias, classifier.weight: they are drawn" in told[1]
    assert len(told) == 2
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [10, 20, 30, 40, 50, 60, 60]


def test_the_run_and_its_model(encoder: Path, store: Store, tmp_path: Path, drawn: list[Any]) -> None:
    run = tune(encoder, store, tmp_path / "run", train_queries=10, steps=8)
    assert run.plot().read_bytes().startswith(b"\x89PNG")
    kinds = [[bar.get_height() for bar in kind] for kind in drawn[0].axes[-1].containers]
    names = [label.get_text() for label in drawn[0].axes[-1].get_xticklabels()]
    test = run.metrics["test"]
    assert kinds == [[test[name] for name in names], [test["against"][name]["other"] for name in names]]
    again = kgr.load_run(tmp_path / "run")
    assert isinstance(again, FinetuneRun)
    assert (again.metrics, again.config.model, again.config.steps) == (run.metrics, str(encoder), 8)
    grades, ranking = material()
    tested = list(run.ranking)
    assert len(tested) == 10
    rest = {query: ranking[query] for query in tested}
    reranked = kgr.rerank(
        kgr.retrieval.ranking.Ranking.build(rest), run.path, store=store, topics=questions(), device="cpu"
    )
    for query in tested:
        assert dict(reranked[query]) == pytest.approx(dict(run.ranking[query]), abs=1e-4)
    measured = again.evaluate({query: grades[query] for query in tested}, rest, topics=questions())
    assert measured["ndcg@10"] == pytest.approx(run.metrics["test"]["ndcg@10"])
    library = transformers.AutoModelForSequenceClassification.from_pretrained(run.path)
    tokens = transformers.AutoTokenizer.from_pretrained(run.path)("a b", "river", return_tensors="pt")
    with torch.no_grad():
        assert run.score([("a b", "river")]) == pytest.approx(library(**tokens).logits[0].numpy(), abs=1e-5)
    with pytest.raises(ConfigError, match="has no vectors of entities"):
        kgr.nearest(tmp_path / "run", "d1")


def test_an_interrupted_run_goes_on_exactly(encoder: Path, store: Store, tmp_path: Path) -> None:
    settings = {"train_queries": 10, "steps": 12, "eval_every": 4, "keep_best": True, "autocast": "bfloat16"}
    whole = tune(encoder, store, tmp_path / "whole", threads=3, **settings)

    def stop(progress: Any) -> None:
        if progress.step == 7:
            raise KeyboardInterrupt

    folder = tmp_path / "cut"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kgr.engine.loop.TICK", 0.0)
        with pytest.raises(KeyboardInterrupt):
            tune(encoder, store, folder, progress=stop, **settings)
    cut = tune(encoder, store, folder, **settings)
    weights = "model.safetensors"
    assert (whole.path / weights).read_bytes() == (folder / weights).read_bytes()
    assert cut.metrics == whole.metrics
    written = (folder / weights).stat().st_mtime_ns
    assert tune(encoder, store, folder, **settings).metrics == whole.metrics
    assert (folder / weights).stat().st_mtime_ns == written
    with pytest.raises(ConfigError, match="loss was 'listwise', now 'pairwise'"):
        tune(encoder, store, folder, loss="pairwise", **settings)
    grades, _ = material()
    with pytest.raises(kgr.FormatError, match="section 'judgements'"):
        tune(encoder, store, folder, qrels={**grades, "q0": {"d5": 1}}, **settings)


def test_early_stopping_looks_at_held_out_queries(encoder: Path, store: Store, tmp_path: Path) -> None:
    seen: list[Any] = []
    run = tune(
        encoder, store, tmp_path / "run", train_queries=10, steps=40, eval_every=2, early_stop=3, keep_best=True,
        lr=0.0, progress=lambda own: seen.append(own),
    )  # fmt: skip
    assert (seen[-1].ended, seen[-1].step, seen[-1].best) == ("early stop", 8, 2)
    assert [own.metrics["queries"] for own in seen if own.metrics] == [2, 2, 2, 2]
    assert run.metrics["test"]["queries"] == 10


def test_folds_rank_every_query_once(encoder: Path, store: Store, tmp_path: Path) -> None:
    grades, ranking = material()
    found = kgr.finetune_prop_folds(
        encoder, store, qrels=grades, ranking=ranking, topics=questions(), out=tmp_path, folds=2, **BASE
    )
    assert [run.path.name for run in found.runs] == ["fold-0", "fold-1"]
    assert sorted(found.ranking) == sorted(grades)
    for run in found.runs:
        for query in run.ranking:
            assert found.ranking[query] == run.ranking[query]
    assert found.metrics["queries"] == 20
    assert found.metrics["ndcg@10"] > 0.9
    assert found.evaluate(grades)["ndcg@10"] == found.metrics["ndcg@10"]
    assert (found.config.folds, found.config.fold, found.config.model) == (2, None, str(encoder))
    kept = kgr.read_ranking(tmp_path / "ranking.trec.gz", store)
    assert {query: kept[query] for query in kept} == {query: found.ranking[query] for query in found.ranking}
    for wishes, message in [({"folds": 1}, "folds is 1"), ({"fold": 1}, "fold is 1 beside all folds")]:
        with pytest.raises(ConfigError, match=message):
            kgr.finetune_prop_folds(encoder, store, qrels=grades, out=tmp_path, **wishes)  # type: ignore[arg-type]


def test_bm25_is_the_ranking_unless_there_is_one(encoder: Path, store: Store, tmp_path: Path) -> None:
    told: list[str] = []
    grades, _ = material()
    grades["q3"] = {"d60": 1, "nowhere": 1}  # no text, no entry
    run = tune(
        encoder, store, tmp_path / "run", ranking=None, qrels={**grades, "q99": {"d1": 1}}, train_queries=5, steps=1,
        warmup=0, message=told.append,
    )  # fmt: skip
    assert "1 judged queries are not among the queries given, of 21: left out" in told
    assert "2 relevant documents are no entries of the store or have no text: not trained on" in told
    assert "1 of 20 queries have no relevant document: not trained on" in told
    assert run.metrics["test"]["queries"] == 15


def test_losses() -> None:
    scores = torch.tensor([[1.0, 0.5, -2.0], [0.0, 3.0, 0.0]])
    pairs = np.log1p(np.exp([[-0.5, -3.0], [3.0, 0.0]])).mean()
    lists = -np.mean([1 - np.log(np.exp([1.0, 0.5, -2.0]).sum()), 0 - np.log(np.exp([0.0, 3.0, 0.0]).sum())])
    assert LOSSES["pairwise"](scores).item() == pytest.approx(pairs, rel=1e-5)
    assert LOSSES["listwise"](scores).item() == pytest.approx(lists, rel=1e-5)


def test_a_batch_is_what_the_tokenizer_makes_of_the_pairs(encoder: Path, store: Store) -> None:
    lists = Lists.build([np.array([1, 4], np.int32)])
    examples = Examples(["q"], ["a b c"], lists, Lists.build([np.arange(6, 30, dtype=np.int32)]))
    texts, config = PassageTexts.of(store), FinetuneConfig(batch=2, negatives=3, device="cpu")
    scorer = PairScorer(encoder, TextModelConfig(device="cpu", max_length=10), head_seed=0)
    task = FinetuneTask(scorer, examples, texts, config, lambda split: {})
    fields = {name: np.full(shape, 7, dtype) for name, (dtype, shape) in task.layout().items()}
    task.fill(fields, 3)
    documents = examples.draw(4, 2, 3, 0)[1]
    pairs = [("a b c", texts.passages_of(int(id))[0]) for id in documents.ravel()]
    expected = scorer.model.tokenizer(pairs, truncation=True, max_length=10, padding=True, return_tensors="np")
    longest = int(fields["length"].max())
    assert np.array_equal(fields["length"], expected["attention_mask"].sum(1))
    for name in ("input_ids", "token_type_ids"):
        assert np.array_equal(fields[name][:, :longest], expected[name])
    assert isinstance(task.module.classifier.weight, Tensor)


def test_a_head_is_drawn_by_the_seed(encoder: Path, tmp_path: Path) -> None:
    config = TextModelConfig(device="cpu")
    first, same, other = (PairScorer(encoder, config, head_seed=seed) for seed in (0, 0, 1))
    pairs = [("a", "b"), ("c", "d")]
    assert np.array_equal(first.scores(pairs), same.scores(pairs))
    assert not np.array_equal(first.scores(pairs), other.scores(pairs))
    assert first.model.weights == other.model.weights
    with pytest.raises(ConfigError, match=r"has no weights classifier\.bias, classifier\.weight"):
        PairScorer(encoder, config)
    trained = text_models.save_cross_encoder(tmp_path / "two", labels=2)
    assert PairScorer(trained, config, head_seed=0).model.drawn == ()
    three = text_models.save_cross_encoder(tmp_path / "three", labels=3)
    with pytest.raises(ConfigError, match="which has 3 labels"):
        PairScorer(three, config, head_seed=0)


@pytest.mark.parametrize(
    ("wishes", "error", "message"),
    [
        ({"loss": "hinge"}, ConfigError, "loss is 'hinge', expected one of pairwise, listwise"),
        ({"folds": 2}, ConfigError, "folds is 2, but not which is tested: give fold"),
        ({"early_stop": 1}, ConfigError, "need evaluations, but eval_every is 0"),
        ({"max_length": 64}, ConfigError, "max_length is 64, but .* reads at most 32 tokens"),
        ({"qrels": {"x": {"d1": 1}}}, DataError, "none of 1 judged queries is among the 20 queries given"),
        ({"train_queries": 21}, DataError, "20 judged queries can be trained on, expected at least 21"),
        ({"ranking": {"q1": {"other": 1.0}}}, DataError, "has no entries 'other'"),
    ],
)
def test_bad_wishes(
    encoder: Path, store: Store, tmp_path: Path, wishes: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        tune(encoder, store, tmp_path / "run", **wishes)
