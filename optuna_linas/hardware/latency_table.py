"""Latency of any sub-network from that of its blocks, each measured once.

Cai, Gan, Wang, Zhang, Han: "Once-for-All: Train One Network and Specialize it for Efficient
Deployment", ICLR 2020, section 3.4: a lookup table of blocks, whose sum is the latency of a phone.

A block is an outermost module that is no plain container (`nn.Sequential`, `nn.ModuleList`). Blocks
that read alike (`repr`) and get inputs of the same shapes are one block, whatever network they are
in: a module whose behaviour depends on more shows that in its `extra_repr`.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from optuna_linas.hardware.examples import copy_to
from optuna_linas.hardware.measurement import Measurement
from optuna_linas.predictors.quality import kendall_tau
from optuna_linas.stored_json import number, parsed, whole_number

__all__ = ["LatencyError", "LatencyTable"]

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)

_FORMAT = "optuna-linas latency table 1"


@dataclass(frozen=True)
class LatencyError:
    """How predicted latencies differ from measured ones.

    Attributes:
        mean_absolute_percentage: The mean of |predicted - measured| / measured, in percent.
        bias_percentage: The mean of (predicted - measured) / measured, in percent.
        kendall_tau: The rank correlation, which is what a search needs.
        n: How many networks it is of.

    Example:
        >>> LatencyError.of(predicted_ms=[1.1, 2.2], measured_ms=[1.0, 2.0]).bias_percentage
        10.0
    """

    mean_absolute_percentage: float
    bias_percentage: float
    kendall_tau: float
    n: int

    @staticmethod
    def of(predicted_ms: Sequence[float], measured_ms: Sequence[float]) -> LatencyError:
        """Return how two lists of latencies differ.

        Args:
            predicted_ms: In milliseconds.
            measured_ms: Of the same networks.

        Raises:
            ValueError: They are empty or of different lengths.

        Example:
            >>> LatencyError.of([1.1, 1.8], [1.0, 2.0]).mean_absolute_percentage
            10.0
        """
        predicted = np.asarray(predicted_ms, dtype=float)
        measured = np.asarray(measured_ms, dtype=float)
        if len(predicted) == 0 or predicted.shape != measured.shape:
            raise ValueError(
                f"Got {len(predicted)} predicted and {len(measured)} measured latencies; give both "
                "for the same networks, of which there is at least one."
            )
        relative = (predicted - measured) / measured * 100
        return LatencyError(
            round(float(np.abs(relative).mean()), 9),
            round(float(relative.mean()), 9),
            kendall_tau(measured, predicted),
            len(measured),
        )


class LatencyTable:
    """Measures blocks where it does not know them yet, and sums them.

    It takes the place of a meter: as `latency=` of `SupernetObjective` it measures each block of
    the super-network once and no whole network. What happens between the blocks is not counted;
    `error` says how much that matters.

    Args:
        measure: Measures a block: `(module, example_input) -> Measurement`, such as a
            `LatencyMeter`, whose batch size is that of the table.

    Example:
        >>> def one_ms_a_layer(module, example):
        ...     return Measurement(1.0, 0.0, 1, 0, "phone", len(example[0]), 1)
        >>> table = LatencyTable(one_ms_a_layer)
        >>> network = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8))
        >>> table(network, torch.zeros(4, 8)).latency_ms, len(table)
        (3.0, 2)
    """

    def __init__(self, measure: Callable[[nn.Module, Any], Measurement]) -> None:
        self.measure = measure
        self._blocks: dict[str, Measurement] = {}

    def __len__(self) -> int:
        return len(self._blocks)

    def __call__(self, module: nn.Module, example_input: Any) -> Measurement:
        """Return the sum of the network's blocks; those that are new are measured.

        Args:
            module: The network; it is left as it is.
            example_input: What it is called with.

        Returns:
            The latency, with the sum of the blocks' spreads and the conditions of the last block.

        Raises:
            ValueError: The network calls no block.
        """
        measurements = []
        for key, block, inputs in _calls(module, example_input):
            if key not in self._blocks:
                self._blocks[key] = self.measure(_OnTuple(block), inputs)
            measurements.append(self._blocks[key])
        if not measurements:
            raise ValueError(f"{type(module).__name__} calls no module that could be measured.")
        last = measurements[-1]
        return Measurement(
            **{
                **asdict(last),
                "latency_ms": sum(m.latency_ms for m in measurements),
                "latency_ms_iqr": sum(m.latency_ms_iqr for m in measurements),
                "warmed_up": all(m.warmed_up for m in measurements),
                "steady": all(m.steady for m in measurements),
                "n_outliers": sum(m.n_outliers for m in measurements),
            }
        )

    def error(
        self, networks: Sequence[nn.Module], example_input: Any, measured_ms: Sequence[float]
    ) -> LatencyError:
        """Return how the sums differ from measurements of whole networks.

        Args:
            networks: Some networks.
            example_input: What they are called with.
            measured_ms: Their latencies, measured under the table's conditions.
        """
        predicted = [self(network, example_input).latency_ms for network in networks]
        return LatencyError.of(predicted, measured_ms)

    def save(self, path: str | Path) -> None:
        """Write the table as JSON; the file is replaced in one piece."""
        path = Path(path)
        partial = path.with_name(path.name + ".partial")
        blocks = {key: asdict(measurement) for key, measurement in self._blocks.items()}
        text = json.dumps({"format": _FORMAT, "blocks": blocks}, indent=1)
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)

    @staticmethod
    def load(
        path: str | Path, measure: Callable[[nn.Module, Any], Measurement] | None = None
    ) -> LatencyTable:
        """Return the table of a file.

        Args:
            path: The file.
            measure: Measures blocks that the file lacks; without it they are an error.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is no latency table.
        """
        try:
            data = parsed(Path(path).read_text(encoding="utf-8"), str(path), dict)
            if data.get("format") != _FORMAT:
                raise ValueError(f"its format is {str(data.get('format'))[:40]!r}")
            blocks = {key: _measurement(fields) for key, fields in data["blocks"].items()}
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"{path} is no latency table of optuna-linas: {error}") from error
        table = LatencyTable(_unknown(path) if measure is None else measure)
        table._blocks = blocks
        return table


def _measurement(fields: dict[str, Any]) -> Measurement:
    """A measurement whose figures are numbers."""
    found = Measurement(**fields)
    for name in ("latency_ms", "latency_ms_iqr"):
        if not 0 <= number(getattr(found, name)) < float("inf"):
            raise ValueError(f"{name} is {getattr(found, name)}")
    whole_number(found.n_outliers)
    return found


class _OnTuple(nn.Module):
    """Calls a block with a tuple's items."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(self, inputs: tuple[Any, ...]) -> Any:
        return self.block(*inputs)


def _calls(module: nn.Module, example_input: Any) -> Iterator[tuple[str, nn.Module, Any]]:
    """Run the network once and yield each call of a block: its key, the block, its inputs."""
    network = copy.deepcopy(module).eval()
    first = next(network.parameters(), None)
    device = torch.device("cpu") if first is None else first.device
    seen: list[tuple[str, nn.Module, Any]] = []

    def note(block: nn.Module, inputs: tuple[Any, ...]) -> None:
        seen.append((_key(block, inputs), block, inputs))

    for block in _blocks(network):
        block.register_forward_pre_hook(note)
    with torch.inference_mode():
        network(copy_to(example_input, device))
    for block in _blocks(network):
        block._forward_pre_hooks.clear()
    yield from seen


def _blocks(network: nn.Module) -> Iterator[nn.Module]:
    """The outermost modules that are no plain containers; the network itself is opened."""
    for child in network.children():
        if type(child) in _CONTAINERS:
            yield from _blocks(child)
        else:
            yield child


def _key(block: nn.Module, inputs: Any) -> str:
    shapes = [
        "x".join(map(str, leaf.shape))
        for leaf in pytree.tree_leaves(inputs)
        if isinstance(leaf, Tensor)
    ]
    digest = hashlib.blake2b(repr(block).encode(), digest_size=6).hexdigest()
    return f"{type(block).__name__} {digest} on {', '.join(shapes)}"


def _unknown(path: str | Path) -> Callable[[nn.Module, Any], Measurement]:
    def refuse(module: nn.Module, example_input: Any) -> Measurement:
        assert isinstance(module, _OnTuple)
        raise ValueError(
            f"{path} has no latency of {_key(module.block, example_input)}: {module.block}. Load "
            "the table with measure=LatencyMeter(...) on the device that it was made on, or make "
            "it of more networks."
        )

    return refuse
