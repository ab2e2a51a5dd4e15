"""What follows a training: the data set's questions with the run's answers, and the next commands to try."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path

from kgr._config import read_toml
from kgr.data.known import datasets_folder
from kgr.models.fields import NEGATING
from kgr.multihop.run import MultihopRun
from kgr.query.words import parse
from kgr.show.multihop import LEGEND, question
from kgr.show.words import query_in_words

_SHOWN = 5


@dataclasses.dataclass(frozen=True)
class Question:
    """A question in words and as a query by key."""

    text: str
    structure: str
    query: list[str]


def read(data_set: str) -> list[Question]:
    """Return the questions of a data set, none where it has no ``questions.toml``."""
    path = datasets_folder() / data_set / "questions.toml"
    if not data_set or not path.is_file():
        return []
    return [Question(**row) for row in read_toml(path)["question"]]


def answered(run: MultihopRun, asked: list[Question]) -> list[str]:
    """Return each question with the run's best answers, after a line on their marks."""
    parts = []
    for one in asked:
        answers = run.answer(one.structure, one.query, k=_SHOWN) if _possible(run, one) else None
        parts.append(question(one.text, query_in_words(run.store, one.structure, one.query), answers))
    return [f"Questions, and the model's best answers ({LEGEND})", *parts] if parts else []


def _possible(run: MultihopRun, one: Question) -> bool:
    return run.config.model in NEGATING or not parse(one.structure).negates


def next_commands(run: MultihopRun, store: str, asked: list[Question]) -> str:
    """Return commands that work on this run and its store; ``store`` as the user named it."""
    here = Path.cwd()
    folder = str(run.path.relative_to(here) if run.path.is_relative_to(here) else run.path)
    one = next((one for one in asked if _possible(run, one)), None)
    commands = [["answer", folder, one.structure, *one.query, "-k", "20"]] if one else []
    entity = one.query[0] if one else run.store.entries.key(0)
    commands += [["show", store, entity]]
    if any(split in run.metrics for split in ("valid", "test")):
        split = [] if "test" in run.metrics else ["--split", "valid"]
        commands += [
            ["sample", store, "--structures", "1p,2i", "--count", "100", *split, "--out", "queries.jsonl"],
            ["evaluate-multihop", folder, "--queries", "queries.jsonl"],
        ]
    return "\n".join(["Next commands to try:", *(f"  kgr {shlex.join(command)}" for command in commands)])
