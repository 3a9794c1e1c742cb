"""What a measurement was made on, so that figures of different hardware are not mixed."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping

import torch

from optuna_linas.hardware.devices import available_devices, device_name

__all__ = ["describe_platform", "differences"]


def describe_platform() -> dict[str, str | int]:
    """Return what decides latencies on this machine, in plain numbers and strings.

    Example:
        >>> sorted(describe_platform())
        ['accelerators', 'cpu', 'machine', 'n_cpus', 'system', 'torch']
    """
    accelerators = [device_name(torch.device(name)) for name in available_devices()[1:]]
    return {
        "cpu": device_name(torch.device("cpu")),
        "n_cpus": os.cpu_count() or 1,
        "accelerators": ", ".join(accelerators),
        "machine": platform.machine(),
        "system": platform.system(),
        "torch": str(torch.__version__),
    }


def differences(here: Mapping[str, object], there: Mapping[str, object]) -> list[str]:
    """Say in words where two platforms differ; empty where they are alike.

    Example:
        >>> differences({"cpu": "EPYC"}, {"cpu": "Xeon"})
        ["cpu is 'EPYC' here, 'Xeon' there"]
    """
    return [
        f"{name} is {here.get(name)!r} here, {there.get(name)!r} there"
        for name in sorted({*here, *there})
        if here.get(name) != there.get(name)
    ]
