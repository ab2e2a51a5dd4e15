"""ConvE (arXiv 1707.01476): a convolution over entity and relation laid out as an image."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from kgr.errors import ConfigError
from kgr.models.link import Groups, ProductModel
from kgr.models.operators import linear

_FILTERS, _SIDE = 32, 3


class ConvE(ProductModel):
    """A query [B, D + 1] is what a small network makes of entity and relation, and a 1.

    As in LibKGE: the first D numbers of both rows, each an image twice as wide as high, one above the
    other; 32 filters of 3 x 3, batch norm, ReLU, dropout of whole feature maps, a projection to D,
    dropout, batch norm, ReLU. The last number of an entity's row is its bias as an answer. There is
    no inverse form: relations are reciprocal.

    Parameters
    ----------
    dim : int
        Twice a square, at least 8.
    feature_dropout, projection_dropout : float, optional
        Of feature maps and of the projection; None is the published 0.2 and 0.3.

    Raises
    ------
    ConfigError
        The dimension has no such image.
    """

    needs_reciprocal = True
    ranks_relations = False

    def __init__(
        self,
        dim: int,
        *,
        feature_dropout: float | None = None,
        projection_dropout: float | None = None,
        entity_dropout: float = 0.0,
        relation_dropout: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(dim, entity_dropout=entity_dropout, relation_dropout=relation_dropout, seed=seed)
        self.entity_width = dim + 1
        self.height = _height(dim)
        generator = torch.Generator().manual_seed(seed)
        self.convolution = NormalisedConvolution(generator)
        places = (2 * self.height - _SIDE + 1) ** 2
        self.projection = linear(_FILTERS * places, dim, generator)
        self.norm = nn.BatchNorm1d(dim, affine=False)
        self.feature_dropout = nn.Dropout(0.2 if feature_dropout is None else feature_dropout)
        self.projection_dropout = nn.Dropout(0.3 if projection_dropout is None else projection_dropout)

    def operators(self, relations: Tensor, inverse: Tensor | None) -> Tensor:
        return relations

    def query(self, entities: Tensor, operators: Tensor, groups: Groups) -> Tensor:
        image = torch.cat([entities[:, : self.dim], operators.index_select(0, groups.places)], dim=1)
        maps = self.convolution(image.view(-1, 1, 2 * self.height, 2 * self.height), self.feature_dropout)
        made = torch.relu(self.norm(self.projection_dropout(self.projection(maps.flatten(1)))))
        return torch.cat([made, made.new_ones(len(made), 1)], dim=1)


class NormalisedConvolution(nn.Module):
    """Filters, batch norm, ReLU and dropout of whole maps, in one pass over the maps.

    A map is linear in the patches under its filter, so its mean and variance follow from those of the
    patches, nine numbers each; the norm is folded into the filters, and dropout into each image's own.
    """

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        numbers = _SIDE * _SIDE
        bound = numbers**-0.5
        self.filters = nn.Parameter(torch.empty(_FILTERS, numbers).uniform_(-bound, bound, generator=generator))
        self.mean: Tensor
        self.variance: Tensor
        self.register_buffer("mean", torch.zeros(_FILTERS))
        self.register_buffer("variance", torch.ones(_FILTERS))

    def forward(self, images: Tensor, dropout: nn.Module) -> Tensor:
        """Return [B, 32, P] of images [B, 1, H, W]: the maps' P places, row by row."""
        patches = F.unfold(images, _SIDE)
        mean, variance = self._moments(patches) if self.training else (self.mean, self.variance)
        scale = (variance + 1e-5).rsqrt()
        folded = torch.cat([self.filters * scale.unsqueeze(1), (-mean * scale).unsqueeze(1)], dim=1)
        keep = dropout(patches.new_ones(len(patches), _FILTERS, 1))
        ones = patches.new_ones(len(patches), 1, patches.shape[2])
        return torch.bmm(folded * keep, torch.cat([patches, ones], dim=1)).relu_()

    def _moments(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and variance of each map over the batch; the running ones follow by a tenth."""
        n = patches.shape[0] * patches.shape[2]
        center = patches.sum((0, 2)) / n
        spread = torch.bmm(patches, patches.mT).sum(0) / n - torch.outer(center, center)
        mean, variance = self.filters @ center, ((self.filters @ spread) * self.filters).sum(1)
        with torch.no_grad():
            self.mean.lerp_(mean, 0.1)
            self.variance.lerp_(variance * (n / (n - 1)), 0.1)
        return mean, variance


def _height(dim: int) -> int:
    """Return h of the images, h x 2h."""
    height = math.isqrt(max(dim, 0) // 2)
    if height < 2 or 2 * height**2 != dim:
        near = [2 * h**2 for h in (height, height + 1) if h >= 2] or [8]
        raise ConfigError(
            f"dim is {dim}, but conve needs twice a square, an image twice as wide as high; "
            f"use {' or '.join(map(str, near))}"
        )
    return height
