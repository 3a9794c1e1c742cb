"""The objective of a search in a super-network: one line instead of a training script."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import optuna
from torch import nn

from optuna_linas.errors import EmptyDataError
from optuna_linas.hardware import LatencyMeter, Measurement, count_macs, count_params
from optuna_linas.suggest import suggest
from optuna_linas.supernets.calibration import recalibrate_batch_norm
from optuna_linas.supernets.evaluation import accuracy
from optuna_linas.supernets.protocol import Supernet

__all__ = ["Metric", "SupernetObjective"]

Direction = Literal["maximize", "minimize"]
LatencyCallable = Callable[[nn.Module, Any], Measurement]


@dataclass(frozen=True)
class Metric:
    """An objective of your own, measured on the validation data.

    Attributes:
        name: The objective's name, and the user attribute that it is recorded under.
        direction: "maximize" or "minimize".
        measure: Called with the sub-network and the validation loader, returns a number.

    Raises:
        ValueError: Another direction, or a name that `SupernetObjective` records itself.

    Example:
        >>> def n_modules(network, loader):
        ...     return float(len(list(network.modules())))
        >>> Metric("n_modules", "minimize", n_modules).direction
        'minimize'
    """

    name: str
    direction: Direction
    measure: Callable[[nn.Module, Iterable[Any]], float]

    def __post_init__(self) -> None:
        if self.direction not in ("maximize", "minimize"):
            raise ValueError(
                f"direction is 'maximize' or 'minimize', got {self.direction!r} for {self.name!r}."
            )
        if self.name in _ALWAYS_RECORDED:
            raise ValueError(
                f"A metric cannot be named {self.name!r}: every trial records that attribute "
                "itself. Choose another name."
            )


_COSTS: Mapping[str, Direction] = {
    "latency_ms": "minimize",
    "macs": "minimize",
    "params": "minimize",
}
_ALWAYS_RECORDED = frozenset([*_COSTS, *(field.name for field in fields(Measurement))])
_METRICS: Mapping[str, Metric] = {"accuracy": Metric("accuracy", "maximize", accuracy)}


class SupernetObjective:
    """Evaluates the sub-network that a trial suggests: an Optuna objective.

    A trial suggests an architecture of `supernet.space`, parents before the variables that depend
    on them; its sub-network is extracted, its batch norm re-calibrated, and the sub-network is
    measured. Each figure is recorded as a user attribute of the trial as soon as it is known, in
    plain numbers and strings: `params`, `macs` (for one example), `latency_ms`,
    `latency_ms_iqr`, `device`, `batch_size`, `n_threads` and the other fields of `Measurement`,
    whether or not they are objectives; then the objectives measured on validation data. A metric
    of NaN is returned as it is, which makes Optuna fail the trial.

    The objective can be pickled where its parts can, and threads (`n_jobs`) may share it: the
    supernet is only read.

    Args:
        supernet: Has `space`, `extract(params)` and `example_input(batch_size)`, see `Supernet`.
        val_loader: Validation data in batches of `(inputs, targets)`; can be iterated over
            repeatedly.
        calibration: Training data in batches, from which batch-norm statistics are taken anew for
            every sub-network. `None` keeps the extracted ones: for networks without batch norm.
        objectives: What is optimised, in order: "accuracy" (a fraction, maximised), "latency_ms",
            "macs", "params" (minimised), or a `Metric`.
        latency: Measures the sub-network: `(module, example_input) -> Measurement`. A phone on a
            cable may take the place of the default, `LatencyMeter()`.
        n_calibration_batches: Batches that the statistics are taken from.

    Raises:
        EmptyDataError: A loader has no data; one without a length shows it in the first trial.
        TypeError: The supernet lacks one of these, a loader cannot be iterated over repeatedly, or
            `latency` is not callable.
        ValueError: An objective is unknown or named twice, or there is none;
            `n_calibration_batches < 1`.

    Example:
        >>> import torch
        >>> from optuna_linas.supernets import ElasticCNN
        >>> supernet = ElasticCNN(n_classes=10, in_channels=1, image_size=8)
        >>> batches = [(torch.rand(8, 1, 8, 8), torch.arange(8))]
        >>> objective = SupernetObjective(supernet, batches, calibration=batches)
        >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
        >>> study = optuna.create_study(directions=objective.directions)
        >>> study.optimize(objective, n_trials=1)
        >>> study.trials[0].user_attrs["n_threads"]
        1
    """

    def __init__(
        self,
        supernet: Supernet,
        val_loader: Iterable[Any],
        *,
        calibration: Iterable[Any] | None,
        objectives: Sequence[str | Metric] = ("accuracy", "latency_ms"),
        latency: LatencyCallable | None = None,
        n_calibration_batches: int = 16,
    ) -> None:
        _check_supernet(supernet)
        _check_loader("val_loader", val_loader)
        if calibration is not None:
            _check_loader("calibration", calibration)
        if latency is not None and not callable(latency):
            raise TypeError(
                "latency is a callable (module, example_input) -> Measurement, such as "
                f"LatencyMeter(), got {type(latency).__name__}."
            )
        if n_calibration_batches < 1:
            raise ValueError(
                f"n_calibration_batches is at least 1, got {n_calibration_batches}. To keep the "
                "extracted batch-norm statistics, pass calibration=None."
            )
        self.supernet = supernet
        self.val_loader = val_loader
        self.calibration = calibration
        self.latency: LatencyCallable = LatencyMeter() if latency is None else latency
        self.n_calibration_batches = n_calibration_batches
        self._objectives = _resolve(objectives)

    @property
    def metric_names(self) -> list[str]:
        """The objectives' names, for `study.set_metric_names`."""
        return [o if isinstance(o, str) else o.name for o in self._objectives]

    @property
    def directions(self) -> list[Direction]:
        """The objectives' directions, for `optuna.create_study(directions=...)`."""
        return [_COSTS[o] if isinstance(o, str) else o.direction for o in self._objectives]

    def __call__(self, trial: optuna.trial.BaseTrial) -> float | tuple[float, ...]:
        """Return the objectives' values, a float if there is one objective.

        Raises:
            EmptyDataError: A loader has run out of data.
            TypeError: `latency` returned something else than a `Measurement`.
        """
        network = self.supernet.extract(suggest(trial, self.supernet.space))
        if self.calibration is not None:
            # In place, on the copy that extract returned.
            recalibrate_batch_norm(network, self.calibration, n_batches=self.n_calibration_batches)
        known: dict[str, float] = {}
        for figures in self._measure(network):
            # At once: what is measured by now is not lost when the next measurement fails.
            for name, value in figures.items():
                trial.set_user_attr(name, value)
            known |= {name: figures[name] for name in self.metric_names if name in figures}
        values = tuple(float(known[name]) for name in self.metric_names)
        return values if len(values) > 1 else values[0]

    def _measure(self, network: nn.Module) -> Iterator[dict[str, Any]]:
        """Yield the figures by name, each group as soon as it is measured."""
        example = self.supernet.example_input(batch_size=1)
        yield {"params": count_params(network), "macs": count_macs(network, example)}
        measurement = self.latency(network, example)
        if not isinstance(measurement, Measurement):
            raise TypeError(
                "latency returns an optuna_linas.hardware.Measurement, which says the conditions "
                f"of the figure, got {type(measurement).__name__}."
            )
        yield asdict(measurement)
        for objective in self._objectives:
            if isinstance(objective, Metric):
                yield {objective.name: float(objective.measure(network, self.val_loader))}


def _resolve(objectives: Sequence[str | Metric]) -> tuple[str | Metric, ...]:
    """Costs stay names, a metric's name becomes the metric."""
    if isinstance(objectives, (str, Metric)):
        raise TypeError(f"objectives is a sequence; write ({objectives!r},) for a single one.")
    if not objectives:
        raise ValueError(f"objectives is empty; {_choose()}.")
    resolved: list[str | Metric] = []
    for objective in objectives:
        if isinstance(objective, Metric) or objective in _COSTS:
            resolved.append(objective)
        elif objective in _METRICS:
            resolved.append(_METRICS[objective])
        else:
            raise ValueError(f"Unknown objective {objective!r}; {_choose()}.")
    names = [o if isinstance(o, str) else o.name for o in resolved]
    if len(set(names)) != len(names):
        raise ValueError(f"Each objective is named once, got {names}.")
    return tuple(resolved)


def _choose() -> str:
    return f"choose from {', '.join([*_METRICS, *_COSTS])}, or pass a Metric"


def _check_supernet(supernet: object) -> None:
    missing = [n for n in ("space", "extract", "example_input") if not hasattr(supernet, n)]
    if missing:
        raise TypeError(
            "A supernet has space, extract(params) and example_input(batch_size); "
            f"{type(supernet).__name__} lacks {', '.join(missing)}. See "
            "optuna_linas.supernets.Supernet, or write the objective yourself with "
            "optuna_linas.suggest."
        )


def _check_loader(name: str, loader: object) -> None:
    if not isinstance(loader, Iterable) or isinstance(loader, Iterator):
        raise TypeError(
            f"{name} is iterated over in every trial, so it is a DataLoader or a list of batches, "
            f"got {type(loader).__name__}."
        )
    try:
        n_batches = len(loader)  # type: ignore[arg-type]
    except TypeError:  # a loader over a stream has no length
        return
    if n_batches == 0:
        raise EmptyDataError(
            f"{name} has no batch. Is its dataset empty, or smaller than one batch with "
            "drop_last=True?"
        )
