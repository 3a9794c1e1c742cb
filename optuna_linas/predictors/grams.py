"""The kernels of `StructuredGP` but the last, between rows and examples.

Shapes: `k` rows, `n` examples, `q` kernels.
"""

from __future__ import annotations

import numpy as np

from optuna_linas.arrays import FloatArray
from optuna_linas.predictors.bends import Bends, squared_norms
from optuna_linas.predictors.block_scaler import standardised
from optuna_linas.predictors.blocks import Blocks

__all__ = ["kernels_between", "linear_parts"]


def linear_parts(blocks: Blocks) -> list[FloatArray]:
    """Return the blocks that kernels are linear in, `float[k, ...]` each; none without a column.

    Args:
        blocks: Scaled.
    """
    parts = [blocks.one_hot, *standardised(blocks)]
    return [parts[0], *(part for part in parts[1:] if part.shape[1])]


def kernels_between(rows: Blocks, examples: Blocks, bends: Bends) -> FloatArray:
    """Return all kernels between rows and the examples of the bends, `float[q, k, n]`.

    Args:
        rows: Their scaled blocks.
        examples: Likewise.
        bends: Against the examples.
    """
    pairs = zip(linear_parts(rows), linear_parts(examples), strict=True)
    products = [a @ b.T for a, b in pairs]
    norms = squared_norms(rows.one_hot)
    return np.stack([*products, *bends(products[0], norms, rows.groups, rows.numbers)])
