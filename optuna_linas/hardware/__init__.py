"""Figures of merit that hardware decides: latency with its spread, MACs, parameters.

Example:

    >>> import torch
    >>> measurement = LatencyMeter(batch_size=1, n_threads=1)(
    ...     torch.nn.Conv2d(3, 8, 3), torch.zeros(1, 3, 32, 32)
    ... )
    >>> measurement.n_threads
    1
"""

from optuna_linas.hardware.counting import count_macs, count_params
from optuna_linas.hardware.latency import LatencyMeter, measure_latency
from optuna_linas.hardware.measurement import Measurement
from optuna_linas.hardware.timing import TimingPlan

__all__ = [
    "LatencyMeter",
    "Measurement",
    "TimingPlan",
    "count_macs",
    "count_params",
    "measure_latency",
]
