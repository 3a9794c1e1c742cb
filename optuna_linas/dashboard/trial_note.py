"""A trial in a few lines of Markdown: the network, what was expected of it, where it comes from."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.dashboard.architecture import architecture_rows
from optuna_linas.dashboard.facts import objective_names, prediction_of
from optuna_linas.dashboard.markdown import table, text
from optuna_linas.dashboard.pages import Page
from optuna_linas.goals import is_number

__all__ = ["noted_trials", "put_trial_notes", "trial_note"]


def trial_note(
    trial: FrozenTrial,
    objectives: Sequence[str],
    *,
    names: Sequence[str] = (),
    is_on_front: bool = False,
) -> str:
    """Return what is to be known of a complete trial, in Markdown.

    Args:
        trial: A complete trial.
        objectives: What the study's objectives are called.
        names: All parameters of the study; a dot stands for one that is not active.
        is_on_front: No other trial is better in every objective.

    Example:
        >>> import optuna
        >>> study = optuna.create_study()
        >>> study.add_trial(optuna.create_trial(value=0.9))
        >>> print(trial_note(study.trials[0], ["accuracy"]))
        ### Trial 0
        <BLANKLINE>
        accuracy **0.9**
    """
    place = ", on the Pareto front" if is_on_front else ""
    values = zip(objectives, trial.values, strict=True)
    shown = ", ".join(f"{text(name)} **{value:.5g}**" for name, value in values)
    parts = [f"### Trial {trial.number}{place}", shown, *_facts(trial, objectives)]
    if trial.params:
        rows = [(text(label), text(row)) for label, row in architecture_rows(trial.params, names)]
        parts.append(table(["architecture", ""], rows))
    return "\n\n".join(parts)


def put_trial_notes(page: Page, study: Study, front: Sequence[FrozenTrial], *, n_notes: int) -> int:
    """Write the notes of the trials that `noted_trials` chooses; return how many there are.

    Args:
        page: The study's page.
        study: The study.
        front: The trials of its front.
        n_notes: At most so many trials have one.
    """
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    have = {trial.number for trial in trials if page.has_note(trial)}
    chosen = noted_trials(
        [trial.number for trial in trials], [trial.number for trial in front], have, n_notes
    )
    names = sorted({name for trial in trials for name in trial.params})
    objectives = objective_names(study)
    on_front = {trial.number for trial in front}
    for trial in trials:
        if trial.number in chosen:
            is_on_front = trial.number in on_front
            page.put_note(
                trial_note(trial, objectives, names=names, is_on_front=is_on_front), trial
            )
        elif trial.number in have:
            page.remove_note(trial)
    return len(chosen)


def noted_trials(
    numbers: Sequence[int], front: Sequence[int], have: Collection[int], n_notes: int
) -> set[int]:
    """Return which trials have a note: the front first, then who has one, then the newest.

    A note costs the storage two attributes, which every later trial reads; so their number is
    bounded, and those that are there stay rather than make room for what is merely newer.

    Args:
        numbers: The complete trials.
        front: Those of the front.
        have: Those that have a note.
        n_notes: How many there may be.

    Example:
        >>> sorted(noted_trials([0, 1, 2, 3, 4], front=[2], have={0, 2}, n_notes=3))
        [0, 2, 4]
    """
    ranked = [*front, *sorted(have), *sorted(numbers, reverse=True)]
    return set(list(dict.fromkeys(ranked))[:n_notes])


def _facts(trial: FrozenTrial, objectives: Sequence[str]) -> Iterator[str]:
    if (prediction := prediction_of(trial, objectives)) is not None:
        expected = ", ".join(f"{text(n)} {v:.4g}" for n, v in prediction.values.items())
        predictors = ", ".join(dict.fromkeys(prediction.predictors))
        by = f" (by {text(predictors)})" if predictors else ""
        yield f"Predicted before it was measured: {expected}{by}."
    noted = trial.user_attrs
    if (first := noted.get("measured_in_trial", trial.number)) != trial.number:
        yield f"The same network as trial {first}, where it was measured."
    latency_ms, spread = noted.get("latency_ms"), noted.get("latency_ms_iqr")
    if "device" in noted and is_number(latency_ms):
        half = f" ± {spread / 2:.2g}" if is_number(spread) else ""
        found = f"Latency {latency_ms:.4g} ms{half}"
        yield (
            f"{found} on {text(noted['device'])}, batch {noted.get('batch_size', '?')}, "
            f"{noted.get('n_threads', '?')} threads."
        )
    if parents := noted.get("pbt_parents"):
        donated = ", ".join(map(str, noted.get("pbt_donated", ())))
        if len(parents) == 1:
            yield f"Goes on from trial {parents[0]}."
        else:
            yield (
                f"A child of trial {parents[0]}, with {text(donated) or 'nothing'} of trial "
                f"{parents[1]}."
            )
