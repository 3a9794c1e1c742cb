"""The objective of a search in a super-network: one line instead of a training script."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import optuna
from torch import nn

from optuna_linas.errors import EmptyDataError
from optuna_linas.hardware import (
    LatencyMeter,
    Measurement,
    count_file_bytes,
    count_macs,
    count_params,
    count_peak_bytes,
)
from optuna_linas.measured import MeasuredNetworks
from optuna_linas.platform_notes import note_platform
from optuna_linas.suggest import suggest
from optuna_linas.supernets.calibration import recalibrate_batch_norm
from optuna_linas.supernets.evaluation import SCORES, Score, evaluate
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


_Cost = Callable[[nn.Module, Any], float]

_COSTS: Mapping[str, _Cost | None] = {
    "latency_ms": None,  # what `latency` measures
    "macs": count_macs,
    "params": lambda network, example: count_params(network),
    "peak_bytes": count_peak_bytes,
    "file_bytes": lambda network, example: count_file_bytes(network),
}
_OF_THE_DEPLOYED = ("peak_bytes", "file_bytes")
_ALWAYS_RECORDED = frozenset([*_COSTS, *(field.name for field in fields(Measurement))])


class SupernetObjective:
    """Evaluates the sub-network that a trial suggests: an Optuna objective.

    A trial suggests an architecture of `supernet.space`, parents before the variables that depend
    on them; its sub-network is extracted, its batch norm re-calibrated, and the sub-network is
    measured. Each figure is recorded as a user attribute of the trial as soon as it is known, in
    plain numbers and strings: `params`, `macs` (for one example), `latency_ms`,
    `latency_ms_iqr`, `device`, `batch_size`, `n_threads` and the other fields of `Measurement`,
    whether or not they are objectives; then the objectives measured on validation data, all scores
    in one pass. A metric of NaN is returned as it is, which makes Optuna fail the trial.

    A network that the study has measured already is not measured again: its figures are taken
    over, and the trial's attribute `measured_in_trial` says from where. The study's attribute
    `platform` describes the machine; going on with the study on another one gives a warning.

    The objective can be pickled where its parts can, and threads (`n_jobs`) may share it: the
    supernet is only read.

    Args:
        supernet: Has `space`, `extract(params)` and `example_input(batch_size)`, see `Supernet`.
        val_loader: Validation data in batches of `(inputs, targets)`; can be iterated over
            repeatedly.
        calibration: Training data in batches, from which batch-norm statistics are taken anew for
            every sub-network. `None` keeps the extracted ones: for networks without batch norm.
        objectives: What is optimised, in order: a score ("accuracy", "top5_accuracy",
            "cross_entropy", "word_accuracy", "hit_rate_at_10" or a `Score`), a cost, which is
            minimised ("latency_ms", "macs", "params", "peak_bytes", "file_bytes"), or a `Metric`.
        latency: Measures the sub-network: `(module, example_input) -> Measurement`. A phone on a
            cable may take the place of the default, `LatencyMeter()`.
        n_calibration_batches: Batches that the statistics are taken from.
        deploy: From the calibrated sub-network to what is deployed, such as `Int8(...)`; scores,
            latency and sizes are those of the deployed network, MACs and parameters those of the
            sub-network.

    Raises:
        EmptyDataError: A loader has no data; one without a length shows it in the first trial.
        TypeError: The supernet lacks one of these, a loader cannot be iterated over repeatedly, or
            `latency` or `deploy` is not callable.
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
        objectives: Sequence[str | Metric | Score] = ("accuracy", "latency_ms"),
        latency: LatencyCallable | None = None,
        n_calibration_batches: int = 16,
        deploy: Callable[[nn.Module], nn.Module] | None = None,
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
        if deploy is not None and not callable(deploy):
            raise TypeError(
                "deploy is a callable from a network to the deployed one, such as "
                f"Int8(calibration), got {type(deploy).__name__}."
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
        self.deploy = deploy
        self._objectives = _resolve(objectives)
        self._measured = MeasuredNetworks(supernet.space)
        self._known_studies: set[str] = set()

    @property
    def metric_names(self) -> list[str]:
        """The objectives' names, for `study.set_metric_names`."""
        return [o if isinstance(o, str) else o.name for o in self._objectives]

    @property
    def directions(self) -> list[Direction]:
        """The objectives' directions, for `optuna.create_study(directions=...)`."""
        return ["minimize" if isinstance(o, str) else o.direction for o in self._objectives]

    def __call__(self, trial: optuna.trial.BaseTrial) -> float | tuple[float, ...]:
        """Return the objectives' values, a float if there is one objective.

        Raises:
            EmptyDataError: A loader has run out of data.
            TypeError: `latency` returned something else than a `Measurement`.
        """
        if isinstance(trial, optuna.trial.Trial):
            self._check_study(trial.study)
        params = suggest(trial, self.supernet.space)
        with self._measured.one_at_a_time(params):
            figures = self._measured.find(trial, params, self.metric_names)
            if figures is None:
                figures = {}
                for group in self._measure(self._network(params)):
                    # At once: what is measured by now is not lost when the next one fails.
                    for name, value in group.items():
                        trial.set_user_attr(name, value)
                    figures |= group
                if not any(math.isnan(float(figures[name])) for name in self.metric_names):
                    self._measured.keep(trial, params, figures)
            else:
                for name, value in figures.items():
                    trial.set_user_attr(name, value)
        values = tuple(float(figures[name]) for name in self.metric_names)
        return values if len(values) > 1 else values[0]

    def _check_study(self, study: optuna.Study) -> None:
        """Once for each study, not for each trial: a warning each time would bury the others."""
        if study.study_name in self._known_studies:
            return
        given = [direction.name.lower() for direction in study.directions]
        # No error: who calls this may return something else, made of these values.
        if len(given) == len(self.directions) and given != self.directions:
            warnings.warn(
                f"The study {study.study_name!r} has directions={given}, but the objectives "
                f"{list(self.metric_names)} have {self.directions}. If they are what the study "
                "optimises, create it with "
                "optuna.create_study(directions=objective.directions).",
                stacklevel=3,
            )
        self._known_studies.add(study.study_name)
        note_platform(study)

    def _network(self, params: Mapping[str, Any]) -> nn.Module:
        network = self.supernet.extract(params)
        if self.calibration is not None:
            # In place, on the copy that extract returned.
            recalibrate_batch_norm(network, self.calibration, n_batches=self.n_calibration_batches)
        return network

    def _measure(self, network: nn.Module) -> Iterator[dict[str, Any]]:
        """Yield the figures by name, each group as soon as it is measured."""
        example = self.supernet.example_input(batch_size=1)
        yield {"params": count_params(network), "macs": count_macs(network, example)}
        deployed = network if self.deploy is None else self.deploy(network)
        measurement = self.latency(deployed, example)
        if not isinstance(measurement, Measurement):
            raise TypeError(
                "latency returns an optuna_linas.hardware.Measurement, which says the conditions "
                f"of the figure, got {type(measurement).__name__}."
            )
        yield asdict(measurement)
        for name in _OF_THE_DEPLOYED:
            if name in self._objectives and (cost := _COSTS[name]) is not None:
                yield {name: cost(deployed, example)}
        scores = [o for o in self._objectives if isinstance(o, Score)]
        if scores:
            yield evaluate(deployed, self.val_loader, scores)
        for objective in self._objectives:
            if isinstance(objective, Metric):
                yield {objective.name: float(objective.measure(deployed, self.val_loader))}


def _resolve(objectives: Sequence[str | Metric | Score]) -> tuple[str | Metric | Score, ...]:
    """Costs stay names, a score's name becomes the score."""
    if isinstance(objectives, (str, Metric, Score)):
        raise TypeError(f"objectives is a sequence; write ({objectives!r},) for a single one.")
    if not objectives:
        raise ValueError(f"objectives is empty; {_choose()}.")
    resolved: list[str | Metric | Score] = []
    for objective in objectives:
        if isinstance(objective, (Metric, Score)) or objective in _COSTS:
            resolved.append(objective)
        elif objective in SCORES:
            resolved.append(SCORES[objective])
        else:
            raise ValueError(f"Unknown objective {objective!r}; {_choose()}.")
    names = [o if isinstance(o, str) else o.name for o in resolved]
    if len(set(names)) != len(names):
        raise ValueError(f"Each objective is named once, got {names}.")
    return tuple(resolved)


def _choose() -> str:
    return f"choose from {', '.join([*SCORES, *_COSTS])}, or pass a Metric"


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
