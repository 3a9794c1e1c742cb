"""Random generators derived from a seed and a purpose, never advanced and stored.

A stored generator state is lost with a crash and races between workers. A generator derived from
`(seed, purpose, batch index, slot)` is the same in every process, so a resumed search repeats an
uninterrupted one.
"""

from __future__ import annotations

import hashlib
import operator

import numpy as np

__all__ = ["derive_rng"]


def derive_rng(seed: int, *purpose: str | int) -> np.random.Generator:
    """Return the generator that belongs to `seed` and `purpose`.

    Args:
        seed: The search's seed, any integer.
        purpose: What the numbers are for: words and indices, in order. Each different sequence
            gives an independent stream, the same in every process and Python version.

    Returns:
        A fresh `numpy.random.Generator`.

    Example:
        >>> derive_rng(0, "startup", 3).integers(100) == derive_rng(0, "startup", 3).integers(100)
        np.True_
    """
    # An index may come out of an array: np.int64(3) is the same purpose as 3.
    parts = [f"str:{p}" if isinstance(p, str) else f"int:{operator.index(p)}" for p in purpose]
    key = "\x1f".join([str(operator.index(seed)), *parts])
    digest = hashlib.blake2b(key.encode(), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest, "little"))
