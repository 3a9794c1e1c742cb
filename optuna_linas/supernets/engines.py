"""Where a training runs: plainly on one device, or through Hugging Face Accelerate.

Accelerate brings mixed precision and several GPUs or machines. It is optional: `pip install
'optuna-linas[accelerate]'`; the user makes the `Accelerator` and starts the script with
`accelerate launch`.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from accelerate import Accelerator

__all__ = ["AccelerateEngine", "Engine", "PlainEngine"]


class Engine(Protocol):
    """What the training loop asks for."""

    @property
    def device(self) -> torch.device:
        """Where batches go."""
        ...

    @property
    def writes(self) -> bool:
        """Whether this process writes checkpoints and shows progress."""
        ...

    def prepare(
        self, network: nn.Module, optimizer: torch.optim.Optimizer, loader: Any
    ) -> tuple[nn.Module, torch.optim.Optimizer, Any]:
        """Return what takes the place of network, optimiser and loader."""
        ...

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context of a forward call."""
        ...

    def backward(self, loss: Tensor) -> None:
        """Accumulate the gradients of a loss."""
        ...

    def clip(self, network: nn.Module, max_norm: float) -> None:
        """Scale gradients down to a norm."""
        ...

    def finish(self, network: nn.Module) -> None:
        """Undo what `prepare` did to the network itself."""
        ...


class PlainEngine:
    """One process on one device.

    Args:
        device: Where the network is.
    """

    writes = True

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def prepare(
        self, network: nn.Module, optimizer: torch.optim.Optimizer, loader: Any
    ) -> tuple[nn.Module, torch.optim.Optimizer, Any]:
        """Return all as they are."""
        return network, optimizer, loader

    def autocast(self) -> AbstractContextManager[Any]:
        """Return a context that does nothing."""
        return nullcontext()

    def backward(self, loss: Tensor) -> None:
        """Accumulate the gradients of a loss."""
        loss.backward()  # type: ignore[no-untyped-call]

    def clip(self, network: nn.Module, max_norm: float) -> None:
        """Scale gradients down to a norm."""
        torch.nn.utils.clip_grad_norm_(network.parameters(), max_norm)

    def finish(self, network: nn.Module) -> None:
        """Do nothing."""


class AccelerateEngine:
    """Whatever the `Accelerator` was made for.

    With several processes, give it `kwargs_handlers=[DistributedDataParallelKwargs(
    find_unused_parameters=True)]`: an architecture does not use all weights.

    Args:
        accelerator: Made by the user.
    """

    def __init__(self, accelerator: Accelerator) -> None:
        self.accelerator = accelerator
        self.device: torch.device = accelerator.device

    @property
    def writes(self) -> bool:
        """Whether this is the main process."""
        return bool(self.accelerator.is_main_process)

    def prepare(
        self, network: nn.Module, optimizer: torch.optim.Optimizer, loader: Any
    ) -> tuple[nn.Module, torch.optim.Optimizer, Any]:
        """Return the wrapped network, optimiser and loader."""
        prepared: tuple[nn.Module, torch.optim.Optimizer, Any] = self.accelerator.prepare(
            network, optimizer, loader
        )
        return prepared

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context of the chosen precision."""
        context: AbstractContextManager[Any] = self.accelerator.autocast()
        return context

    def backward(self, loss: Tensor) -> None:
        """Accumulate the gradients of a loss, scaled where the precision needs it."""
        self.accelerator.backward(loss)

    def clip(self, network: nn.Module, max_norm: float) -> None:
        """Scale gradients down to a norm."""
        self.accelerator.clip_grad_norm_(network.parameters(), max_norm)

    def finish(self, network: nn.Module) -> None:
        """Take the change of precision off the network's `forward`."""
        self.accelerator.unwrap_model(network, keep_fp32_wrapper=False)
