"""Verbs of query models."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import click
import pytest
from click.testing import CliRunner, Result

from kgr._config import settings
from kgr.cli import cli, questions
from kgr.cli.multihop import train_multihop
from kgr.cli.settings import given, options, read_weights
from kgr.data.known import datasets_folder, known_names
from kgr.engine.run import Run
from kgr.multihop.config import MultihopConfig
from kgr.query.words import parse

Kgr = Callable[..., Result]
SETTINGS = ["--model", "gqe", "--dim", "8", "--batch", "16", "--negatives", "8", "--steps", "20", "--log-every", "10"]


def test_training_prints_one_table(trained: tuple[Any, Result]) -> None:
    place, result = trained
    output = result.stdout
    assert "structure  queries" in output
    assert [line.split()[0] for line in output.splitlines() if line.startswith(("1p ", "2u ", "avg_p"))] == [
        "1p",
        "2u",
        "avg_p",
    ]
    assert "2in: not possible, this model cannot negate" in output
    assert "compare with no published table" in output
    assert "Questions" not in output
    assert f"kgr evaluate-multihop {place.run} --queries queries.jsonl" in output
    assert re.search(r"train: 100%.*loss \d+\.\d{4}, [\d,]+ queries/s", result.stderr)


def test_a_run_is_drawn(trained: tuple[Any, Result], kgr: Kgr, tmp_path: Path) -> None:
    place, out = trained[0], tmp_path / "a.png"
    assert kgr("plot", place.run, "--out", str(out)).stdout == f"{out}\n"
    assert out.read_bytes().startswith(b"\x89PNG")
    assert json.loads(kgr("plot", place.run, "--json").stdout) == {"plot": str(Path(place.run) / "plot.png")}


def test_figures_among_candidates_are_labelled_as_biased(trained: tuple[Any, Result], kgr: Kgr) -> None:
    run = trained[0].run
    assert "ranked among 5 drawn entities" in kgr("evaluate-multihop", run, "--candidates", "5").stdout
    assert json.loads(kgr("evaluate-multihop", run, "--candidates", "5", "--json").stdout)["candidates"] == 5
    kgr("evaluate-multihop", run, "--candidates", "0", code=2)


def test_early_stopping_is_told(place: Any, kgr: Kgr, tmp_path: Path) -> None:
    steering = ["--eval-every", "2", "--eval-queries", "3", "--early-stop", "1", "--keep-best", "--lr", "9"]
    result = kgr("train-multihop", place.store, "--out", str(tmp_path / "run"), *SETTINGS, *steering, "--steps", "90")
    assert re.search(r"training ended at step \d+, early; the best evaluation was at step \d+", result.stderr)
    refused = kgr("train-multihop", place.store, "--out", str(tmp_path / "b"), *SETTINGS, "--keep-best", code=1)
    assert "eval_every is 0" in refused.stderr


def test_an_end_by_minutes_is_told(place: Any, kgr: Kgr, tmp_path: Path) -> None:
    given = ["--minutes", "0.00001", "--steps", "90000", "--log-every", "1"]
    result = kgr("train-multihop", place.store, "--out", str(tmp_path / "run"), *SETTINGS, *given)
    assert re.search(r"training ended at step \d+ of 90,000: its minutes are spent", result.stderr)


def test_options_given_are_the_run_s(trained: tuple[Any, Result]) -> None:
    stored = Run.open(trained[0].run).settings
    assert stored["dim"] == 8
    assert stored["lr"] == MultihopConfig().lr


def test_training_again_has_nothing_to_do(trained: tuple[Any, Result], kgr_json: Callable[..., Any]) -> None:
    place, _ = trained
    found = kgr_json("train-multihop", place.store, "--out", place.run, *SETTINGS)
    assert found["run"] == place.run
    assert found["steps"] == 20
    assert {"split", "structures", "avg_p", "avg_n", "seconds", "cpu_seconds"} <= set(found)
    assert set(found["structures"]["2i"]) >= {"queries", "mrr", "hits@1", "hits@3", "hits@10", "popularity_mrr"}
    assert found["structures"]["2in"] is None


def test_other_settings_are_refused(trained: tuple[Any, Result], kgr: Kgr) -> None:
    place, _ = trained
    result = kgr("train-multihop", place.store, "--out", place.run, *SETTINGS, "--dim", "9", code=1)
    assert "dim was 8, now 9" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--dim", "0"], 1, "dim is 0, expected a whole number, at least 1"),
        (["--model", "gqe", "--layers", "2"], 1, "layers is not read by model gqe"),
        (["--model", "gq"], 2, "gq"),
        (["--dim", "many"], 2, "many"),
        (["--config", "nothing"], 1, "config is 'nothing'"),
        (["--structures", "1p=x"], 2, "expected a number"),
        (["--structures", "1p,1p"], 2, "expected different names"),
        (["--structures", "9p=1"], 1, "unknown structure '9p'"),
    ],
)
def test_bad_settings(place: Any, kgr: Kgr, tmp_path: Path, arguments: list[str], code: int, message: str) -> None:
    result = kgr("train-multihop", place.store, "--out", str(tmp_path / "run"), *arguments, code=code)
    assert message in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "run").exists()


def test_without_held_out_triples(place: Any, kgr_json: Callable[..., Any], kgr: Kgr, tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    kgr("build", "--train", str(place.folder / "train.tsv"), "--out", store)
    found = kgr_json("train-multihop", store, "--out", str(tmp_path / "run"), *SETTINGS)
    assert found["split"] is None
    assert found["structures"] == {}
    result = kgr("train-multihop", store, "--out", str(tmp_path / "run"), *SETTINGS)
    assert "not evaluated" in result.stderr
    assert "going on from step 20 of 20" in result.stderr
    assert "kgr show" in result.stdout
    assert "kgr sample" not in result.stdout


def test_evaluation(trained: tuple[Any, Result], kgr: Kgr, kgr_json: Callable[..., Any], tmp_path: Path) -> None:
    place, _ = trained
    again = kgr_json("train-multihop", place.store, "--out", place.run, *SETTINGS)
    own = kgr_json("evaluate-multihop", place.run)
    assert own["structures"] == again["structures"]
    assert kgr_json("evaluate-multihop", place.run, "--split", "valid")["split"] == "valid"
    queries = str(tmp_path / "q.jsonl")
    kgr("sample", place.store, "--structures", "2i,2in", "--count", "5", "--out", queries)
    found = kgr_json("evaluate-multihop", place.run, "--queries", queries)
    assert found["structures"]["2i"]["queries"] == 5
    assert found["structures"]["2in"] is None
    output = kgr("evaluate-multihop", place.run, "--queries", queries).stdout
    assert "2in: not possible" in output
    assert "1p" not in output


def test_evaluation_of_full_inference_answers(trained: tuple[Any, Result], kgr: Kgr, kgr_json: Any) -> None:
    place, _ = trained
    every, hard = (kgr_json("evaluate-multihop", place.run, *option) for option in ([], ["--hard"]))
    assert "skipped" not in every
    assert 0 < hard["structures"]["2p"]["queries"] < every["structures"]["2p"]["queries"]
    assert hard["structures"]["1p"] == every["structures"]["1p"]
    assert hard["skipped"] == {"hard": {"queries": ranked(every) - ranked(hard), "answers": ANY}}
    assert hard["skipped"]["hard"]["queries"] <= hard["skipped"]["hard"]["answers"]
    assert ": a derivation uses a known link" in kgr("evaluate-multihop", place.run, "--hard").stdout


def ranked(metrics: dict[str, Any]) -> int:
    return sum(own["queries"] for own in metrics["structures"].values() if own)


def test_evaluation_without_unseen_entities(place: Any, kgr: Kgr, kgr_json: Callable[..., Any], tmp_path: Path) -> None:
    """``new`` occurs in test alone: of its two test triples nothing can be learnt."""
    (tmp_path / "test.tsv").write_text("new\tr0\te1\ne2\tr0\tnew\n" + (place.folder / "test.tsv").read_text())
    store, run = str(tmp_path / "store"), str(tmp_path / "run")
    kgr("build", "--train", str(place.folder / "train.tsv"), "--test", str(tmp_path / "test.tsv"), "--out", store)
    kgr("train-multihop", store, "--out", run, *SETTINGS)
    queries = tmp_path / "q.jsonl"
    rows = [(["new", "r0"], ["e1"]), (["e2", "r0"], ["new"]), (["e2", "^r1"], ["e3", "new"])]
    lines = [json.dumps({"structure": "1p", "query": query, "easy": [], "hard": hard}) for query, hard in rows]
    queries.write_text("\n".join(lines))
    command = ("evaluate-multihop", run, "--queries", str(queries))
    found = kgr_json(*command, "--skip-unseen")
    assert found["skipped"] == {"skip_unseen": {"queries": 2, "answers": 3}}
    assert found["structures"]["1p"]["queries"] == 1
    assert (
        "Left out: 3 pairs of query and hard answer, with them 2 whole queries: an anchor or the answer does not occur"
        in kgr(*command, "--skip-unseen").stdout
    )
    every, both = (kgr_json("evaluate-multihop", run, *options) for options in ([], ["--skip-unseen", "--hard"]))
    assert list(both["skipped"]) == ["hard", "skip_unseen"]
    left_out = [counts["queries"] for counts in both["skipped"].values()]
    assert min(left_out) > 0
    assert ranked(both) == ranked(every) - sum(left_out) > 0


def test_evaluation_of_no_run(place: Any, kgr: Kgr) -> None:
    assert "not a run folder" in kgr("evaluate-multihop", str(place.folder), code=1).stderr


def test_answer(trained: tuple[Any, Result], kgr: Kgr, kgr_json: Callable[..., Any]) -> None:
    place, _ = trained
    query = ["2i", "e1", "r0", "e2", "^r1"]
    output = kgr("answer", place.run, *query, "-k", "3").stdout.splitlines()
    assert output[0] == "2i: (Entity 1 → r0) and (Entity 2 → ^r1)"
    assert output[2].split() == ["rank", "answer", "key", "score", "known"]
    assert [line.split()[0] for line in output[3:6]] == ["1", "2", "3"]
    assert output[6].startswith("right answers: ")
    found = kgr_json("answer", place.run, *query, "-k", "40", "--language", "ar")
    assert len(found["results"]) == 40
    assert set(found["results"][0]) == {"key", "label", "score", "known"}
    assert found["results"][0]["label"].startswith("دولة")
    scores = [result["score"] for result in found["results"]]
    assert scores == sorted(scores, reverse=True)
    known = [result["known"] for result in found["results"]]
    assert {where: known.count(where) for where in ("graph", "held-out")} == found["known"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (["1p", "e99", "r0"], "nearest: e9"),
        (["1p", "e1", "r9"], "nearest: r"),
        (["1p", "e1"], "takes 2 keys"),
        (["2x", "e1", "r0"], "unknown structure '2x'; nearest: "),
        (["2in", "e1", "r0", "e2", "r0"], "has a negation"),
    ],
)
def test_answer_refuses(trained: tuple[Any, Result], kgr: Kgr, query: list[str], message: str) -> None:
    result = kgr("answer", trained[0].run, *query, code=1)
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_questions_are_answered(home: Path, kgr: Kgr, tmp_path: Path) -> None:
    output = kgr("train-multihop", "atlas", "--out", str(tmp_path / "run"), *SETTINGS).stdout
    assert "Questions, and the model's best answers" in output
    asked = questions.read("atlas")
    for one in asked:
        assert one.text in output
    assert "Germany → borders" in output
    assert output.count("right answers: ") == sum(not parse(one.structure).negates for one in asked)
    assert output.count("not possible: it negates") == sum(parse(one.structure).negates for one in asked)
    assert "kgr show atlas territory:CH" in output
    command = next(line for line in output.splitlines() if line.startswith("  kgr answer "))
    assert "right answers: " in kgr(*command.split()[1:]).stdout


def test_questions_files() -> None:
    for name in known_names():
        for one in questions.read(name):
            assert len(parse(one.structure).slots) == len(one.query)
    assert questions.read("atlas")
    assert questions.read("") == []
    assert questions.read("none") == []
    assert (datasets_folder() / "atlas" / "questions.toml").is_file()


def test_one_option_per_field() -> None:
    fields = settings(MultihopConfig)
    own = {parameter.name: parameter for parameter in train_multihop.params}
    for name, field in fields.items():
        option = own[name]
        assert isinstance(option, click.Option)
        assert option.opts[0] == f"--{name.replace('_', '-')}"
        assert option.default is None
        assert field.help in str(option.help)
        shown = str(field.default).lower() if field.kind is bool else field.default
        assert field.default is None or f"[default: {shown}]" in str(option.help)


def test_help_loads_no_torch() -> None:
    program = "import sys; sys.argv[1:] = ['train-multihop', '--help']\nfrom kgr.cli import main\n"
    program += "try:\n    main()\nfinally:\n    print('loaded', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "--checkpoint-every" in done.stdout
    assert "torch" not in done.stdout.split("loaded ")[1].split()


def test_only_what_is_given_is_passed() -> None:
    @click.command()
    @options(MultihopConfig)
    def command(**values: Any) -> None:
        click.echo(json.dumps(given(values)))

    run = CliRunner().invoke(command, ["--structures", "1p=10, 2p=0.5,2i", "--lr", "0", "--model", "gqe"])
    assert json.loads(run.stdout) == {"lr": 0, "model": "gqe", "structures": {"1p": 10, "2p": 0.5, "2i": 1}}
    assert CliRunner().invoke(command, []).stdout == "{}\n"


def test_weights_refuse_what_is_none() -> None:
    for text in ("", "1p=", "=1", "1p,,2p"):
        with pytest.raises(click.BadParameter):
            read_weights(text)


def test_commands_are_the_ones_of_the_program() -> None:
    assert cli.get_command(click.Context(cli), "train-multihop") is train_multihop
