"""What the steps of a trial cost, measured one by one: the figures that the simulation needs.

Of a storage: creating a trial, writing a parameter or an attribute, ending a trial, and reading the
study's trials, which grows with the trials that run (they are read anew each time) and with those
that have ended since the last read. Of a sampler: the time to plan a batch, by trials so far.

Each figure is the least of several: other processes of a machine only ever add to it. Where the
server is a process of this machine its processor time is taken, which other processes leave alone;
elsewhere (files, and servers on other machines) it is the time that passes.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState

from benchmarks.parallel_samplers import SAMPLERS
from benchmarks.scale.problem import OPTIONS, name_of, running_trial
from benchmarks.scale.storages import Place

__all__ = ["StorageCosts", "measure_planning", "measure_storage"]

_REPEATS = 7


@dataclass(frozen=True)
class StorageCosts:
    """Seconds of one client that has the storage to itself; of writes those of the server alone.

    Attributes:
        create_s: Creating a trial.
        param_s: Writing a parameter.
        attr_s: Writing an attribute of a trial.
        finish_s: Ending a trial.
        read_s: Reading the study's trials when none runs and none is new.
        read_running_s: More for each trial that runs.
        read_new_s: More for each trial that has ended since the last read.
        read_known_s: More for each trial that is known already.
        attrs_s: Reading the study's attributes with a plan of 16 KB.
        client_share: Share of the time of a read with running trials that is the client's own
            processor: it does not hold up others.
    """

    create_s: float
    param_s: float
    attr_s: float
    finish_s: float
    read_s: float
    read_running_s: float
    read_new_s: float
    read_known_s: float
    attrs_s: float
    client_share: float

    def as_json(self) -> dict[str, float]:
        """Return the figures by name."""
        return asdict(self)


def measure_storage(place: Place, *, n_variables: int) -> StorageCosts:
    """Measure a storage with one client."""
    storage, rng = place.open(), np.random.default_rng(0)
    study_id = _study(storage)
    meter = _Meter(place.server_pids(storage))
    row = [int(v) for v in rng.integers(len(OPTIONS), size=n_variables)]
    distribution = optuna.distributions.CategoricalDistribution(OPTIONS)
    created: list[int] = []

    def create() -> None:
        created.append(storage.create_new_trial(study_id))

    create_s = meter.least(create)
    trial_id, names = created[0], iter(range(10_000))
    param_s = meter.least(
        lambda: storage.set_trial_param(trial_id, name_of(next(names)), 1.0, distribution)
    )
    attr_s = meter.least(
        lambda: storage.set_trial_system_attr(trial_id, f"a{next(names)}", "x" * 200)
    )
    left = iter(created)
    finish_s = meter.least(
        lambda: storage.set_trial_state_values(next(left), TrialState.COMPLETE, [1.0, 1.0])
    )
    storage.set_study_system_attr(study_id, "linas:plan", "x" * 16_000)
    attrs_s = meter.least(lambda: storage.get_study_system_attrs(study_id))

    few, many = 5, 60
    fresh = _study(storage)
    for _ in range(few):
        storage.create_new_trial(fresh, template_trial=running_trial(row))
    with_few, _ = _read(storage, fresh, meter)
    for _ in range(many - few):
        storage.create_new_trial(fresh, template_trial=running_trial(row))
    with_many, client_share = _read(storage, fresh, meter)
    running = max(0.0, (with_many - with_few) / (many - few))

    n_ended = 100
    ended = _study(storage)
    for _ in range(n_ended):
        template = running_trial(row, TrialState.COMPLETE)
        storage.create_new_trial(ended, template_trial=template)
    stranger = storage if place.kind == "memory" else place.open()
    if place.kind == "postgres":
        stranger.get_study_system_attrs(ended)
        meter = _Meter(place.server_pids(stranger))
    server, client = meter.of(lambda: stranger.get_all_trials(ended, deepcopy=False))
    first = server + client
    again, _ = _read(stranger, ended, meter)
    return StorageCosts(
        create_s=create_s,
        param_s=param_s,
        attr_s=attr_s,
        finish_s=finish_s,
        read_s=max(0.0, with_few - few * running),
        read_running_s=running,
        read_new_s=max(0.0, first - again) / n_ended,
        read_known_s=1e-8,
        attrs_s=attrs_s,
        client_share=client_share,
    )


def measure_planning(
    sampler: str, sizes: tuple[int, ...], *, n_variables: int, seed: int = 0
) -> dict[int, dict[str, float]]:
    """Return, by trials so far, the seconds to plan a batch and those of a trial that takes a row.

    The study is in memory, so that nothing but the sampler counts; processor time.
    """
    found: dict[int, dict[str, float]] = {}
    rng = np.random.default_rng(seed)
    study = optuna.create_study(directions=["maximize", "minimize"])
    for size in sizes:
        for _ in range(len(study.get_trials(deepcopy=False)), size):
            row = [int(v) for v in rng.integers(len(OPTIONS), size=n_variables)]
            template = running_trial(row, TrialState.COMPLETE)
            template._system_attrs = {}
            study._storage.create_new_trial(study._study_id, template_trial=template)
        study.sampler = SAMPLERS[sampler](seed)
        seconds = []
        for _ in range(12):
            started = time.process_time()
            trial = study.ask()
            for i in range(n_variables):
                trial.suggest_categorical(name_of(i), OPTIONS)
            seconds.append(time.process_time() - started)
            study.tell(trial, state=TrialState.FAIL)
        # The first one of a process reads and plans; the shortest of the others only takes a row.
        found[size] = {"plan_s": max(seconds), "take_s": float(np.median(seconds))}
    return found


def _study(storage: BaseStorage) -> int:
    directions = [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]
    return storage.create_new_study(directions, f"costs {uuid.uuid4()}")


def _read(storage: BaseStorage, study_id: int, meter: _Meter) -> tuple[float, float]:
    """Seconds of a read, the server's and the client's, and the client's share of them."""
    storage.get_all_trials(study_id, deepcopy=False)
    server, client = min(
        (
            meter.of(lambda: storage.get_all_trials(study_id, deepcopy=False))
            for _ in range(_REPEATS)
        ),
        key=sum,
    )
    return server + client, client / (server + client)


class _Meter:
    """The seconds of a call: the server's and the client's own.

    Args:
        pids: The server's processes on this machine; none takes the time that passes.
    """

    def __init__(self, pids: tuple[int, ...]) -> None:
        self._folders = [Path(f"/proc/{pid}/task") for pid in pids]

    def of(self, call: Callable[[], Any]) -> tuple[float, float]:
        """Return the seconds of one call."""
        used, wall, own = self._used_s(), time.perf_counter(), time.process_time()
        call()
        wall, own = time.perf_counter() - wall, time.process_time() - own
        if self._folders:
            return self._used_s() - used, own
        return max(0.0, wall - own), max(own, 1e-9)

    def least(self, call: Callable[[], Any]) -> float:
        """Return the server's seconds of a write: the least of several; of a file, all of it."""
        found = [self.of(call) for _ in range(_REPEATS)]
        return min(server if self._folders else server + client for server, client in found)

    def _used_s(self) -> float:
        """Processor seconds of the server so far."""
        threads = (file for folder in self._folders for file in folder.glob("*/schedstat"))
        return sum(int(file.read_text().split()[0]) for file in threads) / 1e9
