"""Which entries a search may find: by kind, type or key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kgr.data.describe import KINDS
from kgr.errors import ConfigError, DataError, UnknownKey
from kgr.index.store import Store


def allowed_entries(
    store: Store,
    *,
    kind: str | None = None,
    types: Sequence[str] | None = None,
    ids: Sequence[str] | None = None,
) -> NDArray[np.bool_] | None:
    """Return which entries pass all filters that are given: bool[N], or None where none is.

    Parameters
    ----------
    kind : str, optional
        entity, document, synset or sememe.
    types : keys, optional
        An entry passes that has one of them.
    ids : keys, optional
        Of the entries themselves.

    Raises
    ------
    UnknownKey
        A kind, type or key that is not there.
    ConfigError
        Types of a store without types.
    """
    masks = []
    if kind is not None:
        masks.append(store.kinds & _flag(kind) > 0)
    if types is not None:
        masks.append(_having(store, types))
    if ids is not None:
        mask = np.zeros(len(store.entries), np.bool_)
        mask[store.entries.ids(ids)] = True
        masks.append(mask)
    return np.logical_and.reduce(masks) if masks else None


def _flag(kind: str) -> int:
    flags = {name: flag for flag, name in KINDS.items()}
    if kind not in flags:
        raise UnknownKey(f"{UnknownKey.of('kind', kind, flags)}; there are {', '.join(flags)}")
    return flags[kind]


def _having(store: Store, types: Sequence[str]) -> NDArray[np.bool_]:
    known = store.types
    if known is None:
        raise ConfigError(f"types: {store.path} has no types of entries; leave the filter out")
    wanted = np.zeros(len(known.keys), np.bool_)
    wanted[known.keys.ids(types)] = True
    owners = np.repeat(np.arange(len(known.offsets) - 1), np.diff(known.offsets))
    mask = np.zeros(len(store.entries), np.bool_)
    mask[owners[wanted[known.ids]]] = True
    return mask


def read_keys(path: str | Path) -> list[str]:
    """Read keys, one per line; empty lines are skipped.

    Raises
    ------
    DataError
        The file is not UTF-8, or has no keys.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 at byte {error.start}; expected keys, one per line") from None
    keys = [line.strip() for line in text.splitlines() if line.strip()]
    if not keys:
        raise DataError(f"{path}: found no keys, expected one per line")
    return keys
