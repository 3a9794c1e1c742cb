"""Arrays in a file (.npz) of unknown origin: read without running code, within a limit of memory.

A header may claim any shape, and a few kilobytes of a compressed file may become gigabytes. So what
a file says of its sizes is looked at before anything is allocated.
"""

from __future__ import annotations

import io
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["read_arrays"]

_SUFFIX = ".npy"


def read_arrays(path: Path, names: list[str] | None = None) -> dict[str, np.ndarray[Any, Any]]:
    """Return the arrays of a file that `numpy.savez` or `savez_compressed` has written.

    Args:
        path: The file.
        names: The arrays to read; all of them by default.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, holds Python objects, lacks one of the names, or its arrays take
            more than 256 MB.
    """
    try:
        with zipfile.ZipFile(path) as file:
            members = {info.filename: info for info in file.infolist()}
            if len(members) != len(file.infolist()):
                raise ValueError("two arrays have one name")
            wanted = list(members) if names is None else [name + _SUFFIX for name in names]
            if (n_bytes := sum(members[name].file_size for name in wanted)) > _MAX_BYTES:
                raise ValueError(f"its arrays take {n_bytes / 1e6:.0f} MB")
            return {name.removesuffix(_SUFFIX): _array(file.read(members[name])) for name in wanted}
    except FileNotFoundError:
        raise
    # Whatever zipfile, zlib and numpy raise for bytes that nobody has written.
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error)[:200]}"
        raise ValueError(f"{path.name} cannot be read ({reason})") from error


_MAX_BYTES = 256_000_000


def _array(content: bytes) -> np.ndarray[Any, Any]:
    """The array of a .npy file."""
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    if version != (1, 0):
        raise ValueError(f"unknown version {version}")
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which could run code")
    n, data = math.prod(shape), content[stream.tell() :]
    if n * dtype.itemsize != len(data) or any(size < 0 for size in shape):
        raise ValueError(f"{len(data)} bytes are no array of shape {shape}")
    flat = np.frombuffer(data, dtype=dtype, count=n).copy()
    return flat.reshape(shape, order="F" if is_fortran else "C")
