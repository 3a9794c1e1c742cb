"""Networks in ONNX: exported, checked against torch, and run by onnxruntime.

Needs the extra `export`: onnx, onnxscript and onnxruntime.
"""

from __future__ import annotations

import logging
import os
import warnings
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from optuna_linas.extras import require_extra
from optuna_linas.hardware.export_inputs import export_inputs

__all__ = ["OnnxNetwork", "export_onnx"]


class OnnxNetwork(nn.Module):
    """An ONNX file as a network: called like the module that it was made from, on the CPU.

    So it can be evaluated and measured like one. It has no parameters and cannot be trained.

    Args:
        path: The file.
        n_threads: Threads that one operator may use.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: onnxruntime is not installed.

    Example:
        >>> OnnxNetwork("missing.onnx")
        Traceback (most recent call last):
        FileNotFoundError: There is no ONNX file missing.onnx.
    """

    def __init__(self, path: str | Path, *, n_threads: int = 1) -> None:
        super().__init__()
        require_extra("onnxruntime", "export")
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(f"There is no ONNX file {self.path}.")
        self.n_threads = n_threads

    def forward(self, x: Any) -> Tensor:
        """Return the output of the network for its one argument, a tensor or a tuple of them."""
        return torch.from_numpy(self.run(self.feeds(x)))

    def feeds(self, x: Any) -> dict[str, Any]:
        """Return onnxruntime's inputs for the network's one argument."""
        arrays = [leaf.detach().cpu().numpy() for leaf in pytree.tree_leaves(x)]
        names = [node.name for node in self.session.get_inputs()]
        return dict(zip(names, arrays, strict=True))

    def run(self, feeds: dict[str, Any]) -> np.ndarray[Any, Any]:
        """Return the first output for inputs that `feeds` has made."""
        output: np.ndarray[Any, Any] = self.session.run(None, feeds)[0]
        return output

    @cached_property
    def session(self) -> Any:
        """The onnxruntime session; made when it is first used.

        Raises:
            ValueError: The file is damaged, or names weights outside of its folder.
        """
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.n_threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            return onnxruntime.InferenceSession(
                os.fspath(self.path), options, providers=["CPUExecutionProvider"]
            )
        # onnxruntime's errors share no base; it also refuses weights from outside of the folder.
        except Exception as error:
            raise ValueError(
                f"{self.path} is no network that onnxruntime can run: {str(error)[:300]}"
            ) from error

    def __getstate__(self) -> dict[str, Any]:
        # A session cannot be pickled or copied; another one is made from the file.
        return {name: value for name, value in self.__dict__.items() if name != "session"}


def export_onnx(
    network: nn.Module,
    example_input: Any,
    path: str | Path,
    *,
    tolerance: float = 1e-4,
    dynamic_batch: bool = True,
) -> OnnxNetwork:
    """Write a network as ONNX, and check onnxruntime's outputs against torch's.

    Args:
        network: A plain network; it is left as it is.
        example_input: Its one argument, batch first; at least two examples for `dynamic_batch`.
        path: The file; its folder is made.
        tolerance: The largest absolute and relative difference of an output.
        dynamic_batch: The file takes batches of any size, not only of the example's.

    Returns:
        The file as a network.

    Raises:
        ImportError: onnx, onnxscript or onnxruntime is not installed.
        RuntimeError: The outputs differ; the file is removed.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     exported = export_onnx(nn.Linear(4, 2), torch.ones(2, 4), f"{folder}/network.onnx")
        ...     exported(torch.ones(3, 4)).shape
        torch.Size([3, 2])
    """
    for module in ("onnx", "onnxscript", "onnxruntime"):
        require_extra(module, "export")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    plain, example, shapes = export_inputs(network, example_input, dynamic_batch=dynamic_batch)
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    try:
        logger.setLevel(logging.ERROR)
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                plain,
                (example,),
                path,
                dynamo=True,
                dynamic_shapes=shapes,
                external_data=False,
                verbose=False,
            )
    finally:
        logger.setLevel(level)
    exported = OnnxNetwork(path)
    with torch.no_grad():
        expected = plain(example)
    given = exported(example)
    if not torch.allclose(given, expected, rtol=tolerance, atol=tolerance):
        difference = float((given - expected).abs().max())
        path.unlink()
        raise RuntimeError(
            f"The ONNX network differs from torch by up to {difference:.2g}, more than "
            f"{tolerance:g}. The file was removed; report the network's layers to the exporter."
        )
    return exported
