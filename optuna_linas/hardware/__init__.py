"""Figures of merit that hardware decides: latency with its spread, memory, MACs, parameters.

Example:

    >>> import torch
    >>> measurement = LatencyMeter(batch_size=1, n_threads=1)(
    ...     torch.nn.Conv2d(3, 8, 3), torch.zeros(1, 3, 32, 32)
    ... )
    >>> measurement.n_threads
    1
"""

from optuna_linas.hardware.counting import count_macs, count_params
from optuna_linas.hardware.latency import LatencyMeter, compare_latency, measure_latency
from optuna_linas.hardware.latency_predictor import LatencyPredictor, normalized_latency
from optuna_linas.hardware.latency_table import LatencyError, LatencyTable
from optuna_linas.hardware.measurement import Measurement
from optuna_linas.hardware.memory import count_file_bytes, count_peak_bytes
from optuna_linas.hardware.onnx_network import OnnxNetwork, export_onnx
from optuna_linas.hardware.platforms import describe_platform
from optuna_linas.hardware.timing import TimingPlan

__all__ = [
    "LatencyError",
    "LatencyMeter",
    "LatencyPredictor",
    "LatencyTable",
    "Measurement",
    "OnnxNetwork",
    "TimingPlan",
    "compare_latency",
    "count_file_bytes",
    "count_macs",
    "count_params",
    "count_peak_bytes",
    "describe_platform",
    "export_onnx",
    "measure_latency",
    "normalized_latency",
]
