"""What is measured already: no effective network of a study is measured twice.

The truth is in the study's storage, where every figure is a user attribute of its trial. What an
objective has in memory only saves looking there.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.trial import TrialState

from optuna_linas.space import SearchSpace

__all__ = ["MEASURED_IN", "MeasuredNetworks"]

MEASURED_IN = "measured_in_trial"
"""The user attribute that names the trial which figures were taken over from."""


class MeasuredNetworks:
    """Figures by architecture; threads may share it, and it can be pickled.

    Args:
        space: The architectures. `params` are the values of the active variables, so that equal
            params are equal networks.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self._figures: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._guard = threading.Lock()
        self._locks: dict[tuple[Any, ...], threading.Lock] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"space": self.space, "_figures": dict(self._figures)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._guard = threading.Lock()
        self._locks = {}

    @contextmanager
    def one_at_a_time(self, params: Mapping[str, Any]) -> Iterator[None]:
        """Let one thread measure a network while others that want the same wait for it."""
        key = self._key(params)
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            yield

    def find(
        self, trial: optuna.trial.BaseTrial, params: Mapping[str, Any], names: Sequence[str]
    ) -> dict[str, Any] | None:
        """Return a network's figures, or `None` where it is new.

        Args:
            trial: A trial of the study.
            params: The architecture.
            names: The figures that are needed.
        """
        key = self._key(params)
        found = self._figures.get(key)
        if found is not None and all(name in found for name in names):
            return found
        if not isinstance(trial, optuna.trial.Trial):  # a fixed trial has no study
            return None
        for other in trial.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
            if all(name in other.user_attrs for name in names) and self._is(other, key):
                number = other.user_attrs.get(MEASURED_IN, other.number)
                return {**other.user_attrs, MEASURED_IN: number}
        return None

    def keep(
        self, trial: optuna.trial.BaseTrial, params: Mapping[str, Any], figures: Mapping[str, Any]
    ) -> None:
        """Remember a network's figures."""
        number = {MEASURED_IN: trial.number} if isinstance(trial, optuna.trial.Trial) else {}
        self._figures[self._key(params)] = {**figures, **number}

    def _key(self, params: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(sorted((name, params[name]) for name in params if name in self.space))

    def _is(self, trial: optuna.trial.FrozenTrial, key: tuple[Any, ...]) -> bool:
        return self._key(trial.params) == key
