"""Dense parameters: what a step computes in, and what moves them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kgr.engine.config import DenseConfig, TrainConfig, dense_of
from kgr.engine.device import out_of_memory, products
from kgr.engine.processes import ALONE, Processes
from kgr.engine.room import free_at, in_words, place
from kgr.errors import ConfigError, TrainingError


class Dense:
    """The parameters of a module in training; those that need no gradient stay as they are.

    Attributes
    ----------
    optimizer : torch.optim.Optimizer or None
        None where the module has no parameters.
    """

    def __init__(self, module: nn.Module, config: TrainConfig, device: torch.device) -> None:
        self._config, self._device = dense_of(config), device
        self._batch = config.batch
        self._instead = ", and a greater accumulate" if isinstance(config, DenseConfig) else ""
        self._parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
        self.optimizer = self._made() if self._parameters else None

    def _made(self) -> torch.optim.Optimizer:
        lr = self._config.lr
        # fused: one pass over a parameter; 5 times (Adam) and 3 times (Adagrad) as fast on the CPU
        if self._config.optimizer == "adagrad":
            on_cpu = self._parameters[0].device.type == "cpu"
            return torch.optim.Adagrad(self._parameters, lr=lr, fused=on_cpu or None)
        if self._config.optimizer == "adam":
            return torch.optim.Adam(self._parameters, lr=lr, fused=True)
        return torch.optim.AdamW(self._groups(), lr=lr, weight_decay=0.0, fused=True)

    def _groups(self) -> list[dict[str, Any]]:
        """Part matrices, which decay, from biases and the gains of norms, which decay would only draw to 0."""
        matrices = [parameter for parameter in self._parameters if parameter.ndim > 1]
        vectors = [parameter for parameter in self._parameters if parameter.ndim < 2]
        groups: list[dict[str, Any]] = [
            {"params": matrices, "weight_decay": self._config.weight_decay},
            {"params": vectors},
        ]
        return [group for group in groups if group["params"]]

    @contextlib.contextmanager
    def computing(self, batch: int) -> Iterator[None]:
        """Compute a batch in the precision of the settings; it is named where the memory is too small for it."""
        try:
            with products(self._config.precision):
                yield
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            raise TrainingError(
                f"batch {batch}: {self._device} has too little memory for {self._batch} at once: give a smaller batch"
                f"{self._instead} ({str(error).splitlines()[0]})"
            ) from error

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Compute in the settings' type what torch holds for safe in it, weights cast once a batch."""
        on = self._config.autocast != "none"
        return torch.autocast(self._device.type, torch.bfloat16, enabled=on)

    def sum_over(self, processes: Processes, loss: Tensor) -> Tensor:
        """Make each gradient its sum over all processes, and return that of the loss; all at once, as one tensor."""
        if processes.size == 1:
            return loss
        grads = [parameter.grad for parameter in self._parameters if parameter.grad is not None]
        every = torch.cat([loss.view(1), *(grad.flatten() for grad in grads)])
        processes.sum_in_place(every)
        parts = torch.split(every[1:], [grad.numel() for grad in grads])
        for grad, summed in zip(grads, parts, strict=True):
            grad.copy_(summed.view_as(grad))
        return every[0]

    def move(self, rate: float) -> None:
        """Move the parameters by their gradients, which are gone then."""
        if self.optimizer is None:
            return
        if self._config.clip is not None:
            torch.nn.utils.clip_grad_norm_(self._parameters, self._config.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad()

    def forget(self) -> None:
        """Forget the gradients."""
        if self.optimizer is not None:
            self.optimizer.zero_grad()


def check_module(
    make: Callable[[], nn.Module],
    what: str,
    *,
    optimizer: str | None,
    device: torch.device,
    advice: str,
    processes: Processes = ALONE,
) -> None:
    """Refuse a module that has no room on the device, before it is made.

    Parameters
    ----------
    make
        Makes it on torch's default device, which is meta here: without taking memory.
    what, advice
        How an error calls it, and what it says is to be done.
    optimizer
        What moves it, "adam" or an Adagrad; None where it is only read.
    processes
        Each has one of its own; each calls this.

    Raises
    ------
    ConfigError
        There is no room: says how much it needs, and how much there is.
    """
    with torch.device("meta"):
        size = sum(parameter.nbytes for parameter in make().parameters())
    copies = 1 if optimizer is None else 4 if optimizer == "adam" else 3  # itself, its gradients, and moments
    need = copies * size * (processes.local_size if device.type == "cpu" else 1)
    moved = f", with gradients and what {optimizer} keeps" if optimizer else ""

    def check() -> None:
        free = free_at("device", device, Path())
        if free is not None and free < need:
            there = f"{place('device', device, Path())} has {in_words(free)} free"
            raise ConfigError(f"{what} needs {in_words(need)} beside the tables{moved}, but {there}: {advice}")

    processes.together(check)
