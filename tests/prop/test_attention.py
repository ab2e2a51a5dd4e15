"""Weights by attention: against the definition, word by word; kept in the store's cache; what is refused."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import text_models
import torch
import transformers

from kgr.data.collection import build_corpus
from kgr.errors import ConfigError, DataError
from kgr.index.store import Store
from kgr.index.terms import open_terms
from kgr.prop import attention
from kgr.prop.attention import attention_weights
from kgr.prop.sets_config import sets_config
from kgr.prop.weighted_sets import WeightedSets

TEXTS = ("River of cities", "the city 7 mountain city", "", "Mountain river mountain lakes and more", "the of the")


def make_store(folder: Path, texts: tuple[str, ...] = TEXTS) -> Store:
    folder.mkdir(exist_ok=True)
    lines = [json.dumps({"id": f"d{i}", "text": text}) + "\n" for i, text in enumerate(texts)]
    (folder / "corpus.jsonl").write_text("".join(lines))
    return build_corpus(folder / "corpus.jsonl", folder / "store")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return text_models.save_encoder(tmp_path_factory.mktemp("encoder"))


def attended(text: str, folder: Path, stop: frozenset[str]) -> dict[str, float]:
    """A text's saturated shares; of a text without punctuation, words are what spaces part."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    given = tokenizer(text, return_tensors="pt", truncation=True, max_length=32)
    with torch.inference_mode():
        row = model(**given, output_attentions=True).attentions[-1][0, :, 0].mean(dim=0)
    sums: Counter[str] = Counter()
    words = text.lower().split()
    for number, own in zip(given.word_ids(0), row.tolist(), strict=True):
        if number is not None and words[number].isalpha() and words[number] not in stop:
            sums[words[number]] += own
    saturated = {word: own / (own + 0.01) for word, own in sums.items()}
    return {word: own / sum(saturated.values()) for word, own in saturated.items()}


def test_weights_are_attention_against_the_mean(tmp_path: Path, encoder: Path) -> None:
    store = make_store(tmp_path)
    terms = open_terms(store)
    assert terms
    weights = attention_weights(store, encoder, batch=2)
    shares = [attended(text, encoder, terms.analyzer.stop_words) if text else {} for text in TEXTS]
    mean: Counter[str] = Counter()
    for own in shares:
        mean.update(own)
    total = sum(mean.values())
    for i, own in enumerate(shares):
        part = slice(weights.offsets[i], weights.offsets[i + 1])
        words = [terms.words.key(word) for word in weights.words[part].tolist()]
        assert sorted(words) == sorted(own)
        expected = [own[word] * -np.log2(mean[word] / total) for word in words]
        assert weights.weights[part] == pytest.approx(expected, rel=1e-4)
        assert [terms.vocabulary.key(term) for term in weights.terms[part].tolist()] == terms.analyzer.stems(words)


def test_weights_are_kept_and_do_not_depend_on_the_batch(
    tmp_path: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_store(tmp_path)
    seen: list[tuple[int, int]] = []
    one = attention_weights(store, encoder, batch=1, progress=lambda *counts: seen.append(counts))
    assert seen == [(i, len(TEXTS)) for i in range(1, len(TEXTS) + 1)]
    model, terms = attention.TextModel(encoder, "AutoModel", attention.AttentionConfig(batch=4)), open_terms(store)
    assert terms
    other = attention._weigh(store, terms, model, "en", None)
    assert np.array_equal(one.words, other["words"])
    assert one.weights == pytest.approx(other["weights"], rel=1e-4)
    monkeypatch.setattr(attention, "_weigh", lambda *_: pytest.fail("computed again"))
    again = attention_weights(store, encoder, batch=4)
    assert np.array_equal(one.weights, again.weights)
    with pytest.raises(pytest.fail.Exception):  # other tokens are seen
        attention_weights(store, encoder, max_length=16)


def test_words_beyond_what_the_encoder_reads_have_no_weight(tmp_path: Path, encoder: Path) -> None:
    store = make_store(tmp_path, ("river " * 40 + "city", "mountain"))
    terms, weights = open_terms(store), attention_weights(store, encoder, max_length=8)
    assert terms
    assert [terms.words.key(word) for word in weights.words.tolist()] == ["river", "mountain"]


def test_sets_are_drawn_by_attention(tmp_path: Path, encoder: Path) -> None:
    sets = WeightedSets(
        attention_weights(make_store(tmp_path), encoder), sets_config({"law": "attention", "min_length": 3})
    )
    assert sets.documents.tolist() == [3]
    assert sets.entropy <= 0.9
    found = sets.draw(sets.documents, epoch=0, seed=0)
    assert found.kept.any()


def test_without_index_or_words_it_is_refused(tmp_path: Path, encoder: Path) -> None:
    store = make_store(tmp_path)
    with pytest.raises(ConfigError, match="no index 'body' in 'en': make it first"):
        attention_weights(store, encoder, index="body")
    with pytest.raises(DataError, match="no document has a word to attend to"):
        attention_weights(make_store(tmp_path / "numbers", ("1 2 3",)), encoder)
