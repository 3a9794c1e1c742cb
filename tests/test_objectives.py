import itertools
import math
import pickle
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import optuna
import pytest
import torch
from optuna.samplers import RandomSampler
from optuna.trial import FixedTrial, TrialState
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from optuna_linas.errors import EmptyDataError
from optuna_linas.hardware import (
    LatencyMeter,
    Measurement,
    TimingPlan,
    count_macs,
    count_params,
    describe_platform,
)
from optuna_linas.objectives import Metric, SupernetObjective
from optuna_linas.platform_notes import MixedPlatformsWarning
from optuna_linas.space import SearchSpace
from optuna_linas.supernets import Int8
from optuna_linas.supernets.elastic_cnn import ElasticCNN


class TinySupernet(nn.Module):
    """Up to two hidden layers on 4 features; the second layer's width exists only where it does."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.space = SearchSpace.from_choices(
            {"width_1": [2, 3], "depth": [1, 2]}, conditions={"width_1": {"depth": [2]}}
        )

    def forward(self, x: Tensor, arch: Any) -> Tensor:
        return self.extract(arch)(x)

    def extract(self, arch: Any) -> nn.Module:
        params = arch if isinstance(arch, Mapping) else self.space.decode(arch)
        hidden = [params["width_1"]] if params["depth"] == 2 else []
        widths = [4, *hidden, 2]
        layers = [nn.Linear(a, b) for a, b in pairwise(widths)]
        return nn.Sequential(*layers, nn.BatchNorm1d(2)).eval()

    def example_input(self, batch_size: int = 1) -> Tensor:
        return torch.zeros(batch_size, 4)


def fake_latency(module: nn.Module, example_input: Any) -> Measurement:
    """A phone: slower, the more layers there are."""
    return Measurement(
        latency_ms=float(len(list(module.children()))),
        latency_ms_iqr=0.25,
        n_repeats=7,
        n_warmup=3,
        device="phone",
        batch_size=len(example_input),
        n_threads=4,
    )


def batches(n: int = 3) -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    return [
        (5 + torch.randn(8, 4, generator=generator), torch.randint(2, (8,), generator=generator))
        for _ in range(n)
    ]


def make(**changes: Any) -> SupernetObjective:
    settings: dict[str, Any] = {
        "supernet": TinySupernet(),
        "val_loader": batches(),
        "calibration": batches(),
        "latency": fake_latency,
    }
    return SupernetObjective(**settings | changes)


def optimize(objective: SupernetObjective, n_trials: int = 6, **how: Any) -> optuna.Study:
    study = optuna.create_study(directions=objective.directions, sampler=RandomSampler(seed=0))
    study.optimize(objective, n_trials=n_trials, **how)
    return study


def test_accuracy_against_latency_by_default() -> None:
    objective = make()
    assert objective.metric_names == ["accuracy", "latency_ms"]
    assert objective.directions == ["maximize", "minimize"]
    for trial in optimize(objective).trials:
        assert trial.state == TrialState.COMPLETE
        accuracy, latency_ms = trial.values
        assert 0 <= accuracy <= 1
        assert latency_ms == trial.params["depth"] + 1


def test_a_search_in_an_elastic_cnn() -> None:
    supernet = ElasticCNN(n_classes=3, in_channels=1, image_size=8, widths=[(4, 8)], depths=(1, 2))
    images = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    data = [(images, torch.arange(6) % 3)]
    meter = LatencyMeter(plan=TimingPlan(n_repeats=3, max_warmup=10, min_reading_ms=0.0))
    objective = make(supernet=supernet, val_loader=data, calibration=data, latency=meter)
    for trial in optimize(objective).trials:
        network = supernet.extract(trial.params)
        assert (
            trial.params.keys() == supernet.space.decode(supernet.space.encode(trial.params)).keys()
        )
        assert trial.user_attrs["params"] == count_params(network)
        assert trial.user_attrs["macs"] == count_macs(network, images[:1])
        assert trial.user_attrs["latency_ms"] == trial.values[1] > 0


def test_only_active_variables_are_suggested() -> None:
    for trial in optimize(make(), n_trials=10).trials:
        assert ("width_1" in trial.params) == (trial.params["depth"] == 2)


@pytest.mark.parametrize("objectives", [("latency_ms", "accuracy"), ("params",)])
def test_every_figure_is_recorded_whatever_the_objectives(objectives: tuple[str, ...]) -> None:
    objective = make(objectives=objectives)
    trial = FixedTrial({"depth": 2, "width_1": 3})
    values = objective(trial)
    recorded = dict(trial.user_attrs)
    assert recorded.pop("accuracy", None) == (values[1] if isinstance(values, tuple) else None)
    assert recorded == {
        "params": 4 * 3 + 3 + 3 * 2 + 2 + 4,
        "macs": 4 * 3 + 3 * 2,
        "latency_ms": 3.0,
        "latency_ms_iqr": 0.25,
        "n_repeats": 7,
        "n_warmup": 3,
        "device": "phone",
        "batch_size": 1,
        "n_threads": 4,
        "n_calls_per_reading": 1,
        "warmed_up": True,
        "steady": True,
        "n_outliers": 0,
        "backend": "torch",
    }
    assert all(type(value) in (int, float, str, bool) for value in recorded.values())


def test_a_trial_tells_that_the_machine_was_busy(caplog: pytest.LogCaptureFixture) -> None:
    seconds = itertools.accumulate(itertools.cycle([1.0, 5.0, 9.0]))
    plan = TimingPlan(n_repeats=5, max_attempts=1, min_reading_ms=0.0)
    meter = LatencyMeter(plan=plan, clock=lambda: next(seconds))
    study = optimize(make(latency=meter), n_trials=5)
    unsteady = [trial.user_attrs["steady"] for trial in study.trials].count(False)
    assert unsteady >= 2
    assert caplog.text.count("the machine was busy") == 1
    with_spread = [trial.user_attrs["latency_ms_iqr"] for trial in study.trials]
    assert all(spread > 0 for spread in with_spread)


def test_a_single_objective_is_a_float() -> None:
    objective = make(objectives=["macs"])
    assert objective.directions == ["minimize"]
    study = optimize(objective)
    assert study.best_trial.params["depth"] == 1
    assert type(objective(FixedTrial({"depth": 1}))) is float


def test_the_objectives_keep_their_order() -> None:
    objective = make(objectives=("params", "accuracy", "macs", "latency_ms"))
    assert objective.directions == ["minimize", "maximize", "minimize", "minimize"]
    values = objective(FixedTrial({"depth": 1}))
    assert isinstance(values, tuple)
    assert (values[0], *values[2:]) == (4 * 2 + 2 + 4, 4 * 2, 2.0)


def test_a_metric_of_ones_own_takes_the_place_of_accuracy() -> None:
    seen = []

    def n_examples(network: nn.Module, loader: Any) -> Tensor:
        seen.append(network)
        return torch.tensor(sum(len(x) for x, _ in loader))

    objective = make(objectives=(Metric("n_examples", "maximize", n_examples), "macs"))
    assert objective.metric_names == ["n_examples", "macs"]
    trial = FixedTrial({"depth": 1})
    assert objective(trial) == (24.0, 8.0)
    assert trial.user_attrs["n_examples"] == 24.0
    assert "accuracy" not in trial.user_attrs
    assert len(seen) == 1


def running_mean(network: nn.Module, loader: Any) -> float:
    norm = network[-1]  # type: ignore[index]
    return float(norm.running_mean.abs().max())


@pytest.mark.parametrize(("calibration", "is_calibrated"), [(batches(), True), (None, False)])
def test_batch_norm_is_calibrated_on_the_copy(calibration: Any, is_calibrated: bool) -> None:
    supernet = TinySupernet()
    before = pickle.dumps(supernet.state_dict())
    objective = make(
        supernet=supernet,
        calibration=calibration,
        objectives=[Metric("running_mean", "maximize", running_mean)],
    )
    value = objective(FixedTrial({"depth": 1}))
    assert isinstance(value, float)
    assert (value > 0) == is_calibrated
    assert pickle.dumps(supernet.state_dict()) == before


def test_the_number_of_calibration_batches() -> None:
    read = []

    class Counted(list[Any]):
        def __iter__(self) -> Iterator[Any]:
            for batch in super().__iter__():
                read.append(batch)
                yield batch

    make(calibration=Counted(batches(9)), n_calibration_batches=4)(FixedTrial({"depth": 1}))
    assert len(read) == 4


def test_nan_fails_the_trial_and_the_measurements_stay() -> None:
    metric = Metric("loss", "minimize", lambda network, loader: math.nan)
    (trial,) = optimize(make(objectives=[metric, "latency_ms"]), n_trials=1).trials
    assert trial.state == TrialState.FAIL
    assert trial.user_attrs["latency_ms"] == trial.params["depth"] + 1
    assert math.isnan(trial.user_attrs["loss"])


def test_an_error_leaves_what_was_measured_before_it() -> None:
    def fail(network: nn.Module, loader: Any) -> float:
        raise RuntimeError("out of memory")

    objective = make(objectives=[Metric("loss", "minimize", fail)])
    (trial,) = optimize(objective, n_trials=1, catch=RuntimeError).trials
    assert trial.state == TrialState.FAIL
    assert trial.user_attrs["latency_ms"] == trial.params["depth"] + 1


def test_threads_share_the_objective() -> None:
    meter = LatencyMeter(plan=TimingPlan(n_repeats=3, max_warmup=10, min_reading_ms=0.0))
    objective = make(latency=meter, objectives=("accuracy", "params"))
    study = optimize(objective, n_trials=16, n_jobs=4)
    for trial in study.trials:
        assert trial.state == TrialState.COMPLETE
        hidden = trial.params.get("width_1")
        macs = 4 * 2 if hidden is None else 4 * hidden + hidden * 2
        assert trial.user_attrs["macs"] == macs
        assert trial.user_attrs["n_threads"] == 1


def test_the_default_meter_measures_one_example_on_one_thread() -> None:
    assert make(latency=None).latency == LatencyMeter(batch_size=1, n_threads=1, device="cpu")


def test_the_objective_can_be_pickled() -> None:
    objective = pickle.loads(pickle.dumps(make(objectives=("accuracy", "macs"))))
    assert objective.metric_names == ["accuracy", "macs"]
    assert objective(FixedTrial({"depth": 1}))[1] == 8.0


class NoSamples(IterableDataset[Tensor]):
    def __iter__(self) -> Iterator[Tensor]:
        return iter(())


@pytest.mark.parametrize("which", ["val_loader", "calibration"])
def test_a_loader_without_data_is_found_out(which: str) -> None:
    too_small = TensorDataset(torch.zeros(3, 4), torch.zeros(3))
    for empty in ([], DataLoader(too_small, batch_size=8, drop_last=True)):
        with pytest.raises(EmptyDataError, match=f"{which} has no batch"):
            make(**{which: empty})
    late = make(**{which: DataLoader(NoSamples())})
    with pytest.raises(EmptyDataError):
        late(FixedTrial({"depth": 1}))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"objectives": ("accuracy", "flops")}, ValueError, "'flops'; choose from accuracy, top5"),
        ({"objectives": ()}, ValueError, "objectives is empty; choose from accuracy, top5"),
        ({"objectives": ("macs", "macs")}, ValueError, "named once"),
        ({"objectives": "accuracy"}, TypeError, r"write \('accuracy',\)"),
        ({"n_calibration_batches": 0}, ValueError, "calibration=None"),
        ({"supernet": nn.Linear(4, 2)}, TypeError, "Linear lacks space, extract, example_input"),
        ({"val_loader": None}, TypeError, "val_loader is iterated over in every trial"),
        ({"val_loader": iter(batches())}, TypeError, "val_loader is iterated over in every trial"),
        ({"calibration": 3}, TypeError, "calibration is iterated over in every trial"),
        ({"latency": "cpu"}, TypeError, r"latency is a callable .* got str"),
    ],
)
def test_mistakes_are_found_out_at_once(
    changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make(**changes)


def test_a_latency_without_its_conditions_is_refused() -> None:
    with pytest.raises(TypeError, match=r"returns an optuna_linas\.hardware\.Measurement.*float"):
        make(latency=lambda module, example: 3.0)(FixedTrial({"depth": 1}))


def test_a_metric_is_named_and_directed_properly() -> None:
    with pytest.raises(ValueError, match="cannot be named 'device'"):
        Metric("device", "minimize", running_mean)
    with pytest.raises(ValueError, match="'maximize' or 'minimize', got 'up'"):
        Metric("loss", "up", running_mean)  # type: ignore[arg-type]


class CountingMeter:
    """Counts what it measures."""

    def __init__(self) -> None:
        self.n_calls = 0

    def __call__(self, module: nn.Module, example_input: Any) -> Measurement:
        self.n_calls += 1
        return fake_latency(module, example_input)


@pytest.mark.parametrize("n_jobs", [1, 4])
def test_a_network_is_never_measured_twice(n_jobs: int) -> None:
    meter = CountingMeter()
    objective = make(latency=meter)
    study = optimize(objective, n_trials=24, n_jobs=n_jobs)
    assert meter.n_calls == objective.supernet.space.size(effective=True) == 3
    by_params: dict[Any, set[Any]] = {}
    for trial in study.trials:
        by_params.setdefault(tuple(sorted(trial.params.items())), set()).add(tuple(trial.values))
        source = trial.user_attrs.get("measured_in_trial")
        assert source is None or study.trials[source].params == trial.params
        assert trial.user_attrs["device"] == "phone"
    assert len(by_params) == 3
    assert all(len(values) == 1 for values in by_params.values())
    assert sum("measured_in_trial" not in t.user_attrs for t in study.trials) == 3


def test_another_process_finds_what_is_measured_in_the_study() -> None:
    study = optimize(make(), n_trials=12)
    meter = CountingMeter()
    again = make(latency=meter)  # a fresh objective knows nothing by itself
    study.optimize(again, n_trials=6)
    assert meter.n_calls == 0
    other = make(latency=meter, objectives=("params", "peak_bytes"))
    optuna.create_study(directions=other.directions)
    optimize(other, n_trials=2)
    assert meter.n_calls > 0


def test_what_failed_is_measured_again() -> None:
    meter = CountingMeter()
    metric = Metric("loss", "minimize", lambda network, loader: math.nan)
    objective = make(objectives=[metric], latency=meter)
    study = optuna.create_study(directions=objective.directions)
    for _ in range(2):
        study.enqueue_trial({"depth": 1})
    study.optimize(objective, n_trials=2)
    assert meter.n_calls == 2


def test_several_scores_are_measured_in_one_pass() -> None:
    passes = []

    class Counted(list[Any]):
        def __iter__(self) -> Iterator[Any]:
            passes.append(1)
            return super().__iter__()

    objective = make(
        val_loader=Counted(batches()),
        objectives=("accuracy", "cross_entropy", "top5_accuracy", "macs"),
    )
    assert objective.directions == ["maximize", "minimize", "maximize", "minimize"]
    values = objective(FixedTrial({"depth": 1}))
    assert len(passes) == 1
    assert isinstance(values, tuple)
    assert values[2] == 1.0  # two classes: both are among the first five


def test_memory_and_file_size_are_objectives() -> None:
    objective = make(objectives=("peak_bytes", "file_bytes"))
    trial = FixedTrial({"depth": 1})
    peak, file = objective(trial)  # type: ignore[misc]
    assert 0 < peak < file
    assert trial.user_attrs["peak_bytes"] == peak


class Halved(nn.Module):
    """A deployed network: answers as the sub-network does, but costs half."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return -self.network(x)


def test_scores_and_latency_are_those_of_the_deployed_network() -> None:
    seen: list[type] = []

    def latency(module: nn.Module, example: Any) -> Measurement:
        seen.append(type(module))
        return fake_latency(module, example)

    trial = FixedTrial({"depth": 1})
    plain = make(latency=latency)(FixedTrial({"depth": 1}))
    deployed = make(latency=latency, deploy=Halved)(trial)
    assert seen == [nn.Sequential, Halved]
    assert deployed[0] == pytest.approx(1 - plain[0])  # type: ignore[index]
    assert trial.user_attrs["params"] == 4 * 2 + 2 + 4  # of the sub-network


def test_an_int8_search_measures_the_quantised_network() -> None:
    pytest.importorskip("onnxruntime", reason="pip install 'optuna-linas[export]'")
    supernet = ElasticCNN(n_classes=3, in_channels=1, image_size=8, widths=[(4,)], depths=(1,))
    images = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    data = [(images, torch.arange(6) % 3)]
    plan = TimingPlan(n_repeats=3, max_warmup=10, min_reading_ms=0.0, max_spread=math.inf)
    objective = SupernetObjective(
        supernet,
        data,
        calibration=data,
        objectives=("accuracy", "latency_ms", "file_bytes"),
        latency=LatencyMeter(plan=plan),
        deploy=Int8(data),
    )
    trial = FixedTrial({v.name: v.options[0] for v in supernet.space.variables})
    values = objective(trial)
    assert trial.user_attrs["backend"] == "onnxruntime"
    assert isinstance(values, tuple)
    assert 0 <= values[0] <= 1
    assert values[2] > 0


def test_a_study_remembers_its_platform_and_warns_on_another() -> None:
    objective = make()
    study = optimize(objective, n_trials=1)
    assert study.user_attrs["platform"] == describe_platform()
    study.set_user_attr("platform", {**describe_platform(), "cpu": "abacus"})
    study.optimize(objective, n_trials=1)  # looked at once: nothing new for this process
    with pytest.warns(MixedPlatformsWarning, match=r"cpu is .* here, 'abacus' there"):
        study.optimize(make(), n_trials=1)
    assert study.user_attrs["platform"]["cpu"] == "abacus"


def test_a_study_with_other_directions_is_warned_of_once() -> None:
    objective = make()
    study = optuna.create_study(directions=["minimize", "maximize"])
    with pytest.warns(UserWarning, match=r"\['accuracy', 'latency_ms'\] have .*'maximize', 'mi"):
        study.optimize(objective, n_trials=1)
    study.optimize(objective, n_trials=1)
    # What an objective of one's own makes of the values has a direction of its own.
    single = optuna.create_study(direction="minimize")
    single.optimize(lambda trial: objective(trial)[1], n_trials=1)  # type: ignore[index]
