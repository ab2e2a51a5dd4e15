"""Pictures: what is in them, in any script, and the same each time."""

from __future__ import annotations

import builtins
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.colors
import numpy as np
import pytest
from click.testing import CliRunner, Result

import kgr
from kgr.cli import cli
from kgr.index.store import Store
from kgr.show import drawing, glyphs

PNG = b"\x89PNG\r\n"


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All texts of the figures that a test saves, which it still does."""
    found: list[str] = []
    save = drawing.save_figure

    def keep(figure: Any, path: Path) -> None:
        found.extend(text.get_text() for part in (figure, *figure.axes) for text in part.texts)
        save(figure, path)

    monkeypatch.setattr(drawing, "save_figure", keep)
    return found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("store")
    train = ["a\t_likes\tb", "b\t_likes\ta", "a\towns\tc", "a\tis\ta", "c\t_likes\td"]
    (folder / "train.tsv").write_text("\n".join(train) + "\n")
    (folder / "valid.tsv").write_text("b\towns\tc\n")
    labels = [
        "key\tlabel.en\tlabel.zh\tlabel.ar",
        "a\tcosts $5 and $6\t第一\t",
        "b\tsecond\t\tالثاني",
        "c\t\U0001f600\t\t",
    ]
    (folder / "entities.tsv").write_text("\n".join(labels) + "\n", encoding="utf-8")
    files = {"train": folder / "train.tsv", "valid": folder / "valid.tsv", "entities_table": folder / "entities.tsv"}
    return kgr.build_store(folder / "store", **files)


def command(store: Store, *words: str) -> Result:
    return CliRunner().invoke(cli, ["draw", str(store.path), *words])


def test_an_entity_is_drawn_with_labels_and_relations(store: Store, tmp_path: Path, texts: list[str]) -> None:
    found = kgr.draw(store, "a", tmp_path / "a.png", hops=2)
    assert (tmp_path / "a.png").read_bytes().startswith(PNG)
    assert found == kgr.neighbourhood(store, "a", 2)
    assert {"costs $5 and $6", "costs $5 and $6 (a)", "second", "d", "_likes", "owns"} <= set(texts)
    assert {"→ _likes", "→ owns", "→ is", "- - held out of train"} <= set(texts)


@pytest.mark.parametrize(("ending", "start"), [("png", PNG), ("SVG", b"<?xml"), ("pdf", b"%PDF")])
def test_the_same_picture_each_time(store: Store, tmp_path: Path, ending: str, start: bytes) -> None:
    found = []
    for name in (f"one.{ending}", f"two.{ending}"):
        kgr.draw(store, "a", tmp_path / name)
        kgr.draw_query(store, "2i", ["a", "owns", "b", "owns"], tmp_path / f"query-{name}")
        found.append([(tmp_path / file).read_bytes() for file in (name, f"query-{name}")])
    assert found[0] == found[1]
    assert all(picture.startswith(start) for picture in found[0])


def test_other_pictures_are_refused_before_drawing(store: Store, tmp_path: Path) -> None:
    for name, ending in (("a.jpg", ".jpg"), ("a", ""), ("a.svg.gz", ".gz")):
        result = command(store, "a", "--out", str(tmp_path / name))
        assert result.exit_code == 1
        assert f"{name}: found the ending {ending!r}, expected one of .png, .svg, .pdf" in result.stderr
        with pytest.raises(kgr.ConfigError, match="expected one of"):
            kgr.draw_query(store, "no structure", [], tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", ["a", "b"])
def test_an_edge_to_itself_is_drawn(key: str, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It leaves the entity and comes back to it, at its place, with an arrow and its name."""
    figures: list[Any] = []
    save = drawing.save_figure
    monkeypatch.setattr(drawing, "save_figure", lambda figure, path: (figures.append(figure), save(figure, path)))
    found = kgr.draw(store, key, tmp_path / "a.png")
    (figure,) = figures
    (axes,) = figure.axes
    (name,) = (text for text in axes.texts if text.get_text() == "is")
    assert len(axes.patches) == len(found.links)
    (label,) = (text for text in axes.texts if text.get_text() == "costs $5 and $6")
    place = axes.transData.transform(label.xy)
    colour = matplotlib.colors.to_rgb(name.get_color())
    (loop,) = (patch for patch in axes.patches if patch.get_edgecolor()[:3] == colour)
    curve = loop.get_path().vertices[:4]
    far = np.abs(loop.get_transform().transform(curve) - place).max(axis=1)
    assert far[0] < 20 and far[3] < 20 and 20 < far.max() < 120


@pytest.mark.parametrize("language", ["zh", "ar"])
def test_labels_in_any_script_draw_without_warnings(
    store: Store, tmp_path: Path, texts: list[str], language: str
) -> None:
    said: list[str] = []
    found = kgr.draw(store, "a", tmp_path / "a.png", language=language, message=said.append)
    strange = sum(not glyphs.drawable(entity.label) for entity in found.entities)
    assert len(said) == bool(strange)
    assert all(f"{strange} labels are in letters that no font here has" in line for line in said)
    assert {entity.label if glyphs.drawable(entity.label) else entity.key for entity in found.entities} <= set(texts)


def test_letters_that_no_font_has_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glyphs, "_letters", lambda: frozenset(map(ord, "abc…\ufffd")))
    assert glyphs.shown("abc", "key") == "abc"
    assert glyphs.shown("第一", "cab") == "cab"
    assert glyphs.shown("第一", "c第b") == "c\ufffdb"
    assert glyphs.shown("a" * 40, "b", 5) == "aaaa…"


def test_a_hub_says_what_is_left_out(store: Store, tmp_path: Path) -> None:
    result = command(store, "a", "--size", "2", "--out", str(tmp_path / "a.png"))
    assert result.exit_code == 0, result.output
    assert "1 edges more are left out: --size is 2" in result.stderr
    assert result.stdout == f"{tmp_path / 'a.png'}\n"


def test_a_query_is_drawn_with_its_answers(store: Store, tmp_path: Path, texts: list[str]) -> None:
    said: list[str] = []
    keys = ["a", "owns", "b", "owns"]
    assert kgr.draw_query(store, "2i", keys, tmp_path / "q.png", message=said.append) == ["c"]
    assert said[0] == "1 answers, 1 of them by held-out edges"
    assert (tmp_path / "q.png").read_bytes().startswith(PNG)
    assert texts.count("owns") == 2
    assert "● answers by held-out edges" in texts
    assert "● answers by train" not in texts


def test_what_a_negation_forbids_is_drawn(store: Store, tmp_path: Path, texts: list[str]) -> None:
    assert kgr.draw_query(store, "2in", ["a", "_likes", "d", "^owns"], tmp_path / "q.png") == ["b"]
    assert {"not owns", "··· forbidden by the query", "● answers by train"} <= set(texts)


def test_a_query_without_answers_shows_what_is_asked(store: Store, tmp_path: Path, texts: list[str]) -> None:
    assert kgr.draw_query(store, "2i", ["d", "owns", "b", "is"], tmp_path / "q.png") == []
    assert {"d", "second"} <= set(texts)


def test_more_answers_than_are_drawn(store: Store, tmp_path: Path) -> None:
    words = ["--query", "1p", "c", "^owns", "-k", "1", "--json", "--out", str(tmp_path / "q.png")]
    result = command(store, *words)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["answers"] == ["a", "b"]
    assert "1 answers more are not drawn: -k is 1" in result.stderr


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["x"], 1, "unknown entry 'x'"),
        (["second"], 1, "a key is asked for, and that is the label of b"),
        (["a", "b"], 2, "give one KEY, or --query STRUCTURE"),
        (["a", "-k", "3"], 2, "give one KEY, or --query STRUCTURE"),
        (["--query", "1p", "a", "owns", "--hops", "2"], 2, "--hops and --size are for one KEY"),
        (["--query", "1p", "a"], 1, "structure 1p takes 2 keys (entity relation), found 1"),
        (["--query", "1q", "a"], 1, "unknown structure '1q'"),
    ],
)
def test_bad_input(store: Store, tmp_path: Path, words: list[str], code: int, line: str) -> None:
    result = command(store, *words, "--out", str(tmp_path / "a.png"))
    assert result.exit_code == code
    assert line in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain: Callable[..., Any] = builtins.__import__

    def refuse(name: str, *args: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "matplotlib":
            raise ImportError("No module named 'matplotlib'")
        return plain(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(kgr.ConfigError, match=r'pip install "kgr\[plot\]"'):
        kgr.draw(store, "a", tmp_path / "a.png")
