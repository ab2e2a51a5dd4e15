"""Every setting of every training has bounds, and one that is out of them is refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kgr._config import Setting, make, settings
from kgr.completion.config import CompletionConfig
from kgr.engine.config import DenseConfig, TrainConfig
from kgr.errors import ConfigError
from kgr.multihop.config import MultihopConfig
from kgr.prop.config import PropConfig
from kgr.prop.finetune_config import FinetuneConfig
from kgr.sememe.config import SememeConfig
from kgr.sememe.graph_config import GraphConfig, SpbsRrConfig

CONFIGS = (
    TrainConfig,
    DenseConfig,
    MultihopConfig,
    CompletionConfig,
    PropConfig,
    FinetuneConfig,
    SememeConfig,
    GraphConfig,
    SpbsRrConfig,
)


def wrong(field: Setting) -> Iterator[Any]:
    """Yield values that a setting may not have."""
    yield object()
    if not field.optional:
        yield None
    if field.kind is not bool:
        yield True
    if field.kind is not str:
        yield "1"
    if field.choices:
        yield from ("", "no such choice")
    step = 1 if field.kind is int else 1e-9
    if field.low is not None:
        yield field.kind(field.low - step)
    if field.high is not None:
        yield field.kind(field.high + max(step, abs(field.high) * 1e-12))
    if field.kind in (int, float):
        yield from (float("nan"), float("inf"), -float("inf"))
    if field.kind is int:
        yield 1.5


CASES = [(kind, field) for kind in CONFIGS for field in settings(kind).values()]


@pytest.mark.parametrize(("kind", "field"), CASES, ids=[f"{kind.__name__}-{field.name}" for kind, field in CASES])
def test_a_setting_that_is_out_of_range_names_itself(kind: type, field: Setting) -> None:
    assert field.kind not in (int, float) or field.low is not None, "a number without a lower bound"
    for value in wrong(field):
        with pytest.raises(ConfigError, match=rf"^settings: {field.name} is .*, expected "):
            make(kind, {field.name: value})
