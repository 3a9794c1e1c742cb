"""Tensors in a file of unknown origin: read without running code, within a limit of memory.

`torch.load(weights_only=True)` runs nothing of the file's. It does not see altered weights, as
torch compares no checksums, and unpacks whatever is compressed; so both are looked at before.
Errors of torch for damaged files are of a dozen kinds: here they are one.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

__all__ = ["is_state_dict", "read_tensors"]


def read_tensors(source: Path | bytes, *, allow_old: bool = False) -> Any:
    """Return what `torch.save` has written, on the CPU: tensors and plain values.

    Args:
        source: The file, or its content.
        allow_old: Read files from before torch 1.6 too. They have no checksums.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, or holds something else.

    Example:
        >>> file = io.BytesIO()
        >>> torch.save({"weight": torch.ones(1)}, file)
        >>> read_tensors(file.getvalue())
        {'weight': tensor([1.])}
        >>> read_tensors(file.getvalue()[:100])
        Traceback (most recent call last):
        ...
        ValueError: it is truncated or damaged (BadZipFile: File is not a zip file)
    """
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        try:
            if not (allow_old and file.read(2) != b"PK"):
                _check_archive(file)
            file.seek(0)
            return torch.load(file, map_location="cpu", weights_only=True)
        # Whatever zipfile and torch raise for bytes that nobody has written.
        except Exception as error:
            reason = (str(error).splitlines() or [""])[0][:200]
            raise ValueError(
                f"it is truncated or damaged ({type(error).__name__}: {reason})"
            ) from error


def is_state_dict(value: Any) -> bool:
    """Whether something is a dict of tensors by name.

    Example:
        >>> is_state_dict({"weight": torch.ones(1)}), is_state_dict({"weight": 1.0})
        (True, False)
    """
    return isinstance(value, dict) and all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in value.items()
    )


def _check_archive(file: BinaryIO) -> None:
    """Raise for an archive that is not as torch writes it: nothing compressed, all sums right."""
    n_bytes = file.seek(0, io.SEEK_END)
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if len({info.filename for info in members}) != len(members):
            raise ValueError("two parts have one name")
        for info in members:
            if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
                raise ValueError("torch compresses nothing, and this file is compressed")
        if sum(info.file_size for info in members) > n_bytes:
            raise ValueError("its parts are larger than itself")
        if (name := archive.testzip()) is not None:
            raise ValueError(f"the checksum of {name} is wrong")
