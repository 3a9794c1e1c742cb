"""A problem in disguise: nothing about it can be guessed from its names or its order.

Variables are renamed `x0`, `x1`, ... and shuffled, every variable's options are permuted and
passed as strings: as words that carry no order, as text ("192", "768"), or as numbers that mean
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from benchmarks.problem import Problem
from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Condition, Option, Variable

__all__ = ["DISGUISES", "anonymous", "original_archs"]

_SEED = 20_240

DISGUISES: Mapping[str, Callable[[int, Option], str]] = {
    "words": lambda place, option: _word(place),
    "text": lambda place, option: str(option),
    "numbers": lambda place, option: str(place),
}
"""What an option is passed as, from its new place and what it was."""


def _word(place: int) -> str:
    """A word without a number: a, b, ..., z, ba, bb, ..."""
    return (_word(place // 26) if place >= 26 else "") + chr(ord("a") + place % 26)


def anonymous(problem: Problem, kind: str = "words") -> Problem:
    """Return an anonymous twin; the disguise depends on the space's shape only.

    Args:
        problem: What is disguised.
        kind: One of `DISGUISES`.
    """
    order, permutations = _disguise(problem.space)
    old = problem.space.variables
    new_name = {old[j].name: f"x{k}" for k, j in enumerate(order)}
    # `permutations[j][i]` is the old index of the new option i of the old variable j.
    passed = DISGUISES[kind]
    new_option = {
        old[j].name: {
            old[j].options[i]: passed(k, old[j].options[i]) for k, i in enumerate(permutations[j])
        }
        for j in range(len(old))
    }

    def renamed(condition: Condition) -> Condition:
        options = new_option[condition.parent]
        return Condition(new_name[condition.parent], tuple(options[o] for o in condition.options))

    variables = [
        Variable.categorical(
            new_name[old[j].name],
            list(new_option[old[j].name].values()),
            [renamed(condition) for condition in old[j].conditions],
        )
        for j in order
    ]

    def evaluate(archs: IntArray) -> FloatArray:
        return problem.evaluate(original_archs(problem, archs))

    return replace(
        problem,
        name=f"{problem.name}-anonymous" + (f"-{kind}" if kind != "words" else ""),
        space=SearchSpace(variables),
        evaluate=evaluate,
        architectures=None,
        original=problem,
    )


def original_archs(problem: Problem, archs: IntArray) -> IntArray:
    """Return the rows of `problem` that rows `int[n, d]` of its anonymous twin stand for."""
    order, permutations = _disguise(problem.space)
    rows = np.empty_like(archs)
    for k, j in enumerate(order):
        rows[:, j] = permutations[j][archs[:, k]]
    return rows


def _disguise(space: SearchSpace) -> tuple[IntArray, list[IntArray]]:
    rng = np.random.default_rng(_SEED)
    order = rng.permutation(len(space))
    return order, [rng.permutation(int(n)) for n in space.n_options]
