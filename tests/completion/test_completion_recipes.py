"""Every data set's completion recipe loads and trains a step."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from kgr._config import read_toml
from kgr.completion.config import resolve
from kgr.completion.task import CompletionTask
from kgr.data.known import datasets_folder, open_store
from kgr.engine.ring import Slot
from kgr.engine.run import begin
from kgr.index.store import Store

CPU = torch.device("cpu")
RECIPES = sorted(datasets_folder().glob("*/completion*.toml"))


@pytest.fixture(scope="module")
def atlas() -> Store:
    return open_store("atlas")


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_recipe_trains_a_step(path: Path, atlas: Store, tmp_path: Path) -> None:
    config = resolve(path, {}).in_steps(100_000)
    with begin(tmp_path / "run", task="completion", store="atlas", config=config, sections={}):
        pass  # schedules and evaluations fit together
    task = CompletionTask(atlas, config, CPU)
    slot = Slot(task.layout(), CPU)
    slot.fill(task.fill, 1)
    before = task.tables["entities"].weight[:200].clone()
    loss = task.step(slot)
    loss.backward()
    task.tables["entities"].step(config.lr)
    assert loss.isfinite()
    assert not torch.equal(task.tables["entities"].weight[:200], before)


@pytest.mark.parametrize("size", ["s", "m", "l"])
def test_each_codex_has_the_published_models_and_a_default(size: str) -> None:
    names = {path.stem for path in RECIPES if path.parent.name == f"codex-{size}"}
    published = {f"completion-libkge-{model}" for model in ("rescal", "transe", "complex", "conve", "tucker")}
    assert names >= {"completion", *published}
    models = {name: read_toml(datasets_folder() / f"codex-{size}" / f"{name}.toml")["model"] for name in published}
    assert all(name.endswith(model) for name, model in models.items())
