"""The distribution over architectures: normalised, masked, and sampled as it says."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor

from optuna_linas.nag.generator import ArchitectureGenerator
from optuna_linas.nag.policy import train_generator
from optuna_linas.nag.progress import part_of, silent
from optuna_linas.nag.settings import Settings
from optuna_linas.nag.steps import Steps
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Variable

BUDGETS = torch.tensor([0.0, 1.0])


def generator_of(space: SearchSpace, seed: int = 0) -> ArchitectureGenerator:
    made = ArchitectureGenerator(
        Steps(space),
        BUDGETS,
        embedding_size=8,
        hidden_size=8,
        rng=torch.Generator().manual_seed(seed),
    )
    with torch.no_grad():  # far from uniform
        for parameter in made.parameters():
            parameter *= 10
    return made


def all_sequences(space: SearchSpace) -> Tensor:
    steps = Steps(space)
    rows = np.array(list(product(*(range(n) for n in space.n_options))))
    return torch.tensor(steps.bins_of(np.unique(space.canonical(rows), axis=0)))


@pytest.mark.parametrize("budget", [-1.0, 0.0, 0.3, 1.0])
def test_the_probabilities_of_all_networks_sum_to_one(
    conditional: SearchSpace, budget: float
) -> None:
    sequences = all_sequences(conditional)
    assert len(sequences) == conditional.size(effective=True)
    with torch.no_grad():
        log_p, _ = generator_of(conditional).log_probability(
            sequences, torch.full((len(sequences),), budget)
        )
    assert float(log_p.exp().sum()) == pytest.approx(1.0, abs=1e-5)


def test_draws_have_the_frequencies_that_the_probabilities_say(conditional: SearchSpace) -> None:
    generator, sequences = generator_of(conditional), all_sequences(conditional)
    budgets = torch.full((len(sequences),), 0.4)
    expected = generator.log_probability(sequences, budgets)[0].exp().detach()
    drawn = generator.sample(torch.full((20_000,), 0.4), torch.Generator().manual_seed(1))
    same = (drawn[:, None] == sequences[None]).all(dim=2)
    assert same.any(dim=1).all()  # nothing but networks of the space
    assert torch.allclose(same.float().mean(dim=0), expected, atol=0.015)


def test_the_entropy_of_steps_adds_up_to_that_of_the_networks(conditional: SearchSpace) -> None:
    generator, sequences = generator_of(conditional), all_sequences(conditional)
    with torch.no_grad():
        log_p, of_steps = generator.log_probability(sequences, torch.full((len(sequences),), 0.7))
    # E[sum of conditional entropies] is the entropy of the whole: the chain rule.
    whole = -(log_p.exp() * log_p).sum()
    assert float((log_p.exp() * of_steps).sum()) == pytest.approx(float(whole), abs=1e-4)


def test_steps_without_a_choice_get_no_gradient(conditional: SearchSpace) -> None:
    generator = generator_of(conditional)
    shallow = torch.tensor(Steps(conditional).bins_of(np.array([[0, 0, 0, 1]])))
    log_p, entropy = generator.log_probability(shallow, torch.tensor([0.5]))
    (log_p + entropy).sum().backward()  # type: ignore[no-untyped-call]
    touched = generator.head_bias.grad.abs().sum(dim=1) > 0  # type: ignore[union-attr]
    # In the order of the steps: depth and norm choose, the two kernels do not exist.
    order = [conditional.names[j] for j in conditional.parents_first]
    assert dict(zip(order, touched.tolist(), strict=True)) == {
        "depth": True,
        "norm": True,
        "kernel_1": False,
        "kernel_2": False,
    }


def test_the_policy_gradient_finds_what_each_budget_rewards() -> None:
    space = SearchSpace.from_choices({f"x{i}": [0, 1, 2] for i in range(4)})
    generator = ArchitectureGenerator(
        Steps(space), BUDGETS, embedding_size=8, hidden_size=16, rng=torch.Generator()
    )

    def reward(bins: Tensor) -> Tensor:
        total = bins.float().sum(dim=2)  # many at the high budget, few at the low one
        return torch.stack([-total[0], total[1]])

    done: list[float] = []
    train_generator(
        generator,
        reward,
        Settings(n_steps=60, n_samples=32, learning_rate=3e-2, entropy=0.0),
        examples=None,
        rng=torch.Generator().manual_seed(0),
        report=done.append,
    )
    assert done[-1] == 1.0
    drawn = generator.sample(BUDGETS.repeat_interleave(50), torch.Generator().manual_seed(1))
    low, high = drawn.sum(dim=1).float().reshape(2, 50).mean(dim=1).tolist()
    assert low < 0.5
    assert high > 7.5


def test_examples_are_imitated() -> None:
    space = SearchSpace.from_choices({f"x{i}": [0, 1, 2, 3] for i in range(5)})
    generator = ArchitectureGenerator(
        Steps(space), BUDGETS, embedding_size=8, hidden_size=16, rng=torch.Generator()
    )
    wanted = torch.tensor([[0, 3, 1, 2, 0], [3, 0, 2, 1, 1]])
    train_generator(
        generator,
        lambda bins: torch.zeros(bins.shape[:2]),
        Settings(n_steps=80, n_samples=1, learning_rate=3e-2, entropy=0.0),
        examples=lambda: (wanted, BUDGETS),
        rng=torch.Generator().manual_seed(0),
        report=silent,
    )
    with torch.no_grad():
        assert float(generator.log_probability(wanted, BUDGETS)[0].min()) > -0.5


def test_a_long_grid_is_binned_and_bins_are_drawn_from() -> None:
    space = SearchSpace(
        [
            Variable.floating("lr", 1e-4, 1e-1, log=True),
            Variable.integer("width", 1, 40),
            Variable.categorical("op", [f"o{i}" for i in range(20)]),
        ]
    )
    steps = Steps(space, max_bins=16)
    assert steps.n_bins.tolist() == [16, 16, 20]
    rng = np.random.default_rng(0)
    archs = space.sample(300, rng)
    bins = steps.bins_of(archs)
    again = steps.archs_of(bins, rng)
    assert np.array_equal(steps.bins_of(again), bins)
    assert np.array_equal(again[:, 2], archs[:, 2])
    assert len(np.unique(again[:, 0])) > 100
    # Every grid point can be reached.
    reached = {int(steps.archs_of(np.array([[0, b, 0]]), rng)[0, 1]) for b in range(16)}
    assert {0, 39} <= {int(v) for _ in range(60) for v in steps.archs_of(bins, rng)[:, 1]}
    assert len(reached) == 16


def test_parts_of_the_work_report_their_share_of_the_whole() -> None:
    done: list[float] = []
    report = part_of(done.append, 0.2, 0.6)
    report(0.0)
    report(1.0)
    assert done == pytest.approx([0.2, 0.6])
