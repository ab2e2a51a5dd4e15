"""Link predictors: scores by their published formulas, both sides of a triple, gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from kgr.errors import ConfigError
from kgr.models import LINK_MODELS
from kgr.models.conve import ConvE
from kgr.models.fields import LINK_FIELDS
from kgr.models.link import Groups, LinkModel, grouped_product, turned

DIM = 8
KINDS = {
    "transe": {},
    "transe-l1": {"norm": 1, "gamma": 3.0},
    "distmult": {},
    "complex": {},
    "rotate": {},
    "rescal": {},
    "tucker": {"relation_dim": 5},
    "conve": {"feature_dropout": 0.0, "projection_dropout": 0.0},
}
INVERTIBLE = [kind for kind in KINDS if not LINK_MODELS[kind.partition("-")[0]].needs_reciprocal]


def make(kind: str, **settings: object) -> LinkModel:
    name = kind.partition("-")[0]
    model = LINK_MODELS[name](**({"dim": DIM} | KINDS[kind] | settings))  # type: ignore[arg-type]
    return model.double().eval()


def rows(n: int, width: int, seed: int) -> Tensor:
    return torch.randn(n, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def tables(model: LinkModel) -> tuple[Tensor, Tensor]:
    return rows(7, model.entity_width, 1), rows(3, model.relation_width, 2)


def as_complex(x: Tensor) -> Tensor:
    return torch.complex(*x.chunk(2, dim=-1))


def plain(kind: str, model: LinkModel, h: Tensor, r: Tensor, t: Tensor) -> Tensor:
    """The score of one triple of rows [W], by the formula of the paper."""
    formulas: dict[str, Callable[[], Tensor]] = {
        "transe": lambda: 12 - (h + r - t).square().sum().sqrt(),
        "transe-l1": lambda: 3 - (h + r - t).abs().sum(),
        "distmult": lambda: (h * r * t).sum(),
        "complex": lambda: (as_complex(h) * as_complex(r) * as_complex(t).conj()).sum().real,
        "rotate": lambda: 12 - (as_complex(h) * torch.polar(torch.ones_like(r), r) - as_complex(t)).abs().sum(),
        "tucker": lambda: torch.einsum("i,k,j,kij", h, r, t, model.core.view(5, DIM, DIM)),  # type: ignore[arg-type]
        "conve": lambda: plain_conve(model, h, r) @ t[:DIM] + t[DIM],
        "rescal": lambda: h @ r.view(DIM, DIM) @ t,
    }
    return formulas[kind]()


def plain_conve(model: LinkModel, h: Tensor, r: Tensor, *, training: bool = False) -> Tensor:
    """The network of rows [W], or [B, W], by torch's own modules; ``training`` by the batch's moments."""
    assert isinstance(model, ConvE)
    maps = model.convolution
    image = torch.cat([h[..., :DIM].reshape(-1, 1, 2, 4), r.reshape(-1, 1, 2, 4)], dim=2)
    x = F.conv2d(image, maps.filters.view(32, 1, 3, 3))
    x = F.batch_norm(x, maps.mean.clone(), maps.variance.clone(), training=training).relu().flatten(1)
    x = F.batch_norm(model.projection(x), model.norm.running_mean, model.norm.running_var, training=training)
    return x.relu().view(*h.shape[:-1], DIM)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """On a busy machine threads of a small product wait for each other, a hundred times its length."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def test_scores_are_those_of_the_formula(kind: str) -> None:
    model = make(kind)
    entities, relations = tables(model)
    groups = Groups.of([2, 0, 3])
    query = model.query(entities[:5], model.operators(relations, None), groups)
    scores = model.scores(query, entities)
    expected = [
        [plain(kind, model, entities[b], relations[u], t) for t in entities] for b, u in enumerate(groups.places)
    ]
    torch.testing.assert_close(scores, torch.stack([torch.stack(row) for row in expected]))
    torch.testing.assert_close(model.pair_scores(query, entities[:5]), scores[:, :5].diagonal())


@pytest.mark.parametrize("kind", INVERTIBLE)
def test_both_sides_give_a_triple_one_score(kind: str) -> None:
    model = make(kind)
    entities, relations = tables(model)
    forward, backward = (model.operators(relations, torch.full((3,), side)) for side in (False, True))
    for u in range(3):
        groups = Groups.of([7 * (i == u) for i in range(3)])
        by_tail = model.scores(model.query(entities, forward, groups), entities)
        by_head = model.scores(model.query(entities, backward, groups), entities)
        torch.testing.assert_close(by_tail, by_head.t())


def test_relation_scores_are_those_of_each_relation(kind: str) -> None:
    model = make(kind)
    entities, relations = tables(model)
    inverse = None if model.needs_reciprocal else torch.tensor([False, True, False])
    operators = model.operators(relations, inverse)
    heads, tails = entities[:4], entities[3:]
    found = model.relation_scores(heads, tails, operators)
    assert found.shape == (4, 3)
    for u in range(3):
        query = model.query(heads, operators, Groups.of([4 * (i == u) for i in range(3)]))
        torch.testing.assert_close(found[:, u], model.pair_scores(query, tails))


def test_gradients_of_everything(kind: str) -> None:
    model = make(kind).train()
    entities, relations = tables(model)
    inverse = None if model.needs_reciprocal else torch.tensor([True, False, False])

    def outputs(entities: Tensor, relations: Tensor) -> tuple[Tensor, ...]:
        operators = model.operators(relations, inverse)
        query = model.query(entities[:4], operators, Groups.of([1, 2, 1]))
        return (
            model.scores(query, entities),
            model.pair_scores(query, entities[2:6]),
            model.relation_scores(entities[:2], entities[4:6], operators),
            model.moduli(entities),
        )

    def mixed(entities: Tensor, relations: Tensor) -> Tensor:
        # one number of all outputs, each entry with a weight of its own: a backward pass instead of one for each
        flat = torch.cat([output.flatten() for output in outputs(entities, relations)])
        return flat @ rows(len(flat), 1, 5).detach().flatten()

    assert torch.autograd.gradcheck(mixed, (entities, relations))
    outputs(entities, relations)[0].sum().backward()
    assert all(weights.grad is not None for weights in model.parameters())


def test_equal_rows_get_equal_scores(kind: str) -> None:
    model = make(kind).float()
    entities, relations = (x.detach().float() for x in tables(model))
    query = model.query(entities, model.operators(relations, None), Groups.of([3, 3, 1]))
    scores = model.scores(query, entities[:1].expand(9, -1))
    assert torch.equal(scores, scores[:, :1].expand(-1, 9))


def test_one_query_gives_equal_rows_equal_scores() -> None:
    entities = torch.randn(2035, 400, generator=torch.Generator().manual_seed(0))
    entities[[5, 1017, 2033, 2034]] = entities[5].clone()
    scores = LINK_MODELS["complex"](400).scores(entities[:1], entities)
    assert scores.shape == (1, 2035)
    assert scores[0, [5, 1017, 2033, 2034]].unique().numel() == 1


def test_the_same_seed_is_the_same_model_and_torch_draws_nothing(kind: str) -> None:
    before = torch.get_rng_state()
    one, same, other = make(kind), make(kind), make(kind, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    for mine, again, different in zip(one.parameters(), same.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, again)
        assert mine.unique().numel() == 1 or not torch.equal(mine, different)


def test_dropout_modules_have_their_rates(kind: str) -> None:
    model = make(kind, entity_dropout=0.25, relation_dropout=0.5)
    assert (model.entity_dropout.p, model.relation_dropout.p) == (0.25, 0.5)


def test_every_field_is_read() -> None:
    assert set(LINK_FIELDS) == set(LINK_MODELS)
    for name, kind in LINK_MODELS.items():
        kind(dim=DIM, **dict.fromkeys(LINK_FIELDS[name]))


def test_published_settings_are_the_defaults() -> None:
    assert LINK_MODELS["transe"](4).gamma == 12
    assert LINK_MODELS["transe"](4).norm == 2
    assert LINK_MODELS["rotate"](4).gamma == 12
    assert LINK_MODELS["rotate"](8, gamma=6.0).init == ("uniform", 2.0)
    assert LINK_MODELS["tucker"](4).relation_width == 4
    conve = ConvE(200)
    assert (conve.height, conve.entity_width, conve.projection.in_features) == (10, 201, 32 * 18 * 18)
    assert (conve.feature_dropout.p, conve.projection_dropout.p) == (0.2, 0.3)
    assert ConvE(288).height == 12


@pytest.mark.parametrize(("dim", "near"), [(100, "98 or 128"), (7, "8$"), (2, "8$"), (9, "8 or 18")])
def test_conve_names_dimensions_near_one_without_an_image(dim: int, near: str) -> None:
    with pytest.raises(ConfigError, match=rf"dim is {dim}, but conve needs twice a square.*use {near}"):
        ConvE(dim)


def test_conve_trains_by_the_moments_of_its_batch() -> None:
    model = make("conve").train()
    entities, relations = tables(model)
    found = model.query(entities, relations, Groups.of([3, 2, 2]))
    places = torch.tensor([0, 0, 0, 1, 1, 2, 2])
    torch.testing.assert_close(found[:, :DIM], plain_conve(model, entities, relations[places], training=True))
    assert found[:, DIM].tolist() == [1] * 7
    image = torch.cat([entities[:, :DIM], relations[places]], dim=1).view(7, 1, 4, 4)
    maps = F.conv2d(image, model.convolution.filters.view(32, 1, 3, 3))  # type: ignore[union-attr, operator]
    torch.testing.assert_close(model.convolution.mean, maps.mean((0, 2, 3)) / 10)
    torch.testing.assert_close(model.convolution.variance, 0.9 + maps.var((0, 2, 3)) / 10)


def test_conve_drops_whole_maps_and_scales_the_others() -> None:
    model = ConvE(DIM)
    images = torch.randn(16, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    plain = model.convolution(images, nn.Identity())
    found = model.convolution(images, nn.Dropout(0.5))
    kept = (found != 0).any(2)
    assert 0.3 < kept.double().mean() < 0.7
    torch.testing.assert_close(found[kept], 2 * plain[kept])


@pytest.mark.parametrize("name", ["complex", "rotate"])
def test_complex_rows_need_an_even_dimension(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"dim is 7, but {name} needs an even number.*use 8"):
        LINK_MODELS[name](dim=7)


def test_another_norm_is_refused() -> None:
    with pytest.raises(ConfigError, match="norm is 3, expected 1 or 2"):
        LINK_MODELS["transe"](dim=4, norm=3)


def test_moduli_of_complex_rows_pull_nothing_at_zero() -> None:
    entities = torch.tensor([[3.0, 0.0, -4.0, 0.0]], requires_grad=True)
    found = LINK_MODELS["complex"](dim=4).moduli(entities)
    torch.testing.assert_close(found, torch.tensor([[5.0, 0.0]]), atol=1e-12, rtol=1e-6)
    (gradient,) = torch.autograd.grad(found.sum(), entities)
    torch.testing.assert_close(gradient, torch.tensor([[0.6, 0.0, -0.8, 0.0]]))


def test_grouped_products_and_turned_matrices() -> None:
    own, matrices = rows(5, 3, 1), rows(4, 9, 2)
    groups = Groups.of([2, 0, 1, 2])
    assert groups.places.tolist() == [0, 0, 2, 3, 3]
    expected = torch.stack([own[b] @ matrices[u].view(3, 3) for b, u in enumerate(groups.places)])
    torch.testing.assert_close(grouped_product(own, matrices, groups), expected)
    assert torch.autograd.gradcheck(lambda x, m: grouped_product(x, m, groups), (own, matrices))
    inverse = torch.tensor([True, False, False, True])
    flipped = turned(matrices, inverse).view(4, 3, 3)
    for u in range(4):
        assert torch.equal(flipped[u], matrices[u].view(3, 3).t() if inverse[u] else matrices[u].view(3, 3))
    assert torch.autograd.gradcheck(lambda m: turned(m, inverse), (matrices,))


@pytest.mark.parametrize(("kind", "blocks"), [("distmult", 1), ("complex", 2)])
def test_parts_are_models_of_their_own(kind: str, blocks: int) -> None:
    model, lone = make(kind, parts=2), make(kind, dim=DIM // 2)
    entities, relations = tables(model)
    groups = Groups.of([4, 2, 1])
    query = model.query(entities, model.operators(relations, None), groups)
    scores = model.part_scores(query, entities)
    torch.testing.assert_close(sum(scores), model.scores(query, entities))
    for part, own in enumerate(scores):
        of = lambda rows: rows.view(len(rows), blocks, 2, -1)[:, :, part].reshape(len(rows), -1)  # noqa: B023, E731
        alone = lone.query(of(entities), lone.operators(of(relations), None), groups)
        torch.testing.assert_close(own, lone.scores(alone, of(entities)))


def test_vectors_that_cannot_be_parted() -> None:
    with pytest.raises(ConfigError, match="dim is 8, expected a multiple of 6 for 3 parts: use 6 or 12"):
        make("complex", parts=3)
