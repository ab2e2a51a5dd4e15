from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import text_models
import torch
import transformers

from kgr.errors import ConfigError
from kgr.models.text_config import TextModelConfig
from kgr.models.text_pairs import PairScorer

LONG = " ".join("abcdefghij" * 20)
PAIRS = [("river", "the city of x"), ("", "a"), ("mountain", LONG), (LONG, "a b c"), (LONG, LONG), ("a", "")]


def plain(folder: Path, query: str, text: str, length: int) -> np.ndarray:
    """The logits of a pair through the library's own classes."""
    tokens = transformers.AutoTokenizer.from_pretrained(folder)(
        [query], [text], truncation=True, max_length=length, return_tensors="pt"
    )
    with torch.no_grad():
        model = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
        return model(**tokens).logits[0].numpy()


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("length", [10, 32])
def test_one_label_gives_its_logit(tmp_path: Path, batch: int, length: int) -> None:
    folder = text_models.save_cross_encoder(tmp_path / "m")
    own = PairScorer(folder, TextModelConfig(batch=batch, max_length=length, device="cpu"))
    found = own.scores(PAIRS)
    assert found == pytest.approx([plain(folder, *pair, length)[0] for pair in PAIRS], rel=1e-4, abs=1e-4)
    assert len(set(found.round(3).tolist())) == len(PAIRS)
    assert own.truncated == 3
    assert own.scores([]).shape == (0,)


def test_two_labels_give_the_difference(tmp_path: Path) -> None:
    folder = text_models.save_cross_encoder(tmp_path / "m", labels=2)
    logits = [plain(folder, *pair, 32) for pair in PAIRS]
    found = PairScorer(folder, TextModelConfig(device="cpu")).scores(PAIRS)
    assert found == pytest.approx([own[1] - own[0] for own in logits], rel=1e-4, abs=1e-4)


def test_models_that_score_no_pairs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="which has 3 labels; expected 1 or 2"):
        PairScorer(text_models.save_cross_encoder(tmp_path / "three", labels=3), TextModelConfig(device="cpu"))
    with pytest.raises(ConfigError, match=r"it has no weights classifier\.bias, classifier\.weight, which would be"):
        PairScorer(text_models.save_encoder(tmp_path / "encoder"), TextModelConfig(device="cpu"))
