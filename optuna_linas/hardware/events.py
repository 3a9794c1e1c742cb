"""A stopwatch on the GPU itself: events in its queue, not the host's clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from optuna_linas.hardware.timing import Stopwatch

__all__ = ["by_cuda_events"]


def by_cuda_events(device: torch.device, make_event: Callable[[], Any] | None = None) -> Stopwatch:
    """Return a stopwatch that times queued calls between two events of a CUDA device.

    Args:
        device: The device whose current queue is timed.
        make_event: Makes an event that takes the time; torch's by default.
    """

    def new_event() -> Any:
        if make_event is not None:
            return make_event()
        return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]  # torch

    def seconds(call: Callable[[], object], n_calls: int) -> float:
        with torch.cuda.device(device) if make_event is None else torch.inference_mode():
            start, end = new_event(), new_event()
            start.record()
            for _ in range(n_calls):
                call()
            end.record()
            end.synchronize()
        return float(start.elapsed_time(end)) / 1e3

    return seconds
