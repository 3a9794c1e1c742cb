"""Published accuracy predictors and latency tables of two super-networks, vectorised.

References:
    Cai, Gan, Wang, Zhang and Han, "Once-for-All", ICLR 2020: accuracy predictor, latency tables.
    Sukthanker et al., "HW-GPT-Bench", NeurIPS 2024: perplexity predictor, latency measurements.

Shapes: `n` architectures; `archs` is an `int[n, d]` matrix of option indices.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from optuna_linas.arrays import BoolArray, FloatArray, IntArray

__all__ = ["HWGPT", "OFAMobileNetV3"]

Arrays = Mapping[str, np.ndarray]


class OFAMobileNetV3:
    """OFA MobileNetV3 of width 1.2 at one resolution.

    Columns of `archs`: depth of the 5 units (options 2, 3, 4), kernel size of the 20 layers
    (3, 5, 7), expansion ratio of the 20 layers (3, 4, 6). Layer `4u + i` exists where unit `u` is
    deeper than `i`; one that does not exist changes nothing.

    Args:
        arrays: The contents of `ofa_mbv3_surrogate.npz`.
        resolution: Pixels; 160 to 224 in steps of 16.
    """

    def __init__(self, arrays: Arrays, resolution: int = 224) -> None:
        self._arrays = arrays
        self._resolution = [int(r) for r in arrays["resolutions"]].index(resolution)
        self._layers = _dense_layers(arrays, "acc_{}", (0, 2, 4, 6))
        # Eight one-hot slots for resolutions of 112 to 224 in steps of 16.
        self._resolution_slot = 120 + (resolution - 112) // 16

    def top1(self, archs: IntArray) -> FloatArray:
        """Predicted ImageNet top-1 accuracy, %, `float[n]`."""
        inputs = np.zeros((len(archs), 128))
        row, layer = np.nonzero(self._exists(archs))
        inputs[row, 3 * layer + archs[row, 5 + layer]] = 1
        inputs[row, 60 + 3 * layer + archs[row, 25 + layer]] = 1
        inputs[:, self._resolution_slot] = 1
        return 100 * _mlp(self._layers, inputs)

    def cost(self, archs: IntArray, table: str) -> FloatArray:
        """Sum of a per-layer table, `float[n]`: "note10_w12", "i7_8700k_w12" (ms)."""
        per_layer = self._arrays[f"{table}_T"][self._resolution]
        values = per_layer[np.arange(20), archs[:, 5:25], archs[:, 25:45]]
        total: FloatArray = (values * self._exists(archs)).sum(axis=1)
        return total + float(self._arrays[f"{table}_base"][self._resolution])

    @staticmethod
    def _exists(archs: IntArray) -> BoolArray:
        depth = np.repeat(archs[:, :5] + 2, 4, axis=1)
        exists: BoolArray = (np.arange(20) % 4) < depth
        return exists


class HWGPT:
    """The small GPT super-network of HW-GPT-Bench.

    Columns of `archs`: embedding (3 options), layers (3), MLP ratio of each of 12 layers (3), heads
    of each (3), bias (2). Layers beyond the number of layers change nothing.

    Args:
        arrays: The contents of `hwgpt_s_surrogate.npz`.
    """

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = arrays
        self._n_layers = int(arrays["n_layer_max"])
        self._layers = _dense_layers(arrays, "ppl_fc{}", (1, 2, 3, 4, 5))

    def perplexity(self, archs: IntArray) -> FloatArray:
        """Predicted perplexity on OpenWebText, `float[n]`."""
        n, top = len(archs), self._n_layers
        rows = np.arange(n)
        inputs = np.zeros((n, 8 + 6 * top))
        inputs[rows, archs[:, 0]] = 1
        inputs[rows, 3 + archs[:, 1]] = 1
        self._fill_layers(inputs, 6, archs)
        inputs[rows, 6 + 6 * top + (1 - archs[:, -1])] = 1
        return _mlp(self._layers, inputs)

    def cost(self, archs: IntArray, name: str) -> FloatArray:
        """An additive fit per embedding, `float[n]`: "lat_h100" (ms), "params" (M)."""
        weights = self._arrays[f"w_{name}"].reshape(3, -1)
        rows = np.arange(len(archs))
        inputs = np.zeros((len(archs), weights.shape[1]))
        inputs[:, 0] = 1
        inputs[rows, 1 + archs[:, 1]] = 1
        inputs[:, 4] = archs[:, -1]
        self._fill_layers(inputs, 5, archs)
        total: FloatArray = (inputs * weights[archs[:, 0]]).sum(axis=1)
        return total

    def _fill_layers(self, inputs: FloatArray, start: int, archs: IntArray) -> None:
        top = self._n_layers
        exists = np.arange(top) < (archs[:, 1] + top - 2)[:, None]
        row, layer = np.nonzero(exists)
        inputs[row, start + 3 * layer + archs[row, 2 + layer]] = 1
        inputs[row, start + 3 * (top + layer) + archs[row, 2 + top + layer]] = 1


def _dense_layers(
    arrays: Arrays, name: str, numbers: tuple[int, ...]
) -> list[tuple[FloatArray, FloatArray]]:
    names = [name.format(k) for k in numbers]
    return [(arrays[f"{k}_weight"].T.astype(float), arrays[f"{k}_bias"]) for k in names]


def _mlp(layers: list[tuple[FloatArray, FloatArray]], inputs: FloatArray) -> FloatArray:
    *hidden, (weight, bias) = layers
    for w, b in hidden:
        inputs = np.maximum(inputs @ w + b, 0)
    outputs: FloatArray = (inputs @ weight + bias)[:, 0]
    return outputs
