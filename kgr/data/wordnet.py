"""WordNet 3.0 from its database files, its synsets numbered as BabelNet numbers them.

BabelNet's first ids are the synsets of WordNet 3.0 in the order in which ``index.noun``, ``index.verb``, ``index.adj``
and ``index.adv`` name them, line by line and sense by sense: the first one is ``bn:00000001n``. An offset is the place
of a synset in the bytes of one data file: it differs between copies of the same edition, and every part of speech has
its own. So synsets are matched by rank, and offsets only tie the lines of one copy together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kgr._ragged import offsets_of
from kgr.data.lines import file_blocks, find_files, numbered_lines
from kgr.errors import DataError
from kgr.index.store import Section, Store
from kgr.index.texts import Texts

WORDNET = "wordnet"
"""What ``kgr add --format`` calls the form; the section of a store that holds WordNet has the same name."""

PARTS = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
"""Parts of speech in BabelNet's order, and how files name them."""

SYNSETS = {"n": 82_115, "v": 13_767, "a": 18_156, "r": 3_621}
"""How many synsets of each part of speech WordNet 3.0 has."""

SYMBOLS = (
    *("!", "@", "@i", "~", "~i", "#m", "#s", "#p", "%m", "%s", "%p", "=", "+", ";c", "-c", ";r", "-r", ";u", "-u"),
    *("*", ">", "^", "$", "&", "<", "\\"),
)
"""Kinds of pointers, by WordNet's symbols; a store has their places here, so new ones come after these."""

EDITION = "3.0"

_EDITION = re.compile(r"WordNet (\d+\.\d+)\b")

_MARKER = re.compile(r"\((?:a|p|ip)\)$")
"""Where an adjective may stand, at the end of a lemma."""

_KEY = re.compile(r"bn:(\d+)([nvar])")

_WANTED = f"expected WordNet {EDITION}: the ranks of other editions are no ids of BabelNet's"

LAST_LEXNAME = 44
"""The lexicographer files of nouns, verbs, adjectives and adverbs have the numbers from 0."""

_BY_RANK = "WordNet's synsets have BabelNet's ids by rank, never by offset, which differs between copies"


@dataclass(frozen=True)
class WordNet:
    """WordNet: W synsets by rank, from 0.

    Attributes
    ----------
    pos : uint8[W]
        ``ord`` of n, v, a or r.
    lexname : uint8[W]
        Numbers of lexicographer files.
    pointers : int32[P, 3]
        Source, place of the symbol in :data:`SYMBOLS`, target; ascending, each once.
    lemmas, gloss, examples : Texts
        By rank; a store does not keep the examples.
    """

    pos: NDArray[np.uint8]
    lexname: NDArray[np.uint8]
    pointers: NDArray[np.int32]
    lemmas: Texts
    gloss: Texts
    examples: Texts

    def __len__(self) -> int:
        return len(self.pos)

    def related(self, *symbols: str) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return what pointers of some kinds lead to, by rank: offsets int64[W + 1] and ranks int32[...].

        The targets of a synset ascend by the symbol's place in :data:`SYMBOLS`, then by rank.
        """
        chosen = self.pointers[np.isin(self.pointers[:, 1], [SYMBOLS.index(symbol) for symbol in symbols])]
        return offsets_of(np.bincount(chosen[:, 0], minlength=len(self))), chosen[:, 2]

    def section(self) -> Section:
        """Return the section of a store: all but the examples."""
        texts = {"lemmas": self.lemmas, "gloss": self.gloss}
        named = {f"{what}_{name}": array for what, own in texts.items() for name, array in own.arrays().items()}
        return Section({"pos": self.pos, "lexname": self.lexname, "pointers": self.pointers, **named})


class _Synset(NamedTuple):
    """A line of a data file; pointers are symbol, part of speech and offset of the target."""

    place: str
    lexname: int
    lemmas: tuple[str, ...]
    gloss: str
    examples: tuple[str, ...]
    pointers: list[tuple[int, tuple[str, str]]]


def read_wordnet(folder: Path) -> WordNet:
    """Read ``index.noun``, ``data.noun`` and the like of a folder, or of its folder ``dict``; packed by gzip or not.

    Raises
    ------
    DataError
        A file is missing or malformed, its place is named; the files are of another edition, or of several copies,
        whose offsets differ.
    """
    place = folder / "dict" if (folder / "dict").is_dir() else folder
    names = {f"{kind}.{part}": f"{kind}.{part}" for part in PARTS.values() for kind in ("index", "data")}
    files = find_files(place, names, names, "a folder of WordNet 3.0's database files")
    known = _check_edition(files)
    ranks: dict[tuple[str, str], int] = {}
    for letter, part in PARTS.items():
        _number(files[f"index.{part}"], letter, ranks)
    synsets: dict[tuple[str, str], _Synset] = {}
    for letter, part in PARTS.items():
        synsets |= _read_synsets(files[f"data.{part}"], letter)
        _check_offsets(files[f"index.{part}"], files[f"data.{part}"], letter, ranks, synsets)
    if not known:
        _check_counts(place, ranks)
    return _in_order(ranks, synsets)


def open_wordnet(store: Store) -> WordNet | None:
    """Return the WordNet that a store has, without examples; None where it has none (``kgr add --format wordnet``)."""
    if not store.has(WORDNET):
        return None
    arrays = store.section(WORDNET)
    lemmas, gloss = (
        Texts.from_arrays({name: arrays[f"{what}_{name}"] for name in ("rows", "offsets", "bytes")})
        for what in ("lemmas", "gloss")
    )
    return WordNet(arrays["pos"], arrays["lexname"], arrays["pointers"], lemmas, gloss, Texts.build([], []))


def key_of_rank(rank: int, letter: str) -> str:
    """Return BabelNet's key of the synset of a rank."""
    return f"bn:{rank + 1:08d}{letter}"


def ranks_of(keys: Sequence[str], pos: NDArray[np.uint8], where: str) -> NDArray[np.int32]:
    """Return the rank of each of BabelNet's keys, int32[n]; -1 where WordNet has none.

    Raises
    ------
    DataError
        A key whose part of speech is not that of its rank: keys or WordNet are aligned by something else.
    """
    ranks = np.full(len(keys), -1, np.int32)
    for at, key in enumerate(keys):
        found = _KEY.fullmatch(key)
        rank = int(found[1]) - 1 if found else -1
        if found and 0 <= rank < len(pos):
            if chr(pos[rank]) != found[2]:
                what = f"found {key} where WordNet's synset of rank {rank + 1} is {key_of_rank(rank, chr(pos[rank]))}"
                raise DataError(f"{where}: {what}: part of speech {chr(pos[rank])}, expected {found[2]}. {_BY_RANK}")
            ranks[at] = rank
    return ranks


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield place and text of each line that is not of the licence at the top."""
    for line, text in numbered_lines(file_blocks(path), str(path)):
        if not text.startswith("  "):
            yield f"{path}:{line}", text


def _number(path: Path, letter: str, ranks: dict[tuple[str, str], int]) -> None:
    """Number the synsets of an index file that no earlier line names."""
    for place, text in _lines(path):
        parts = text.split()
        try:
            offsets = parts[6 + int(parts[3]) :]
            whole = parts[1] == letter and len(offsets) == int(parts[2]) > 0
        except (ValueError, IndexError):
            whole = False
        if not whole:
            raise DataError(
                f"{place}: found {text!r:.80}, expected a line of WordNet's index of part of speech {letter}"
            )
        for offset in offsets:
            ranks.setdefault((letter, offset), len(ranks))


def _read_synsets(path: Path, letter: str) -> dict[tuple[str, str], _Synset]:
    found: dict[tuple[str, str], _Synset] = {}
    for place, text in _lines(path):
        line, _, gloss = text.partition("|")
        parts = line.split()
        try:
            end = 4 + 2 * int(parts[3], 16)
            pointers = [_pointer(parts[at : at + 4]) for at in range(end + 1, end + 1 + 4 * int(parts[end]), 4)]
            lexname = int(parts[1])
            right = _plain(parts[2]) == letter and len(parts[0]) == 8 and 0 <= lexname <= LAST_LEXNAME
        except (ValueError, IndexError):
            right = False
        if not right or (letter, parts[0]) in found:
            again = ", whose offset an earlier line has" if right else ""
            expected = f"expected a synset of WordNet of part of speech {letter}"
            raise DataError(f"{place}: found {text!r:.80}{again}, {expected}")
        lemmas = tuple(_MARKER.sub("", lemma).replace("_", " ") for lemma in parts[4:end:2])
        found[letter, parts[0]] = _Synset(place, lexname, lemmas, *_gloss_and_examples(gloss), pointers)
    return found


def _pointer(parts: Sequence[str]) -> tuple[int, tuple[str, str]]:
    symbol, offset, letter, _ = parts
    return SYMBOLS.index(symbol), (_plain(letter), offset)


def _plain(letter: str) -> str:
    """Return the part of speech of a synset: a satellite is an adjective."""
    return "a" if letter == "s" else letter


def _gloss_and_examples(text: str) -> tuple[str, tuple[str, ...]]:
    """Part a gloss from the quoted examples after it."""
    gloss, *examples = re.split(r';\s*(?=")', text.strip())
    plain = (" ".join(example.replace('"', " ").split()) for example in examples)
    return gloss, tuple(filter(None, plain))


def _check_offsets(
    index: Path,
    data: Path,
    letter: str,
    ranks: Mapping[tuple[str, str], int],
    synsets: Mapping[tuple[str, str], _Synset],
) -> None:
    """Refuse an index and data of different copies: what one names the other must have."""
    named = {offset for letter_of, offset in ranks if letter_of == letter}
    there = {offset for letter_of, offset in synsets if letter_of == letter}
    if named != there:
        lost = min(named ^ there)
        has, lacks = (index, data) if lost in named else (data, index)
        count = f"{len(named ^ there):,} of {len(named | there):,} offsets"
        raise DataError(
            f"{has}: found offset {lost}, which {lacks.name} does not have ({count} are in one file alone): "
            f"expected files of one copy; {_BY_RANK}"
        )


def _check_edition(files: Mapping[str, Path]) -> bool:
    """Refuse files that say that they are of another edition than 3.0; return whether they say of which they are."""
    for path in files.values():
        said = next((found[1] for line in _licence(path) if (found := _EDITION.search(line))), None)
        if said and said != EDITION:
            raise DataError(f"{path}: found WordNet {said}, {_WANTED}")
        if said:
            return True
    return False


def _check_counts(folder: Path, ranks: Mapping[tuple[str, str], int]) -> None:
    """Refuse files that do not say of which edition they are, and have not as many synsets as 3.0."""
    letters = [letter for letter, _ in ranks]
    counts = {letter: letters.count(letter) for letter in PARTS}
    if counts != SYNSETS:
        have, wanted = (", ".join(f"{count:,} {letter}" for letter, count in own.items()) for own in (counts, SYNSETS))
        what = f"found files that name no edition, with {have} synsets instead of {wanted}"
        raise DataError(f"{folder}: {what}, {_WANTED}")


def _licence(path: Path) -> Iterator[str]:
    for _, text in numbered_lines(file_blocks(path), str(path)):
        if not text.startswith("  "):
            return
        yield text


def _in_order(ranks: Mapping[tuple[str, str], int], synsets: Mapping[tuple[str, str], _Synset]) -> WordNet:
    """Return the synsets by rank, their pointers as ranks."""
    ordered = [synsets[place] for place in ranks]
    pointers: list[tuple[int, int, int]] = []
    for rank, synset in enumerate(ordered):
        for symbol, target in synset.pointers:
            if target not in ranks:
                raise DataError(f"{synset.place}: found a pointer to {target[1]} {target[0]}, which is no synset")
            pointers.append((rank, symbol, ranks[target]))
    return WordNet(
        np.array([ord(letter) for letter, _ in ranks], np.uint8),
        np.array([synset.lexname for synset in ordered], np.uint8),
        np.unique(np.array(pointers, np.int32).reshape(-1, 3), axis=0),
        _texts([synset.lemmas for synset in ordered]),
        _texts([(synset.gloss,) for synset in ordered]),
        _texts([synset.examples for synset in ordered]),
    )


def _texts(rows: Sequence[tuple[str, ...]]) -> Texts:
    pairs = [(row, text) for row, texts in enumerate(rows) for text in texts]
    return Texts.build([row for row, _ in pairs], [text for _, text in pairs])
