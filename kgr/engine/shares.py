"""Which rows of a table each of several processes holds."""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import Tensor


@dataclasses.dataclass(frozen=True)
class Share:
    """The rows that one of several processes holds of a table: those of the ids that leave its number modulo theirs.

    Ids that stand together are often used alike, those of the first entities in particular: a block of them would
    give one process most of the work.

    Attributes
    ----------
    rows
        Of the whole table.
    part, parts
        Which process, of how many.
    """

    rows: int
    part: int = 0
    parts: int = 1

    def __len__(self) -> int:
        return self.below(self.rows)

    def below(self, id: int) -> int:
        """Return how many of its rows have a smaller id."""
        return (id - self.part + self.parts - 1) // self.parts

    def ids(self, first: int, last: int) -> Tensor:
        """Return the ids of its rows ``first:last``, ascending: int64[n]."""
        return torch.arange(first, last) * self.parts + self.part

    def owners(self, ids: Tensor) -> Tensor:
        """Return which processes hold ids int64[n]: int64[n]."""
        return ids % self.parts

    def places(self, ids: Tensor) -> Tensor:
        """Return where ids int64[n], all of them its own, are among its rows: int64[n]."""
        return ids // self.parts

    def meets(self, other: Share) -> bool:
        """Whether it may have rows in common with a share of the same table among another number of processes."""
        return (self.part - other.part) % math.gcd(self.parts, other.parts) == 0


def share_of(rows: int | Share) -> Share:
    """Return a share as it is, and for a number of rows all of them."""
    return rows if isinstance(rows, Share) else Share(rows)
