"""Training a predictor of sememes: its method is fitted on train, all that is chosen is chosen on valid."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kgr.data.known import open_store
from kgr.data.recipes import recipe
from kgr.data.training import place_of
from kgr.engine.loop import Progress
from kgr.engine.run import Run, begin_fit
from kgr.errors import ConfigError, DataError
from kgr.index.check import verify_sections
from kgr.index.store import Store
from kgr.sememe.config import SememeConfig, resolve
from kgr.sememe.learned import FILE, Law, Learned
from kgr.sememe.material import material_of, sections_of
from kgr.sememe.measure import tune_threshold
from kgr.sememe.methods import METHODS, Fit
from kgr.sememe.run import TASK, Fitted, SememeRun

Message = Callable[[str], None]

_FREE = ("threads", "device")  # settings that change no figure, so a run may be asked for with others


def train_sememes(
    store: Store | str | Path,
    *,
    out: str | Path,
    config: str | Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    message: Message | None = None,
    **settings: Any,
) -> SememeRun:
    """Train a predictor of sememes on a store of synsets, then evaluate it on the test split.

    Sememes of train alone are learned from; weights, thresholds and probabilities are chosen on valid. Of test nothing
    is read before the evaluation.

    Parameters
    ----------
    store : Store, folder or known name
    out : folder
        The run folder. If it holds this very run already, it is opened as it is.
    config : file or recipe name, optional
        See :func:`kgr.data.recipes.recipe`; ``settings`` win over it.
    progress, message : callable, optional
        Called during the training of a link model; called with lines for the user.
    **settings
        Fields of :class:`kgr.sememe.config.SememeConfig`.

    Returns
    -------
    SememeRun
        Its ``metrics["test"]`` are those of the trained run, where synsets are annotated in test.

    Raises
    ------
    ConfigError
        A setting that is not allowed, or another one than the run in ``out`` was made with.
    DataError
        The store is none of synsets, or no synset is annotated in valid.
    """
    say = message or (lambda line: None)
    opened = open_store(store, message=message)
    path = recipe(TASK, opened.name, config, settings.get("method"))
    if path:
        say(f"settings: {path}")
    chosen = _possible(resolve(path, settings), say)
    names = sections_of(opened, chosen)
    verify_sections(opened.path, names)
    sections = opened.fingerprints(names)
    if (Path(out) / FILE).exists():
        return _same(Run.open(out), opened, chosen, say)
    place, told = place_of(store, opened), dataclasses.asdict(chosen)
    with begin_fit(out, task=TASK, store=place, config=chosen, settings=told, sections=sections) as run:
        material = material_of(opened, chosen, say)
        trained = SememeRun(run, opened, _learned(Fit(material, run.path, progress=progress), run.sections))
        if len(trained.scores.material.annotations.rows("test")):
            run.record_evaluation(0, "test", trained.evaluate("test"))
        else:
            say(f"{opened.path}: no synset is annotated in test, so the run is not evaluated")
        trained.learned.write(run.path)  # last: where it is, the run is whole
    return trained


def _possible(config: SememeConfig, say: Message) -> SememeConfig:
    """Return the settings, of the method that can be run here."""
    if config.method == "ranker" and importlib.util.find_spec("lightgbm") is None:
        say("method ranker needs LightGBM, which is not installed (kgr[sememe]): method neighbours instead")
        return dataclasses.replace(config, method="neighbours", rounds=None)
    return config


def _same(run: Run, store: Store, config: SememeConfig, say: Message) -> SememeRun:
    """Open a run that is there already, if it is the one that is asked for."""
    if run.task != TASK:
        raise ConfigError(f"{run.path}: holds a run of {run.task!r}, not {TASK!r}; give another folder")
    was, now = (dataclasses.asdict(one) for one in (run.config(SememeConfig), config))
    differ = [
        f"{name} was {was[name]!r}, now {now[name]!r}" for name in now if name not in _FREE and was[name] != now[name]
    ]
    if differ:
        raise ConfigError(f"{run.path}: this run has other settings: {'; '.join(differ)}; give another folder")
    found = SememeRun(run, store)
    assert found.learned  # of these sections, or it says which changed
    say(f"{run.path}: is trained already, with these settings")
    return found


def _learned(fit: Fit, sections: Mapping[str, str]) -> tuple[Fitted, Learned]:
    material = fit.material
    valid = material.annotations.rows("valid")
    if not len(valid):
        raise DataError(
            f"{material.store.path}: no synset is annotated in valid, expected some: thresholds and weights are chosen "
            "on them"
        )
    scorer, kept = METHODS[material.config.method](fit)
    scores = Fitted(material, scorer)
    gold = material.annotations.of("valid")[valid]
    law = Law.of(scores.rows(valid), gold)
    texts_alone = Law.of(scores.by_texts_alone(valid), gold) if material.has_texts else None
    popular = tune_threshold(scores.rows(valid, scores.popularity), gold)
    return scores, Learned(kept, law, texts_alone, popular, sections)
