"""A storage that counts what is asked of it: calls, and bytes as a database would move them.

It passes everything on to another storage. A trial that has finished is counted as read once, as
every storage of Optuna's that lies beyond the process keeps finished trials; running trials are
counted anew by each read of a study's trials, and so are a study's attributes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from typing import Any

from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

__all__ = ["CountingStorage", "Traffic"]

_WRITES = {name for name in vars(BaseStorage) if name.startswith(("set_", "create_", "delete_"))}


@dataclass
class Traffic:
    """What went to and from a storage.

    Attributes:
        calls: Number of calls by method.
        bytes_read: Bytes of attributes and parameters that were read.
        bytes_written: Bytes of attributes that were written.
        n_trials_read: Trials that a read of a study's trials had to fetch.
        largest: The largest value of each attribute, in bytes, by its name without what follows
            the second colon.
    """

    calls: Counter[str] = field(default_factory=Counter)
    bytes_read: int = 0
    bytes_written: int = 0
    n_trials_read: int = 0
    largest: dict[str, int] = field(default_factory=dict)

    @property
    def n_reads(self) -> int:
        """Calls that read."""
        return sum(n for name, n in self.calls.items() if name not in _WRITES)

    @property
    def n_writes(self) -> int:
        """Calls that write."""
        return sum(n for name, n in self.calls.items() if name in _WRITES)


class CountingStorage(BaseStorage):
    """Counts the calls that it passes on.

    Args:
        storage: Where they go.

    Attributes:
        traffic: What was counted; replace it by a new `Traffic` to start again.

    Example:
        >>> import optuna
        >>> storage = CountingStorage(optuna.storages.InMemoryStorage())
        >>> study = optuna.create_study(storage=storage)
        >>> storage.traffic = Traffic()
        >>> study.set_user_attr("device", "phone")
        >>> storage.traffic.n_writes, storage.traffic.bytes_written
        (1, 7)
    """

    def __init__(self, storage: BaseStorage) -> None:
        self.storage = storage
        self.traffic = Traffic()
        self._finished: set[int] = set()
        self._first_open: Counter[int] = Counter()

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """Return the trials of a study."""
        trials: list[FrozenTrial] = self._passed_on("get_all_trials")(study_id, deepcopy, states)
        # Those of some states only do not come in the order of their numbers.
        first = self._first_open[study_id] if states is None else 0
        for trial in trials[first:]:
            if trial._trial_id in self._finished:
                continue
            self._count_trial(trial)
            if trial.state.is_finished():
                self._finished.add(trial._trial_id)
        if states is None:
            while first < len(trials) and trials[first].state.is_finished():
                first += 1
            self._first_open[study_id] = first
        return trials

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Return one trial."""
        trial: FrozenTrial = self._passed_on("get_trial")(trial_id)
        if trial_id not in self._finished:
            self._count_trial(trial)
        return trial

    def _count_trial(self, trial: FrozenTrial) -> None:
        self.traffic.n_trials_read += 1
        for values in (trial.params, trial.user_attrs, trial.system_attrs):
            self.traffic.bytes_read += _n_bytes(values)

    def _passed_on(self, name: str) -> Callable[..., Any]:
        method = getattr(self.storage, name)

        def counted(*args: Any, **kwargs: Any) -> Any:
            self.traffic.calls[name] += 1
            return method(*args, **kwargs)

        return counted


def _plain(name: str) -> Callable[..., Any]:
    def method(self: CountingStorage, *args: Any, **kwargs: Any) -> Any:
        return self._passed_on(name)(*args, **kwargs)

    return method


def _attrs(name: str) -> Callable[..., Any]:
    def method(self: CountingStorage, owner_id: int) -> dict[str, Any]:
        found: dict[str, Any] = self._passed_on(name)(owner_id)
        self.traffic.bytes_read += _n_bytes(found)
        return found

    return method


def _set_attr(name: str) -> Callable[..., Any]:
    def method(self: CountingStorage, owner_id: int, key: str, value: Any) -> None:
        self._passed_on(name)(owner_id, key, value)
        n_bytes, place = _n_bytes(value), ":".join(key.split(":")[:2])
        self.traffic.bytes_written += n_bytes
        self.traffic.largest[place] = max(n_bytes, self.traffic.largest.get(place, 0))

    return method


def _n_bytes(value: Any) -> int:
    """As JSON, in which storages write attributes."""
    return len(json.dumps(value, separators=(",", ":"), default=str))


for _name in BaseStorage.__abstractmethods__ | {"remove_session", "get_n_trials"}:
    if _name in vars(CountingStorage):
        continue
    _make = _set_attr if _name.endswith("_attr") else _attrs if _name.endswith("_attrs") else _plain
    setattr(CountingStorage, _name, _make(_name))
CountingStorage.__abstractmethods__ = frozenset()
