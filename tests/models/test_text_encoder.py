from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import text_models
import torch
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgr._config import make
from kgr.errors import ConfigError, DataError
from kgr.models.text_config import EncoderConfig
from kgr.models.text_encoder import TextEncoder

TEXTS = ["the river", "a", "mountain of the city . x y z", "", "city"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return text_models.save_encoder(tmp_path_factory.mktemp("models") / "bert")


def encoder(model: Any, **values: Any) -> TextEncoder:
    where = {} if callable(model) else {"device": "cpu"}
    return TextEncoder(model, make(EncoderConfig, {**where, **values}))


def plain(folder: Path, text: str, pooling: str, length: int = 32) -> np.ndarray:
    """A text alone through the library's own classes."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokens = tokenizer(text, truncation=True, max_length=length, return_tensors="pt")
    with torch.no_grad():
        states = transformers.AutoModel.from_pretrained(folder)(**tokens).last_hidden_state[0]
    return {"cls": states[0], "mean": states.mean(dim=0), "last": states[-1]}[pooling].numpy()


@pytest.mark.parametrize("pooling", ["cls", "mean", "last"])
@pytest.mark.parametrize("batch", [1, 2, 32])
def test_batches_give_what_each_text_alone_gives(folder: Path, pooling: str, batch: int) -> None:
    found = encoder(folder, pooling=pooling, batch=batch).encode(TEXTS)
    assert found.dtype == np.float32
    assert found.shape == (5, 16)
    for row, text in zip(found, TEXTS, strict=True):
        assert row == pytest.approx(plain(folder, text, pooling), abs=1e-5)


def test_length_one_and_prefixes(folder: Path) -> None:
    own = encoder(folder, normalize=True, prefix="of ", query_prefix="the ")
    assert np.linalg.norm(own.encode(TEXTS), axis=1) == pytest.approx(np.ones(5))
    raw = encoder(folder)
    expected = raw.encode(["of river", "the river"])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert own.encode(["river"])[0] == pytest.approx(expected[0], abs=1e-6)
    assert own.encode(["river"], query=True)[0] == pytest.approx(expected[1], abs=1e-6)
    assert raw.encode([]).shape == (0, 16)
    assert raw.width == own.width == 16


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.integers(8, 32), st.lists(st.integers(0, 400), min_size=1, max_size=5), st.sampled_from([1, 7, 40]))
def test_of_long_texts_the_beginning_is_read(folder: Path, length: int, sizes: list[int], gap: int) -> None:
    """However few characters are looked at first: ``gap`` spaces make the texts long and their tokens few."""
    texts = [(" " * gap).join("abcdef"[i % 6] for i in range(size)) for size in sizes]
    own = encoder(folder, max_length=length)
    found = own.encode(texts)
    assert own.truncated == sum(size + 2 > length for size in sizes)
    for row, text in zip(found, texts, strict=True):
        assert row == pytest.approx(plain(folder, text, "mean", length), abs=1e-5)


def test_a_huge_text_costs_no_more_than_its_beginning(folder: Path) -> None:
    own = encoder(folder)
    assert np.array_equal(own.encode(["river " * 9_000_000]), own.encode(["river " * 30]))
    assert own.truncated == 1  # 30 words and two marks fit


def test_lengths(folder: Path) -> None:
    assert encoder(folder).settings["max_length"] == 32
    assert encoder(folder, max_length=9).settings["max_length"] == 9
    with pytest.raises(ConfigError, match=r"max_length is 33, but .* reads at most 32 tokens"):
        encoder(folder, max_length=33)


def test_of_a_model_that_reads_much_512_tokens_are_read_where_nothing_is_said(tmp_path: Path) -> None:
    own = text_models.tokenizer(model_max_length=2048)
    config = transformers.BertConfig(vocab_size=len(own), max_position_embeddings=2048, **text_models.SMALL)
    folder = text_models.save(tmp_path, transformers.BertModel(config), own)
    assert encoder(folder).settings["max_length"] == 512
    assert encoder(folder, max_length=2048).settings["max_length"] == 2048


def test_roberta_s_places_begin_after_the_padding_s(tmp_path: Path) -> None:
    own = text_models.tokenizer(model_max_length=int(1e30))
    config = transformers.RobertaConfig(
        vocab_size=len(own), max_position_embeddings=18, pad_token_id=0, **text_models.SMALL
    )
    folder = text_models.save(tmp_path, transformers.RobertaModel(config), own)
    found = encoder(folder)
    assert found.settings["max_length"] == 17
    assert found.encode(["river " * 40]).shape == (1, 16)


def test_of_an_encoder_with_a_decoder_the_first_is_run(tmp_path: Path) -> None:
    own = text_models.tokenizer()
    sizes = {"d_model": 16, "d_ff": 32, "d_kv": 8, "num_layers": 1, "num_heads": 2}
    config = transformers.T5Config(vocab_size=len(own), decoder_start_token_id=0, **sizes)
    model = transformers.T5Model(config)
    found = encoder(text_models.save(tmp_path, model, own)).encode(["the river"])[0]
    tokens = torch.tensor([own("the river").input_ids])
    expected = model.eval().encoder(tokens).last_hidden_state[0].mean(dim=0)
    assert found == pytest.approx(expected.detach().numpy(), abs=1e-5)


def test_a_decoder_without_padding(tmp_path: Path) -> None:
    own = text_models.tokenizer(pad_token=None, eos_token="[SEP]", model_input_names=["input_ids", "attention_mask"])
    config = transformers.LlamaConfig(
        vocab_size=len(own), num_key_value_heads=2, max_position_embeddings=32, **text_models.SMALL
    )
    folder = text_models.save(tmp_path, transformers.LlamaModel(config), own)
    found = encoder(folder, pooling="last").encode(TEXTS)
    for row, text in zip(found, TEXTS, strict=True):
        assert row == pytest.approx(plain(folder, text, "last"), abs=1e-5)


def write_stated(folder: Path, pooling: dict[str, Any], *kinds: str) -> None:
    """Write the files of sentence-transformers."""
    modules = [{"type": f"sentence_transformers.models.{kind}", "path": f"{i}_{kind}"} for i, kind in enumerate(kinds)]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 12}')
    (folder / "config_sentence_transformers.json").write_text('{"prompts": {"query": "q: ", "passage": "p: "}}')


def test_what_the_folder_says_holds_where_nothing_is_said(tmp_path: Path) -> None:
    folder = text_models.save_encoder(tmp_path / "m")
    modes = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False, "word_embedding_dimension": 16}
    write_stated(folder, modes, "Transformer", "Pooling", "Normalize")
    said = {"pooling": "cls", "normalize": True, "prefix": "p: ", "query_prefix": "q: ", "max_length": 12}
    assert encoder(folder).settings.items() >= said.items()
    mine = {"pooling": "mean", "normalize": False, "prefix": "", "query_prefix": "?", "max_length": 20}
    assert encoder(folder, **mine).settings.items() >= mine.items()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_max_tokens": true}')
    with pytest.raises(ConfigError, match="whose pooling is max_tokens; expected one of cls, mean, last"):
        encoder(folder)
    assert encoder(folder, pooling="cls").settings["pooling"] == "cls"
    (folder / "modules.json").write_text("[")
    with pytest.raises(ConfigError, match=r"modules\.json is not JSON"):
        encoder(folder)
    (folder / "modules.json").write_text('[{"type": "sentence_transformers.models.Dense", "path": ""}]')
    with pytest.raises(ConfigError, match="has a layer Dense, which is not run here; give a callable"):
        encoder(folder)


def test_the_digest_is_of_weights_and_vocabulary(folder: Path, tmp_path: Path) -> None:
    digest = encoder(folder).settings["weights"]
    assert encoder(folder, pooling="cls").settings["weights"] == digest
    assert encoder(text_models.save_encoder(tmp_path / "same")).settings["weights"] == digest
    assert encoder(text_models.save_encoder(tmp_path / "other", seed=1)).settings["weights"] != digest
    own = text_models.tokenizer()
    own.add_tokens(["new"])
    own.save_pretrained(tmp_path / "same")
    assert encoder(tmp_path / "same").settings["weights"] != digest


def test_a_pooler_that_the_folder_lacks_counts_for_nothing(tmp_path: Path) -> None:
    """Folders of language models have none: the library draws one at random each time."""
    own = text_models.tokenizer()
    config = transformers.BertConfig(vocab_size=len(own), max_position_embeddings=32, **text_models.SMALL)
    folder = text_models.save(tmp_path, transformers.BertForMaskedLM(config), own)
    first, second = encoder(folder), encoder(folder)
    assert first.settings == second.settings
    assert np.array_equal(first.encode(TEXTS), second.encode(TEXTS))


def test_any_callable() -> None:
    own = encoder(lambda texts: [[len(text), 1] for text in texts], normalize=True, prefix="ab", query_prefix="")
    assert own.encode(["c", ""])[:, 0] == pytest.approx([3 / 10**0.5, 2 / 5**0.5])
    assert own.encode(["c"], query=True)[0, 0] == pytest.approx(0.5**0.5)
    assert own.width == 2
    assert own.settings["model"] == "callable"
    assert own.settings["weights"] is None
    assert encoder(lambda texts: torch.ones(len(texts), 3, dtype=torch.bfloat16)).encode(["a"]).tolist() == [[1, 1, 1]]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([[1.0, 2.0]], r"gives float64\[1, 2\] for 2 texts"),
        ([1.0, 2.0], r"gives float64\[2\] for 2 texts"),
        ([["a"], ["b"]], "expected numbers"),
        ([[1.0], [np.nan]], "not finite"),
        ([[1.0], [1e39]], "not finite"),
    ],
)
def test_bad_callables(given: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        encoder(lambda texts: given).encode(["a", "b"])


def test_settings_that_a_callable_does_not_read() -> None:
    with pytest.raises(ConfigError, match="pooling is 'cls', but a callable does not read it"):
        encoder(len, pooling="cls")


def test_models_that_are_none(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"model is '/nowhere': no config\.json there"):
        encoder("/nowhere")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match="which Hugging Face's library does not load"):
        encoder(tmp_path)
    with pytest.raises(ConfigError, match="precision is 'float16', but the device is the CPU"):
        encoder(folder, precision="float16")


def test_a_folder_without_some_weights_is_refused(tmp_path: Path) -> None:
    folder = text_models.save_encoder(tmp_path / "m")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}))
    with pytest.raises(ConfigError, match=r"it has no weights encoder\.layer\.2\..*, which would be random"):
        encoder(folder)
    (folder / "config.json").write_text(json.dumps({**config, "vocab_size": 40}))
    with pytest.raises(ConfigError):
        encoder(folder)


def test_weights_that_are_not_finite(tmp_path: Path) -> None:
    folder = text_models.save_encoder(tmp_path / "m")
    model = transformers.BertModel.from_pretrained(folder)
    model.embeddings.word_embeddings.weight.data[text_models.tokenizer()("x").input_ids[1]] = torch.nan
    model.save_pretrained(folder)
    with pytest.raises(DataError, match=r"not finite, first of the text 'mountain of the city \. x y z'"):
        encoder(folder).encode(TEXTS)


def test_without_the_package() -> None:
    program = (
        "import sys; sys.modules['transformers'] = None\n"
        "from kgr.models.text_encoder import TextEncoder\n"
        "from kgr.errors import ConfigError\n"
        "try:\n    TextEncoder('a/b')\nexcept ConfigError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("model is 'a/b': such models need the package transformers")
    assert done.stdout.endswith("pip install 'kgr[text]'\n")
    assert done.stdout.count("\n") == 1
