"""What the vectors' size costs."""

from __future__ import annotations

import torch
from torch import Tensor

from kgr.completion.config import CompletionConfig
from kgr.engine.ring import Slot
from kgr.models.link import LinkModel
from kgr.models.regularizers import lp_penalty

_POWERS = {"l1": 1, "l2": 2, "l3": 3, "n3": 3, "dura": 2}


def penalty(
    config: CompletionConfig,
    model: LinkModel,
    slot: Slot,
    query: Tensor,
    heads: Tensor,
    entities: Tensor,
    relations: Tensor,
) -> Tensor:
    """Return the penalty of a step, a scalar.

    Parameters
    ----------
    query : [B, Wq]
        The queries' vectors.
    heads : [B, We]
        Rows of the queries' entities.
    entities, relations : [., We], [., Wr]
        Rows of the tables that the step takes.

    Notes
    -----
    "n3" as Lacroix et al. (2018): weight times the mean over triples of the cubes of the moduli, of head and tail
    together, and of the relation. "dura" as Zhang et al. (2020): weight times the mean over triples, each from both of
    its sides, of the squares of the query's vector, its entity's and its answer's. "l1", "l2", "l3" as LibKGE:
    weight / p times the mean of |x|^p over all occurrences in triples, heads and tails together, and over relations;
    or, not ``weighted``, the sum over all vectors. The triples are the batch's; with "kvsall" all those that its
    labels stand for.
    """
    for_entities, for_relations = config.penalty
    power = _POWERS[config.regularizer]
    if not config.weighted:
        sums = for_entities * lp_penalty(entities, power).sum() + for_relations * lp_penalty(relations, power).sum()
        return sums / power
    rows, answers = answers_of(config, slot)
    times = rows.bincount(minlength=len(heads))
    tails = entities.index_select(0, answers)
    if config.regularizer == "dura":
        own = lp_penalty(query, power) + lp_penalty(heads, power)
        return for_entities * ((own * times).sum() + lp_penalty(tails, power).sum()) / len(rows)
    n3 = config.regularizer == "n3"
    share, ends = (1.0, 1) if n3 else (1 / power, 2)

    def sizes(vectors: Tensor) -> Tensor:
        return lp_penalty(model.moduli(vectors) if n3 else vectors, power)

    total = heads.new_zeros(())
    if for_entities:
        total = total + for_entities * ((sizes(heads) * times).sum() + sizes(tails).sum()) / ends
    if for_relations:
        kinds = int(slot.host["counts"][0])
        own = sizes(relations).index_select(0, slot.tensors["operator_rows"][:kinds])
        total = total + for_relations * (own * slot.tensors["relation_counts"][:kinds]).sum()
    return share * total / len(rows)


def answers_of(config: CompletionConfig, slot: Slot) -> tuple[Tensor, Tensor]:
    """Return the query and the answer of each of a batch's triples: int64[L] both."""
    if config.training == "negatives":
        targets = slot.tensors["targets"]
        return torch.arange(len(targets), device=targets.device), targets
    n = int(slot.host["counts"][3])
    return slot.tensors["label_rows"][:n], slot.tensors["labels"][:n]
