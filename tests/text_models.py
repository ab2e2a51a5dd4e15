"""Small text models of Hugging Face's kinds, drawn at random and written to folders: nothing is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
INPUTS = ["input_ids", "token_type_ids", "attention_mask"]
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def tokenizer(**more: Any) -> transformers.PreTrainedTokenizerFast:
    """A tokenizer as BERT's: a token per letter, and some words."""
    words = [*MARKS, *LETTERS, *(f"##{letter}" for letter in LETTERS), "river", "city", "mountain", "of", "the", "."]
    inner = Tokenizer(models.WordPiece({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    inner.normalizer = normalizers.Lowercase()
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", MARKS.index("[CLS]")), ("[SEP]", MARKS.index("[SEP]"))],
    )
    names = {f"{mark.strip('[]').lower()}_token": mark for mark in MARKS}
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner,
        **{**names, "model_input_names": INPUTS, "model_max_length": 32, **more},
    )


def save(folder: Path, model: Any, own: Any) -> Path:
    """Write a model and its tokenizer."""
    model.save_pretrained(folder)
    own.save_pretrained(folder)
    return folder


def save_encoder(folder: Path, *, seed: int = 0) -> Path:
    """Write an encoder as BERT, 32 tokens long."""
    torch.manual_seed(seed)
    own = tokenizer()
    config = transformers.BertConfig(vocab_size=len(own), max_position_embeddings=32, **SMALL)
    return save(folder, transformers.BertModel(config), own)


def save_cross_encoder(folder: Path, *, labels: int = 1, seed: int = 0, factor: float = 8) -> Path:
    """Write a cross-encoder as BERT, its weights multiplied so that logits differ enough to be told apart."""
    torch.manual_seed(seed)
    own = tokenizer()
    config = transformers.BertConfig(vocab_size=len(own), max_position_embeddings=32, num_labels=labels, **SMALL)
    model = transformers.BertForSequenceClassification(config)
    for weight in model.parameters():
        weight.data.mul_(factor)
    return save(folder, model, own)
