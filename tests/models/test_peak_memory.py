"""With shared negatives nothing of size B x K x D is made, forward or backward, by any model."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from kgr.models import LINK_MODELS, MODELS, distance
from kgr.models.embed import embed, word_pair_scores, word_scores
from kgr.models.fields import FIELDS
from kgr.models.losses import softmax_loss
from kgr.models.model import Model, QueryModel
from kgr.query.words import parse

B, K, D = 36, 30, 32


class Largest(TorchDispatchMode):
    """The numbers of the largest tensor that torch makes; compiled loops write into tensors that torch made."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for one in tree_leaves(made):
            if isinstance(one, Tensor):
                self.numbers = max(self.numbers, one.untyped_storage().nbytes() // one.element_size())
        return made


def draw(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(sum(shape))).requires_grad_()


def largest_of_training(model: QueryModel) -> int:
    word = parse("3i")
    leaves = draw(B, 3, model.entity_width(D)), draw(B, 3, model.relation_width(D))
    rows = draw(B, model.entity_width(D)), draw(K, model.entity_width(D))
    with Largest() as largest:
        queries = embed(model, word, *leaves)
        scores = word_pair_scores(model, queries, rows[0]), word_scores(model, queries, rows[1])
        softmax_loss(*scores, torch.ones(B, K, dtype=torch.bool), torch.ones(B))[0].backward()
    assert all(leaf.grad is not None for leaf in (*leaves, *rows))
    return largest.numbers


@pytest.fixture(params=list(MODELS))
def model(request: pytest.FixtureRequest) -> QueryModel:
    return MODELS[request.param](D, **({"hidden": D} if "hidden" in FIELDS[request.param] else {}))


def test_no_query_model_makes_all_pairs_in_all_dimensions(model: QueryModel) -> None:
    assert 3 * B * D <= largest_of_training(model) < B * K * D / 2


def test_on_other_devices_neither(model: QueryModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distance, "_loop", lambda *_: None)
    monkeypatch.setattr(distance, "_CHUNK", 3 * B * D)
    assert largest_of_training(model) < B * K * D / 2


def test_the_plain_formula_does(model: QueryModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "candidates", lambda rows: rows)
    monkeypatch.setattr(model, "candidate_scores", lambda query, rows: model.pair_scores(query.unsqueeze(1), rows))
    assert largest_of_training(model) >= B * K * D / 2


@pytest.mark.parametrize("name", sorted(LINK_MODELS))
def test_no_link_model_does(name: str) -> None:
    model: Model = LINK_MODELS[name](D)
    query = draw(B, model.entity_width)
    with Largest() as largest:
        model.scores(query, draw(K, model.entity_width)).sum().backward()
    assert query.grad is not None
    assert largest.numbers < B * K * D / 2
