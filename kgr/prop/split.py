"""Which judged queries are trained on, held out, and tested."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from kgr.errors import DataError
from kgr.prop.finetune_config import FinetuneConfig
from kgr.retrieval.folds import folds_of, shuffled


@dataclass(frozen=True)
class Split:
    """Keys of queries, no two parts sharing one."""

    train: tuple[str, ...]
    valid: tuple[str, ...]
    test: tuple[str, ...]


def split(keys: Sequence[str], usable: Collection[str], config: FinetuneConfig) -> Split:
    """Part judged queries, by their keys and the settings alone.

    Tested are the queries of ``fold``; without folds, where ``train_queries`` says how many to train on, all others.
    Of the rest that are ``usable`` (have what training needs), ``train_queries`` are drawn; where there are evaluations
    during training, ``valid_share`` of these are held out for them.

    Raises
    ------
    DataError
        No query is left to train on, or fewer than ``train_queries``.
    ConfigError
        More folds than queries.
    """
    tested: set[str] = set()
    if config.fold is not None:
        fold = folds_of(keys, config.folds, config.seed).tolist()
        tested = {key for key, own in zip(keys, fold, strict=True) if own == config.fold}
    rest = [key for key in keys if key in usable and key not in tested]
    drawn = [rest[place] for place in shuffled(rest, config.seed).tolist()][: config.train_queries]
    held = max(1, math.ceil(config.valid_share * len(drawn))) if config.eval_every else 0
    wanted = max(held + 1, config.train_queries or 0)
    if len(drawn) < wanted:
        raise DataError(
            f"{len(rest):,} judged queries can be trained on, expected at least {wanted:,}: queries that have "
            "a text, a relevant document and another one in the ranking"
        )
    if config.fold is None and config.train_queries is not None:
        tested = {*keys} - {*drawn}
    test = tuple(key for key in keys if key in tested)
    return Split(tuple(drawn[held:]), tuple(drawn[:held]), test)
