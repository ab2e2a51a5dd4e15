"""What the vectors' size costs."""

from __future__ import annotations

from torch import Tensor

from kgr.completion.config import CompletionConfig
from kgr.engine.ring import Slot
from kgr.models.link import LinkModel
from kgr.models.regularizers import lp_penalty

_POWERS = {"l1": 1, "l2": 2, "l3": 3, "n3": 3}


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
    if config.regularizer == "dura":
        return config.penalty[0] * _dura(config, slot, query, heads, entities)
    power = _POWERS[config.regularizer]
    for_entities, for_relations = config.penalty
    if not config.weighted:
        sums = for_entities * lp_penalty(entities, power).sum() + for_relations * lp_penalty(relations, power).sum()
        return sums / power
    n3 = config.regularizer == "n3"
    share, ends = (1.0, 1) if n3 else (1 / power, 2)

    def sizes(rows: Tensor) -> Tensor:
        return lp_penalty(model.moduli(rows) if n3 else rows, power)

    kinds, _, _, labels = (int(n) for n in slot.host["counts"])
    triples = labels if config.training == "kvsall" else config.batch
    total = heads.new_zeros(())
    if for_entities:
        if config.training == "kvsall":
            both = (sizes(entities) * slot.tensors["entity_counts"]).sum()
        else:
            both = sizes(heads).sum() + sizes(entities.index_select(0, slot.tensors["targets"])).sum()
        total = total + for_entities * both / ends
    if for_relations:
        own = sizes(relations).index_select(0, slot.tensors["operator_rows"][:kinds])
        total = total + for_relations * (own * slot.tensors["relation_counts"][:kinds]).sum()
    return share * total / triples


def _dura(config: CompletionConfig, slot: Slot, query: Tensor, heads: Tensor, entities: Tensor) -> Tensor:
    """Return the mean over triples of the squares of the query, its entity and its answer."""
    own = lp_penalty(query, 2)
    if config.training != "kvsall":
        answers = entities.index_select(0, slot.tensors["targets"])
        return (own + lp_penalty(heads, 2) + lp_penalty(answers, 2)).mean()
    labels = int(slot.host["counts"][3])
    times = slot.tensors["label_rows"][:labels].bincount(minlength=len(query))
    return ((own * times).sum() + (lp_penalty(entities, 2) * slot.tensors["entity_counts"]).sum()) / labels
