"""A study of many workers, simulated event by event with measured costs.

A worker creates a trial, reads the study's trials, plans a batch where the last one is used up,
claims a row, reads again, writes the parameters, evaluates, and ends the trial. Each call of the
storage takes the worker's own time and the server's; the server has some cores, and calls that find
them busy wait. Reads grow with the number of running trials and with what has ended since the
worker's last read. Of those who find a batch used up one plans. The others pause and look for its
plan, and read all trials again once it is there or every two seconds, as in
`optuna_linas.samplers.turn`.

Not simulated: networks that are slow, locks inside of a database, failures.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

__all__ = ["Cluster", "Outcome", "breaking_point", "simulate"]


@dataclass(frozen=True)
class Cluster:
    """What is simulated.

    Attributes:
        n_workers: Workers, one trial at a time each.
        n_trials: Trials of the study.
        evaluation_s: Mean seconds of an evaluation; they vary tenfold, log-uniformly.
        n_variables: Parameters of a trial.
        n_cores: Calls that the storage's server works on at a time; 1 for a file with a lock.
        costs: Seconds of the calls, see `costs.StorageCosts`.
        plan_s: From the trials so far to the seconds of planning a batch.
        take_s: Seconds of the sampler for a trial whose row is planned.
        batch_size: From the trials so far and those that run to those of a batch; 0 for a sampler
            that plans nothing.
        n_reads: Reads of the study's trials for a trial.
    """

    n_workers: int
    n_trials: int
    evaluation_s: float
    n_variables: int
    n_cores: int
    costs: Mapping[str, float]
    plan_s: Callable[[int], float]
    take_s: float
    batch_size: Callable[[int, int], int]
    n_reads: int = 3


@dataclass(frozen=True)
class Outcome:
    """What became of it.

    Attributes:
        hours: Until the last trial ended.
        busy: Share of the workers' time that was spent on evaluations. This and the other shares
            are of the time from the first minute, in which workers start, to the last trial's
            begin, after which they run out of work.
        server: Share of the server's capacity that was used.
        waiting: Share of the workers' time that was spent in calls of the storage, waits included.
        planning: Share of the workers' time that was spent on plans, and on pauses before they
            look again for the plan of another.
        n_plans: Plans that were stored.
        n_pauses: How often a worker has begun to wait for the plan of another.
    """

    hours: float
    busy: float
    server: float
    waiting: float
    planning: float
    n_plans: int
    n_pauses: int

    def as_json(self) -> dict[str, Any]:
        """Return the figures by name."""
        return asdict(self)


_START_S = 60.0
"""In which the workers start, as a scheduler of jobs lets them."""

_FIRST_PAUSE_S, _MAX_PAUSE_S, _LOOK_S = 0.1, 1.0, 2.0


class _Server:
    """Cores that take calls in the order in which they come."""

    def __init__(self, n_cores: int) -> None:
        self._free = [0.0] * n_cores
        self.intervals: list[tuple[float, float]] = []

    def call(self, now: float, seconds: float) -> float:
        """Return when a call that comes now has been answered."""
        begun = max(now, heapq.heappop(self._free))
        heapq.heappush(self._free, begun + seconds)
        self.intervals.append((begun, begun + seconds))
        return begun + seconds


def simulate(cluster: Cluster, *, seed: int) -> Outcome:
    """Run a study on paper."""
    rng = np.random.default_rng(seed)
    costs, own = cluster.costs, cluster.costs["client_share"]
    server = _Server(cluster.n_cores)
    spread = np.exp(rng.uniform(0.0, np.log(10.0), cluster.n_trials))
    evaluations = iter((spread * cluster.evaluation_s * np.log(10.0) / 9.0).tolist())
    n_begun = n_ended = n_running = n_plans = n_pauses = 0
    left = 0  # rows of the plan that nobody has taken
    is_planning = False
    spent: dict[str, list[tuple[float, float]]] = {"busy": [], "waiting": [], "planning": []}
    last_begin = 0.0
    last_read = [0] * cluster.n_workers
    events: list[tuple[float, int, int, str, Any]] = []
    order = 0
    end = 0.0

    def at(when: float, worker: int, step: str, what: Any = None) -> None:
        nonlocal order
        order += 1
        heapq.heappush(events, (when, order, worker, step, what))

    def read_s(worker: int) -> float:
        new = n_ended - last_read[worker]
        last_read[worker] = n_ended
        return (
            costs["read_s"]
            + n_running * costs["read_running_s"]
            + new * costs["read_new_s"]
            + n_ended * costs["read_known_s"]
        )

    def call(now: float, seconds: float, *, is_write: bool = False) -> float:
        """A call: first the server's part, then the worker's own."""
        mine = 0.0 if is_write else own * seconds
        done = server.call(now, seconds - mine) + mine
        spent["waiting"].append((now, done))
        return done

    for worker in range(cluster.n_workers):
        at(float(rng.random() * _START_S), worker, "begin")
    while events:
        now, _, worker, step, what = heapq.heappop(events)
        if step == "begin":
            if n_begun >= cluster.n_trials:
                continue
            n_begun, last_begin = n_begun + 1, now
            n_running += 1
            done = call(now, costs["create_s"], is_write=True)
            at(done, worker, "read", cluster.n_reads - 1)
        elif step == "read":
            done = call(now, read_s(worker))
            if what > 1:
                at(done, worker, "read", what - 1)
            else:
                at(done, worker, "take", 0.0)
        elif step == "take":
            if cluster.batch_size(n_ended, n_running) and left == 0:
                if is_planning:
                    n_pauses += 1
                    at(now, worker, "pause", (n_plans, 0.0, max(_FIRST_PAUSE_S, what)))
                else:
                    is_planning = True
                    at(call(now, costs["attr_s"], is_write=True), worker, "turn")
                continue
            left -= 1
            spent["planning"].append((now, now + cluster.take_s))
            at(now + cluster.take_s, worker, "claim")
        elif step == "claim":
            done = call(now, costs["attr_s"], is_write=True)
            at(done, worker, "check")
        elif step == "turn":
            begun, seconds = call(now, read_s(worker)), cluster.plan_s(n_ended)
            spent["planning"].append((begun, begun + seconds))
            at(begun + seconds, worker, "planned")
        elif step == "planned":
            left, is_planning = cluster.batch_size(n_ended, n_running), False
            n_plans += 1
            at(call(now, costs["attrs_s"], is_write=True), worker, "take", 0.0)
        elif step == "pause":
            known, slept, pause = what
            spent["planning"].append((now, now + pause))
            at(now + pause, worker, "peek", (known, slept + pause, pause))
        elif step == "peek":
            known, slept, pause = what
            done, longer = call(now, costs["attrs_s"]), min(2 * pause, _MAX_PAUSE_S)
            if n_plans == known and slept < _LOOK_S:
                at(done, worker, "pause", (known, slept, longer))
            else:
                at(call(done, read_s(worker)), worker, "take", longer)
        elif step == "check":
            done = call(now, read_s(worker))
            at(done, worker, "write", cluster.n_variables)
        elif step == "write":
            done = call(now, costs["param_s"], is_write=True)
            if what > 1:
                at(done, worker, "write", what - 1)
                continue
            seconds = next(evaluations)
            spent["busy"].append((done, done + seconds))
            at(done + seconds, worker, "end")
        else:
            done = call(now, costs["finish_s"], is_write=True)
            n_running -= 1
            n_ended += 1
            end = max(end, done)
            at(done, worker, "begin")
    window = (_START_S, max(last_begin, _START_S + 1.0))
    shares = {
        part: _overlap(intervals, window) / (cluster.n_workers * (window[1] - window[0]))
        for part, intervals in spent.items()
    }
    return Outcome(
        hours=end / 3600,
        **shares,
        server=_overlap(server.intervals, window) / (cluster.n_cores * (window[1] - window[0])),
        n_plans=n_plans,
        n_pauses=n_pauses,
    )


def _overlap(intervals: list[tuple[float, float]], window: tuple[float, float]) -> float:
    """Seconds of the intervals that lie in a window."""
    begun, ended = np.array(intervals).reshape(-1, 2).T.clip(*window)
    return float((ended - begun).sum())


def breaking_point(outcome: Outcome) -> str:
    """Return what keeps the workers from evaluating, in words; "nothing" above 95 %."""
    if outcome.busy >= 0.95:
        return "nothing"
    if outcome.server > 0.9:
        return "the storage's server is busy all the time"
    parts = {
        "waiting for the storage": outcome.waiting,
        "planning": outcome.planning,
    }
    return max(parts, key=lambda part: parts[part])
