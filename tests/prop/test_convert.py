"""A made-up checkpoint with the key names of the published ones."""

import json

import pytest
import text_models
import torch
import transformers

from kgr.errors import FormatError
from kgr.prop.convert import convert_prop


@pytest.fixture
def published(tmp_path):
    """A folder as published, and the model that it holds."""
    torch.manual_seed(0)
    own = text_models.tokenizer()
    config = transformers.BertConfig(vocab_size=len(own), max_position_embeddings=32, **text_models.SMALL)
    model = transformers.BertForPreTraining(config).eval()
    rank = torch.nn.Linear(16, 1)
    weights = {name: tensor for name, tensor in model.state_dict().items() if not name.startswith("cls.seq")}
    weights = {name.replace("LayerNorm.weight", "LayerNorm.gamma"): tensor for name, tensor in weights.items()}
    weights |= {"cls.weight": rank.weight.data, "cls.bias": rank.bias.data}
    weights["bert.embeddings.position_ids"] = torch.arange(32)[None]
    folder = tmp_path / "published"
    own.save_pretrained(folder)
    config.save_pretrained(folder)
    torch.save(weights, folder / "pytorch_model.bin")
    return folder, model, rank


def test_heads_are_found_by_hugging_faces_classes(published, tmp_path):
    folder, model, rank = published
    convert_prop(folder, tmp_path / "out")
    own = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")("city", "river of a", return_tensors="pt")
    kinds = transformers.AutoModelForSequenceClassification, transformers.AutoModelForMaskedLM
    ranker, language_model = (kind.from_pretrained(tmp_path / "out").eval() for kind in kinds)
    with torch.no_grad():
        states = model.bert(**own)
        torch.testing.assert_close(ranker(**own).logits, rank(states.pooler_output))
        torch.testing.assert_close(language_model(**own).logits, model(**own).prediction_logits)


def test_a_config_without_a_kind_and_weights_from_several_gpus(published, tmp_path):
    folder, _, rank = published
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({k: v for k, v in config.items() if k != "model_type"}))
    weights = torch.load(folder / "pytorch_model.bin", weights_only=True)
    torch.save({f"module.{name}": tensor for name, tensor in weights.items()}, folder / "pytorch_model.bin")
    convert_prop(folder, tmp_path / "out")
    ranker = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "out")
    torch.testing.assert_close(ranker.classifier.weight, rank.weight)


def test_keys_that_do_not_fit_are_named(published, tmp_path):
    folder, _, _ = published
    weights = torch.load(folder / "pytorch_model.bin", weights_only=True)
    weights["cls.weight"] = torch.zeros(2, 16)
    weights["rep.dense.weight"] = weights.pop("bert.pooler.dense.weight")
    torch.save(weights, folder / "pytorch_model.bin")
    with pytest.raises(FormatError) as told:
        convert_prop(folder, tmp_path / "out")
    assert str(told.value).startswith(f"{folder}: weights of another architecture")
    for part in ("no bert.pooler.dense.weight", "rep.dense.weight", "another shape classifier.weight"):
        assert part in str(told.value)
    assert not (tmp_path / "out").exists()


def test_a_folder_without_weights(published, tmp_path):
    folder, _, _ = published
    (folder / "pytorch_model.bin").unlink()
    with pytest.raises(FormatError, match=r"none of model\.safetensors, pytorch_model\.bin"):
        convert_prop(folder, tmp_path / "out")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors"])
@pytest.mark.parametrize("content", [b"", b"garbage", b"\xff" * 64])
def test_damaged_weights_are_one_line(published, tmp_path, name, content):
    folder, _, _ = published
    (folder / name).write_bytes(content)
    with pytest.raises(FormatError, match=rf"{name}: cannot be read as weights"):
        convert_prop(folder, tmp_path / "out")


def test_what_is_no_weight_is_named(published, tmp_path):
    folder, _, _ = published
    torch.save({"model": {"cls.weight": torch.zeros(1)}, "epoch": 3}, folder / "pytorch_model.bin")
    with pytest.raises(FormatError, match="'model' is no weight"):
        convert_prop(folder, tmp_path / "out")


@pytest.mark.parametrize(("content", "told"), [("{bad", "is no JSON"), ("3", "is int, expected an object of settings")])
def test_a_config_that_is_none(published, tmp_path, content, told):
    folder, _, _ = published
    (folder / "config.json").write_text(content)
    with pytest.raises(FormatError, match=rf"config\.json: {told}"):
        convert_prop(folder, tmp_path / "out")
