"""LINAS as an Optuna sampler.

Cummings, Sarah, Sridhar, Szankin, Munoz and Sundaresan, "A Hardware-Aware Framework for
Accelerating Neural Architecture Search Across Modalities", 2022.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from optuna_linas.arrays import IntArray
from optuna_linas.evolution import InnerAlgorithm, PymooAlgorithm, make_algorithm
from optuna_linas.given import check_count
from optuna_linas.goals import Goal, Goals
from optuna_linas.history import History
from optuna_linas.linas import (
    MIN_EXAMPLES,
    Settings,
    make_proposal,
    published,
    startup,
)
from optuna_linas.linas.fitting import check_predictors
from optuna_linas.predictors import Predictor
from optuna_linas.samplers.known import FailsSomewhereError, KnownObjective, KnownObjectives
from optuna_linas.samplers.motpe import MOTPE
from optuna_linas.samplers.planned import PlannedSampler
from optuna_linas.samplers.planner import Planned
from optuna_linas.samplers.quality import prediction_notes
from optuna_linas.samplers.sizes import size_of_batch, size_of_first_fit, size_of_start
from optuna_linas.samplers.warm_start import WarmStart
from optuna_linas.selection import unseen
from optuna_linas.space import SearchSpace

__all__ = ["LINASSampler"]

_UNSET = ("auto", "auto", 20_000)
"""The defaults of what `settings` replaces."""

_SHARE_OF_WARM_START = 0.5
"""Of the first trials. The others see what the other study's front does not."""


class LINASSampler(PlannedSampler):
    """Proposes batches by cheap predictors and an inner evolutionary search (LINAS).

    A drop-in for any study: categorical, integer and float parameters, conditional ones too, one
    or more objectives in any direction. The first `n_startup_trials` are the corners of the space
    and rows spread between them; then, for each batch, predictors are fitted on everything
    measured, an evolutionary search runs on the predictions, and the architectures it found that
    add the most hypervolume and that nobody has measured are handed out, one per trial.

    Trials may fail, return NaN, or be pruned: their places are free again, their networks are not
    tried again, and where it can be told which networks fail (or are pruned before they report
    anything), their like is avoided. A value that is infinitely bad tells the same at once: such a
    network is worse than all others, in each objective, until it turns out that the networks do
    not explain which values are infinite. Then they count as trials that failed.

    All state lives in the study's storage: any number of workers may each construct a sampler of
    the same settings, and a killed search resumes. How well each batch was predicted (MAPE and
    Kendall's rank correlation per objective) is kept in `study.user_attrs["linas:predictors"]`.

    Args:
        space: The search space, if known: a `SearchSpace` (a supernet's `space`) or a mapping from
            name to Optuna distribution. By default it is inferred from the study's trials, the
            conditions under which a parameter exists included.
        n_startup_trials: Trials before the first prediction. By default 12 where the space has
            corners (most variables are ordered and have others like them), as these tell more than
            random rows do, and 15 elsewhere. Finished trials that were enqueued or added count.
        batch_size: Trials between two fits of the predictors. By default 5 (3 where options have no
            order and outnumber the trials), a 25th of the trials so far where that is more, up to
            100: fits cost more and tell less as trials add up; a quarter of the trials that run
            where that is more, up to 250.
        predictor: A name from `optuna_linas.predictors`, any scikit-learn regressor, or a sequence
            of one per objective. Names: "gp" (a Gaussian process that knows the space), "ridge",
            "svr_rbf", "svr_linear", "stacked", "random_forest", "extra_trees",
            "gradient_boosting"; "auto" takes for each objective what ranks held-out trials best,
            and chooses again whenever the data has doubled.
        algorithm: The inner search: "auto", "nsga2", "agemoea", "unsga3", "ctaea", "moead", "ga"
            (one objective), "motpe", an algorithm object of pymoo's that takes constraints, or an
            `InnerAlgorithm`.
        n_inner_evaluations: Predictions that the inner search may make per batch, and at most four
            times as many as the space has rows. "auto" looks at all of a small space and stops at
            2,500 to 5,000 in others (50 for each network of the front). Algorithms of pymoo's take
            some seconds for 20,000, and end where nothing new is found any more; MOTPE stops at
            500, which still takes it half a minute and more for a batch of 45 variables.
        independent_sampler: Samples parameters that no finished trial has had yet. By default
            uniformly at random, from the sampler's own seed.
        objectives: What is optimised: indices of the study's objectives, and user attributes of its
            trials as `Attr("latency_ms", "minimize")`, so that code with one objective and a
            latency attribute becomes a trade-off search unchanged. By default all of the study's.
        known_objectives: Objectives that can be computed from the parameters (MACs, sizes), each
            with a function from the active ones to its value, used in place of a prediction. While
            a space is being learned and the function fails for some of it, they are predicted.
        warm_start: A study of another device or of a cheaper objective (or its trials): its front
            is measured first (half of the start, one trial before the space is known), and the
            predictors learn from it. It may have other objectives, but has these parameters; what
            violates its constraints is not on its front. Pass it to every worker, also on resuming.
        settings: For the paper's variants: `Settings` in place of `predictor`, `algorithm` and
            `n_inner_evaluations`, or a function that gets the iteration (1, 2, ...) and returns
            them.
        constraints_func: As in Optuna's samplers; `trial.set_constraint` is the newer way and
            needs nothing here.
        seed: Makes the search reproducible. Without it one is drawn and stored with the study.
        warn_independent_sampling: Warn when a parameter is sampled independently after the
            start.

    Raises:
        ValueError: A negative or zero number, or an unknown name.
        TypeError: A predictor, algorithm or space of the wrong kind.

    Example:
        >>> import optuna
        >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
        >>> def objective(trial):
        ...     depth = trial.suggest_int("depth", 1, 3)
        ...     width = trial.suggest_categorical("width", [8, 16, 32])
        ...     return 1 - 1 / (depth * width), depth * width
        >>> study = optuna.create_study(
        ...     directions=["maximize", "minimize"], sampler=LINASSampler(seed=0)
        ... )
        >>> study.optimize(objective, n_trials=9)
        >>> len({tuple(t.params.values()) for t in study.trials})
        9
    """

    def __init__(
        self,
        *,
        space: SearchSpace | Mapping[str, BaseDistribution] | None = None,
        n_startup_trials: int | None = None,
        batch_size: int | None = None,
        predictor: str | Predictor | Sequence[str | Predictor] = "auto",
        algorithm: str | InnerAlgorithm = "auto",
        n_inner_evaluations: int = 20_000,
        objectives: Sequence[Goal] | None = None,
        known_objectives: Mapping[Goal, KnownObjective] | None = None,
        warm_start: Study | Sequence[FrozenTrial] | None = None,
        settings: Settings | Callable[[int], Settings] | None = None,
        independent_sampler: BaseSampler | None = None,
        constraints_func: Callable[[FrozenTrial], Sequence[float]] | None = None,
        seed: int | None = None,
        warn_independent_sampling: bool = True,
    ) -> None:
        if n_startup_trials is not None:
            check_count("n_startup_trials", n_startup_trials, least=0)
        if batch_size is not None:
            check_count("batch_size", batch_size, least=1)
        check_count("n_inner_evaluations", n_inner_evaluations, least=1)
        if not (settings is None or isinstance(settings, Settings) or callable(settings)):
            raise TypeError(
                "settings is a `Settings`, or a function from the iteration to one; got "
                f"{settings!r}."
            )
        if settings is not None and (predictor, algorithm, n_inner_evaluations) != _UNSET:
            raise ValueError(
                "settings stands in the place of predictor, algorithm and n_inner_evaluations: "
                "give these in Settings(predictors=..., algorithm=..., n_inner_evaluations=...)."
            )
        self._settings = settings or Settings(
            predictors=_each(predictor),
            algorithm=make_algorithm(algorithm, {"motpe": MOTPE}),
            n_inner_evaluations=n_inner_evaluations,
        )
        self._known = KnownObjectives(known_objectives)
        self._warm_start = None if warm_start is None else WarmStart(warm_start)
        self._starts_at_corners = True
        super().__init__(
            "linas",
            space=space,
            n_startup_trials=size_of_start if n_startup_trials is None else n_startup_trials,
            batch_size=partial(size_of_batch, batch_size),
            min_examples=size_of_first_fit(n_startup_trials),
            objectives=objectives,
            independent_sampler=independent_sampler,
            constraints_func=constraints_func,
            seed=seed,
            warn_independent_sampling=warn_independent_sampling,
            first=None if self._warm_start is None else self._warm_start.first,
        )

    @classmethod
    def paper(
        cls,
        modality: Literal["image", "translation", "recommendation"],
        *,
        space: SearchSpace | Mapping[str, BaseDistribution] | None = None,
        seed: int | None = None,
    ) -> LINASSampler:
        """Return the sampler with the published settings for a modality.

        | modality       | population, start | crossover | mutation | inner  | predictors     |
        |----------------|-------------------|-----------|----------|--------|----------------|
        | image          | 50                | .9        | .02      | 20,000 | ridge          |
        | translation    | 50                | .9        | .02      | 20,000 | SVR-RBF, ridge |
        | recommendation | 10                | .1        | .02      | 2,000  | SVR-RBF, ridge |

        The batch is as large as the population; `space` and `seed` are as for the class.
        Two predictors are for two objectives, quality first and latency second. As in the paper,
        features are the plain one-hot of all variables, the inner NSGA-II starts from random rows,
        and the next batch is its last population. The one departure: an effective network that is
        already measured is not measured again; the next best takes its place.

        Raises:
            ValueError: An unknown modality.
        """
        population, settings = published(modality)
        sampler = cls(
            space=space,
            n_startup_trials=population,
            batch_size=population,
            settings=settings,
            seed=seed,
        )
        sampler._starts_at_corners = False
        return sampler

    @classmethod
    def one_shot(
        cls,
        n_samples: int = 1000,
        *,
        batch_size: int = 50,
        predictor: str | Predictor | Sequence[str | Predictor] = "auto",
        algorithm: str | InnerAlgorithm = "auto",
        space: SearchSpace | Mapping[str, BaseDistribution] | None = None,
        objectives: Sequence[Goal] | None = None,
        known_objectives: Mapping[Goal, KnownObjective] | None = None,
        constraints_func: Callable[[FrozenTrial], Sequence[float]] | None = None,
        seed: int | None = None,
    ) -> LINASSampler:
        """Return the sampler of the paper's one-shot predictor mode: train once, then search.

        The first `n_samples` trials are random. The predictors are trained on the first `n_samples`
        that can be learned from (where some fail, chosen ones fill them up) and never
        again; every further trial is of what the inner search finds best on their predictions.

        Args:
            n_samples: Random trials to train on (1,000 in the paper).
            batch_size: Trials per inner search.
            predictor: As for the class.
            algorithm: As for the class.
            space: As for the class.
            objectives: As for the class.
            known_objectives: As for the class.
            constraints_func: As for the class.
            seed: As for the class.

        Raises:
            ValueError: Too few samples to train on, or an unknown name.
            TypeError: An argument of the wrong kind.
        """
        check_count("n_samples", n_samples, least=MIN_EXAMPLES)
        sampler = cls(
            space=space,
            n_startup_trials=n_samples,
            batch_size=batch_size,
            settings=Settings(
                predictors=_each(predictor),
                algorithm=make_algorithm(algorithm, {"motpe": MOTPE}),
                n_training=n_samples,
            ),
            objectives=objectives,
            known_objectives=known_objectives,
            constraints_func=constraints_func,
            seed=seed,
        )
        sampler._starts_at_corners = False
        return sampler

    def _check_goals(self, goals: Goals) -> None:
        self._known.check(goals)
        if isinstance(self._settings, Settings):
            check_predictors(self._settings.predictors, len(goals))
            if isinstance(self._settings.algorithm, PymooAlgorithm):
                self._settings.algorithm.check(len(goals))

    def _plan(
        self,
        space: SearchSpace,
        history: History,
        n: int,
        rng: np.random.Generator,
        *,
        goals: Goals,
        batch: int,
        taken: IntArray,
        pending: IntArray,
    ) -> Planned:
        if batch == 0:
            return Planned(self._start(space, n, rng, goals, {row.tobytes() for row in taken}))
        given = self._settings
        settings = given if isinstance(given, Settings) else given(batch)
        if not isinstance(settings, Settings):
            raise TypeError(f"settings({batch}) must return a `Settings`, got {settings!r}.")
        known = self._known.losses(space, goals, history, is_declared=self.space is not None)
        advice = None if self._warm_start is None else self._warm_start.advice(space, goals)
        while True:  # once more for each goal that is known, at most
            try:
                proposal = make_proposal(
                    space,
                    history,
                    n,
                    copy.deepcopy(rng),
                    settings=settings,
                    taken=taken,
                    pending=pending,
                    known=known,
                    advice=advice,
                )
                break
            except FailsSomewhereError as error:
                # Were such rows left out, what corrects the conditions would never be measured.
                del known[error.position]
        notes = prediction_notes(proposal.predicted, proposal.predictors, goals)
        return Planned(proposal.archs, notes)

    def _start(
        self,
        space: SearchSpace,
        n: int,
        rng: np.random.Generator,
        goals: Goals,
        taken: set[bytes],
    ) -> IntArray:
        first = np.zeros((0, len(space)), dtype=np.int64)
        if self._warm_start is not None:
            n_startup = self._n_startup(space)
            front = self._warm_start.front(space, goals, n_startup)
            front = front[[row.tobytes() not in taken for row in front]]
            first = front[: math.ceil(n_startup * _SHARE_OF_WARM_START)]
            taken = taken | {row.tobytes() for row in first}
        choose = startup if self._starts_at_corners else unseen
        return np.concatenate([first, choose(space, n - len(first), rng, taken=taken)])


def _each(
    predictor: str | Predictor | Sequence[str | Predictor],
) -> tuple[str | Predictor, ...]:
    """One predictor or several as a tuple."""
    if isinstance(predictor, str) or not isinstance(predictor, Sequence):
        return (predictor,)
    return tuple(predictor)
