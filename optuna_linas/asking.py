"""A batch of trials to measure by one's own means: a cluster, a lab, a phone farm."""

from __future__ import annotations

from collections.abc import Mapping

import optuna
from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import Trial, TrialState

from optuna_linas.distributions import distribution_of, space_from_distributions
from optuna_linas.given import check_count
from optuna_linas.natural_order import natural_order
from optuna_linas.samplers.checks import check_distribution
from optuna_linas.samplers.planned import PlannedSampler
from optuna_linas.space import SearchSpace
from optuna_linas.study_space import space_of
from optuna_linas.study_values import check_study
from optuna_linas.suggest import suggest

__all__ = ["ask_batch"]


def ask_batch(
    study: Study,
    n: int,
    space: SearchSpace | Mapping[str, BaseDistribution] | None = None,
) -> list[Trial]:
    """Return `n` running trials with all their parameters suggested.

    Measure `trial.params` wherever and in whatever order, then tell the study::

        trials = ask_batch(study, 8)
        for trial, values in zip(trials, measure_in_parallel([t.params for t in trials])):
            study.tell(trial, values)

    A trial has the parameters that its network has, as far as conditions on single parents say it:
    where a parameter exists only under a condition, the condition is asked for first. With
    `LINASSampler`, `NAGSampler` and `PymooSampler` no network is asked for twice while others are
    left, whether it is measured, running or in the same batch; a batch may be larger than the
    sampler's own. Enqueued trials come first. A trial that is never told keeps its place:
    `study.tell(trial, state=TrialState.FAIL)` gives the place to another network.

    The space may differ from batch to batch. In a larger one, a trial without a new variable counts
    as having its first option (so let that be what it stands for); in a smaller one, a trial with
    more variables counts without them, and one whose values lie outside is not learned from.

    Args:
        study: The study; its sampler proposes.
        n: How many trials.
        space: What to ask for: a `SearchSpace`, which knows conditions, or a mapping from name to
            distribution, all of which every trial gets. By default the sampler's declared space, or
            what the study's trials show: their parameters, and the conditions under which they
            were suggested.

    Returns:
        The trials, `n` of them; `trial.suggest_float(...)` on one of them asks for more.

    Raises:
        ValueError: `n` is below 1, no space is given and no trial has shown any yet, or it has
            other choices under a name than the study (Optuna never lets them change).
        TypeError: Arguments of the wrong kind.
        SpaceMismatchError: The sampler declares a variable in another way than `space`.

    Example:
        >>> import optuna
        >>> from optuna.distributions import CategoricalDistribution, IntDistribution
        >>> from optuna_linas import LINASSampler, ask_batch
        >>> study = optuna.create_study(
        ...     directions=["maximize", "minimize"], sampler=LINASSampler(seed=0)
        ... )
        >>> space = {
        ...     "depth": IntDistribution(1, 3),
        ...     "width": CategoricalDistribution([8, 16, 32]),
        ... }
        >>> trials = ask_batch(study, 4, space)
        >>> len({(trial.params["depth"], trial.params["width"]) for trial in trials})
        4
        >>> for trial in trials:
        ...     size = trial.params["depth"] * trial.params["width"]
        ...     _ = study.tell(trial, (1 - 1 / size, size))
        >>> [sorted(trial.params) for trial in ask_batch(study, 2)]  # the space is known now
        [['depth', 'width'], ['depth', 'width']]
    """
    check_study(study)
    check_count("n", n, least=1)
    asking, constants = study, dict[str, BaseDistribution]()
    if isinstance(space, Mapping | SearchSpace):
        asked = space_from_distributions(space) if isinstance(space, Mapping) else space
        asking = _knowing(study, asked)
    elif space is None:
        known = space_of(study)
        constants = _constants(study)
        if known is None and not constants:
            raise ValueError(
                f"Nobody knows yet what to ask for: no trial of {study.study_name!r} has ended. "
                "Give the distributions, ask_batch(study, n, {'depth': IntDistribution(1, 4)}), a "
                "SearchSpace where parameters exist only under conditions, or declare them to the "
                "sampler, LINASSampler(space=...)."
            )
        asked = SearchSpace([]) if known is None else known
    else:
        raise TypeError(
            "space is a SearchSpace or a mapping from parameter name to distribution; got "
            f"{type(space).__name__}."
        )
    return [_ask(asking, asked, constants) for _ in range(n)]


def _ask(study: Study, space: SearchSpace, constants: Mapping[str, BaseDistribution]) -> Trial:
    trial = study.ask()
    try:
        for name, distribution in constants.items():
            trial._suggest(name, distribution)
        suggest(trial, space)
    except Exception:
        # Nobody gets to see this trial: it must not keep its place for ever.
        study.tell(trial, state=TrialState.FAIL)
        raise
    return trial


def _knowing(study: Study, space: SearchSpace) -> Study:
    """The study, with a sampler that knows the space also where it would have to infer it.

    Else the trials of a first batch would be drawn one by one at random, and might repeat.
    """
    sampler = study.sampler
    if not isinstance(sampler, PlannedSampler) or len(space) == 0:
        return study
    if sampler.space is not None:
        for variable in space.variables:
            if variable.name in sampler.space:
                check_distribution(sampler.space, variable.name, distribution_of(variable))
        return study
    # In the order of an inferred space: what is planned now is compared with what comes later.
    ordered = sorted(space.variables, key=lambda variable: natural_order(variable.name))
    return optuna.load_study(
        study_name=study.study_name,
        storage=study._storage,
        sampler=sampler.with_space(SearchSpace(ordered)),
        pruner=study.pruner,
    )


def _constants(study: Study) -> dict[str, BaseDistribution]:
    """Parameters with a single option that every complete trial has: they are no variables."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if not complete:
        return {}
    return {
        name: distribution
        for name, distribution in complete[-1].distributions.items()
        if distribution.single()
        and all(trial.distributions.get(name) == distribution for trial in complete)
    }
