"""Settings of word sets, which of them each law reads, and the defaults of each. Nothing here loads numba."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from kgr._config import make, setting
from kgr.errors import ConfigError

LAWS = ("dirichlet", "published", "attention")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SetsConfig:
    """How pairs of word sets are drawn from documents; each law reads its own, see :data:`LAW_FIELDS`."""

    law: str = setting(
        "dirichlet",
        "words from the document's smoothed language model (PROP), as the published code has it, or from the "
        "attention of an encoder (B-PROP)",
        choices=LAWS,
    )
    pairs: int = setting(10, "pairs of sets of a document and epoch", low=1)
    set_length: float = setting(
        3.0, "words of a set: Poisson's lambda, given that there are any; one number for both sets", low=1e-3, high=50
    )
    background: str | None = setting(
        None,
        "the collection's model: shares of its words, or of documents that have them (published)",
        choices=("collection", "document"),
    )
    mu: float | None = setting(
        None, "how many words of the collection smooth a document; by default the mean length modelled", low=1e-3
    )
    modelled: str | None = setting(
        None, "of a document: what the ranker sees of it, or the whole (published)", choices=("visible", "whole")
    )
    min_count: int | None = setting(
        None, "occurrences in the collection of a word that is drawn: 1, published 10", low=1
    )
    min_length: int | None = setting(
        None, "words modelled of a document, below which it is short: 10, published 100, attention 10 different", low=1
    )
    short_share: float | None = setting(
        None, "share of the short documents that are drawn from in an epoch: 0, published 0.2", low=0, high=1
    )
    subsample: float | None = setting(
        None, "word2vec's threshold above which frequent words are drawn less: 0, which is never, published 1e-4", low=0
    )
    forms: str | None = setting(
        None,
        "surface forms of a stem: in proportion to their count, or to log(count + 1) (published)",
        choices=("count", "log"),
    )
    candidates: int = setting(500, "published: words of a document and drawn ones that its sets are of", low=2)
    temperature: float | None = setting(
        None, "attention: of the softmax over a document's words; by default as max_entropy allows", low=1e-6
    )
    max_entropy: float = setting(
        0.9, "attention: the documents' mean normalised entropy, if no temperature is given", low=1e-3, high=1
    )


_DIRICHLET = (
    "pairs", "set_length", "background", "mu", "modelled", "min_count", "min_length", "short_share", "subsample",
    "forms",
)  # fmt: skip
LAW_FIELDS: dict[str, tuple[str, ...]] = {
    "dirichlet": _DIRICHLET,
    "published": (*_DIRICHLET, "candidates"),
    "attention": ("pairs", "set_length", "min_length", "short_share", "temperature", "max_entropy"),
}
"""The settings that each law reads."""

DEFAULTS: dict[str, dict[str, Any]] = {
    "dirichlet": {
        "background": "collection", "modelled": "visible", "min_count": 1, "min_length": 10, "short_share": 0.0,
        "subsample": 0.0, "forms": "count",
    },
    "published": {
        "background": "document", "modelled": "whole", "min_count": 10, "min_length": 100, "short_share": 0.2,
        "subsample": 1e-4, "forms": "log",
    },
    "attention": {"min_length": 10, "short_share": 0.0},
}  # fmt: skip
"""What each law takes where nothing is said; ``mu`` and ``temperature`` come from the documents."""


def sets_config(values: Mapping[str, Any], *, where: str = "word sets") -> SetsConfig:
    """Make settings in which everything is said but what comes from the documents.

    Raises
    ------
    ConfigError
        A value that is not allowed, or a setting that the law does not read.
    """
    config = make(SetsConfig, values, where=where)
    own = LAW_FIELDS[config.law]
    for name, value in values.items():
        if name not in own and name != "law" and value != _plain(name):
            raise ConfigError(f"{where}: law {config.law!r} does not read {name}; its settings are {', '.join(own)}")
    if config.temperature is not None and config.max_entropy != _plain("max_entropy"):
        raise ConfigError(f"{where}: max_entropy is {config.max_entropy}, but temperature is given: give one of them")
    open_ = {name: value for name, value in DEFAULTS[config.law].items() if getattr(config, name) is None}
    return dataclasses.replace(config, **open_)


def checked_law(config: SetsConfig, *laws: str) -> SetsConfig:
    """Return settings in which everything is said, see :func:`sets_config`, of one of some laws.

    Raises
    ------
    ConfigError
        Of another law.
    """
    if config.law not in laws:
        raise ConfigError(f"word sets: law is {config.law!r}, expected {' or '.join(laws)} here")
    return sets_config(dataclasses.asdict(config))


def _plain(name: str) -> Any:
    return getattr(SetsConfig(), name)
