"""PBT-NAS: a population trains, losers become mixes of two winners, weights included.

Chebykin, Dushatskiy, Alderliesten and Bosman, "Shrink-Perturb Improves Architecture Mixing during
Population Based Training for Neural Architecture Search", ECAI 2023 (algorithms 1 and 2). On top of
Jaderberg et al., "Population Based Training of Neural Networks", 2017.

Notation: a population of `n` slots; a *generation* trains every slot for one step. `order` is
`int[k]`, the slots that have a score, best first. A *variable* is an architecture choice; the
modules it stands for are its *layers*.

The algorithm on arrays is in `selection`, `breeding`, `initial` and `exploration`; what is done to
weights in `weights`, `optimizer_state`, `checkpoint` and `soup`, which need torch. Nothing here
knows Optuna.

Departures from the paper:

- layers are found by exact module path, optimiser moments by parameter name and reset for donated
  layers (the authors' code: by substring, and by position);
- every child draws its parents and its noise from its own seed;
- slots without a score rank last and are always replaced, however many they are;
- parents may be chosen by Pareto rank, training hyper-parameters perturbed as in PBT, and layers of
  another shape cropped or padded.
"""
