"""Every model's rows are described."""

from __future__ import annotations

from kgr.models.fields import FIELDS, LINK_FIELDS
from kgr.models.layouts import LAYOUTS


def test_every_model_has_a_layout() -> None:
    assert set(LAYOUTS) == {*FIELDS, *LINK_FIELDS}
