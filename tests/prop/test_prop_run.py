"""Pre-training from start to end: runs, resuming, the folder that other libraries read."""

import importlib.util
import json

import numpy as np
import pytest
import text_models
import torch
import transformers
from prop_corpus import SMALL, small_store, texts

import kgr
from kgr.errors import ConfigError, FormatError
from kgr.models.text_config import TextModelConfig
from kgr.models.text_pairs import PairScorer

GIVEN = {name: value for name, value in SMALL.items() if name not in ("width", "heads", "layers", "vocabulary")}
GIVEN |= {"min_length": 3}  # letters are word pieces there
PAIRS = [("babword bebword", texts()[0]), ("city", texts()[1]), ("", "river")]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return small_store(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def trained(store, tmp_path_factory):
    lines = []
    out = tmp_path_factory.mktemp("trained") / "run"
    run = kgr.pretrain_prop(store, out=out, message=lines.append, **SMALL, eval_every=3)
    return run, lines


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder"))


def save_encoder(folder, kind="Bert", **more):
    torch.manual_seed(1)
    own = text_models.tokenizer(model_max_length=128, **more)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=len(own), max_position_embeddings=130, pad_token_id=0, **text_models.SMALL
    )
    return text_models.save(folder, getattr(transformers, f"{kind}Model")(config), own)


def losses_of(run):
    lines = (run.path / "metrics.jsonl").read_text().splitlines()
    return [line["loss"] for line in map(json.loads, lines) if "loss" in line]


def test_a_run_has_what_was_measured_on_held_out_documents(trained):
    run, lines = trained
    without_model = {"overlap", "prior", "overlap_prior"}
    measured = {"accuracy", "wrong_document", "mlm_accuracy", "mlm_loss"}
    assert run.metrics["valid"].keys() == {"split", "documents"} | without_model | measured
    assert run.metrics["valid"]["documents"] == 6 and run.metrics["valid"]["overlap"] > 0.7
    assert any("from random weights" in line for line in lines)
    assert "of 61 documents 0 have no usable word and 1 are too short: left out" in lines


def test_a_picture_has_accuracies(trained, tmp_path, drawn):
    run, _ = trained
    assert run.plot(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    axes = {each.get_title(): each for each in drawn[0].axes}
    assert [line.get_label() for line in axes["Accuracy, on valid"].get_lines()] == ["accuracy", "mlm_accuracy"]
    assert axes["Told right, on valid"].containers[0][0].get_height() == run.metrics["valid"]["accuracy"]


def test_a_loaded_run_is_the_same(trained):
    run, _ = trained
    again = kgr.load_run(run.path)
    assert again.evaluate() == run.metrics["valid"] and again.metrics == run.metrics
    assert again.config == run.config and again.config.window == SMALL["window"]
    assert np.array_equal(again.score(PAIRS), run.score(PAIRS))


@pytest.mark.parametrize("objective", ["prop", "mlm", "ict"])
def test_a_resumed_run_equals_an_uninterrupted_one(store, tmp_path, objective):
    class Stop(Exception):
        pass

    def stop(report):
        if report.step == 4 and report.loss is not None:
            raise Stop

    settings = {**SMALL, "objective": objective, "accumulate": 2, "log_every": 2, "checkpoint_every": 3}
    if objective != "mlm":
        settings["mlm_start"] = 0.4
    whole = kgr.pretrain_prop(store, out=tmp_path / "a", **settings)
    with pytest.raises(Stop):
        kgr.pretrain_prop(store, out=tmp_path / "b", progress=stop, **settings)
    resumed = kgr.pretrain_prop(store, out=tmp_path / "b", **{**settings, "threads": 3, "slots": 2})
    assert losses_of(whole) == losses_of(resumed)
    assert (tmp_path / "a" / "model.safetensors").read_bytes() == (tmp_path / "b" / "model.safetensors").read_bytes()
    assert resumed.metrics == whole.metrics


def loaded(folder, kind):
    model, told = getattr(transformers, kind).from_pretrained(folder, output_loading_info=True)
    assert not told["missing_keys"] and not told["mismatched_keys"]
    return model.eval()


@pytest.mark.parametrize("of", ["run", "saved"])
def test_hugging_faces_classes_load_equal_logits(trained, tmp_path, of):
    run, _ = trained
    folder = run.path
    if of == "saved":
        run.save(tmp_path / "saved")
        folder = tmp_path / "saved"
        assert sorted(path.suffix for path in folder.iterdir() if path.suffix == ".safetensors") == [".safetensors"]
    model = run._task.model.eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    own = tokenizer([a for a, _ in PAIRS], [b for _, b in PAIRS], padding=True, truncation=True, return_tensors="pt")
    with torch.no_grad():
        states = model.states(own["input_ids"], own["token_type_ids"], own["attention_mask"].sum(1))
        scores = loaded(folder, "AutoModelForSequenceClassification")(**own).logits[:, 0]
        pieces = loaded(folder, "AutoModelForMaskedLM")(**own).logits
        everywhere = own["attention_mask"].nonzero()
        torch.testing.assert_close(model.scores(states), scores)
        torch.testing.assert_close(model.pieces(states, everywhere), pieces[everywhere[:, 0], everywhere[:, 1]])
    assert np.allclose(PairScorer(folder, TextModelConfig(device="cpu")).scores(PAIRS), scores.numpy(), atol=1e-6)


@pytest.mark.skipif(
    not importlib.util.find_spec("sentence_transformers"), reason="sentence-transformers is not installed"
)
def test_cross_encoder_gives_logits(trained):
    from sentence_transformers import CrossEncoder

    run, _ = trained
    assert np.allclose(CrossEncoder(str(run.path), device="cpu").predict(PAIRS), run.score(PAIRS), atol=1e-5)


def test_the_config_asks_cross_encoders_for_logits(trained):
    config = json.loads((trained[0].path / "config.json").read_text())
    assert config["sentence_transformers"] == {"activation_fn": "torch.nn.modules.linear.Identity"}
    assert config["architectures"] == ["BertForSequenceClassification"]


def test_a_ranking_is_ordered_anew_by_a_run(trained):
    run, _ = trained
    query = " ".join(texts()[0].split()[:3])
    ranking = kgr.retrieve(run.store, [query], k=5)
    again = kgr.rerank(ranking, run.path, device="cpu")
    assert set(again.document.tolist()) == set(ranking.document.tolist())
    shown = [(query, texts()[i]) for i in again.document.tolist()]
    assert np.allclose(again.score, run.score(shown), atol=1e-6)


def test_a_run_reads_as_much_as_it_has_learned_to_where_nothing_is_said(trained, tmp_path):
    run, _ = trained
    assert PairScorer(run.path, TextModelConfig(device="cpu")).model.max_length == SMALL["window"] + 3 + 16
    longer = PairScorer(run.path, TextModelConfig(device="cpu", max_length=200)).model
    assert longer.max_length == 200
    longer.save(tmp_path / "tuned")
    assert PairScorer(tmp_path / "tuned", TextModelConfig(device="cpu")).model.max_length == 200


def test_a_model_is_found_again_from_anywhere(store, encoder, tmp_path, monkeypatch):
    monkeypatch.chdir(encoder.parent)
    run = kgr.pretrain_prop(store, out=tmp_path / "run", model=encoder.name, **{**GIVEN, "steps": 1})
    assert run.config.model == str(encoder)


@pytest.mark.parametrize("kind", ["Bert", "Roberta", "DistilBert", "Electra", "ModernBert"])
def test_encoders_of_several_architectures(store, tmp_path, kind):
    given = save_encoder(tmp_path / "given", kind) if kind != "DistilBert" else save_distilbert(tmp_path / "given")
    lines = []
    settings = {**GIVEN, "steps": 2, "mlm_start": 0.0}
    run = kgr.pretrain_prop(store, out=tmp_path / "run", model=given, message=lines.append, **settings)
    assert any("its ranker starts anew" in line for line in lines)
    scores = run.score(PAIRS)
    model = loaded(run.path, "AutoModelForSequenceClassification")
    assert type(model).__name__ == f"{kind}ForSequenceClassification" and np.isfinite(scores).all()
    loaded(run.path, "AutoModelForMaskedLM")


def save_distilbert(folder):
    torch.manual_seed(1)
    own = text_models.tokenizer(model_max_length=128)
    config = transformers.DistilBertConfig(
        vocab_size=len(own), max_position_embeddings=130, dim=16, n_layers=2, n_heads=2, hidden_dim=32
    )
    return text_models.save(folder, transformers.DistilBertModel(config), own)


def test_the_first_layers_of_a_given_model_and_frozen_embeddings(store, encoder, tmp_path):
    settings = {**GIVEN, "layers": 1, "freeze_embeddings": True, "mlm_weight": 0.0, "mlm_start": 0.5}
    run = kgr.pretrain_prop(store, out=tmp_path / "run", model=encoder, **settings)
    was = transformers.AutoModel.from_pretrained(encoder)
    now = loaded(run.path, "AutoModelForSequenceClassification").base_model
    assert len(now.encoder.layer) == 1
    assert torch.equal(now.get_input_embeddings().weight, was.get_input_embeddings().weight)
    assert not torch.equal(now.encoder.layer[0].output.dense.weight, was.encoder.layer[0].output.dense.weight)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_dropout_is_as_asked(store, encoder, tmp_path, share):
    run = kgr.pretrain_prop(store, out=tmp_path / "run", model=encoder, dropout=share, **{**GIVEN, "steps": 1})
    parts = [part for part in run._task.model.modules() if isinstance(part, torch.nn.Dropout)]
    assert len(parts) > 5 and {part.p for part in parts} == {share}


def test_word_sets_by_attention(store, encoder, tmp_path):
    lines = []
    settings = {**GIVEN, "steps": 2, "law": "attention"}
    run = kgr.pretrain_prop(store, out=tmp_path / "run", model=encoder, message=lines.append, **settings)
    assert run.metrics["valid"]["documents"] > 0 and any("mean normalised entropy is 0." in line for line in lines)


def test_a_run_killed_while_its_tokenizer_was_written_is_taken_up(store, tmp_path, monkeypatch):
    def killed(tokenizer, folder):
        (folder / "tokenizer.json").write_text("{")
        raise KeyboardInterrupt

    settings = {**SMALL, "steps": 1}
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(transformers.PreTrainedTokenizerFast, "save_pretrained", killed)
        kgr.pretrain_prop(store, out=tmp_path / "run", **settings)
    run = kgr.pretrain_prop(store, out=tmp_path / "run", **settings)
    assert np.isfinite(run.score(PAIRS)).all()


def test_the_published_law_trains_on_a_share_of_short_documents(store, encoder, tmp_path):
    # all are short: one in five is drawn from in an epoch, and batches are of these alone
    settings = {**SMALL, "law": "published", "min_count": 1, "batch": 2, "steps": 30, "mlm_weight": 0.0}
    run = kgr.pretrain_prop(store, out=tmp_path / "run", **settings)
    assert run.config.sets.background == "document" and run.metrics["valid"]["documents"] == 6
    assert [line["unused"] for line in run._run.metrics() if "unused" in line] == [0]
    assert kgr.load_run(run.path).evaluate() == run.metrics["valid"]


def test_an_encoder_of_another_kind_is_refused(store, tmp_path):
    own = text_models.tokenizer(model_max_length=128)
    config = transformers.GPT2Config(vocab_size=len(own), n_positions=128, n_embd=16, n_layer=2, n_head=2)
    given = text_models.save(tmp_path / "given", transformers.GPT2Model(config), own)
    with pytest.raises(ConfigError, match=r"does not load: .*GPT2Config.*: AutoModelForMaskedLM"):
        kgr.pretrain_prop(store, out=tmp_path / "run", model=given, **GIVEN)


def test_more_layers_than_the_model_has_are_refused(store, encoder, tmp_path):
    with pytest.raises(ConfigError, match=r"layers is 9, but .* has 2"):
        kgr.pretrain_prop(store, out=tmp_path / "run", model=encoder, layers=9, **GIVEN)


def test_a_model_that_is_not_there_is_one_line(store, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(
        ConfigError, match=r"model is 'no/such', which is no folder, and not to be had from Hugging Face"
    ) as told:
        kgr.pretrain_prop(store, out=tmp_path / "run", model="no/such", **GIVEN)
    assert "\n" not in str(told.value)


def test_a_window_longer_than_the_model_reads_is_refused(store, encoder, tmp_path):
    with pytest.raises(ConfigError, match=r"window is 120, but .* reads 130 word pieces of a row: at most 111"):
        kgr.pretrain_prop(store, out=tmp_path / "run", model=encoder, **{**GIVEN, "window": 120})


def test_a_vocabulary_without_a_mask(store, tmp_path):
    given = save_encoder(tmp_path / "given", mask_token=None)
    with pytest.raises(ConfigError, match="whose vocabulary has no mask"):
        kgr.pretrain_prop(store, out=tmp_path / "a", model=given, **GIVEN)
    kgr.pretrain_prop(store, out=tmp_path / "b", model=given, **{**GIVEN, "mlm_weight": 0.0, "steps": 1})


def test_another_tokenizer_is_refused_on_resume(store, tmp_path):
    given = save_encoder(tmp_path / "given")
    kgr.pretrain_prop(store, out=tmp_path / "run", model=given, **{**GIVEN, "steps": 2})
    other = text_models.tokenizer(model_max_length=128)
    other.add_tokens(["river!"])
    other.save_pretrained(given)
    with pytest.raises(FormatError, match="begun with a tokenizer of digest"):
        kgr.pretrain_prop(store, out=tmp_path / "run", model=given, **{**GIVEN, "steps": 4})


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"objective": "mlm", "loss": "ranknet"}, "loss is not read by objective mlm"),
        ({"objective": "ict", "mu": 3.0}, "mu is not read by objective ict"),
        ({"objective": "ict", "batch": 1}, "batch is 1"),
        ({"loss": "ranknet", "margin": 2.0}, "margin is not read by loss ranknet"),
        ({"model": "x", "width": 64}, "width is not read by model x"),
        ({"mlm_weight": 0.0, "mlm_share": 0.2}, "mlm_share is not read by mlm_weight 0"),
        ({"width": 30, "heads": 4}, "width is 30, expected a multiple of heads, 4"),
        ({"law": "attention"}, "needs an encoder whose attention weighs words"),
        ({"attention": "x"}, "attention is not read by law dirichlet"),
        ({"temperature": 1.0}, "law 'dirichlet' does not read temperature"),
    ],
)
def test_settings_that_are_not_read_are_refused(store, tmp_path, settings, told):
    with pytest.raises(ConfigError, match=told):
        kgr.pretrain_prop(store, out=tmp_path / "run", **settings)
