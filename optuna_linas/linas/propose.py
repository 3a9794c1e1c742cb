"""One iteration of LINAS: from everything measured to the next architectures to measure.

Cummings, Sarah, Sridhar, Szankin, Munoz and Sundaresan, "A Hardware-Aware Framework for
Accelerating Neural Architecture Search Across Modalities", 2022, Algorithm 1: train one predictor
per objective on all measurements, run an evolutionary search on the predictions, measure the best
architectures it found, repeat.

Where we depart from the paper (each can be switched back in `Settings`):

- inactive variables are masked in the features and folded before comparing, so no effective
  network is measured twice;
- the inner search starts from the measured front instead of from random rows;
- the predictor is a Gaussian process that knows the structure of the space;
- predictions are a little optimistic where the predictor knows how sure it is, in small spaces
  without order now more and now less, and there a gain counts as far as such promises were kept;
- what is likely to fail, as networks like it did, is infeasible;
- a batch is chosen for its joint hypervolume gain, from everything the inner search has seen.

Shapes: `d` variables, `m` objectives, `archs` is `int[n, d]`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray, cut_off
from optuna_linas.evolution import GA, Exhaustive, InnerAlgorithm, PymooObject
from optuna_linas.given import check_count, check_number
from optuna_linas.history import History
from optuna_linas.linas.batch import BatchChooser
from optuna_linas.linas.failures import learn_failures, without_accidents
from optuna_linas.linas.fitting import (
    MIN_EXAMPLES,
    FittedPredictors,
    KnownColumn,
    check_predictors,
)
from optuna_linas.pareto import non_dominated
from optuna_linas.predictors import Predictor, StructuredGP, check_predictor
from optuna_linas.predictors.blocks import Advice
from optuna_linas.predictors.trusted_order import trusted_order
from optuna_linas.selection import filled_up, unseen
from optuna_linas.space import SearchSpace
from optuna_linas.structure import mostly_ordered, soon_known

__all__ = ["Proposal", "Settings", "make_proposal", "propose"]

_MAX_ROUNDS = 4
_MAX_COUNTED = 2**16
_OPTIMISM_WITH_ORDER, _OPTIMISM_WITHOUT = 1.0, 0.5
_DRAWN_OPTIMISM = (0.0, 0.5, 1.0, 2.0)


@dataclass(frozen=True)
class Settings:
    """How an iteration is done.

    Attributes:
        predictors: One for all objectives, or one per objective: a name of
            `optuna_linas.predictors` or a scikit-learn style regressor.
        algorithm: The inner search. The default looks at all of a small space.
        n_inner_evaluations: Predictions that the inner search may ask for.
        masked: Zero the features of inactive variables. The paper does not.
        seeded: Start the inner search from the measured front. The paper does not.
        whole_archive: Choose among everything the inner search has seen, rather than from its
            last population as the paper does.
        joint_gain: Choose a batch for the hypervolume that it adds together, as predicted, rather
            than by rank and crowding as the paper does.
        n_training: The predictors learn from the first that many measurements only, as in the
            paper's one-shot mode; `None` for all.
        optimism: Standard deviations that predictions are lowered by, where the predictor knows
            them (the Gaussian process does): a search then leaves what it knows. `None` for 1
            where most variables have an order, and for 0.5 elsewhere: there so much is unknown
            that more of it would have the search look at nothing twice. Where there are at most
            100,000 rows besides, it is drawn anew for each iteration, as is whether the predictor
            has its last bend: some hundred trials see all that one view of so small a space
            promises, and another view sees what that one is blind to. The paper has none.
        doubts: Where optimism is drawn, and batches are chosen for the hypervolume they add, count
            what a network would add as far as such promises were kept (see `promises`). The paper
            does not.
        learns_failures: Avoid what is likely to fail as others did, where that can be told from
            the network. The paper does not.

    Raises:
        ValueError: A number out of range, an unknown predictor, or none.
        TypeError: A predictor, a number or an algorithm of the wrong kind.

    Example:
        >>> Settings(predictors=("ridge",), n_inner_evaluations=2_000).optimism is None
        True
    """

    predictors: Sequence[str | Predictor] = ("auto",)
    algorithm: InnerAlgorithm = field(default_factory=Exhaustive)
    n_inner_evaluations: int = 20_000
    masked: bool = True
    seeded: bool = True
    whole_archive: bool = True
    joint_gain: bool = True
    n_training: int | None = None
    optimism: float | None = None
    doubts: bool = True
    learns_failures: bool = True

    def __post_init__(self) -> None:
        # When it is used, the start has been measured.
        if isinstance(self.predictors, str) or not isinstance(self.predictors, Sequence):
            raise TypeError(f"predictors is a sequence: give ({self.predictors!r},).")
        if not self.predictors:
            raise ValueError("predictors is empty; give one, or one per objective.")
        for predictor in self.predictors:
            check_predictor(predictor)
        if isinstance(self.algorithm, type) or not callable(self.algorithm):
            raise TypeError(
                f"algorithm is an inner search, such as Exhaustive(); got {self.algorithm!r}. Of a "
                "name or of an algorithm object of pymoo's, optuna_linas.evolution makes one: "
                "make_algorithm('agemoea')."
            )
        check_count("n_inner_evaluations", self.n_inner_evaluations, least=1)
        if self.n_training is not None:
            check_count("n_training", self.n_training, least=MIN_EXAMPLES)
        if self.optimism is not None:
            check_number("optimism", self.optimism)


@dataclass(frozen=True)
class Proposal:
    """What an iteration comes to.

    Attributes:
        archs: The architectures to measure next, best first, canonical, `int[n, d]`.
        predicted: Their predicted losses, `float[n, m]`; `None` while nothing is predicted.
        predictors: The names of the predictors, one per objective.

    Example:
        >>> Proposal(np.array([[0, 1]])).predicted is None  # nothing to predict from yet
        True
    """

    archs: IntArray
    predicted: FloatArray | None = None
    predictors: tuple[str, ...] = ()


def make_proposal(
    space: SearchSpace,
    history: History,
    n: int,
    rng: np.random.Generator,
    *,
    settings: Settings | None = None,
    taken: IntArray | None = None,
    pending: IntArray | None = None,
    known: Mapping[int, KnownColumn] | None = None,
    advice: Advice | None = None,
) -> Proposal:
    """Return the next `n` architectures to measure, and what is predicted of them.

    Args:
        space: The search space of `d` variables.
        history: What is measured. With fewer than `MIN_EXAMPLES` rows the proposals are random.
        n: How many rows to return. Fewer come back only when the space has no more unseen ones.
        rng: The source of all randomness.
        settings: How to do it; `None` for the defaults.
        taken: Further canonical rows that must not be proposed, as those that failed, `int[k, d]`.
        pending: Canonical rows that are being measured, `int[p, d]`: they are not proposed either,
            and count with their predicted losses.
        known: Objectives that can be computed: from the column to a function that gives the losses
            `float[k]` of rows `int[k, d]`.
        advice: From rows `int[k, d]` to the losses `float[k, q]` that a model of another search
            predicts: features for the Gaussian process.

    Raises:
        TypeError: `settings.predictors` is one name instead of a sequence.
        ValueError: The number of predictors is neither 1 nor the number of objectives.

    Example:
        >>> space = SearchSpace.from_choices({"a": [1, 2, 3], "b": [1, 2, 3]})
        >>> codes = np.array([[0, 0], [1, 1], [2, 2], [0, 2]])
        >>> history = History(
        ...     codes, codes.astype(float), constraints=np.zeros((4, 0)), numbers=np.arange(4)
        ... )
        >>> proposal = make_proposal(space, history, 2, np.random.default_rng(0))
        >>> proposal.archs.shape, proposal.predicted.shape, proposal.predictors
        ((2, 2), (2, 2), ('gp', 'gp'))
    """
    settings = settings or Settings()
    check_predictors(settings.predictors, history.losses.shape[1])
    nothing = np.zeros((0, len(space)), dtype=np.int64)
    running = space.canonical(nothing if pending is None else pending)
    others = space.canonical(nothing if taken is None else taken)
    measured = space.canonical(history.codes)
    seen = {row.tobytes() for rows in (measured, others, running) for row in rows}
    if settings.learns_failures and len(space):
        history = without_accidents(space, history)
    if len(history) < MIN_EXAMPLES or len(space) == 0:
        return Proposal(unseen(space, n, rng, taken=seen))
    if space.size() <= _MAX_COUNTED and len(seen) >= space.size(effective=True):
        return Proposal(nothing)  # Nothing is left to predict.
    # What it tells of its options; rows mean the same in either.
    examples = history.first(settings.n_training)
    trusted = trusted_order(space, space.canonical(examples.codes), cut_off(examples.losses))
    varies = settings.optimism is None and soon_known(trusted)
    optimism = float(rng.choice(_DRAWN_OPTIMISM)) if varies else _optimism(trusted)
    predict = FittedPredictors(
        trusted,
        examples,
        settings.predictors,
        known=known or {},
        masked=settings.masked,
        optimism=optimism if settings.optimism is None else settings.optimism,
        advice=advice,
        steps=settings.n_training is None and not (varies and rng.random() < 0.5),
        failures=_failures(trusted, history) if settings.learns_failures else None,
        rng=rng,
    )
    explores = (
        settings.joint_gain
        and predict.knows_deviation
        # These may know but one objective.
        and not isinstance(settings.algorithm, (GA, PymooObject))
    )
    visited = settings.algorithm(
        predict.explore if explores else predict,
        space.n_options,
        n_objectives=2 if explores else history.losses.shape[1],
        # More than a few times all rows there are tells nothing new, and pymoo gets slow over it.
        n_evaluations=min(settings.n_inner_evaluations, _MAX_ROUNDS * space.size()),
        seeds=_front(history) if settings.seeded else history.codes[:0],
        canonical=space.canonical,
        rng=rng,
    )
    archs = space.canonical(visited.archs)
    chosen = archs[:0]
    chooser = BatchChooser(
        archs,
        history,
        predict,
        visited,
        running,
        joint=settings.joint_gain,
        ordered=mostly_ordered(trusted),
        doubts=settings.doubts and varies and settings.n_training is None,
    )
    # The last population first when only it counts; the rest of the archive fills what is missing.
    pools = ([] if settings.whole_archive else [visited.population]) + [np.arange(len(archs))]
    for pool in pools:
        index = chooser.choose(pool, n - len(chosen), seen)
        chosen = np.concatenate([chosen, archs[index]])
        seen |= {row.tobytes() for row in chosen}
    chosen = filled_up(space, chosen, n, rng, taken=seen)
    predicted = predict.mean(chosen) if len(chosen) else None
    return Proposal(chosen, predicted, predict.names)


def propose(
    space: SearchSpace,
    history: History,
    n: int,
    rng: np.random.Generator,
    *,
    settings: Settings | None = None,
    taken: IntArray | None = None,
    pending: IntArray | None = None,
    known: Mapping[int, KnownColumn] | None = None,
) -> IntArray:
    """Return the architectures of `make_proposal`, `int[n, d]`, without what is predicted of them.

    Arguments and errors are those of `make_proposal`.

    Example:
        >>> space = SearchSpace.from_choices({"a": [1, 2, 3], "b": [1, 2, 3]})
        >>> codes = np.array([[0, 0], [1, 1], [2, 2], [0, 2]])
        >>> history = History(
        ...     codes, codes.astype(float), constraints=np.zeros((4, 0)), numbers=np.arange(4)
        ... )
        >>> propose(space, history, 2, np.random.default_rng(0)).shape
        (2, 2)
    """
    return make_proposal(
        space, history, n, rng, settings=settings, taken=taken, pending=pending, known=known
    ).archs


def _optimism(space: SearchSpace) -> float:
    """How optimistic a search is by default."""
    return _OPTIMISM_WITH_ORDER if mostly_ordered(space) else _OPTIMISM_WITHOUT


def _failures(space: SearchSpace, history: History) -> StructuredGP | None:
    numbers = history.numbers, history.failed_numbers
    return learn_failures(space, history.codes, history.failed, *numbers)


def _front(history: History) -> IntArray:
    """The measured rows that no feasible measurement dominates; the least violating if none is."""
    if not history.feasible.any():
        least: IntArray = history.codes[history.violations == history.violations.min()]
        return least
    codes, losses = history.codes[history.feasible], history.losses[history.feasible]
    front: IntArray = codes[non_dominated(losses)]
    return front
