"""Settings of re-ranking."""

from __future__ import annotations

from dataclasses import dataclass

from kgr._config import setting
from kgr.models.text_config import TextModelConfig

WORDS = 150
"""Of a passage of MaxP, one every half of them, as Dai and Callan (2019) have it."""


@dataclass(frozen=True, kw_only=True)
class RerankConfig(TextModelConfig):
    """What is re-ranked, and what of each document is read."""

    depth: int = setting(100, "documents of each query that are scored, from the first on", low=1)
    passages: str = setting(
        "first", "first: the beginning of a document, as much as the model reads; max: the best of its passages (MaxP)",
        choices=("first", "max"),
    )  # fmt: skip
    words: int | None = setting(None, f"of a passage, for max; by default {WORDS}", low=1)
    stride: int | None = setting(
        None, "words from the start of a passage to that of the next, for max; by default half of words", low=1
    )
