"""Devices to measure on: find one, name it, wait for it."""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from pathlib import Path

import torch

from optuna_linas.errors import DeviceNotFoundError

__all__ = ["available_devices", "device_key", "device_name", "find_device", "synchronize"]


def available_devices() -> list[str]:
    """Return the devices that this machine has.

    Example:
        >>> available_devices()[0]
        'cpu'
    """
    accelerator = torch.accelerator.current_accelerator()
    if accelerator is None or not torch.accelerator.is_available():
        return ["cpu"]
    return ["cpu", *(f"{accelerator.type}:{i}" for i in range(torch.accelerator.device_count()))]


def find_device(device: str | torch.device) -> torch.device:
    """Return `device` as a `torch.device` with its index.

    Args:
        device: A name such as "cpu", "cuda", "cuda:1" or "mps"; without an index, the current one.

    Raises:
        DeviceNotFoundError: torch does not know the name, or the machine has no such device.

    Example:
        >>> find_device("cpu")
        device(type='cpu')
    """
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError) as error:  # torch's answer to a name that it does not know
        raise _not_found(device) from error
    if found.type == "cpu":
        return torch.device("cpu")
    if f"{found.type}:{found.index or 0}" not in available_devices():
        raise _not_found(device)
    if ":" not in str(found):
        # Apple's single GPU has no notion of a current one.
        current = getattr(torch.get_device_module(found), "current_device", lambda: 0)()
        return torch.device(found.type, current)
    return found


def device_name(device: torch.device) -> str:
    """Return a readable name of a device that `find_device` returned: the CPU's or GPU's model."""
    if device.type == "cpu":
        return _cpu_name()
    named = getattr(torch.get_device_module(device), "get_device_name", None)
    return f"{device.type} on {_cpu_name()}" if named is None else str(named(device))


def device_key(device: torch.device) -> str:
    """Return what identifies the device on its host, whichever devices the process may see."""
    if device.type == "cuda":
        # With CUDA_VISIBLE_DEVICES, cuda:0 is another GPU in each process.
        uuid = getattr(torch.cuda.get_device_properties(device), "uuid", device.index)
        return f"cuda-{uuid}"
    return str(device)


def synchronize(device: torch.device) -> None:
    """Wait until all work queued on the device is done."""
    if device.type == "mps":
        torch.mps.synchronize()
    elif device.type != "cpu":
        torch.accelerator.synchronize(device)


def _not_found(device: str | torch.device) -> DeviceNotFoundError:
    return DeviceNotFoundError(
        f"Device {str(device)!r} was asked for, but this machine has "
        f"{', '.join(available_devices())}. Name one of these, or go to the machine that has the "
        "device."
    )


@cache
def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name" and value.strip():
                return value.strip()
    if platform.system() == "Darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        if answer:
            return answer
    return platform.processor() or platform.machine() or "cpu"
