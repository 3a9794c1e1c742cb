"""What a latency measurement says: the figure, its spread, and how it was got."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Measurement"]

_COUNTS = (
    "n_repeats",
    "n_warmup",
    "batch_size",
    "n_threads",
    "n_calls_per_reading",
    "n_outliers",
)


@dataclass(frozen=True)
class Measurement:
    """The latency of one forward call, with its spread and the conditions it holds under.

    A latency without its device, batch size and thread count cannot be compared with another, so
    a callable that takes the place of `LatencyMeter` (a phone on a cable) fills in all of them.

    Attributes:
        latency_ms: Median time of one forward call of the whole batch, in milliseconds.
        latency_ms_iqr: Interquartile range of the readings (75th less 25th percentile), in
            milliseconds.
        n_repeats: How many readings the median is of.
        n_warmup: How many forward calls were made and discarded before the first reading.
        device: The device's readable name, such as "AMD EPYC" or "NVIDIA H200".
        batch_size: Examples in the batch.
        n_threads: Threads that one CPU operator may use.
        n_calls_per_reading: Forward calls that one reading is the mean of; more than one where a
            single call is too short to time.
        warmed_up: Whether the warm-up ended because the times had settled, rather than because its
            bound was reached. `False` says that the machine was busy.
        steady: Whether the spread is as narrow as the plan wants it. `False` says that the machine
            was busy all the time that the plan allows: do not trust the figure.
        n_outliers: Readings more than 1.5 interquartile ranges outside of the quartiles.
        backend: What ran the network: "torch", "torch.compile" or "onnxruntime".

    Example:
        >>> Measurement(latency_ms=3.25, latency_ms_iqr=0.05, n_repeats=50, n_warmup=10,
        ...             device="Pixel 9", batch_size=1, n_threads=4).latency_ms
        3.25
    """

    latency_ms: float
    latency_ms_iqr: float
    n_repeats: int
    n_warmup: int
    device: str
    batch_size: int
    n_threads: int
    n_calls_per_reading: int = 1
    warmed_up: bool = True
    steady: bool = True
    n_outliers: int = 0
    backend: str = "torch"

    def __post_init__(self) -> None:
        # Plain numbers whichever library they come from: a storage writes them as JSON.
        for name in ("latency_ms", "latency_ms_iqr"):
            object.__setattr__(self, name, float(getattr(self, name)))
        for name in _COUNTS:
            object.__setattr__(self, name, int(getattr(self, name)))
