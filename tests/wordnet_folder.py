"""Database files of a made-up WordNet of nine synsets, in which parts of speech share offsets as the real ones do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

INDEX = {
    "noun": {"digit": [300], "figure": [200, 300, 400], "number": [200], "thing": [100]},
    "verb": {"count": [100, 200], "figure": [200]},
    "adj": {"fair": [200], "pretty": [100]},
    "adv": {"fast": [100]},
}
"""Offsets of the senses of each lemma."""

DATA = {
    "noun": [
        (100, "n", 3, ["thing"], [("~", 200, "n")], "what there is"),
        (
            200,
            "n",
            23,
            ["figure", "Number_one"],
            [("@", 100, "n"), ("+", 200, "v"), ("+", 200, "v")],
            "an amount; of all",
        ),
        (300, "n", 23, ["digit", "figure"], [("@", 200, "n")], 'a sign for a number; "two digits"; "0 is a digit" - X'),
        (400, "n", 18, ["figure"], [("@i", 100, "n")], "a person"),
    ],
    "verb": [
        (100, "v", 31, ["count"], [("~", 200, "v")], "find the number"),
        (200, "v", 31, ["figure", "count"], [("@", 100, "v"), ("+", 200, "n")], "take into account"),
    ],
    "adj": [
        (100, "a", 0, ["pretty(a)"], [("&", 200, "a")], "pleasing"),
        (200, "s", 0, ["fair"], [("&", 100, "a")], "pleasing to the eye"),
    ],
    "adv": [(100, "r", 2, ["fast"], [("\\", 100, "a")], "quickly")],
}
"""Offset, type, lexicographer file, lemmas, pointers and gloss of each synset."""

KEYS = (
    *("bn:00000001n", "bn:00000002n", "bn:00000003n", "bn:00000004n", "bn:00000005v", "bn:00000006v"),
    *("bn:00000007a", "bn:00000008a", "bn:00000009r"),
)
"""Of digit, number, a person, thing, count, take into account, fair, pretty, fast."""

LETTERS = {"n": "noun", "v": "verb", "a": "adj", "s": "adj", "r": "adv"}

LICENCE = "  1 This is WordNet {}, made up.  \n  2 It may be copied.  \n"


def write_wordnet(folder: Path, shifts: Mapping[str, int] | None = None, edition: str | None = "3.0") -> Path:
    """Write the files; offsets of a part of speech may be shifted, as they are in some copies."""
    folder.mkdir(parents=True, exist_ok=True)
    moved = shifts or {}
    licence = LICENCE.format(edition) if edition else ""
    for part, lemmas in INDEX.items():
        letter = DATA[part][0][1]
        lines = [
            f"{lemma} {letter} {len(senses)} 1 @ {len(senses)} 0 "
            + " ".join(f"{offset + moved.get(part, 0):08d}" for offset in senses)
            for lemma, senses in lemmas.items()
        ]
        (folder / f"index.{part}").write_text(licence + "".join(f"{line}  \n" for line in lines))
        lines = [_line(synset, moved.get(part, 0), moved) for synset in DATA[part]]
        (folder / f"data.{part}").write_text(licence + "".join(f"{line}  \n" for line in lines))
    return folder


def _line(
    synset: tuple[int, str, int, list[str], list[tuple[str, int, str]], str], shift: int, moved: Mapping[str, int]
) -> str:
    offset, kind, lexname, lemmas, pointers, gloss = synset
    words = " ".join(f"{lemma} 0" for lemma in lemmas)
    links = "".join(
        f" {symbol} {target + moved.get(LETTERS[letter], 0):08d} {letter} {number:02x}01"
        for number, (symbol, target, letter) in enumerate(pointers)
    )
    frames = " 01 + 08 00" if kind == "v" else ""
    start = f"{offset + shift:08d} {lexname:02d} {kind} {len(lemmas):02x} {words}"
    return f"{start} {len(pointers):03d}{links}{frames} | {gloss}"
