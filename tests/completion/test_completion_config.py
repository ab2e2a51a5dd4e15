from __future__ import annotations

from pathlib import Path

import pytest

from kgr._config import make
from kgr.completion.config import READERS, CompletionConfig, resolve
from kgr.data.known import datasets_folder, known_names
from kgr.data.recipes import recipe
from kgr.errors import ConfigError
from kgr.models import LINK_MODELS
from kgr.models.fields import LINK_FIELDS


def test_models_take_their_fields() -> None:
    assert set(LINK_MODELS) == set(LINK_FIELDS)
    given = {"norm": 1, "gamma": 3.0, "relation_dim": 10, "feature_dropout": 0.1, "projection_dropout": 0.1, "parts": 2}
    assert set(given) == READERS.keys()
    for name, model in LINK_MODELS.items():
        fields = {field: given[field] for field in LINK_FIELDS[name]}
        config = make(CompletionConfig, {"model": name, "entity_dropout": 0.5, **fields})
        assert config.model_fields == {"entity_dropout": 0.5, "relation_dropout": 0.0, **fields}
        built = model(200, **config.model_fields)
        assert built.dim == 200
        assert built.entity_dropout.p == 0.5


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"dim": 0}, "dim is 0, expected a whole number, at least 1"),
        ({"dims": 3}, "unknown setting 'dims'; nearest: dim"),
        ({"model": "complx"}, "model is 'complx', expected one of transe, distmult, complex"),
        ({"norm": 1}, "norm is not read by model complex, only by transe"),
        ({"model": "transe", "feature_dropout": 0.1}, "feature_dropout is not read by model transe, only by conve"),
        ({"negatives": 3}, "negatives is not read by training 1vsall, only by negatives"),
        ({"own_negatives": True, "training": "kvsall"}, "own_negatives is not read by training kvsall"),
        ({"negative_law": "degree"}, "negative_law is not read by training 1vsall"),
        ({"loss": "margin"}, "loss is margin, which training 1vsall has no negatives for"),
        ({"adversarial": 1.0}, "adversarial is not read by loss softmax, only by margin"),
        ({"training": "negatives", "label_smoothing": 0.1}, "label_smoothing is not read by training negatives"),
        ({"training": "kvsall", "relation_prediction": 0.1}, "relation_prediction is not read by training kvsall"),
        ({"model": "conve", "batch": 1}, "batch is 1, but model conve norms each number over a batch: use 2 or more"),
        ({"model": "rescal", "parts": 2}, "parts is not read by model rescal, only by distmult, complex"),
        ({"training": "negatives", "parts": 2}, "parts is not read by training negatives, only by 1vsall, kvsall"),
        ({"weighting": "answers"}, "weighting is not read by training 1vsall, only by kvsall"),
        ({"training": "kvsall", "loss": "bce", "weighting": "answers"}, "weighting is not read by loss bce"),
        ({"regularizer": "none", "entity_weight": 0.1}, "entity_weight is not read by regularizer none"),
        ({"weighted": False}, "weighted is not read by regularizer n3, only by l1, l2, l3"),
        ({"regularizer": "l2"}, "regularizer is l2, which needs entity_weight or relation_weight"),
        ({"init": "normal"}, "init is normal, which needs init_scale"),
        ({"steps": 3, "epochs": 1}, "steps and epochs are both given"),
        ({"eval_every": 3, "eval_epochs": 1}, "eval_every and eval_epochs are both given"),
        ({"epochs": 0}, "epochs is 0, expected more"),
    ],
)
def test_what_is_not_allowed_is_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(CompletionConfig, values)


def test_epochs_become_steps() -> None:
    config = make(CompletionConfig, {"epochs": 2.5, "eval_epochs": 0.5, "batch": 100}).in_steps(1010)
    assert (config.steps, config.eval_every, config.epochs, config.eval_epochs) == (26, 6, None, None)
    assert make(CompletionConfig, {"steps": 7}).in_steps(1010).steps == 7
    assert make(CompletionConfig, {"batch": 10}).in_steps(100).steps == 300
    assert config.in_steps(5) == config


def test_default_weights_of_penalties() -> None:
    assert make(CompletionConfig, {}).penalty == (0.01, 0.01)
    assert make(CompletionConfig, {"relation_weight": 0.0}).penalty == (0.01, 0)
    assert make(CompletionConfig, {"regularizer": "l3", "entity_weight": 0.5}).penalty == (0.5, 0)


def test_given_settings_win_over_a_file(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('model = "transe"\nnorm = 1\nepochs = 7\ntraining = "negatives"\nnegatives = 9\nloss = "margin"\n')
    kept = resolve(file, {})
    assert (kept.norm, kept.negatives, kept.epochs) == (1, 9, 7)
    other = resolve(file, {"model": "complex", "steps": 3})
    assert (other.norm, other.negatives, other.epochs, other.steps) == (None, 9, None, 3)
    other = resolve(file, {"training": "1vsall"})
    assert (other.norm, other.negatives, other.loss) == (1, None, "softmax")
    assert resolve(file, {"loss": "bce"}).negatives == 9


def test_models_have_defaults_of_their_own(tmp_path: Path) -> None:
    for model in LINK_MODELS:
        config = resolve(None, {"model": model})
        LINK_MODELS[model](config.dim, **config.model_fields)
    transe, rescal, conve = (resolve(None, {"model": model}) for model in ("transe", "rescal", "conve"))
    assert (transe.training, transe.regularizer, transe.dim, transe.lr) == ("negatives", "none", 512, 0.1)
    assert resolve(None, {"model": "transe", "training": "1vsall", "label_smoothing": 0.1}).training == "1vsall"
    assert (rescal.regularizer, rescal.penalty[0], rescal.dim) == ("dura", 0.01, 256)
    assert (conve.regularizer, conve.optimizer, conve.lr, conve.dim) == ("none", "adam", 0.001, 200)
    assert resolve(None, {}) == make(CompletionConfig, {})
    given = resolve(None, {"model": "transe", "regularizer": "n3", "entity_weight": 0.5, "optimizer": "adam"})
    assert (given.penalty, given.lr) == ((0.5, 0.01), 0.001)
    assert resolve(None, {"model": "conve", "optimizer": "adagrad"}).lr == 0.1
    file = tmp_path / "own.toml"
    file.write_text('model = "rescal"\nlr = 0.3\nregularizer = "l2"\nentity_weight = 0.1\n')
    own = resolve(file, {})
    assert (own.dim, own.lr, own.regularizer) == (256, 0.3, "l2")


def test_another_model_takes_the_files_passes_not_its_size_and_penalty(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    of_size = (
        'model = "complex"\noptimizer = "adagrad"\ndim = 64\nlr = 0.3\nentity_weight = 0.5\nentity_dropout = 0.1\n'
    )
    file.write_text(f"{of_size}epochs = 7\n")
    other = resolve(file, {"model": "rotate"})
    assert (other.epochs, other.dim, other.lr, other.regularizer, other.entity_dropout) == (7, 512, 0.1, "none", 0.0)
    assert resolve(file, {"model": "complex"}).dim == 64
    assert resolve(file, {"optimizer": "adam"}).lr == 0.001


def test_every_recipe_is_valid_and_found() -> None:
    recipes = sorted(datasets_folder().glob("*/completion*.toml"))
    assert {path.parent.name for path in recipes} <= set(known_names())
    assert recipes
    for path in recipes:
        name = path.stem.removeprefix("completion").removeprefix("-")
        assert recipe("completion", path.parent.name, name or None, None) == path
        config = resolve(path, {})
        if name in LINK_MODELS:
            assert config.model == name
            assert recipe("completion", path.parent.name, None, name) == path
        LINK_MODELS[config.model](config.dim, **config.model_fields)


@pytest.mark.parametrize("training", ["1vsall", "kvsall", "negatives"])
def test_of_a_recipe_only_what_another_training_reads_is_kept(training: str) -> None:
    for path in sorted(datasets_folder().glob("*/completion*.toml")):
        conve = resolve(path, {}).model == "conve"
        assert resolve(path, {"training": training} | ({"loss": "bce"} if conve else {})).training == training
