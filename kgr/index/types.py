"""Types: what each entry is an instance of."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr.index.keys import Keys


@dataclasses.dataclass(frozen=True)
class Types:
    """The types of the entries; entries that were added later have none.

    Attributes
    ----------
    keys : Keys
        The types' keys; a type's id is its number here.
    offsets : int64[n + 1]
        The types of entry ``i`` are ``ids[offsets[i]:offsets[i + 1]]``; n is at most the number of entries.
    ids : int32[...]
        Type ids, in the order given.

    All arrays are read-only.
    """

    keys: Keys
    offsets: NDArray[np.int64]
    ids: NDArray[np.int32]

    def __post_init__(self) -> None:
        self.offsets.flags.writeable = self.ids.flags.writeable = False

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Types:
        """Take the arrays of the section ``types``."""
        return cls(Keys.from_arrays(arrays, what="type"), arrays["entry_offsets"], arrays["entry_types"])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, as the section ``types`` holds them."""
        return {**self.keys.arrays(), "entry_offsets": self.offsets, "entry_types": self.ids}

    def of(self, entry: int) -> NDArray[np.int32]:
        """Return the type ids of an entry: int32[n], a view."""
        if not 0 <= entry < len(self.offsets) - 1:
            return self.ids[:0]
        return self.ids[self.offsets[entry] : self.offsets[entry + 1]]
