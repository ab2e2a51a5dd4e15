"""What of a known data set is at hand, without opening or verifying anything."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from kgr.data.fetch import mirrors
from kgr.data.known import file_path, store_place, verifiable
from kgr.data.manifest import KnownFile, Manifest


@dataclass(frozen=True)
class Holding:
    """What of a data set is at hand.

    Attributes
    ----------
    bytes : int
        The sizes of its files that are known, added.
    unsized : int
        Files whose size is not known before they are fetched.
    unverified : int
        Files of which no checksum is published, nor kept of a first download.
    files, fetched, mirrored : int
        All its files; those that travel with kgr or lie in the downloads; others that lie in a mirror's folder.
    store : Path or None
        The built store, whole or in part.
    """

    bytes: int
    unsized: int
    unverified: int
    files: int
    fetched: int
    mirrored: int
    store: Path | None


def holding(manifest: Manifest) -> Holding:
    """Look what of a known data set is at hand: by size where it is known, not by checksum."""
    files = manifest.files.values()
    sizes = [_size(file) for file in files]
    places = [mirror for mirror in map(Path, mirrors(os.environ.get("KGR_MIRROR", ""))) if mirror.is_dir()]
    fetched = [_lies(file, file_path(file)) for file in files]
    mirrored = [
        file.file is not None and file.embedded is None and any(_lies(file, place / file.file.path) for place in places)
        for file in files
    ]
    stores = (store_place(manifest.name), store_place(manifest.name, partial=True))
    return Holding(
        bytes=sum(filter(None, sizes)),
        unsized=sizes.count(None),
        unverified=sum(not _has_checksum(file) for file in files),
        files=len(sizes),
        fetched=sum(fetched),
        mirrored=sum(there and not here for here, there in zip(fetched, mirrored, strict=True)),
        store=next((store for store in stores if (store / "CURRENT").is_file()), None),
    )


def _size(known: KnownFile) -> int | None:
    if known.file is not None and known.file.size is not None:
        return known.file.size
    return known.embedded.stat().st_size if known.embedded is not None else None


def _has_checksum(known: KnownFile) -> bool:
    file = verifiable(known).file
    return known.embedded is not None or file is None or file.has_checksum


def _lies(known: KnownFile, path: Path) -> bool:
    size = known.file.size if known.file else None
    return path.is_file() and size in (None, path.stat().st_size)
