"""Weights of a sum of kernels, by the evidence of a Gaussian process.

Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, section 5.4.1: the negative
log marginal likelihood and its gradient, with log-normal priors on the weights (MAP).

Shapes: `n` examples, `q` kernels, `kernels` is `float[q, n, n]`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from optuna_linas.arrays import FloatArray
from optuna_linas.predictors.definite import inverted

__all__ = ["FittedKernel", "even_kernel", "factorize", "kernel_weights", "speak_for", "support"]

_PRIOR_WEIGHT, _PRIOR_NOISE = 0.3, 0.01
_PRIOR_SPREAD = 2.0
_JITTER = 1e-6
_MAX_ITERATIONS = 25
_BOUND = 8.0
_TOLERANCE = 1e-4
"""Of the evidence: a hundredth of a nat in a hundred moves predictions by .5 % of their errors."""
_LEAST_GAIN = 1.0
"""Nats of evidence from which on a kernel is used that not every space has use for."""


class FittedKernel(NamedTuple):
    """A sum of kernels as a target speaks for it.

    Attributes:
        weights: Of the kernels, `float[q]`.
        noise: The variance that they leave unexplained.
        evidence: The log of the weights' posterior density in nats, but for a constant.
    """

    weights: FloatArray
    noise: float
    evidence: float


def kernel_weights(kernels: FloatArray, y: FloatArray) -> FittedKernel:
    """Return the weight of each kernel, the noise variance, and the evidence for them.

    The search starts from the prior each time and not from the last result, so that the answer
    depends on the data alone.

    Args:
        kernels: Gram matrices, `float[q, n, n]`; their mean diagonals set the priors' scales.
        y: A standardised target, `float[n]`.
    """
    q, n, _ = kernels.shape
    scale = np.maximum(np.trace(kernels, axis1=1, axis2=2) / n, 1e-9)
    center = np.log(np.r_[_PRIOR_WEIGHT / scale, _PRIOR_NOISE])
    flat = kernels.reshape(q, n * n)

    def negative_log_posterior(theta: FloatArray) -> tuple[float, FloatArray]:
        scales = np.exp(theta)
        total = scales[:-1] @ flat
        total[:: n + 1] += scales[-1] + _JITTER
        inverse, half_log_det = inverted(total.reshape(n, n))
        dual = inverse @ y
        slack = inverse - np.outer(dual, dual)
        slopes = np.append(flat @ slack.ravel(), np.trace(slack))
        offset = (theta - center) / _PRIOR_SPREAD
        loss = 0.5 * float(y @ dual) + half_log_det
        gradient = 0.5 * (scales * slopes) + offset / _PRIOR_SPREAD
        return loss + 0.5 * float(offset @ offset), gradient

    from scipy.optimize import minimize  # slow to import, for whoever only imports us

    found = minimize(
        negative_log_posterior,
        center,
        jac=True,
        method="L-BFGS-B",
        bounds=[(c - _BOUND, c + _BOUND) for c in center],
        options={"maxiter": _MAX_ITERATIONS, "ftol": _TOLERANCE},
    )
    theta: FloatArray = found.x
    return FittedKernel(np.exp(theta[:-1]), float(np.exp(theta[-1])) + _JITTER, -float(found.fun))


def even_kernel(kernels: FloatArray) -> tuple[FloatArray, bool]:
    """Return the Cholesky factor of the kernels' sum with the weights they have beforehand.

    Args:
        kernels: Gram matrices, `float[q, n, n]`.
    """
    scale = np.maximum(np.trace(kernels, axis1=1, axis2=2) / kernels.shape[1], 1e-9)
    return factorize(np.tensordot(_PRIOR_WEIGHT / scale, kernels, 1), _PRIOR_NOISE)


def support(kernels: FloatArray, targets: FloatArray) -> float:
    """Return the log evidence for kernels that all count alike, in nats, but for a constant.

    The scale of each target is the best one. Differences tell which kernels the targets speak for,
    before any weights are fitted.

    Args:
        kernels: Gram matrices, `float[q, n, n]`.
        targets: Centred, `float[n, m]`.

    Example:
        >>> x = np.linspace(-1.0, 1.0, 20)[:, None]
        >>> support((x @ x.T)[None], x) > support(np.eye(20)[None], x)
        True
    """
    factor = even_kernel(kernels)
    misfit = np.einsum("nm,nm->m", targets, cho_solve(factor, targets)) / len(targets)
    spreads = np.log(np.maximum(misfit, 1e-300)).sum() * len(targets) / 2
    return float(-spreads - targets.shape[1] * np.log(np.diag(factor[0])).sum())


def speak_for(targets: FloatArray, kernels: FloatArray, without: FloatArray) -> bool:
    """Return whether targets speak for a kernel that is not among the others; see `support`.

    Args:
        targets: Centred, `float[n, m]`.
        kernels: Gram matrices, `float[q, n, n]`.
        without: The same but for the one.

    Example:
        >>> x = np.linspace(-1.0, 1.0, 20)[:, None]
        >>> line, bend = x @ x.T, (x @ x.T) ** 2
        >>> both, alone = np.stack([line, bend]), line[None]
        >>> speak_for(x, both, alone), speak_for(x**2 - (x**2).mean(), both, alone)
        (False, True)
    """
    return support(kernels, targets) - support(without, targets) >= _LEAST_GAIN


def factorize(kernel: FloatArray, noise: float) -> tuple[FloatArray, bool]:
    """Return the Cholesky factor of `kernel + noise I`, as `scipy.linalg.cho_solve` takes it."""
    factor: tuple[FloatArray, bool] = cho_factor(kernel + noise * np.eye(len(kernel)), lower=True)
    return factor
