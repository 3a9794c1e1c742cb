"""Super-networks whose shared weights are those of their largest network.

A smaller network uses the leading channels of every tensor of the largest one (Cai et al.:
"Once-for-All: Train One Network and Specialize it for Efficient Deployment", ICLR 2020, section
3.2; Wang et al.: "HAT: Hardware-Aware Transformers", ACL 2020, section 3.1).

How it works: `build` makes the plain network of an architecture without data, with the same names
as in the largest network. Each of its tensors is the leading slice of the shared tensor of that
name. `forward` computes with these slices (`torch.func.functional_call`), so gradients and
batch-norm statistics reach the shared tensors; `extract` copies them. So both are the same network
by construction.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.overrides import TorchFunctionMode

from optuna_linas.space import SearchSpace
from optuna_linas.supernets.input_check import check_input
from optuna_linas.supernets.protocol import Arch, as_row

__all__ = ["SharedWeights"]


class SharedWeights(nn.Module, ABC):
    """A super-network that shares the leading slices of its largest network's tensors.

    To write one, give `space` and the largest network to the constructor, and implement `build`
    and `example_input`. Make tensors so that a leading slice means the same at every size: the
    weight of a layer on two concatenated inputs is two weights, one for each input.

    Args:
        space: The architectures.
        network: The largest network; its tensors are the shared ones.

    Example:
        >>> class Wide(SharedWeights):
        ...     def build(self, params):
        ...         return nn.Linear(3, params["width"])
        ...     def example_input(self, batch_size=1):
        ...         return torch.zeros(batch_size, 3)
        >>> space = SearchSpace.from_choices({"width": [2, 4]})
        >>> supernet = Wide(space, nn.Linear(3, 4))
        >>> supernet.extract({"width": 2})
        Linear(in_features=3, out_features=2, bias=True)
    """

    def __init__(self, space: SearchSpace, network: nn.Module) -> None:
        super().__init__()
        self._space = space
        self.network = network

    @property
    def space(self) -> SearchSpace:
        """The architectures; options ascend, so that the last ones make the largest network."""
        return self._space

    @abstractmethod
    def build(self, params: Mapping[str, Any]) -> nn.Module:
        """Return the plain network of an architecture, its tensors named as in the largest one.

        Args:
            params: The values of the active variables.
        """

    @abstractmethod
    def example_input(self, batch_size: int = 1) -> Any:
        """Return an input of the right shape, on the super-network's device, e.g. to time it."""

    def forward(self, x: Any, arch: Arch) -> Any:
        """Return what the network of `arch` computes from `x`, with the shared weights.

        Args:
            x: The network's one argument, a tensor or a tuple of tensors.
            arch: A row `int[d]` or a params dict.

        Raises:
            SpaceMismatchError: `arch` is not of the space.
            TypeError: `x` is not of the kind of `example_input`.
            ValueError: `x` has another shape.
        """
        check_input(x, self.example_input(1))
        skeleton = self._skeleton(arch).train(self.training)
        return functional_call(skeleton, self._slices(skeleton), (x,))

    def extract(self, arch: Arch) -> nn.Module:
        """Return `arch` as a plain network with its own copy of its weights, in eval mode.

        Its batch norms have the statistics of all the networks that were trained. Call
        `recalibrate_batch_norm(network, loader)` before you use it, as `SupernetObjective` does.

        Args:
            arch: A row `int[d]` or a params dict.

        Raises:
            SpaceMismatchError: `arch` is not of the space.
        """
        network = self._skeleton(arch)
        copies: dict[int, Tensor] = {}  # a tensor that has several names has one copy
        for name, tensor in self._slices(network).items():
            home, _, leaf = name.rpartition(".")
            module = network.get_submodule(home)
            if id(tensor) not in copies:
                # Packed tightly, and without memory of the super-network.
                own = tensor.detach().clone(memory_format=torch.contiguous_format)
                copies[id(tensor)] = nn.Parameter(own) if leaf in module._parameters else own
            setattr(module, leaf, copies[id(tensor)])
        return network.eval()

    def reduce(self, name: str, shared: Tensor, shape: torch.Size) -> Tensor:
        """Return a network's tensor made of the shared one of the same name.

        The leading slice; a super-network with another rule for some of its tensors overrides it.

        Args:
            name: The tensor's name.
            shared: That of the largest network.
            shape: The shape wanted.
        """
        return shared[tuple(slice(0, n) for n in shape)] if shared.shape != shape else shared

    def _skeleton(self, arch: Arch) -> nn.Module:
        params = self.space.decode(as_row(self.space, arch))
        with _WithoutData():
            return self.build(params)

    def _slices(self, skeleton: nn.Module) -> dict[str, Tensor]:
        shared = _tensors(self.network)
        slices: dict[str, Tensor] = {}
        reduced: dict[int, Tensor] = {}
        for name, tensor in _tensors(skeleton).items():
            if id(tensor) not in reduced:
                reduced[id(tensor)] = self.reduce(name, shared[name], tensor.shape)
            slices[name] = reduced[id(tensor)]
        return slices


def _tensors(network: nn.Module) -> dict[str, Tensor]:
    """A network's tensors, each under all of its names."""
    return {
        **dict(network.named_parameters(remove_duplicate=False)),
        **dict(network.named_buffers(remove_duplicate=False)),
    }


class _WithoutData(TorchFunctionMode):
    """Makes tensors on the meta device and leaves initialisers out.

    So a network's form costs no memory and draws no number of the global generator; without the
    initialisers it takes half the time.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if getattr(func, "__module__", None) == "torch.nn.init" or func in _FILLS:
            return args[0] if args else (kwargs or {})["tensor"]
        if func in _FACTORIES:
            return func(*args, **{**(kwargs or {}), "device": "meta"})
        return func(*args, **(kwargs or {}))


_FACTORIES = frozenset(
    [torch.empty, torch.zeros, torch.ones, torch.full, torch.tensor, torch.rand, torch.randn]
)
_FILLS = frozenset([Tensor.fill_, Tensor.zero_, Tensor.uniform_, Tensor.normal_])
