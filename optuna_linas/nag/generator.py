"""The generator: from a budget to architectures, one choice after the other.

Guo et al., "Pareto-Frontier-aware Neural Architecture Generation for Diverse Budgets", 2021,
section 3: an LSTM whose first input is a learned embedding of the budget (64 dimensions), and whose
later inputs are embeddings of what it has chosen so far.

Departures from the paper: the steps are any space's variables, parents first; a variable that does
not exist under the choices so far takes no choice, has an embedding of its own, and enters neither
the log-probability nor the entropy (in the authors' code it does).

Shapes: `k` training budgets, `b` sequences, `d` steps, `o` the most bins of a step.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from optuna_linas.nag.budgets import interpolation_weights
from optuna_linas.nag.steps import Steps

__all__ = ["ArchitectureGenerator"]

_INITIAL_RANGE = 0.1


class ArchitectureGenerator(nn.Module):
    """A distribution over architectures for every budget.

    Args:
        steps: The choices to make.
        budgets: The training budgets, increasing, `float[k]`.
        embedding_size: Dimensions of the embeddings of budgets and choices.
        hidden_size: Dimensions of the LSTM.
        rng: Where the initial weights come from, uniformly in [-.1, .1] as in the authors' code.
    """

    budgets: Tensor
    _n_bins: Tensor
    _offsets: Tensor

    def __init__(
        self,
        steps: Steps,
        budgets: Tensor,
        *,
        embedding_size: int,
        hidden_size: int,
        rng: torch.Generator,
    ) -> None:
        super().__init__()
        d, most = len(steps), int(steps.n_bins.max(initial=1))
        # For each step, the buffers that say which bins of which earlier steps it needs.
        self._requirements: list[list[tuple[int, int]]] = []
        n_buffers = 0
        for needed in steps.requirements:
            self._requirements.append([])
            for requirement in needed:
                # Index -1, a parent without a choice, is never allowed.
                allowed = torch.tensor((*requirement.allowed, False))
                self.register_buffer(f"_allowed_{n_buffers}", allowed, persistent=False)
                self._requirements[-1].append((n_buffers, requirement.step))
                n_buffers += 1
        self._sizes = steps.n_bins.tolist()
        # Choice `bin` of step t has row `offsets[t] + bin`; the row before it means "no choice".
        n_bins = torch.tensor(steps.n_bins)
        self.register_buffer("budgets", budgets.to(torch.float32))
        self.register_buffer("_n_bins", n_bins, persistent=False)
        self.register_buffer("_offsets", torch.cumsum(n_bins + 1, 0) - n_bins, persistent=False)
        self.budget_embedding = nn.Parameter(torch.empty(len(budgets), embedding_size))
        self.choice_embedding = nn.Parameter(torch.empty(int((n_bins + 1).sum()), embedding_size))
        # Without torch's own initial weights, which its global generator would be asked for.
        self.lstm = nn.LSTM(embedding_size, hidden_size, batch_first=True, device="meta").to_empty(
            device="cpu"
        )
        self.head_weight = nn.Parameter(torch.empty(d, hidden_size, most))
        self.head_bias = nn.Parameter(torch.empty(d, most))
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.uniform_(-_INITIAL_RANGE, _INITIAL_RANGE, generator=rng)

    @torch.no_grad()
    def sample(self, budgets: Tensor, rng: torch.Generator) -> Tensor:
        """Draw one architecture for each budget; steps without a choice are -1, `int[b, d]`.

        Args:
            budgets: `float[b]`; between two training budgets their embeddings are interpolated
                (eq. 2), outside of them the nearest end counts.
            rng: The source of randomness.
        """
        d, recurrent = len(self._requirements), self.lstm.get_parameter("weight_hh_l0").T
        table = self._gates_of(self.choice_embedding)
        bins = torch.full((len(budgets), d), -1, dtype=torch.int64, device=self.budgets.device)
        chances = torch.rand(d, len(budgets), 1, generator=rng, device=self.budgets.device)
        cell = torch.zeros(len(budgets), self.lstm.hidden_size, device=self.budgets.device)
        gates = self._gates_of(self._embed(budgets))
        for t in range(d):
            enter, keep, new, show = gates.chunk(4, dim=1)
            cell = keep.sigmoid() * cell + enter.sigmoid() * new.tanh()
            hidden = show.sigmoid() * cell.tanh()
            last = int(self._sizes[t]) - 1
            logits = torch.addmm(self.head_bias[t], hidden, self.head_weight[t])[:, : last + 1]
            # Inverse transform sampling: the bin is the first whose cumulative share is larger.
            cumulative = logits.softmax(dim=1).cumsum(dim=1)
            drawn = (cumulative < chances[t]).sum(dim=1).clamp(max=last)
            exists = self._exists(bins, t)
            bins[:, t] = drawn if exists is None else torch.where(exists, drawn, -1)
            gates = torch.addmm(table[self._offsets[t] + bins[:, t]], hidden, recurrent)
        return bins

    def log_probability(self, bins: Tensor, budgets: Tensor) -> tuple[Tensor, Tensor]:
        """Return log-probability and entropy of sequences under budgets, `float[b]` each.

        The entropy is the sum of the steps' entropies given the choices before them. All steps go
        through the LSTM in one call, which is why sampling and differentiating are two passes.

        Args:
            bins: As `sample` returns them, `int[b, d]`.
            budgets: `float[b]`.
        """
        tokens = self.choice_embedding[self._offsets[:-1] + bins[:, :-1]]
        first = self._embed(budgets)[:, None]
        hidden, _ = self.lstm(torch.cat([first, tokens], dim=1))
        logits = torch.einsum("bth,tho->bto", hidden, self.head_weight) + self.head_bias
        possible = torch.arange(logits.shape[2], device=logits.device) < self._n_bins[:, None]
        log_p = logits.masked_fill(~possible, -torch.inf).log_softmax(dim=2)
        taken = log_p.gather(2, bins.clamp(min=0)[:, :, None])[:, :, 0]
        # 0 · log 0 is 0 here, and its gradient too.
        entropy = -(log_p.exp() * log_p.masked_fill(~possible, 0.0)).sum(dim=2)
        has_choice = bins >= 0
        zero = torch.zeros((), device=logits.device)
        return (
            torch.where(has_choice, taken, zero).sum(dim=1),
            torch.where(has_choice, entropy, zero).sum(dim=1),
        )

    def _embed(self, budgets: Tensor) -> Tensor:
        return interpolation_weights(budgets, self.budgets) @ self.budget_embedding

    def _gates_of(self, inputs: Tensor) -> Tensor:
        """What inputs add to the LSTM's gates, for all choices at once.

        Calling the LSTM for each step would take several times as long.
        """
        weight = self.lstm.get_parameter("weight_ih_l0")
        bias = self.lstm.get_parameter("bias_ih_l0") + self.lstm.get_parameter("bias_hh_l0")
        return torch.addmm(bias, inputs, weight.T)

    def _exists(self, bins: Tensor, t: int) -> Tensor | None:
        """Whether step t has a choice after the steps before it, `bool[b]`; `None` for always."""
        exists = None
        for at, requirement in self._requirements[t]:
            allowed = getattr(self, f"_allowed_{at}")[bins[:, requirement]]
            exists = allowed if exists is None else exists & allowed
        return exists
