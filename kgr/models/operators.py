"""Networks of projections, and of intersections of n branches, the same for any order of the branches."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


def linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    """Make a linear layer: weights as Glorot's uniform law, biases within one over the root of ``inputs``."""
    layer = nn.Linear(inputs, outputs, device="meta")  # without a draw of torch's own
    if torch.get_default_device().type != "meta":  # where its size alone is asked for
        layer.to_empty(device="cpu")  # as the generator
    nn.init.xavier_uniform_(layer.weight, generator=generator)
    nn.init.uniform_(layer.bias, -(inputs**-0.5), inputs**-0.5, generator=generator)
    return layer


class Perceptron(nn.ModuleList):
    """Linear layers of given widths, inputs first, with ReLU between them."""

    def __init__(self, widths: Sequence[int], generator: torch.Generator) -> None:
        super().__init__(linear(a, b, generator) for a, b in pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, outputs] of [B, inputs]."""
        *inner, last = self
        for layer in inner:
            x = torch.relu(layer(x))
        out: Tensor = last(x)
        return out


class Attention(nn.Module):
    """Weights of n branches, per row and dimension, that add up to 1."""

    def __init__(self, inputs: int, outputs: int, generator: torch.Generator, *, hidden: int | None = None) -> None:
        super().__init__()
        self.hidden = linear(inputs, hidden or inputs, generator)
        self.out = linear(hidden or inputs, outputs, generator)

    def forward(self, branches: Tensor) -> Tensor:
        """Return the weights [n, B, outputs] of ``branches`` [n, B, inputs]."""
        logits: Tensor = self.out(torch.relu(self.hidden(branches)))
        return logits.softmax(dim=0)

    def mean(self, branches: Tensor) -> Tensor:
        """Return the weighted mean [B, inputs]; fewer outputs weigh several numbers each, one in each equal part."""
        weights: Tensor = self(branches)
        return (weights.repeat(1, 1, branches.shape[-1] // weights.shape[-1]) * branches).sum(dim=0)


class SetGate(nn.Module):
    """A number in (0, 1) per row and dimension that depends on a set of branches (DeepSets)."""

    def __init__(self, inputs: int, outputs: int, generator: torch.Generator) -> None:
        super().__init__()
        self.hidden = linear(inputs, outputs, generator)
        self.out = linear(outputs, outputs, generator)

    def forward(self, branches: Tensor) -> Tensor:
        """Return the gate [B, outputs] of ``branches`` [n, B, inputs]."""
        return torch.sigmoid(self.out(torch.relu(self.hidden(branches)).mean(dim=0)))
