"""Whether the project's promises hold in a benchmark's results, each claim alone.

Limits are the project's own targets; nothing here is adjusted to what was measured. A claim that
the results cannot decide, because a sampler was left out or a search is too short, has no verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.problems import GROUPS
from benchmarks.summary import mean_and_error

__all__ = ["Verdict", "verdicts"]

OURS = "linas"
FEW_NETWORKS = 100_000
"""A table of fewer networks than this is small."""

_NOT_BELOW = 1e-9  # rounding


@dataclass(frozen=True)
class Verdict:
    """One claim and how it came out.

    Attributes:
        claim: In words.
        problem: Where.
        measured: What was seen, in words.
        holds: The verdict; None if these results cannot decide.
        difference: For two samplers, ours less theirs over the seeds that both have: mean,
            standard error and each seed's; hypervolume shares.
    """

    claim: str
    problem: str
    measured: str
    holds: bool | None
    difference: Mapping[str, Any] | None = None


def verdicts(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every claim's verdict, as plain data.

    Args:
        results: A benchmark's results, with `problems` and, if it was measured, `overhead`.
    """
    found: list[Verdict] = []
    for name, problem in results["problems"].items():
        samplers = problem["samplers"]
        if OURS not in samplers:
            continue
        if name in GROUPS["large"]:
            found.append(_reaches(name, samplers, "LINAS@250", 60))
        if name in (*GROUPS["anonymous"], *GROUPS["anonymous-text"]):
            found.append(_reaches(name, samplers, "LINAS@250", 80))
        if name == "ofa-mbv3-note10":
            found.append(_reaches(name, samplers, "NSGA-II@2000", 100))
        if problem["n_networks"] < FEW_NETWORKS:
            for peer in ("linas-paper", "tpe", "tpe-multivariate"):
                found += _never_below(name, samplers, peer, (50, 100, 200))
        found += _never_below(name, samplers, "gp", (50, 100))
        if name in (*GROUPS["large"], *GROUPS["anonymous"]):
            found += _faster(name, samplers, "gp", 100)
    if "overhead" in results:
        found += _overhead(results["overhead"])
    return [asdict(verdict) for verdict in found]


def _reaches(name: str, samplers: Mapping[str, Any], target: str, within: int) -> Verdict:
    claim = f"{target} within {within} evaluations"
    reached = samplers[OURS]["evaluations_to"].get(target)
    if reached is None:
        return Verdict(claim, name, "the target was not measured", None)
    bound = "> " if reached["is_lower_bound"] else ""
    measured = f"{bound}{reached['mean']:.1f}" + _plus_minus(reached["standard_error"], ".1f")
    measured += f" ({reached['n_reached']} of {len(reached['by_seed'])} seeds)"
    holds: bool | None = bool(reached["mean"] <= within) and not reached["is_lower_bound"]
    if reached["is_lower_bound"] and samplers[OURS]["n_evaluations"] < within:
        holds = None
    return Verdict(claim, name, measured, holds)


def _never_below(
    name: str, samplers: Mapping[str, Any], peer: str, checkpoints: Sequence[int]
) -> Iterator[Verdict]:
    if peer not in samplers:
        return
    ours, theirs = samplers[OURS], samplers[peer]
    for at in checkpoints:
        claim = f"hypervolume at {at} not below {peer}'s"
        a, b = (figures["hypervolume"].get(str(at)) for figures in (ours, theirs))
        if a is None or b is None:
            yield Verdict(claim, name, f"no search of {at} evaluations", None)
            continue
        by_seed = {
            seed: x - y
            for seed, x in zip(ours["seeds"], a["by_seed"], strict=True)
            for other, y in zip(theirs["seeds"], b["by_seed"], strict=True)
            if seed == other
        }
        yield Verdict(
            claim,
            name,
            f"{a['mean']:.4f} against {b['mean']:.4f}",
            bool(a["mean"] >= b["mean"] - _NOT_BELOW),
            {
                **mean_and_error(list(by_seed.values())),
                "by_seed": {str(seed): round(d, 5) for seed, d in by_seed.items()},
            }
            if by_seed
            else None,
        )


def _faster(name: str, samplers: Mapping[str, Any], peer: str, times: int) -> Iterator[Verdict]:
    if peer not in samplers:
        return
    # Over the same number of trials: both get slower as a study grows.
    until = {n: samplers[n]["seconds_per_trial"]["until"] for n in (OURS, peer)}
    common = [int(n) for n in until[peer] if n in until[OURS]]
    claim = f"at most 1/{times} of {peer}'s time per trial"
    if not common:
        yield Verdict(claim, name, "no length in common", None)
        return
    ours, theirs = (until[n][str(max(common))] for n in (OURS, peer))
    yield Verdict(
        claim,
        name,
        f"{1000 * ours:.1f} ms against {1000 * theirs:.0f} ms: 1/{theirs / ours:.0f} "
        f"over {max(common)} trials",
        bool(ours * times <= theirs),
    )


def _overhead(overhead: Mapping[str, Any]) -> Iterator[Verdict]:
    if OURS not in overhead["samplers"]:
        return
    figures, problem = overhead["samplers"][OURS], overhead["problem"]
    until = figures["ms_per_trial"]
    for at, limit in ((250, 25.0), (1_000, 50.0)):
        claim = f"overhead at most {limit:g} ms a trial over {at:,} trials"
        if (found := until.get(str(at))) is None:
            yield Verdict(claim, problem, f"no search of {at:,} trials", None)
        else:
            measured = f"{found['mean']:.1f}" + _plus_minus(found["standard_error"], ".1f") + " ms"
            yield Verdict(claim, problem, measured, bool(found["mean"] <= limit))
    claim = "overhead grows less than 2.5 × from 250 to 1,000 trials"
    if "250" in until and "1000" in until:
        growth = until["1000"]["mean"] / until["250"]["mean"]
        yield Verdict(claim, problem, f"{growth:.2f} ×", bool(growth < 2.5))
    else:
        yield Verdict(claim, problem, "no search of 1,000 trials", None)


def _plus_minus(error: float | None, precision: str) -> str:
    return "" if error is None else f" ± {format(error, precision)}"
