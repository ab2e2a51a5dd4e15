"""The models by name."""

from __future__ import annotations

from kgr.models.betae import BetaE
from kgr.models.complex import ComplEx, MultihopComplEx
from kgr.models.cone import ConE
from kgr.models.conve import ConvE
from kgr.models.distmult import DistMult, MultihopDistMult
from kgr.models.gqe import GQE
from kgr.models.link import LinkModel
from kgr.models.query2box import Query2Box
from kgr.models.rescal import RESCAL
from kgr.models.rotate import MultihopRotatE, RotatE
from kgr.models.transe import TransE
from kgr.models.tucker import TuckER

MODELS: dict[str, type[GQE | Query2Box | BetaE | ConE | MultihopDistMult | MultihopComplEx | MultihopRotatE]] = {
    "gqe": GQE,
    "query2box": Query2Box,
    "betae": BetaE,
    "cone": ConE,
    "distmult": MultihopDistMult,
    "complex": MultihopComplEx,
    "rotate": MultihopRotatE,
}

LINK_MODELS: dict[str, type[LinkModel]] = {
    "transe": TransE,
    "distmult": DistMult,
    "complex": ComplEx,
    "rotate": RotatE,
    "rescal": RESCAL,
    "tucker": TuckER,
    "conve": ConvE,
}
