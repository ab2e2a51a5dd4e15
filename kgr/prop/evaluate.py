"""What a model does with held-out documents, beside what is reached without reading them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from kgr.index.terms import Terms, Tokens
from kgr.prop.batches import PropBatches
from kgr.prop.model import PropModel
from kgr.prop.set_pairs import SetPairs

Progress = Callable[[int, int], None]
"""Called with the held-out documents that are done, and how many there are."""

Fields = dict[str, NDArray[Any]]


@torch.no_grad()
def evaluate(
    model: PropModel,
    batches: PropBatches,
    words: tuple[Terms, Tokens],
    device: torch.device,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Evaluate on one pair of each held-out document, and on its masked words.

    Returns
    -------
    dict
        ``{"split": "valid", "documents"}``; with pairs ``"accuracy"``: how often the better text has the higher score,
        ties counting half. Of word sets also: ``"wrong_document"``, the same with the documents of other pairs, so
        what is reached without reading the document; ``"overlap"``, by how many words of the set the document has;
        ``"prior"``, by the words' shares of the collection alone; ``"overlap_prior"``, by both, the second where the
        first are equal. Where words are masked ``"mlm_accuracy"`` and ``"mlm_loss"``, of masked pieces.
    """
    fields = {name: np.zeros(shape, dtype) for name, (dtype, shape) in batches.layout().items()}
    shares: dict[str, list[NDArray[np.float64]]] = {}
    figures: dict[str, list[float]] = {"right": [], "loss": []}
    config, total = batches.config, len(batches.held)
    for first in range(0, total, config.batch):
        if config.objective != "mlm":
            for name, won in _pairs(model, batches, words, device, fields, first).items():
                shares.setdefault(name, []).append(won)
        if config.objective == "mlm" or config.mlm_weight:
            batches.held_rows(fields, first, masks=True)
            right, loss = _masked(model, fields, device)
            figures["right"] += right
            figures["loss"] += loss
        if progress:
            progress(min(first + config.batch, total), total)
    found: dict[str, Any] = {"split": "valid", "documents": total}
    found |= {name: float(np.concatenate(parts).mean()) for name, parts in shares.items()}
    if figures["right"]:
        found |= {"mlm_accuracy": float(np.mean(figures["right"])), "mlm_loss": float(np.mean(figures["loss"]))}
    return found


def _pairs(
    model: PropModel,
    batches: PropBatches,
    words: tuple[Terms, Tokens],
    device: torch.device,
    fields: Fields,
    first: int,
) -> dict[str, NDArray[np.float64]]:
    documents, pairs = batches.held_rows(fields, first)
    found = {"accuracy": _won(*_scores(model, fields, device))}
    if pairs is not None:
        batches.held_rows(fields, first, wrong=True)
        found["wrong_document"] = _won(*_scores(model, fields, device))
        found |= _without_model(documents, pairs, batches, words)
    return found


def _won(better: NDArray[Any], worse: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray((better > worse) + 0.5 * (better == worse), np.float64)


def _given(fields: Fields, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    rows, longest = fields["counts"][:2].tolist()
    arrays = fields["ids"][:rows, :longest], fields["segments"][:rows, :longest], fields["lengths"][:rows]
    ids, segments, lengths = (torch.from_numpy(array).to(device) for array in arrays)
    return ids, segments, lengths


def _scores(model: PropModel, fields: Fields, device: torch.device) -> tuple[NDArray[Any], NDArray[Any]]:
    scores = model.scores(model.states(*_given(fields, device))).cpu().numpy()
    return scores[: len(scores) // 2], scores[len(scores) // 2 :]


def _masked(model: PropModel, fields: Fields, device: torch.device) -> tuple[list[float], list[float]]:
    count = int(fields["counts"][2])
    places = torch.from_numpy(fields["masked"][:count]).to(device)
    labels = torch.from_numpy(fields["labels"][:count]).to(device)
    logits = model.pieces(model.states(*_given(fields, device)), places)
    losses = functional.cross_entropy(logits, labels, reduction="none")
    return (logits.argmax(dim=1) == labels).tolist(), losses.tolist()


def _without_model(
    documents: NDArray[np.int32], pairs: SetPairs, batches: PropBatches, words: tuple[Terms, Tokens]
) -> dict[str, NDArray[np.float64]]:
    """Choose the better set of each pair by the words that are in the document, by their shares, and by both."""
    terms, tokens = words
    shares = np.log(terms.collection / terms.collection.sum())
    visible = batches.pieces.visible(batches.config.window)
    kept = pairs.usable(0)
    overlap, prior = np.empty((len(kept), 2)), np.empty((len(kept), 2))
    for row, (b, pair) in enumerate(kept):
        document = int(documents[b])
        start = int(tokens.offsets[document])
        seen = tokens.ids[start : start + int(visible[document])]
        for side, chosen in enumerate(np.argsort(-pairs.scores[b, pair], kind="stable").tolist()):
            own = pairs.terms[pairs.set(b, pair, chosen)]
            overlap[row, side] = np.isin(own, seen).sum()
            prior[row, side] = shares[own].sum()
    found = {"overlap": _won(*overlap.T), "prior": _won(*prior.T)}
    return {**found, "overlap_prior": np.where(overlap[:, 0] == overlap[:, 1], found["prior"], found["overlap"])}
