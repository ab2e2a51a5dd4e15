"""Words over embeddings: which rows go where, unions as branches, intersections over all branches at once."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kgr.errors import QueryError
from kgr.models import MODELS
from kgr.models.embed import embed, word_candidate_scores, word_pair_scores, word_scores
from kgr.models.fields import FIELDS
from kgr.models.model import QueryModel
from kgr.query.words import STRUCTURES, Word, parse

DIM, B = 6, 3


def inputs(model: QueryModel, word: Word) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    shapes = (
        (B, len(word.anchors), model.entity_width(DIM)),
        (B, len(word.relations), model.relation_width(DIM)),
    )
    anchors, relations = (torch.rand(shape, generator=generator, dtype=torch.float64) for shape in shapes)
    return anchors, relations


@pytest.fixture(params=list(MODELS))
def model(request: pytest.FixtureRequest) -> QueryModel:
    small = {"hidden": 8, "layers": 1, "init_range": 1.0}
    return MODELS[request.param](
        dim=DIM, **{name: small[name] for name in FIELDS[request.param] if name in small}
    ).double()


def by_hand(name: str, model: QueryModel, a: list[Tensor], r: list[Tensor]) -> list[Tensor]:
    """Embed one of the fourteen structures, written out."""
    p, n = model.project, model.negate

    def i(*parts: Tensor) -> Tensor:
        return model.intersect(torch.stack(parts))

    return {
        "1p": lambda: [p(a[0], r[0])],
        "2p": lambda: [p(p(a[0], r[0]), r[1])],
        "3p": lambda: [p(p(p(a[0], r[0]), r[1]), r[2])],
        "2i": lambda: [i(p(a[0], r[0]), p(a[1], r[1]))],
        "3i": lambda: [i(p(a[0], r[0]), p(a[1], r[1]), p(a[2], r[2]))],
        "pi": lambda: [i(p(p(a[0], r[0]), r[1]), p(a[1], r[2]))],
        "ip": lambda: [p(i(p(a[0], r[0]), p(a[1], r[1])), r[2])],
        "2in": lambda: [i(p(a[0], r[0]), n(p(a[1], r[1])))],
        "3in": lambda: [i(p(a[0], r[0]), p(a[1], r[1]), n(p(a[2], r[2])))],
        "inp": lambda: [p(i(p(a[0], r[0]), n(p(a[1], r[1]))), r[2])],
        "pin": lambda: [i(p(p(a[0], r[0]), r[1]), n(p(a[1], r[2])))],
        "pni": lambda: [i(n(p(p(a[0], r[0]), r[1])), p(a[1], r[2]))],
        "2u": lambda: [p(a[0], r[0]), p(a[1], r[1])],
        "up": lambda: [p(p(a[0], r[0]), r[2]), p(p(a[1], r[1]), r[2])],
    }[name]()


@pytest.mark.parametrize("name", list(STRUCTURES))
def test_each_structure_by_hand(model: QueryModel, name: str) -> None:
    word = parse(name)
    if word.negates and not model.negates:
        with pytest.raises(QueryError, match="negation"):
            embed(model, word, *inputs(model, word))
        return
    anchors, relations = inputs(model, word)
    expected = by_hand(name, model, [model.anchor(x) for x in anchors.unbind(1)], list(relations.unbind(1)))
    found = embed(model, word, anchors, relations)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_nested_intersections_are_one(model: QueryModel) -> None:
    left, right = parse("APAPIAPI"), parse("APAPAPII")
    anchors, relations = inputs(model, left)
    one, other = (embed(model, word, anchors, relations)[0] for word in (left, right))
    torch.testing.assert_close(one, other)
    turned = embed(model, left, anchors.flip(1), relations.flip(1))[0]
    torch.testing.assert_close(one, turned)


def test_a_union_within_an_intersection_distributes(model: QueryModel) -> None:
    word = parse("APAPUAPI")  # (a or b) and c
    anchors, relations = inputs(model, word)
    found = embed(model, word, anchors, relations)
    assert len(found) == 2
    for k, branch in enumerate(found):
        (expected,) = embed(model, parse("2i"), anchors[:, [k, 2]], relations[:, [k, 2]])
        torch.testing.assert_close(branch, expected)


def test_an_answer_scores_as_its_best_branch(model: QueryModel) -> None:
    word = parse("2u")
    queries = embed(model, word, *inputs(model, word))
    rows = torch.rand(B, model.entity_width(DIM), dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    scores = word_scores(model, queries, rows)
    torch.testing.assert_close(scores, torch.stack([model.scores(q, rows) for q in queries]).amax(0))
    torch.testing.assert_close(word_candidate_scores(model, queries, model.candidates(rows)), scores)
    torch.testing.assert_close(word_pair_scores(model, queries, rows), scores.diagonal())


def test_a_negation_that_the_model_cannot_do_is_named() -> None:
    model, word = MODELS["gqe"](dim=DIM).double(), parse("2in")
    with pytest.raises(QueryError, match=r"structure 2in has a negation, which GQE cannot do"):
        embed(model, word, *inputs(model, word))
