from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import oracle
import pytest
import torch

from kgr._config import make
from kgr.completion.config import CompletionConfig
from kgr.completion.task import CompletionTask, initial
from kgr.data.build import build_store
from kgr.engine.ring import Slot
from kgr.errors import ConfigError
from kgr.index.store import Store
from kgr.models import LINK_MODELS

CPU = torch.device("cpu")
DIM = 200  # has a two-dimensional shape for ConvE
LOSSES = [("1vsall", "softmax"), ("1vsall", "bce"), ("kvsall", "softmax"), ("kvsall", "bce")]
LOSSES += [("negatives", loss) for loss in ("softmax", "bce", "margin")]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("store")
    triples = oracle.random_triples(np.random.default_rng(1), 25, 3, 120)
    lines = "".join(f"e{h}\tr{r}\te{t}\n" for h, r, t in triples.tolist())
    (folder / "train.tsv").write_text(lines, encoding="utf-8")
    return build_store(folder / "store", train=folder / "train.tsv")


def task(store: Store, **settings: Any) -> CompletionTask:
    settings = {"dim": DIM, "batch": 24, "steps": 9, "device": "cpu", "regularizer": "none", **settings}
    if settings.get("training") == "negatives":
        settings = {"negatives": 6, **settings}
    return CompletionTask(store, make(CompletionConfig, settings), CPU)


def filled(own: CompletionTask, step: int = 1) -> Slot:
    slot = Slot(own.layout(), CPU)
    slot.fill(own.fill, step)
    return slot


def widen(own: CompletionTask) -> None:
    """Rows far from 0, so that scores differ."""
    for table in own.tables.values():
        table.weight.normal_(0, 0.3, generator=torch.Generator().manual_seed(3))


def mean(terms: Any) -> float:
    return float(np.mean(list(terms)))


def log1p_exp(x: Any) -> Any:
    return np.logaddexp(0, x)


def plain_loss(own: CompletionTask, slot: Slot) -> float:
    """The loss of a batch from the scores of all entities, row by row."""
    host, config = slot.host, own.config
    queries = host["counts"][4]
    entities, directed = host["heads"][:queries], host["directed"][host["places"][:queries]]
    scores = own.scorer().scores(entities, directed).astype(np.float64)
    if config.training == "negatives":
        return mean(
            _plain_row(config, row[target], row[negatives[marks]])
            for row, target, negatives, marks in zip(
                scores,
                host["targets"],
                np.broadcast_to(host["negatives"], host["is_negative"].shape),
                host["is_negative"],
                strict=True,
            )
        )
    graph = own.batches.graph
    losses = []
    rows, answers = host["label_rows"][: host["counts"][3]], host["labels"][: host["counts"][3]]
    if config.training == "1vsall":
        each = list(zip(rows, answers[:, None], strict=True))
    else:
        each = [(b, graph.tails(entities[b], directed[b])) for b in range(queries)]
    for b, right in each:
        row = scores[b]
        if config.loss == "softmax":
            losses.append(np.logaddexp.reduce(row) - row[right].mean())
        else:
            losses.append(log1p_exp(row).sum() - row[right].sum())
    return mean(losses)


def _plain_row(config: CompletionConfig, positive: float, negatives: np.ndarray) -> float:
    if config.loss == "softmax":
        return float(np.logaddexp.reduce([positive, *negatives]) - positive)
    if config.loss == "bce":
        return float(log1p_exp(-positive) + log1p_exp(negatives).sum())
    shares = np.exp(negatives - np.logaddexp.reduce(negatives)) if len(negatives) else negatives
    return float((log1p_exp(-positive) + (shares * log1p_exp(negatives)).sum()) / 2)


@pytest.mark.parametrize("model", LINK_MODELS)
@pytest.mark.parametrize(("training", "loss"), LOSSES)
def test_the_loss_is_the_plain_one_and_falls(store: Store, model: str, training: str, loss: str) -> None:
    own = task(store, model=model, training=training, loss=loss, reciprocal=model == "conve", lr=0.01)
    widen(own)
    slot = filled(own)
    own.module.eval()
    losses = [own.step(slot)]
    assert losses[0].item() == pytest.approx(plain_loss(own, slot), rel=2e-4)
    for _ in range(6):
        losses[-1].backward()
        for table in own.tables.values():
            table.step(0.001)
        losses.append(own.step(slot))
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("regularizer", ["none", "n3"])
def test_queries_weighted_by_answers_are_triples(store: Store, regularizer: str) -> None:
    losses = []
    for settings in ({"training": "1vsall"}, {"training": "kvsall", "weighting": "answers"}):
        rows = task(store, **settings).batches.rows
        own = task(store, regularizer=regularizer, batch=rows, **settings)
        widen(own)
        losses.append(own.step(filled(own)))
        losses[-1].backward()
    assert losses[0].item() == pytest.approx(losses[1].item(), rel=1e-5)


@pytest.mark.parametrize("few", [0, 1000])
def test_own_negatives_are_scored_one_by_one_or_among_all(
    store: Store, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kgr.completion.task._FEW", few)
    own = task(store, training="negatives", own_negatives=True, head_negatives=3)
    widen(own)
    slot = filled(own)
    assert slot.host["negatives"].shape == (24, 6)
    assert own.step(slot).item() == pytest.approx(plain_loss(own, slot), rel=1e-4)


def triples_of(own: CompletionTask, slot: Slot) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Heads, directed relations and tails of a batch."""
    host = slot.host
    heads, rows = host["heads"], host["directed"][host["places"]]
    if own.config.training == "negatives":
        return heads, rows, host["targets"]
    labelled = host["label_rows"][: host["counts"][3]]
    return heads[labelled], rows[labelled], host["labels"][: host["counts"][3]]


def plain_penalty(own: CompletionTask, slot: Slot) -> float:
    config = own.config
    entities, relations = (own.tables[name].weight.numpy().astype(float) for name in ("entities", "relations"))
    power = {"l1": 1, "l2": 2, "l3": 3, "n3": 3}[config.regularizer]
    for_entities, for_relations = config.penalty
    if config.regularizer == "n3":
        entities, relations = (np.hypot(*np.split(rows, 2, axis=1)) for rows in (entities, relations))
    sizes = [(np.abs(rows) ** power).sum(1) for rows in (entities, relations)]
    if not config.weighted:
        return float((for_entities * sizes[0].sum() + for_relations * sizes[1].sum()) / power)
    heads, rows, tails = triples_of(own, slot)
    rows = rows if config.reciprocal else rows >> 1
    ends, kinds = sizes[0][heads] + sizes[0][tails], sizes[1][rows]
    if config.regularizer == "n3":
        return mean(for_entities * ends + for_relations * kinds)
    return mean(for_entities * ends / 2 + for_relations * kinds) / power


@pytest.mark.parametrize(
    ("regularizer", "weighted"),
    [("l1", True), ("l2", True), ("l3", True), ("n3", True), ("l1", False), ("l2", False), ("l3", False)],
)
@pytest.mark.parametrize("training", ["1vsall", "kvsall", "negatives"])
@pytest.mark.parametrize("reciprocal", [False, True])
def test_penalties(store: Store, regularizer: str, training: str, reciprocal: bool, weighted: bool) -> None:
    settings: dict[str, Any] = {"training": training, "reciprocal": reciprocal}
    own = task(store, regularizer=regularizer, weighted=weighted, entity_weight=0.3, relation_weight=0.7, **settings)
    plain = task(store, **settings)
    for each in (own, plain):
        widen(each)
    slot = filled(own)
    found = own.step(slot).item() - plain.step(filled(plain)).item()
    assert found == pytest.approx(plain_penalty(own, slot), rel=1e-3)


@pytest.mark.parametrize("training", ["1vsall", "kvsall", "negatives"])
def test_dura_counts_the_query_too(store: Store, training: str) -> None:
    settings: dict[str, Any] = {"model": "distmult", "training": training}
    own, plain = task(store, regularizer="dura", entity_weight=0.3, **settings), task(store, **settings)
    for each in (own, plain):
        widen(each)
    slot = filled(own)
    entities, relations = (own.tables[name].weight.numpy().astype(float) for name in ("entities", "relations"))
    heads, rows, tails = triples_of(own, slot)
    vectors = [entities[heads], entities[tails], entities[heads] * relations[rows]]
    expected = mean(sum((vector**2).sum(1) for vector in vectors))
    found = own.step(slot).item() - plain.step(filled(plain)).item()
    assert found == pytest.approx(0.3 * expected, rel=1e-3)


@pytest.mark.parametrize("reciprocal", [False, True])
@pytest.mark.parametrize("model", ["distmult", "complex", "rescal", "transe"])
def test_relation_prediction(store: Store, model: str, reciprocal: bool) -> None:
    own = task(store, model=model, relation_prediction=0.5, reciprocal=reciprocal)
    plain = task(store, model=model, reciprocal=reciprocal)
    for each in (own, plain):
        widen(each)
    slot = filled(own)
    heads, right, tails = triples_of(own, slot)
    scorer = own.scorer()
    scores = np.stack(
        [scorer.scores(heads, np.full(24, directed))[np.arange(24), tails] for directed in range(scorer.directed)],
        axis=1,
    ).astype(float)
    expected = mean(np.logaddexp.reduce(scores, axis=1) - scores[np.arange(24), right])
    found = own.step(slot).item() - plain.step(filled(plain)).item()
    assert found == pytest.approx(0.5 * expected, rel=1e-3)


def test_dropout_and_smoothing_change_the_loss_while_training(store: Store) -> None:
    losses = set()
    for settings in ({}, {"entity_dropout": 0.5}, {"relation_dropout": 0.5}, {"label_smoothing": 0.2}):
        own = task(store, **settings)
        widen(own)
        own.module.train()
        losses.add(round(own.step(filled(own)).item(), 5))
    assert len(losses) == 4


@pytest.mark.parametrize(
    ("law", "spread"),
    [
        ("normal", 0.5),
        ("uniform", 0.5 / np.sqrt(3)),
        ("xavier-normal", 0.5 * np.sqrt(2 / 600)),
        ("xavier-uniform", 0.5 * np.sqrt(2 / 600)),
    ],
)
def test_initial_rows(law: str, spread: float) -> None:
    block = torch.empty(400, 200)
    initial(law, 0.5, 400, 200)(block, torch.Generator().manual_seed(1))
    assert float(block.std()) == pytest.approx(spread, rel=0.02)
    assert float(block.mean()) == pytest.approx(0, abs=spread / 50)
    reference = torch.empty(400, 200)
    if law.startswith("xavier"):
        {"xavier-normal": torch.nn.init.xavier_normal_, "xavier-uniform": torch.nn.init.xavier_uniform_}[law](
            reference, gain=0.5
        )
        assert float(block.std()) == pytest.approx(float(reference.std()), rel=0.02)
        assert float(block.abs().max()) == pytest.approx(float(reference.abs().max()), rel=0.3)


def test_init_settings_win_over_the_models(store: Store) -> None:
    own = task(store, init="normal", init_scale=2.0)
    assert float(own.tables["entities"].weight.std()) == pytest.approx(2, rel=0.1)
    own = task(store, init_scale=1.0)  # ComplEx's own law is normal
    assert float(own.tables["relations"].weight.std()) == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dim": 31}, "dim is 31, but complex needs an even number"),
        ({"model": "rotate", "dim": 31}, "dim is 31, but rotate needs an even number"),
        ({"model": "conve", "reciprocal": False}, "reciprocal is false, but model conve has no inverse form"),
        ({"model": "conve", "relation_prediction": 1.0}, "relation_prediction is not read by model conve, only by"),
    ],
)
def test_what_a_model_cannot_do(store: Store, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        task(store, **settings)


def test_rows_without_negatives_are_counted(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("a\tr\ta\na\tr\tb\nb\tr\ta\nb\tr\tb\n", encoding="utf-8")
    own = task(build_store(tmp_path / "store", train=tmp_path / "train.tsv"), training="negatives")
    own.step(filled(own))
    assert own.report() == {"rows_without_negatives": 24}


@pytest.mark.parametrize(
    "own",
    [
        {"label_smoothing": 0.1},
        {"relation_prediction": 0.5},
        {"relation_prediction": 0.5, "reciprocal": False},
        {"training": "kvsall", "label_smoothing": 0.1},
    ],
    ids=str,
)
def test_parts_learn_as_models_of_their_own(store: Store, own: dict[str, Any]) -> None:
    settings = {"model": "complex", "regularizer": "n3", **own}
    whole = task(store, dim=24, parts=3, **settings)
    widen(whole)
    losses = whole.step(filled(whole))
    losses.backward()
    alone = []
    for part in range(3):
        own = task(store, dim=8, **settings)
        for name, table in own.tables.items():
            table.weight[:] = of_part(whole.tables[name].weight, part)
        alone.append(own.step(filled(own)))
        alone[-1].backward()
        for name in own.tables:
            torch.testing.assert_close(of_part(gradient(whole, name), part), gradient(own, name), msg=name)
    torch.testing.assert_close(losses, sum(alone))


def of_part(rows: torch.Tensor, part: int) -> torch.Tensor:
    return rows.view(len(rows), 2, 3, -1)[:, :, part].reshape(len(rows), -1)


def gradient(own: CompletionTask, table: str) -> torch.Tensor:
    return own.tables[table]._gathered[1].grad
