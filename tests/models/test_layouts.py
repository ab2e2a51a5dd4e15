"""Every model's rows are described."""

from __future__ import annotations

import pytest

from kgr.models.fields import FIELDS, LINK_FIELDS
from kgr.models.layouts import LAYOUTS
from kgr.models.named import LINK_MODELS


def test_every_model_has_a_layout() -> None:
    assert set(LAYOUTS) == {*FIELDS, *LINK_FIELDS}


@pytest.mark.parametrize("name", sorted(LINK_MODELS))
def test_what_is_more_than_the_dimension_is_a_bias(name: str) -> None:
    assert LINK_MODELS[name](200).entity_width == 200 + LAYOUTS[name].biases
