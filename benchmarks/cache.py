"""A folder of results that need not be computed twice. Deleting it changes speed only."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

__all__ = ["Cache", "default_folder"]


def default_folder() -> Path:
    """Return the user's cache folder for this benchmark, outside of any repository."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "optuna-linas" / "benchmarks"


class Cache:
    """Named arrays under a key of plain values.

    Args:
        folder: Where the files lie; made when first written to.
        read: Whether what is there may be used.
    """

    def __init__(self, folder: Path, *, read: bool = True) -> None:
        self._folder, self._read = folder, read

    def get(self, key: Mapping[str, object]) -> dict[str, np.ndarray] | None:
        """Return what was put under `key`, or None."""
        path = self.path(key)
        if not self._read or not path.is_file():
            return None
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)

    def put(self, key: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> None:
        """Keep `arrays`, all or nothing: a killed run leaves no half-written entry."""
        path = self.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.npz")
        np.savez_compressed(partial, **arrays)  # type: ignore[arg-type]  # numpy's stub
        partial.replace(path)

    def path(self, key: Mapping[str, object]) -> Path:
        """Return the file that belongs to `key`."""
        text = json.dumps(key, sort_keys=True)
        name = "".join(c if c.isalnum() or c in "-." else "_" for c in str(key["problem"]))[-60:]
        return self._folder / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:24]}.npz"
