"""Intersections of n branches, the same for any order of the branches."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    """Make a linear layer: weights as Glorot's uniform law, biases within one over the root of ``inputs``."""
    layer = nn.Linear(inputs, outputs, device="meta").to_empty(device="cpu")  # without a draw of torch's own
    nn.init.xavier_uniform_(layer.weight, generator=generator)
    nn.init.uniform_(layer.bias, -(inputs**-0.5), inputs**-0.5, generator=generator)
    return layer


class Attention(nn.Module):
    """Weights of n branches, per row and dimension, that add up to 1."""

    def __init__(self, inputs: int, outputs: int, generator: torch.Generator) -> None:
        super().__init__()
        self.hidden = linear(inputs, inputs, generator)
        self.out = linear(inputs, outputs, generator)

    def forward(self, branches: Tensor) -> Tensor:
        """Return the weights [n, B, outputs] of ``branches`` [n, B, inputs]."""
        logits: Tensor = self.out(torch.relu(self.hidden(branches)))
        return logits.softmax(dim=0)


class SetGate(nn.Module):
    """A number in (0, 1) per row and dimension that depends on a set of branches (DeepSets)."""

    def __init__(self, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.hidden = linear(width, width, generator)
        self.out = linear(width, width, generator)

    def forward(self, branches: Tensor) -> Tensor:
        """Return the gate [B, width] of ``branches`` [n, B, width]."""
        return torch.sigmoid(self.out(torch.relu(self.hidden(branches)).mean(dim=0)))
