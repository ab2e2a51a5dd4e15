"""A small store of synsets and sememes, made up, in the form of BabelSememe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kgr.data.babelsememe import build_babelsememe
from kgr.index.store import Store

SYNSETS = ("bn:00000002n", "bn:00000001n", "bn:00000003n", "bn:00000005v", "bn:00000007a", "bn:00000099n")
SEMEMES = ("human|人", "animal|兽", "eat|吃")
RELATIONS = ("synset:have_sememe", "synset:hypernym", "synset:antonym", "sememe:antonym")

TRAIN = "0 7 0\n0 1 1\n2 0 1\n2 1 2\n6 7 3\n0 2 2\n1 6 0\n3 8 0\n3 4 2\n"


def built_synsets(folder: Path, keys: Sequence[str] = SYNSETS) -> Store:
    """Build the store in a folder: entries are six synsets, then :data:`SEMEMES`."""
    source = folder / "source"
    source.mkdir()
    for name, lines in (("entity2id", (*keys, *SEMEMES)), ("relation2id", RELATIONS)):
        text = "".join(f"{key}\t{id}\n" for id, key in enumerate(lines))
        (source / f"{name}.txt").write_text(text, encoding="utf-8")
    (source / "train2id.txt").write_text(TRAIN, encoding="utf-8")
    (source / "valid2id.txt").write_text("2\t7\t0\n", encoding="utf-8")
    (source / "test2id.txt").write_text("4\t7\t0\n", encoding="utf-8")
    return build_babelsememe(source, folder / "store")
