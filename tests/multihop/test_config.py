from __future__ import annotations

from pathlib import Path

import pytest

from kgr._config import make, settings
from kgr.data.known import datasets_folder, known_names
from kgr.data.recipes import recipe
from kgr.errors import ConfigError, QueryError
from kgr.models import MODELS
from kgr.models.fields import FIELDS, NEGATING
from kgr.multihop.config import READERS, MultihopConfig, resolve


def test_models_and_their_fields_agree() -> None:
    assert set(MODELS) == set(FIELDS)
    assert {name for name, model in MODELS.items() if model.negates} == set(NEGATING)
    for name, model in MODELS.items():
        dim = 4
        built = model(dim, **dict.fromkeys(FIELDS[name]))
        assert built.dim == dim


def test_default_structures_are_the_published_ones() -> None:
    assert set(MultihopConfig(model="gqe").weights) == {"1p", "2p", "3p", "2i", "3i"}
    betae = MultihopConfig(model="betae").weights
    assert betae["2i"] == 10
    assert betae["pni"] == 1
    assert not {"pi", "ip", "2u", "up"} & set(betae)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"dim": 0}, "dim is 0, expected a whole number, at least 1"),
        ({"dim": 1.5}, "dim is 1.5, expected a whole number"),
        ({"batch": True}, "batch is True"),
        ({"loss": "hinge"}, "loss is 'hinge', expected one of softmax, margin"),
        ({"dims": 3}, "unknown setting 'dims'; nearest: dim"),
        ({"model": "gqe", "hidden": 8}, "hidden is not read by model gqe, only by betae, cone"),
        ({"model": "gqe", "structures": {"2in": 1}}, "2in negates, which model gqe cannot"),
        ({"adversarial": 1.0}, "adversarial is not read by loss softmax, only by margin"),
        ({"model": "gqe", "n3": 0.1}, "n3 is not read by model gqe, only by distmult, complex, rotate: leave it out"),
        ({"eval_queries": 3}, "eval_queries is not read by eval_every 0, only by another eval_every: leave it out"),
        ({"model": "cone", "init_range": 0}, "init_range is 0.0, expected a number, at least 1e-09"),
        ({"init_range": 1e39}, r"init_range is 1e\+39, expected a number, at least 1e-09 and at most 1e\+06"),
        ({"gamma": 1e39}, r"gamma is 1e\+39, expected a number, at least 0 and at most 1e\+06"),
        ({"entity_rate": 1e300}, r"entity_rate is 1e\+300, expected a number, at least 0 and at most 1e\+06"),
        ({"work_limit": 10**30}, "work_limit is 1000.*, expected a whole number, at least 1 and at most"),
        ({"minutes": 0}, "minutes is 0.0, expected a number, at least 1e-09"),
        ({"structures": {"2i": -1}}, "weight of 2i is -1"),
        ({"structures": {"2i": 0}}, "every weight is 0"),
        ({"inside": 2.0, "model": "query2box"}, "inside is 2.0, expected a number, at least 0 and at most 1"),
    ],
)
def test_what_is_not_allowed_is_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(MultihopConfig, values)


def test_a_structure_that_is_no_word() -> None:
    with pytest.raises(QueryError, match="unknown structure '2q'"):
        make(MultihopConfig, {"structures": {"2q": 1}})


def test_given_settings_win_over_a_file(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('model = "betae"\nhidden = 32\nsteps = 7\n[structures]\n2in = 1\n')
    assert resolve(file, {}).hidden == 32
    chosen = resolve(file, {"steps": 9, "model": "gqe"})
    assert (chosen.model, chosen.steps, chosen.hidden, chosen.structures) == ("gqe", 9, None, None)


@pytest.mark.parametrize(
    ("file", "given", "gone"),
    [
        ('loss = "margin"\nadversarial = 0.5', {"loss": "softmax"}, "adversarial"),
        ('eval_every = 5\nschedule = "plateau"\nplateau_factor = 0.5', {"schedule": "constant"}, "plateau_factor"),
        ("eval_every = 5\neval_queries = 3", {"eval_every": 0}, "eval_queries"),
        ('own_negatives = true\nnegative_law = "range"', {"own_negatives": False}, "negative_law"),
        ("hidden = 9", {"model": "gqe"}, "hidden"),
    ],
)
def test_what_a_given_choice_does_not_read_is_left_out_of_a_file(tmp_path: Path, file, given, gone) -> None:
    path = tmp_path / "own.toml"
    path.write_text(f"dim = 7\n{file}\n")
    assert getattr(resolve(path, {}), gone) != settings(MultihopConfig)[gone].default
    chosen = resolve(path, given)
    assert (chosen.dim, getattr(chosen, gone)) == (7, settings(MultihopConfig)[gone].default)
    assert all(getattr(chosen, name) == value for name, value in given.items())


def test_a_choice_given_beside_the_file_keeps_what_it_reads(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('loss = "margin"\nadversarial = 0.5\n')
    assert resolve(path, {"loss": "margin", "steps": 9}).adversarial == 0.5
    with pytest.raises(ConfigError, match="adversarial is not read by loss softmax"):
        resolve(path, {"loss": "softmax", "adversarial": 0.1})


def test_published_recipes_take_another_loss() -> None:
    path = recipe("multihop", "fb15k-237-betae", "published-betae", None)
    assert resolve(path, {"loss": "softmax"}).adversarial is None


def test_a_file_with_a_fault_is_named(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text("steps = 0\n")
    with pytest.raises(ConfigError, match=r"own\.toml: steps is 0"):
        resolve(file, {})
    file.write_text("steps = \n")
    with pytest.raises(ConfigError, match=r"own\.toml: cannot be read as TOML"):
        resolve(file, {})
    with pytest.raises(ConfigError, match="neither a file nor a recipe of atlas"):
        recipe("multihop", "atlas", "nothing", None)
    assert recipe("multihop", "", file, "gqe") == file
    assert recipe("multihop", "", None, "gqe") is None


def test_every_recipe_is_valid_and_found() -> None:
    recipes = sorted(datasets_folder().glob("*/multihop*.toml"))
    assert {path.parent.name for path in recipes} <= set(known_names())
    assert len(recipes) >= 4
    for path in recipes:
        name = path.stem.removeprefix("multihop").removeprefix("-")
        assert recipe("multihop", path.parent.name, name or None, None) == path
        config = resolve(path, {})
        assert config.model in MODELS
        if name in MODELS:
            assert config.model == name
            assert recipe("multihop", path.parent.name, None, name) == path
    assert {"gamma", "hidden", "n3"} <= set(READERS)
