"""Weights of documents' words from the attention of an encoder: what B-PROP draws its sets by.

Of each document the last layer's attention of the first token, [CLS], to the tokens of every word, mean over the heads,
is summed over the word's occurrences, and saturated as a / (a + 0.01). Normalised, it is the document's distribution;
the mean of all is the collection's, p(w). A word's weight is its share times -log2 p(w): what the document attends to
and the collection does not. As in Ma et al., SIGIR 2021; their code attends to the first piece of a word alone.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kgr._config import make, setting
from kgr.engine.device import out_of_memory
from kgr.errors import ConfigError, DataError
from kgr.index.cache import cached
from kgr.index.store import Store
from kgr.index.terms import DEFAULT, Terms, open_terms, terms_name
from kgr.index.text_index import joined_text
from kgr.models.text_config import TextModelConfig
from kgr.models.text_model import TextModel
from kgr.prop.weighted_sets import TermWeights

SATURATION = 0.01

BATCHES = 32
"""Batches of documents that are sorted by length at once."""

Progress = Callable[[int, int], None]
"""Called with the documents that are done, and how many there are."""

Spans = tuple[NDArray[np.int32], NDArray[np.int64]]  # words of a document, and where each begins and ends


@dataclasses.dataclass(frozen=True, kw_only=True)
class AttentionConfig(TextModelConfig):
    """How the encoder reads; of its layers all attentions are held at once, tokens times tokens of each head."""

    batch: int = setting(8, "texts that the model reads at once, of about the same length", low=1)


def attention_weights(
    store: Store,
    model: str | Path,
    *,
    language: str = "en",
    index: str = DEFAULT,
    progress: Progress | None = None,
    **settings: Any,
) -> TermWeights:
    """Return weights of the words of an index's documents, by the attention of an encoder; kept in the store's cache.

    Only words are weighed that have nothing but letters, are no stop words, and which the encoder sees.

    Parameters
    ----------
    model : str or path
        A Hugging Face encoder whose first token stands for the text, by name or folder.
    **settings
        Fields of :class:`AttentionConfig`.

    Raises
    ------
    ConfigError
        No index, no such model, or one whose attention or words' places cannot be told.
    DataError
        No document has a word.
    """
    terms = open_terms(store, language, index)
    if terms is None:
        raise ConfigError(f"{store.path}: no index {index!r} in {language!r}: make it first (kgr index-texts)")
    config = make(AttentionConfig, settings, where="attention")
    encoder = TextModel(model, "AutoModel", config)
    arrays = cached(
        store,
        "attention",
        ("entries", terms_name(language, index)),
        lambda: _weigh(store, terms, encoder, language, progress),
        settings={"weights": encoder.weights, "max_length": encoder.max_length, "precision": config.precision},
    )
    found = np.searchsorted(terms.forms, arrays["words"], "right") - 1
    return TermWeights(found.astype(np.int32), arrays["words"], arrays["weights"].astype(np.float64), arrays["offsets"])


def _weigh(
    store: Store, terms: Terms, encoder: TextModel, language: str, progress: Progress | None
) -> dict[str, NDArray[Any]]:
    """Return words int32[m], their weights float32[m] and documents' offsets int64[n + 1]."""
    words, shares, sizes = [np.empty(0, np.int32)], [np.empty(0)], [0]
    texts = (text for _, text in joined_text(store, terms.settings["fields"], language, terms.rows))
    for own, share in _document_shares(texts, terms, encoder):
        words.append(own)
        shares.append(share)
        sizes.append(len(own))
        if progress:
            progress(len(sizes) - 1, len(terms.rows))
    every, share = np.concatenate(words), np.concatenate(shares)
    if not len(every):
        raise DataError(f"{store.path}: no document has a word to attend to, expected texts with words of letters")
    collection = np.bincount(every, share, len(terms.words))
    weights = share * -np.log2(collection[every] / collection.sum())
    return {"words": every, "weights": weights.astype(np.float32), "offsets": np.cumsum(sizes)}


def _document_shares(
    texts: Iterable[str], terms: Terms, encoder: TextModel
) -> Iterator[tuple[NDArray[np.int32], NDArray[np.float64]]]:
    """Yield of each text its different words, ascending, and their shares of its saturated attention."""
    texts, each = iter(texts), encoder.config.batch * BATCHES
    while some := list(islice(texts, each)):
        for text, attention in zip(some, _attentions(some, encoder), strict=True):
            words, places = _words_of(text, terms)
            yield _shares(words, places, *attention)


def _shares(
    words: NDArray[np.int32], places: NDArray[np.int64], lasts: NDArray[np.int64], attention: NDArray[np.float64]
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Sum the tokens' attention over words; a token belongs to the word that has its last character."""
    if not len(words):
        return words, np.empty(0)
    of = np.searchsorted(places[:, 0], lasts, "right") - 1
    inside = (of >= 0) & (lasts < places[of, 1])
    different, which = np.unique(words[of[inside]], return_inverse=True)
    sums = np.bincount(which, attention[inside], len(different))
    saturated = sums / (sums + SATURATION)
    return different, saturated / max(saturated.sum(), math.ulp(0))


def _words_of(text: str, terms: Terms) -> Spans:
    """Return the words of a text that may be weighed, int32[k], and their characters, int64[k, 2]."""
    spans = [span for span in terms.analyzer.spans(text) if span[0].isalpha()]
    stop = terms.analyzer.stop_words
    spans = [span for span in spans if span[0] not in stop]
    words = terms.words.find([word for word, _, _ in spans])
    known = words >= 0
    places = np.array([(first, last) for _, first, last in spans], np.int64).reshape(-1, 2)
    return words[known], places[known]


def _attentions(texts: list[str], encoder: TextModel) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Return of each text its tokens' last characters and how much the first token attends to each, marks left out."""
    if not encoder.tokenizer.is_fast:
        raise ConfigError(
            f"model is {encoder.name!r}: its tokenizer does not tell where tokens are, expected a fast one"
        )
    if hasattr(encoder.module, "set_attn_implementation"):
        encoder.module.set_attn_implementation("eager")  # fused ones do not give it
    own = encoder.tokenizer(
        texts, truncation=True, max_length=encoder.max_length, return_offsets_mapping=True,
        return_special_tokens_mask=True, return_attention_mask=False,
    )  # fmt: skip
    order = np.argsort([-len(ids) for ids in own["input_ids"]], kind="stable").tolist()
    found: list[Any] = [None] * len(texts)
    for first in range(0, len(order), encoder.config.batch):
        places = order[first : first + encoder.config.batch]
        for i, row in zip(places, _first_row(encoder, [own["input_ids"][i] for i in places]), strict=True):
            lasts = np.array([end - 1 for _, end in own["offset_mapping"][i]], np.int64)
            text = ~np.array(own["special_tokens_mask"][i], np.bool_)
            found[i] = lasts[text], row[: len(lasts)][text]
    return found


def _first_row(encoder: TextModel, ids: list[list[int]]) -> NDArray[np.float64]:
    """Return the last layer's attention of each text's first token, mean over the heads: float64[b, l]."""
    longest = max(map(len, ids))
    padded = torch.tensor([own + [encoder.tokenizer.pad_token_id] * (longest - len(own)) for own in ids])
    mask = torch.arange(longest) < torch.tensor([[len(own)] for own in ids])
    try:
        with torch.inference_mode():
            given = {"input_ids": padded, "attention_mask": mask.long()}
            moved = {name: value.to(encoder.device) for name, value in given.items()}
            attentions = encoder.module(**moved, output_attentions=True).attentions
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        raise ConfigError(
            f"batch is {encoder.config.batch}: {encoder.device} has too little memory: give a smaller one"
        ) from error
    if not attentions or attentions[-1] is None:
        raise ConfigError(f"model is {encoder.name!r}: it does not tell its attention, expected an encoder like BERT")
    rows: NDArray[np.float64] = attentions[-1][:, :, 0].float().mean(dim=1).double().cpu().numpy()
    return rows
