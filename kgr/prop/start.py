"""What a pre-training starts from: the model, its tokenizer, the corpus in word pieces."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kgr._rng import key
from kgr.engine.device import device_of
from kgr.engine.run import Run
from kgr.errors import ConfigError, FormatError
from kgr.index.store import Store
from kgr.index.terms import Terms, Tokens, open_terms, open_tokens
from kgr.models.text_model import import_transformers, load_config, load_tokenizer, token_limit
from kgr.prop.attention import AttentionConfig, attention_weights
from kgr.prop.batches import ROOM, PropBatches, Sets
from kgr.prop.config import PropConfig
from kgr.prop.frame import frame_of, tokenizer_digest
from kgr.prop.model import PropModel, given_model, model_of, set_dropout, set_unigram
from kgr.prop.pieces import Pieces, pieces_of
from kgr.prop.task import PropTask
from kgr.prop.vocabulary import new_config, new_tokenizer
from kgr.prop.weighted_sets import WeightedSets
from kgr.prop.word_sets import WordSets

_INITIAL = 0x7105
"""Stream of initial weights."""

SET_PIECES = 16
"""Word pieces that are left to a set, or to a query, beside a document that fills the window."""

Message = Callable[[str], None]
Preparing = Callable[[str, int, int], None]
"""Called with what is made of documents, how many are done, and how many there are."""


def words_of(store: Store, config: PropConfig) -> tuple[Terms, Tokens]:
    """Open the index that the settings name.

    Raises
    ------
    FormatError
        The store does not have it.
    """
    terms = open_terms(store, config.language, config.index)
    tokens = open_tokens(store, config.language, config.index)
    if terms is None or tokens is None:
        raise FormatError(f"{store.path}: has no index {config.index!r} in {config.language!r} with tokens")
    return terms, tokens


def started(store: Store, config: PropConfig, run: Run, say: Message) -> tuple[PropModel, Any]:
    """Return the initial model of a run, and its tokenizer; the draws are torch's own, by the settings' seed.

    Raises
    ------
    ConfigError
        A model that does not load.
    FormatError
        The run was begun with another tokenizer.
    """
    name = config.model or "new"
    import_transformers(name)
    torch.manual_seed(key(config.seed, _INITIAL))
    if config.model is None:
        terms, _ = words_of(store, config)
        tokenizer = new_tokenizer(store, terms, config.new("vocabulary"), say)
        _check_tokenizer(run.path, tokenizer, name)
        if not frame_kept(run.path):
            say("a new model, from random weights: it learns little in minutes; give a model to start from")
        return model_of(new_config(tokenizer, config)), tokenizer
    tokenizer = load_tokenizer(name)
    _check_tokenizer(run.path, tokenizer, name)
    model, of_ranker, of_language_model = given_model(name, config.layers)
    for head, missing in (("ranker", of_ranker), ("language model", of_language_model)):
        if missing:
            say(f"{name}: has no {', '.join(missing[:3])}{', …' if len(missing) > 3 else ''}: its {head} starts anew")
    return model, tokenizer


def frame_kept(path: Path) -> bool:
    """Whether a run folder has its model's config and tokenizer."""
    return (path / "config.json").is_file() and (path / "tokenizer.json").is_file()


def _check_tokenizer(path: Path, tokenizer: Any, name: str) -> None:
    if not frame_kept(path):
        return
    was, now = tokenizer_digest(load_tokenizer(str(path)), str(path)), tokenizer_digest(tokenizer, name)
    if was != now:
        raise FormatError(
            f"{path}: begun with a tokenizer of digest {was}, that of model {name!r} has {now}: give the one "
            "it was begun with, or another folder"
        )


def opened_model(path: Path) -> tuple[PropModel, Any]:
    """Return the model of a run folder, with random weights, and its tokenizer.

    Raises
    ------
    FormatError
        The folder does not have them.
    """
    if not frame_kept(path):
        raise FormatError(f"{path}: has no config.json and tokenizer.json of its model; give the command again")
    with torch.random.fork_rng(devices=[]):
        return model_of(load_config(str(path))), load_tokenizer(str(path))


def row_length(config: PropConfig, tokenizer: Any) -> int:
    """Return the word pieces of a row with a window of a document: what a model has learned to read."""
    return config.window + frame_of(tokenizer, pair=True).marks + SET_PIECES


def prepared(
    store: Store,
    config: PropConfig,
    model: PropModel,
    tokenizer: Any,
    *,
    message: Message | None = None,
    progress: Preparing | None = None,
) -> PropTask:
    """Return the task of training a model on a store's texts.

    Raises
    ------
    ConfigError
        A window that is longer than the model reads, or a vocabulary without a mask.
    DataError
        Too few documents, or words, to draw from.
    """
    say, name = message or (lambda line: None), config.model or "new"
    terms, tokens = words_of(store, config)
    limit = token_limit(model.encoder) or config.window + ROOM
    beyond = row_length(config, tokenizer) - limit
    if beyond > 0:
        most = config.window - beyond
        raise ConfigError(f"window is {config.window}, but {name} reads {limit} word pieces of a row: at most {most}")
    making, weighing = (progress and partial(progress, what) for what in ("word pieces", "attention"))
    pieces = pieces_of(store, terms, config.index, tokenizer, name, window=config.window, progress=making)
    sets = None
    if config.objective == "prop":
        sets = _sets_of(store, config, pieces, (terms, tokens), say, weighing)
    batches = PropBatches(terms, pieces, tokenizer, config, sets, limit)
    if batches.empty or batches.short:
        left = f"{batches.empty:,} have no usable word and {batches.short:,} are too short"
        say(f"of {len(terms.rows):,} documents {left}: left out")
    if model.new_language_model:
        set_unigram(model, piece_counts(pieces, model))
    set_dropout(model, config.dropout)
    return PropTask(model, batches, config, device_of(config.device), (terms, tokens))


def _sets_of(
    store: Store,
    config: PropConfig,
    pieces: Pieces,
    words: tuple[Terms, Tokens],
    say: Message,
    progress: Callable[[int, int], None] | None,
) -> Sets:
    if config.law != "attention":
        return WordSets(*words, config.sets, visible=pieces.visible(config.window))
    encoder = config.attention or config.model
    assert encoder is not None  # as the settings' check has it
    weights = attention_weights(
        store, encoder, language=config.language, index=config.index, progress=progress, max_length=config.window,
        batch=min(AttentionConfig().batch, config.batch), device=config.device,
    )  # fmt: skip
    sets = WeightedSets(weights, config.sets)
    say(f"temperature {sets.config.temperature:.3g}: the documents' mean normalised entropy is {sets.entropy:.3f}")
    return sets


def piece_counts(pieces: Pieces, model: PropModel) -> NDArray[np.int64]:
    """Return how often each word piece is met in the corpus: int64[V]."""
    return np.bincount(pieces.ids, minlength=len(model.embeddings)).astype(np.int64)
