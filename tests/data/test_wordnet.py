"""WordNet's database files: ids by rank whatever the offsets, editions and copies told apart, bad lines named."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from wordnet_folder import KEYS, write_wordnet

from kgr.data import wordnet as wordnet_module
from kgr.data.wordnet import PARTS, SYMBOLS, WordNet, key_of_rank, ranks_of, read_wordnet
from kgr.errors import DataError
from kgr.index.texts import Texts


def keys_of(wordnet: WordNet) -> tuple[str, ...]:
    return tuple(key_of_rank(rank, chr(letter)) for rank, letter in enumerate(wordnet.pos.tolist()))


def by_row(texts: Texts, count: int) -> list[list[str]]:
    return [texts.all(row) for row in range(count)]


def same(one: WordNet, other: WordNet) -> bool:
    mine, its = ({**wordnet.section().arrays, **wordnet.examples.arrays()} for wordnet in (one, other))
    return mine.keys() == its.keys() and all(np.array_equal(mine[name], its[name]) for name in mine)


def test_synsets_are_numbered_by_first_appearance(tmp_path: Path) -> None:
    found = read_wordnet(write_wordnet(tmp_path / "wn"))
    assert keys_of(found) == KEYS
    assert found.lexname.tolist() == [23, 23, 18, 3, 31, 31, 0, 0, 2]
    assert by_row(found.lemmas, 9) == [
        ["digit", "figure"], ["figure", "Number one"], ["figure"], ["thing"],
        ["count"], ["figure", "count"], ["fair"], ["pretty"], ["fast"],
    ]  # fmt: skip
    assert by_row(found.gloss, 3) == [["a sign for a number"], ["an amount; of all"], ["a person"]]
    assert by_row(found.examples, 2) == [["two digits", "0 is a digit - X"], []]
    named = [(KEYS[source], SYMBOLS[symbol], KEYS[target]) for source, symbol, target in found.pointers.tolist()]
    assert named == [
        ("bn:00000001n", "@", "bn:00000002n"),
        ("bn:00000002n", "@", "bn:00000004n"),
        ("bn:00000002n", "+", "bn:00000006v"),
        ("bn:00000003n", "@i", "bn:00000004n"),
        ("bn:00000004n", "~", "bn:00000002n"),
        ("bn:00000005v", "~", "bn:00000006v"),
        ("bn:00000006v", "@", "bn:00000005v"),
        ("bn:00000006v", "+", "bn:00000002n"),
        ("bn:00000007a", "&", "bn:00000008a"),
        ("bn:00000008a", "&", "bn:00000007a"),
        ("bn:00000009r", "\\", "bn:00000008a"),
    ]


@pytest.mark.parametrize("shifts", [{"verb": 18}, {"adj": 1, "noun": 900}, {"noun": 100, "verb": -100}])
def test_offsets_say_nothing(shifts: dict[str, int], tmp_path: Path) -> None:
    """Copies differ in offsets, in some so that one synset has another's; ids do not."""
    straight, shifted = write_wordnet(tmp_path / "wn"), write_wordnet(tmp_path / "other", shifts)
    assert same(read_wordnet(straight), read_wordnet(shifted))


def test_files_of_two_copies_are_refused(tmp_path: Path) -> None:
    folder, other = write_wordnet(tmp_path / "wn"), write_wordnet(tmp_path / "other", {"verb": 18})
    (folder / "data.verb").write_bytes((other / "data.verb").read_bytes())
    with pytest.raises(
        DataError,
        match=r"index\.verb: found offset 00000100, which data\.verb does not have \(4 of 4 offsets are in one file"
        r" alone\): expected files of one copy; WordNet's synsets have BabelNet's ids by rank, never by offset",
    ):
        read_wordnet(folder)


def test_packed_files_in_a_folder_dict(tmp_path: Path) -> None:
    folder = write_wordnet(tmp_path / "WordNet-3.0" / "dict")
    straight = read_wordnet(folder)
    for path in list(folder.iterdir()):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert same(read_wordnet(folder.parent), straight)
    (folder / "index.adv.gz").unlink()
    with pytest.raises(
        DataError, match=r"dict/index\.adv: no such file; a folder of WordNet 3\.0's database files has it"
    ):
        read_wordnet(folder.parent)


def test_other_editions_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"index\.noun: found WordNet 3\.1, expected WordNet 3\.0: the ranks of other"):
        read_wordnet(write_wordnet(tmp_path / "wn31", edition="3.1"))
    silent = write_wordnet(tmp_path / "silent", edition=None)
    with pytest.raises(
        DataError, match=r"silent: found files that name no edition, with 4 n, 2 v, 2 a, 1 r synsets inst"
    ):
        read_wordnet(silent)
    monkeypatch.setattr(wordnet_module, "SYNSETS", {"n": 4, "v": 2, "a": 2, "r": 1})
    assert keys_of(read_wordnet(silent)) == KEYS


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        (
            "index.verb",
            "fig v 1 1 @ 1 0",
            r"index\.verb:5: found 'fig v .*', expected a line of WordNet's index of .* v",
        ),
        ("index.verb", "fig n 1 1 @ 1 0 00000100", r"index\.verb:5: found 'fig n"),
        ("index.verb", "fig v 1 x", r"index\.verb:5: found 'fig v 1 x'"),
        (
            "data.verb",
            "00000300 31 v 01 x",
            r"data\.verb:5: found .*, expected a synset of WordNet of part of speech v",
        ),
        ("data.verb", "00000300 31 n 01 x 0 000 | y", r"data\.verb:5: found"),
        ("data.verb", "00000300 31 v 01 x 0 001 ? 00000100 v 0000 | y", r"data\.verb:5: found"),
        ("data.verb", "00000100 31 v 01 x 0 000 | y", r"data\.verb:5: found .*, whose offset an earlier line has"),
    ],
)
def test_bad_lines_are_named(file: str, line: str, message: str, tmp_path: Path) -> None:
    folder = write_wordnet(tmp_path / "wn")
    with (folder / file).open("a") as opened:
        opened.write(f"{line}\n")
    with pytest.raises(DataError, match=message):
        read_wordnet(folder)


def test_a_pointer_to_nothing_is_named(tmp_path: Path) -> None:
    folder = write_wordnet(tmp_path / "wn")
    adverbs = (folder / "data.adv").read_text().replace("00000100 a", "00000500 a")
    (folder / "data.adv").write_text(adverbs)
    with pytest.raises(DataError, match=r"data\.adv:3: found a pointer to 00000500 a, which is no synset"):
        read_wordnet(folder)


def test_ranks_of_keys(tmp_path: Path) -> None:
    pos = read_wordnet(write_wordnet(tmp_path / "wn")).pos
    keys = ["bn:00000009r", "bn:00000001n", "human|人", "bn:00000010n", "bn:00000000n"]
    assert ranks_of(keys, pos, "here").tolist() == [8, 0, -1, -1, -1]
    with pytest.raises(
        DataError, match=r"here: found bn:00000005n where WordNet's synset of rank 5 is bn:00000005v: part"
    ):
        ranks_of(["bn:00000005n"], pos, "here")


@pytest.fixture(scope="module")
def folder() -> Path:
    """WordNet where its own tools look for it: in $WNSEARCHDIR, else where Debian has it."""
    found = Path(os.environ.get("WNSEARCHDIR", "/usr/share/wordnet"))
    if not (found / "index.noun").is_file():
        pytest.skip("there are no files of WordNet 3.0 in $WNSEARCHDIR or /usr/share/wordnet")
    return found


@pytest.fixture(scope="module")
def real(folder: Path) -> WordNet:
    return read_wordnet(folder)


def test_all_of_wordnet(real: WordNet) -> None:
    assert {letter: int((real.pos == ord(letter)).sum()) for letter in "nvar"} == wordnet_module.SYNSETS
    assert (real.lemmas.all(1)[0], real.lemmas.all(117_658)) == ("The Hague", ["zigzag"])
    assert int(real.lexname.max()) == 44 and len(real.gloss) == 117_659
    symbols = np.bincount(real.pointers[:, 1], minlength=len(SYMBOLS))
    counts = dict(zip(SYMBOLS, symbols.tolist(), strict=True))
    assert [counts[symbol] for symbol in ("@", "~", "@i", "~i")] == [89_089, 89_089, 8_577, 8_577]


def test_ranks_agree_with_a_published_map(real: WordNet, folder: Path, mirror: Path) -> None:
    """Copies differ in offsets, but not in their order: so the places of offsets in order are compared."""
    path = mirror / "sememe" / "wordnet" / "babelnet2wordnet.tsv.gz"
    pairs = [line.split("\t") for line in gzip.decompress(path.read_bytes()).decode().splitlines()]
    published = [(key, place.removeprefix("wn:").replace("s", "a")) for key, place in pairs]
    own: dict[str, str] = {}
    for letter, part in PARTS.items():
        lines = (folder / f"index.{part}").read_text().splitlines()
        parts = [line.split() for line in lines if not line.startswith("  ")]
        places = dict.fromkeys(f"{offset}{letter}" for line in parts for offset in line[6 + int(line[3]) :])
        own |= {place: key_of_rank(len(own) + rank, letter) for rank, place in enumerate(places)}
    assert tuple(own.values()) == keys_of(real)
    theirs = sorted({place for _, place in published}, key=lambda place: (place[-1], place))
    ours = sorted(own, key=lambda place: (place[-1], place))
    key_of = dict(zip(theirs, (own[place] for place in ours), strict=True))
    assert (len(published), sum(key_of[place] == key for key, place in published)) == (117_659, 117_651)
