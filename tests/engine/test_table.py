import pytest
import torch

from kgr.engine.optim import RowAdagrad, RowAdam, RowScalarAdagrad
from kgr.engine.table import INIT_ROWS, DeviceTable, normal, uniform

CPU = torch.device("cpu")


def make(rows=20, width=5, optimizer=None, key=1, init=None):
    init = init or uniform(0.5)
    return DeviceTable(rows, width, optimizer=optimizer or RowAdam(), device=CPU, init=init, key=key)


def pull(table, ids, target, lr=0.1):
    rows = table.gather(ids)
    target = target if ids is None else target[ids]
    ((rows - target) ** 3).abs().sum().backward()
    table.step(lr)


def dense(table, ids, target, optimizer, weight):
    optimizer.zero_grad()
    ((weight[ids] - target[ids]) ** 3).abs().sum().backward()
    optimizer.step()


@pytest.mark.parametrize(
    ("rows", "peer"),
    [
        (RowAdam(), lambda w: torch.optim.Adam([w], lr=0.1)),
        (RowAdagrad(), lambda w: torch.optim.Adagrad([w], lr=0.1)),
    ],
)
def test_equals_the_dense_optimiser_where_every_row_is_touched(rows, peer):
    table, target = make(optimizer=rows), torch.randn(20, 5, generator=torch.Generator().manual_seed(1))
    weight = table.weight.clone().requires_grad_()
    optimizer, ids = peer(weight), torch.arange(20)
    for _ in range(12):
        pull(table, ids, target)
        dense(table, ids, target, optimizer, weight)
    torch.testing.assert_close(table.weight, weight.detach(), rtol=1e-5, atol=1e-6)


def test_adam_equals_sparse_adam_on_the_rows_that_it_touches():
    table, generator = make(), torch.Generator().manual_seed(2)
    target = torch.randn(20, 5, generator=generator)
    peer = torch.nn.Embedding(20, 5, sparse=True, _weight=table.weight.clone())
    optimizer = torch.optim.SparseAdam(peer.parameters(), lr=0.1)
    for _ in range(25):
        ids = torch.randperm(20, generator=generator)[:6]
        pull(table, ids, target)
        optimizer.zero_grad()
        ((peer(ids) - target[ids]) ** 3).abs().sum().backward()
        optimizer.step()
    torch.testing.assert_close(table.weight, peer.weight.detach(), rtol=1e-4, atol=1e-5)


def test_adagrad_equals_the_dense_one_also_on_some_rows():
    table, generator = make(optimizer=RowAdagrad()), torch.Generator().manual_seed(3)
    target = torch.randn(20, 5, generator=generator)
    weight = table.weight.clone().requires_grad_()
    optimizer = torch.optim.Adagrad([weight], lr=0.1)
    for _ in range(25):
        ids = torch.randperm(20, generator=generator)[:6]
        pull(table, ids, target)
        dense(table, ids, target, optimizer, weight)
    torch.testing.assert_close(table.weight, weight.detach(), rtol=1e-5, atol=1e-6)


def test_row_scalar_adagrad_keeps_one_number_for_each_row():
    table, generator = make(optimizer=RowScalarAdagrad()), torch.Generator().manual_seed(3)
    target = torch.randn(20, 5, generator=generator)
    rows, sums = table.weight.double(), [0.0] * 20
    for _ in range(25):
        ids = torch.randperm(20, generator=generator)[:6]
        pull(table, ids, target)
        for row in ids.tolist():
            gap = rows[row] - target[row]
            gradient = 3 * gap.square() * gap.sign()
            sums[row] += float(gradient.square().mean())
            rows[row] -= 0.1 * gradient / (sums[row] ** 0.5 + 1e-10)
    torch.testing.assert_close(table.weight.double(), rows, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(table.moments["sum"].flatten(), torch.tensor(sums), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("optimizer", [RowAdam(), RowScalarAdagrad()])
def test_only_gathered_rows_and_moments_move(optimizer):
    table, ids = make(optimizer=optimizer), torch.tensor([3, 7])
    pull(table, torch.arange(20), torch.ones(20, 5))
    before = {name: tensor.clone() for name, tensor in {"weight": table.weight, **table.moments}.items()}
    pull(table, ids, torch.ones(20, 5))
    for name, tensor in {"weight": table.weight, **table.moments}.items():
        changed = (tensor != before[name]).any(1).nonzero().flatten()
        assert changed.tolist() == [3, 7], name
    assert table.steps == 2


@pytest.mark.parametrize("optimizer", [RowAdam(), RowAdagrad(), RowScalarAdagrad()])
def test_all_rows_are_gathered_in_place_and_move_as_when_named(optimizer):
    named, whole = make(optimizer=optimizer), make(optimizer=optimizer)
    target = torch.randn(20, 5, generator=torch.Generator().manual_seed(4))
    for ids in (None, torch.tensor([2, 9]), None, None):
        pull(named, torch.arange(20) if ids is None else ids, target)
        pull(whole, ids, target)
    assert torch.equal(named.weight, whole.weight) and named.steps == whole.steps == 4
    assert all(torch.equal(moment, whole.moments[name]) for name, moment in named.moments.items())
    rows = whole.gather(None)
    assert rows.is_leaf and rows.requires_grad and not whole.weight.requires_grad
    assert rows.data_ptr() == whole.weight.data_ptr()


def test_a_step_without_gradient_moves_nothing():
    table = make()
    before = table.weight.clone()
    table.step(0.1)
    table.gather(torch.tensor([1]))
    table.step(0.1)
    assert torch.equal(table.weight, before) and table.steps == 0


def test_two_gathers_in_one_step_are_refused_and_reading_is_not():
    table, ids = make(), torch.tensor([1, 2])
    with torch.no_grad():
        assert not table.gather(ids).requires_grad
    rows = table.gather(ids)
    assert rows.is_leaf and rows.requires_grad
    with torch.no_grad():
        table.gather(ids)
    with pytest.raises(RuntimeError, match="gathered twice"):
        table.gather(ids)


def test_initial_rows_depend_on_the_key_alone():
    rows = INIT_ROWS + 10
    a, b, other = make(rows, 2, key=5), make(rows, 2, RowAdagrad(), key=5), make(rows, 2, key=6)
    assert torch.equal(a.weight, b.weight)
    assert not torch.equal(a.weight, other.weight)
    assert torch.equal(a.weight[:INIT_ROWS], make(INIT_ROWS, 2, key=5).weight)
    assert a.weight.abs().max() <= 0.5 and a.weight.std() == pytest.approx(0.5 / 3**0.5, rel=0.02)
    assert not torch.equal(a.weight[:10], a.weight[INIT_ROWS:])
    assert set(a.moments) == {"mean", "square"} and not a.moments["mean"].any()


def test_normal_initial_rows():
    rows = make(INIT_ROWS + 10, 4, init=normal(0.2)).weight
    assert rows.std() == pytest.approx(0.2, rel=0.02) and rows.mean() == pytest.approx(0, abs=0.005)
    # the share within one standard deviation tells the normal distribution from others of the same variance
    assert (rows.abs() < 0.2).float().mean() == pytest.approx(0.6827, abs=0.01)
