import pytest
import torch

from kgr.engine.optim import RowAdam
from kgr.engine.shares import Share
from kgr.engine.table import INIT_ROWS, DeviceTable, uniform


@pytest.mark.parametrize(("rows", "parts"), [(1, 1), (10, 1), (1, 3), (2, 3), (10, 3), (12, 4), (13, 5)])
def test_every_id_has_one_owner_and_its_place_there(rows, parts):
    shares = [Share(rows, part, parts) for part in range(parts)]
    own = [[id for id in range(rows) if id % parts == part] for part in range(parts)]
    assert [len(share) for share in shares] == [len(ids) for ids in own]
    for share, ids in zip(shares, own, strict=True):
        assert share.ids(0, len(share)).tolist() == ids
        assert share.ids(len(ids) // 2, len(share)).tolist() == ids[len(ids) // 2 :]
        assert share.places(torch.tensor(ids, dtype=torch.int64)).tolist() == list(range(len(ids)))
        assert [share.below(id) for id in range(rows + 1)] == [sum(i < id for i in ids) for id in range(rows + 1)]
        assert share.owners(torch.arange(rows)).tolist() == [id % parts for id in range(rows)]


def test_shares_that_meet_are_those_with_ids_in_common():
    for parts in range(1, 7):
        for others in range(1, 7):
            for a in (Share(60, part, parts) for part in range(parts)):
                for b in (Share(60, part, others) for part in range(others)):
                    common = {*a.ids(0, len(a)).tolist()} & {*b.ids(0, len(b)).tolist()}
                    assert a.meets(b) == bool(common)


def test_initial_rows_do_not_depend_on_the_number_of_processes():
    settings = {"optimizer": RowAdam(), "device": torch.device("cpu"), "init": uniform(0.5), "key": 3}
    rows = 2 * INIT_ROWS + 7
    whole = DeviceTable(rows, 3, **settings).weight
    for part in range(3):
        table = DeviceTable(Share(rows, part, 3), 3, **settings)
        assert torch.equal(table.weight, whole[part::3])
        assert table.moments["mean"].shape == table.weight.shape
