"""Which queries are trained on, held out and tested."""

from __future__ import annotations

import dataclasses

import pytest

from kgr.errors import ConfigError, DataError
from kgr.prop.finetune_config import FinetuneConfig
from kgr.prop.split import split

KEYS = [f"q{i}" for i in range(20)]


def test_all_are_trained_on() -> None:
    parts = split(KEYS, KEYS[:15], FinetuneConfig())
    assert sorted(parts.train) == sorted(KEYS[:15])
    assert (parts.valid, parts.test) == ((), ())


def test_folds_test_each_query_once() -> None:
    tested = []
    for fold in range(3):
        parts = split(KEYS, KEYS[:15], FinetuneConfig(folds=3, fold=fold, eval_every=5, valid_share=0.3))
        assert not {*parts.train} & {*parts.valid} | {*parts.test} & {*parts.train, *parts.valid}
        assert {*parts.train, *parts.valid} == {*KEYS[:15]} - {*parts.test}
        assert len(parts.valid) == -(-3 * len(parts.train + parts.valid) // 10)
        tested += parts.test
    assert sorted(tested) == sorted(KEYS)


def test_few_queries_are_drawn_by_the_seed() -> None:
    config = FinetuneConfig(train_queries=5)
    parts = split(KEYS, KEYS[:15], config)
    assert len(parts.train) == 5
    assert {*parts.test} == {*KEYS} - {*parts.train}
    assert split(KEYS[::-1], KEYS[:15], config).train == parts.train
    other = split(KEYS, KEYS[:15], dataclasses.replace(config, seed=1))
    assert {*other.train} != {*parts.train}
    more = split(KEYS, KEYS[:15], dataclasses.replace(config, train_queries=9))
    assert more.train[:5] == parts.train
    within = split(KEYS, KEYS, FinetuneConfig(train_queries=5, folds=4, fold=1, eval_every=1))
    assert (len(within.train), len(within.valid), len(within.test)) == (4, 1, 5)


@pytest.mark.parametrize(
    ("usable", "wishes", "message"),
    [
        ([], {}, "0 judged queries can be trained on, expected at least 1"),
        (KEYS[:1], {"eval_every": 1}, "1 judged queries can be trained on, expected at least 2"),
        (KEYS[:4], {"train_queries": 5}, "4 judged queries can be trained on, expected at least 5"),
    ],
)
def test_too_few(usable: list[str], wishes: dict[str, int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        split(KEYS, usable, FinetuneConfig(**wishes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"folds": 1}, "folds is 1, expected 0 or at least 2"),
        ({"fold": 0}, "fold is 0, expected one below folds, which is 0"),
        ({"folds": 3, "fold": 3}, "fold is 3, expected one below folds, which is 3"),
        ({"valid_share": 0.5}, "valid_share is read only where eval_every asks for evaluations"),
        ({"optimizer": "adam", "weight_decay": 0.1}, "weight_decay is not read by optimizer adam"),
    ],
)
def test_bad_folds(wishes: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        FinetuneConfig(**wishes)  # type: ignore[arg-type]
