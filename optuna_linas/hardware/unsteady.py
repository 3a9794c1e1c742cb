"""Saying why latencies spread: with every figure, but not in every line of a search's log."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from optuna_linas.hardware.cores import n_available_cores
from optuna_linas.hardware.measurement import Measurement

__all__ = ["UnsteadyCount", "warn_of_threads", "warn_unsteady"]

_log = logging.getLogger(__name__)

_FACTOR = 4
"""It is said again when there are four times as many."""


def warn_of_threads(n_threads: int) -> None:
    """Log a warning if there are fewer cores than threads: then these wait for one another."""
    if n_threads > (n_cores := n_available_cores()):
        _log.warning(
            "n_threads=%d, but this process has %d CPU cores: the threads wait for one another, "
            "which makes latencies long and unsteady. Measure with at most n_threads=%d.",
            n_threads,
            n_cores,
            n_cores,
        )


def warn_unsteady(measurement: Measurement) -> None:
    """Log a warning if the spread of a measurement stayed too wide."""
    if measurement.steady:
        return
    n_cores = n_available_cores()
    reason = (
        "the machine was busy while it was measured. Leave a core free, or raise "
        "TimingPlan(n_repeats, max_attempts)."
        if measurement.n_threads <= n_cores
        else f"{measurement.n_threads} threads waited for one another on {n_cores} CPU cores."
    )
    _log.warning(
        "A latency of %.3g ms has an interquartile range of %.3g ms: %s",
        measurement.latency_ms,
        measurement.latency_ms_iqr,
        reason,
    )


@dataclass
class UnsteadyCount:
    """Warns of the first of many measurements with too wide a spread, and then of their number.

    Each measurement says so itself (`steady=False`), and so does its trial.

    Attributes:
        n: Measurements so far.
        n_unsteady: How many of them had too wide a spread.
    """

    n: int = 0
    n_unsteady: int = 0
    _n_said: int = 0

    def note(self, measurement: Measurement) -> None:
        """Count a measurement, and log a warning if it is time for one."""
        self.n += 1
        if measurement.steady:
            return
        self.n_unsteady += 1
        if self.n_unsteady == 1:
            self._n_said = 1
            warn_unsteady(measurement)
        elif self.n_unsteady >= _FACTOR * self._n_said:
            self._n_said = self.n_unsteady
            _log.warning(
                "%d of %d latency measurements so far were unsteady. Their trials have the "
                "attribute steady=False.",
                self.n_unsteady,
                self.n,
            )
