"""The query models: operators and scores by their published formulas."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys

import pytest
import torch
from torch import Tensor
from torch.distributions import Beta, kl_divergence

from kgr.errors import ConfigError, QueryError
from kgr.models import MODELS
from kgr.models.betae import BetaE
from kgr.models.complex import MultihopComplEx
from kgr.models.cone import ConE
from kgr.models.distmult import MultihopDistMult
from kgr.models.fields import FIELDS, NEGATING
from kgr.models.gqe import GQE
from kgr.models.model import ProductScores, QueryModel
from kgr.models.query2box import Query2Box
from kgr.models.rotate import MultihopRotatE

DIM = 6
SMALL: dict[str, dict[str, float]] = {name: {} for name in MODELS} | {
    "betae": {"hidden": 10, "layers": 1},
    "cone": {"hidden": 10, "layers": 1, "init_range": 1.0},
}


@pytest.fixture(params=list(MODELS))
def model(request: pytest.FixtureRequest) -> QueryModel:
    return MODELS[request.param](dim=DIM, **SMALL[request.param]).double()


def rows(n: int, width: int, seed: int) -> Tensor:
    return torch.randn(n, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def query(model: QueryModel, n: int, seed: int) -> Tensor:
    entities, relations = (rows(n, width(DIM), seed) for width in (model.entity_width, model.relation_width))
    return model.project(model.anchor(entities), relations)


def test_branches_may_stand_in_any_order(model: QueryModel) -> None:
    branches = [query(model, 4, seed) for seed in range(4)]
    expected = model.intersect(torch.stack(branches))
    assert expected.shape == branches[0].shape
    for order in itertools.permutations(range(4)):
        torch.testing.assert_close(model.intersect(torch.stack([branches[i] for i in order])), expected)


def test_pair_scores_are_the_diagonal(model: QueryModel) -> None:
    entities = rows(5, model.entity_width(DIM), 7)
    own = query(model, 5, 1)
    scores = model.scores(own, entities)
    assert scores.shape == (5, 5)
    torch.testing.assert_close(model.pair_scores(own, entities), scores.diagonal())
    torch.testing.assert_close(model.candidate_scores(own, model.candidates(entities)), scores)


def test_gradients_of_everything(model: QueryModel) -> None:
    generator_of = [rows(3, width(DIM), seed) for seed, width in ((1, model.entity_width), (2, model.relation_width))]
    entities = rows(4, model.entity_width(DIM), 3)

    def loss(anchor: Tensor, relation: Tensor, entities: Tensor) -> tuple[Tensor, Tensor]:
        one = model.project(model.anchor(anchor), relation)
        both = model.intersect(torch.stack([one, model.project(one, relation)]))
        return model.scores(both, entities), model.pair_scores(both, entities[:3])

    assert torch.autograd.gradcheck(loss, (*generator_of, entities))
    loss(*generator_of, entities)[0].sum().backward()
    assert all(weights.grad is not None for weights in model.parameters())


def test_equal_rows_get_equal_scores(model: QueryModel) -> None:
    own, model = query(model, 3, 1).detach().float(), model.float()
    scores = model.scores(own, rows(1, model.entity_width(DIM), 2).detach().float().expand(9, -1))
    assert torch.equal(scores, scores[:, :1].expand(-1, 9))


def test_an_anchor_scores_gamma_with_itself(model: QueryModel) -> None:
    if isinstance(model, ProductScores):
        return
    entities = rows(3, model.entity_width(DIM), 1)
    torch.testing.assert_close(
        model.scores(model.anchor(entities), entities).diagonal(), torch.full((3,), model.gamma, dtype=torch.float64)
    )


def test_the_same_seed_is_the_same_model_and_torch_draws_nothing(model: QueryModel) -> None:
    name = next(name for name, kind in MODELS.items() if type(model) is kind)
    before = torch.get_rng_state()
    again, other = (MODELS[name](dim=DIM, seed=seed, **SMALL[name]).double() for seed in (0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    for mine, same, different in zip(model.parameters(), again.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, same)
        assert mine.numel() == 1 or not torch.equal(mine, different)


def test_published_settings_are_the_defaults() -> None:
    for name, gamma in (("gqe", 24), ("query2box", 24), ("betae", 60), ("rotate", 12)):
        model = MODELS[name](dim=100, **dict.fromkeys(FIELDS[name]))
        assert model.gamma == gamma
        assert model.entity_range == (gamma + 2) / 100
        assert model.relation_range == (math.pi if name == "rotate" else model.entity_range)
        assert MODELS[name](dim=100, gamma=8.0).entity_range == 0.1
        assert MODELS[name](dim=100, init_range=0.5).entity_range == 0.5
    cone = ConE(800)
    assert (cone.gamma, cone.inside, cone.entity_range, cone.relation_range) == (30, 0.02, 0.04, 0.04)
    assert cone.factor.item() == pytest.approx(0.02)
    assert [layer.out_features for layer in cone.projection] == [1600, 1600, 1600]
    assert [layer.out_features for layer in BetaE(50).projection] == [1600, 1600, 100]
    assert [layer.out_features for layer in BetaE(50, hidden=7, layers=1).projection] == [7, 100]
    assert Query2Box(50).inside == 0.02
    assert Query2Box(50, inside=0.0).inside == 0.0
    assert set(FIELDS) == set(MODELS)


def test_gqe_adds_and_measures_l1() -> None:
    model = GQE(2, gamma=10.0)
    a, r, e = torch.tensor([[1.0, 2.0]]), torch.tensor([[0.5, -1.0]]), torch.tensor([[1.0, 1.0], [2.0, 0.0]])
    assert model.scores(model.project(model.anchor(a), r), e).tolist() == [[9.5, 8.5]]
    both = model.intersect(torch.stack([a, a]))
    torch.testing.assert_close(both, a)


def test_query2box_widens_and_never_shrinks_by_projection() -> None:
    model = Query2Box(1, gamma=10.0, inside=0.5)
    box = model.project(model.anchor(torch.tensor([[1.0]])), torch.tensor([[2.0, -0.5]]))
    assert box.tolist() == [[3.0, 0.5]]
    assert model.scores(box, torch.tensor([[3.0], [3.25], [4.5]])).tolist() == [[10.0, 9.875, 8.75]]


def test_query2box_intersects_to_the_smallest_offset_at_most() -> None:
    model = Query2Box(3)
    boxes = torch.rand(3, 4, 6, generator=torch.Generator().manual_seed(0))
    center, offset = model.intersect(boxes).chunk(2, dim=-1)
    assert (offset > 0).all()
    assert (offset < boxes[..., 3:].amin(0)).all()
    assert (center >= boxes[..., :3].amin(0) - 1e-6).all()
    assert (center <= boxes[..., :3].amax(0) + 1e-6).all()


def test_betae_scores_by_the_divergence_of_the_entity_from_the_query() -> None:
    model = BetaE(DIM, gamma=50.0, hidden=8).double()
    entities, own = rows(4, 2 * DIM, 1), query(model, 3, 2)
    alpha, beta = (entities + 1).clamp(min=0.05).chunk(2, dim=-1)
    expected = 50 - kl_divergence(Beta(alpha, beta), Beta(*own[:, None].chunk(2, dim=-1))).sum(-1)
    torch.testing.assert_close(model.scores(own, entities), expected)


def test_betae_parameters_are_positive_and_negation_is_its_own_inverse() -> None:
    model = BetaE(DIM, hidden=8).double()
    assert model.anchor(torch.full((1, 2 * DIM), -3.0)).unique().tolist() == [pytest.approx(0.05)]
    own = query(model, 3, 1)
    assert (own >= 0.05).all()
    torch.testing.assert_close(model.negate(own), 1 / own)
    torch.testing.assert_close(model.negate(model.negate(own)), own)


def test_complex_rows_need_an_even_dimension() -> None:
    for name in ("complex", "rotate"):
        with pytest.raises(ConfigError, match=f"dim is 5, but {name} needs an even number.*use 6"):
            MODELS[name](dim=5)


def as_complex(rows: Tensor) -> Tensor:
    return torch.complex(*rows.chunk(2, dim=-1))


def test_distmult_and_complex_multiply_along_a_path() -> None:
    head, one, other, tails = (rows(n, DIM, seed) for n, seed in ((3, 1), (3, 2), (3, 3), (4, 4)))
    distmult, complex_ = MultihopDistMult(DIM).double(), MultihopComplEx(DIM).double()
    found = distmult.scores(distmult.project(distmult.project(head, one), other), tails)
    torch.testing.assert_close(found, torch.einsum("bd,bd,bd,kd->bk", head, one, other, tails))
    found = complex_.scores(complex_.project(complex_.project(head, one), other), tails)
    a, r, s, t = map(as_complex, (head, one, other, tails))
    torch.testing.assert_close(found, torch.einsum("bd,bd,bd,kd->bk", a, r, s, t.conj()).real)


def test_rotate_turns_along_a_path() -> None:
    model = MultihopRotatE(DIM, gamma=5.0).double()
    head, tails, phases = rows(3, DIM, 1), rows(4, DIM, 2), rows(3, DIM // 2, 3)
    found = model.scores(model.project(model.project(head, phases), phases), tails)
    turned = as_complex(head) * torch.polar(torch.ones_like(phases), 2 * phases)
    torch.testing.assert_close(found, 5 - (turned[:, None] - as_complex(tails)).abs().sum(-1))


def test_points_intersect_within_their_branches() -> None:
    """A weighted mean, whose weights are a complex number's own where rows are complex."""
    for name in ("gqe", "distmult", "complex", "rotate"):
        model = MODELS[name](DIM).double()
        branches = torch.stack([rows(4, DIM, seed) for seed in range(3)])
        found = model.intersect(branches)
        if name in ("gqe", "distmult"):
            assert (found >= branches.amin(0)).all()
            assert (found <= branches.amax(0)).all()
        else:
            weights = model.attention(branches)
            torch.testing.assert_close(as_complex(found), (weights * as_complex(branches)).sum(0))


def test_cone_scores_by_the_published_distance() -> None:
    model = ConE(DIM, hidden=8, gamma=20.0, init_range=0.5, inside=0.1).double()
    entities, own = rows(4, DIM, 1), query(model, 3, 2)
    angle, (axis, aperture) = math.pi * torch.tanh(entities / 0.5), own[:, None].chunk(2, dim=-1)

    def between(one: Tensor, other: Tensor) -> Tensor:
        return ((one - other) / 2).sin().abs()

    outside = torch.minimum(between(angle, axis - aperture), between(angle, axis + aperture))
    outside = torch.where(between(angle, axis) < (aperture / 2).sin(), 0.0, outside)
    inside = torch.minimum(between(angle, axis), (aperture / 2).sin())
    expected = 20 - 22 / DIM / 2 * (outside + 0.1 * inside).sum(-1)
    torch.testing.assert_close(model.scores(own, entities), expected)


def test_cone_projects_sums_of_angles_into_cones() -> None:
    model = ConE(DIM, layers=1).double()
    entities, relations = rows(5, DIM, 1), rows(5, 2 * DIM, 2)
    added = torch.cat([torch.tanh(entities / 0.04), torch.zeros(5, DIM)], dim=1)
    inputs = math.pi * (torch.tanh(relations / 0.04) + added)
    first, last = model.projection
    assert first.out_features == 2 * DIM
    made = last(torch.relu(first(inputs)))
    expected = [math.pi * torch.tanh(made[:, :DIM]), math.pi / 2 * (torch.tanh(2 * made[:, DIM:]) + 1)]
    torch.testing.assert_close(model.project(model.anchor(entities), relations), torch.cat(expected, dim=1))


def test_cones_intersect_on_the_circle_and_to_the_smallest_aperture_at_most() -> None:
    model = ConE(DIM, hidden=8).double()
    cones = torch.stack([query(model, 4, seed) for seed in range(3)])
    axis, aperture = model.intersect(cones).chunk(2, dim=-1)
    assert (aperture > 0).all()
    assert (aperture < cones[..., DIM:].amin(0)).all()
    weights = model.attention(torch.cat([cones[..., :DIM] - cones[..., DIM:], cones[..., :DIM] + cones[..., DIM:]], -1))
    mean = (weights * torch.polar(torch.ones_like(weights), cones[..., :DIM])).sum(0)
    torch.testing.assert_close(axis, mean.angle())
    around = torch.tensor([[math.pi - 0.1, 0.5], [-math.pi + 0.1, 0.5]], dtype=torch.float64).view(2, 1, 2)
    assert ConE(1).double().intersect(around)[0, 0].abs() > math.pi - 0.11
    opposite = torch.tensor([[0.0, 0.5], [math.pi, 0.5]], dtype=torch.float64).view(2, 1, 2).requires_grad_()
    (pull,) = torch.autograd.grad(ConE(1).double().intersect(opposite).sum(), opposite)
    assert pull.isfinite().all()


def test_a_cone_and_its_complement_meet_at_their_borders() -> None:
    model = ConE(DIM, hidden=8).double()
    own = query(model, 3, 1)
    other = model.negate(own)
    assert (other[:, :DIM].abs() <= math.pi).all()
    torch.testing.assert_close(model.negate(other), own)
    for sign in (1, -1):
        gap = (own[:, :DIM] + sign * own[:, DIM:]) - (other[:, :DIM] - sign * other[:, DIM:])
        torch.testing.assert_close((gap / 2).sin(), torch.zeros_like(gap))


def test_the_others_say_that_they_cannot_negate() -> None:
    for name in set(MODELS) - set(NEGATING):
        assert not MODELS[name].negates
        with pytest.raises(QueryError, match="no negation: use a structure without N, or betae or cone"):
            MODELS[name](dim=2).negate(torch.zeros(1, 2))


def test_the_table_of_settings_loads_no_torch() -> None:
    code = "import sys, kgr.models.fields; assert not {'torch', 'numba'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
