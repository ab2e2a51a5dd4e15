"""A new model: its vocabulary, learned from the corpus, and its config."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kgr.index.cache import cached_folder
from kgr.index.store import Store
from kgr.index.terms import Terms
from kgr.index.text_index import joined_text
from kgr.models.text_model import import_transformers
from kgr.prop.config import PropConfig

POSITIONS = 512
"""Word pieces that a new model reads, at most."""

_MARKS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_CHARACTERS = 2_000
"""Of each text, that the vocabulary is learned from."""

Message = Callable[[str], None]


def new_tokenizer(store: Store, terms: Terms, size: int, message: Message) -> Any:
    """Return a tokenizer with a vocabulary of WordPiece as BERT's, learned from the texts of an index.

    It is kept in the store's cache.
    """
    language, fields = terms.analyzer.config.language, terms.settings["fields"]
    sections = ["entries", *(f"text/entries/{language}.{field}" for field in fields)]

    def make(folder: Path) -> None:
        message(f"learning a vocabulary of at most {size:,} word pieces")
        texts = (text[:_CHARACTERS] for _, text in joined_text(store, fields, language))
        _learned(texts, size).save_pretrained(folder)

    return load_tokenizer_of(cached_folder(store, "vocabulary", sections, make, settings={"size": size}))


def load_tokenizer_of(folder: Path) -> Any:
    """Load the tokenizer of a folder that has no model."""
    return import_transformers("new").PreTrainedTokenizerFast.from_pretrained(str(folder))


def _learned(texts: Iterator[str], size: int) -> Any:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    own = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    own.normalizer = normalizers.BertNormalizer(lowercase=True)
    own.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    own.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=list(_MARKS), show_progress=False)
    own.train_from_iterator(texts, trainer)
    own.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(mark, own.token_to_id(mark)) for mark in ("[CLS]", "[SEP]")],
    )
    names = {f"{mark.strip('[]').lower()}_token": mark for mark in _MARKS}
    inputs = ["input_ids", "token_type_ids", "attention_mask"]
    return import_transformers("new").PreTrainedTokenizerFast(
        tokenizer_object=own, model_input_names=inputs, model_max_length=POSITIONS, **names
    )


def new_config(tokenizer: Any, config: PropConfig) -> Any:
    """Return the config of a new model: BERT's, of the width, layers and heads asked for."""
    width = config.new("width")
    return import_transformers("new").BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        num_hidden_layers=config.new("layers"),
        num_attention_heads=config.new("heads"),
        intermediate_size=4 * width,
        max_position_embeddings=POSITIONS,
        pad_token_id=tokenizer.pad_token_id,
    )
