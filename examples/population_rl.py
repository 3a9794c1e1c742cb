"""A population of actor-critics: encoder, actor and critics are searched while they learn.

Needs gymnasium (pip install 'optuna-linas[rl]'). Spaces as in the PBT-NAS paper: the encoder's,
actor's and critics' layers, their activations, spectral norms, and the size of the features between
them. The members of one machine share one replay buffer, a file: whatever one has seen, all can
learn from. (Therefore, unlike the other examples, a resumed run is not bit for bit the same.)

    python examples/population_rl.py                     # Pendulum from its state, minutes
    python examples/population_rl.py --pixels --population 12 --generations 20 --epochs 10
    python examples/population_rl.py --env HalfCheetah-v5 --steps 5000 ...   # any such task
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import optuna
import torch
from filelock import FileLock
from optuna.artifacts import FileSystemArtifactStore
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from rich.console import Console
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from optuna_linas import PBTMember, PBTNASSampler, best_member
from optuna_linas.checkpoints import load_checkpoint
from optuna_linas.visualization import plot_lineage, plot_option_shares, plot_population

ACTIVATIONS = {"relu": nn.ReLU, "elu": nn.ELU, "tanh": nn.Tanh}
HIDDEN, CHANNELS, DISCOUNT = 64, 16, 0.99
console = Console()


class PendulumPixels(gymnasium.ObservationWrapper):
    """Two frames of 24 x 24 pixels in which the pendulum is drawn, in place of its state."""

    def __init__(self, env: gymnasium.Env) -> None:
        super().__init__(env)
        self.observation_space = gymnasium.spaces.Box(0, 255, (2, 24, 24), np.uint8)
        self._before: np.ndarray | None = None

    def reset(self, **settings: Any) -> tuple[np.ndarray, dict]:
        self._before = None
        return super().reset(**settings)

    def observation(self, observation: np.ndarray) -> np.ndarray:
        frame = np.zeros((24, 24), np.uint8)
        along = np.linspace(0, 10, 30)
        rows = np.round(11.5 - observation[0] * along).astype(int)
        columns = np.round(11.5 + observation[1] * along).astype(int)
        frame[rows, columns] = 255
        before, self._before = self._before, frame
        return np.stack([frame if before is None else before, frame])


class Residual(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner(x)


def dense(op: str, is_spectral: bool = False) -> nn.Module:
    if op == "identity":
        return nn.Identity()
    linear = nn.Linear(HIDDEN, HIDDEN)
    linear = spectral_norm(linear) if is_spectral else linear
    return linear if op == "linear" else Residual(nn.Sequential(linear, nn.ReLU()))


def convolution(op: str) -> nn.Module:
    conv = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
    depthwise = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, groups=CHANNELS)
    return {
        "identity": nn.Identity(),
        "conv": conv,
        "residual": Residual(nn.Sequential(conv, nn.ReLU())),
        "separable": nn.Sequential(depthwise, nn.Conv2d(CHANNELS, CHANNELS, 1)),
    }[op]


class Encoder(nn.Module):
    """Observations to features, float[n, feature_size]."""

    def __init__(self, p: dict[str, Any], shape: tuple[int, ...]) -> None:
        super().__init__()
        self.is_image = len(shape) == 3
        ops = [p["encoder_op0"], p["encoder_op1"]]
        act = ACTIVATIONS[p["encoder_act"]]
        if self.is_image:
            self.stem: nn.Module = nn.Conv2d(shape[0], CHANNELS, 3, stride=2, padding=1)
            self.ops = nn.ModuleList(convolution(op) for op in ops)
            with torch.no_grad():
                n_flat = self.stem(torch.zeros(1, *shape)).numel()
        else:
            self.stem, n_flat = nn.Linear(int(np.prod(shape)), HIDDEN), HIDDEN
            self.ops = nn.ModuleList(dense(op) for op in ops)
        self.act = act()
        self.features = nn.Linear(n_flat, p["feature_size"])
        self.norm = nn.LayerNorm(p["feature_size"])

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.stem(x / 255 - 0.5 if self.is_image else x))
        for op in self.ops:
            x = self.act(op(x))
        return self.norm(self.features(x.flatten(1))).tanh()


class Head(nn.Module):
    """The actor, or a critic: two interchangeable layers between projections."""

    def __init__(self, p: dict[str, Any], name: str, n_in: int, n_out: int) -> None:
        super().__init__()
        is_spectral = p[f"{name}_spectral"] == "yes"
        self.first = nn.Linear(n_in, HIDDEN)
        self.ops = nn.ModuleList(dense(p[f"{name}_op{i}"], is_spectral) for i in range(2))
        self.act = ACTIVATIONS[p[f"{name}_act"]]()
        self.last = nn.Linear(HIDDEN, n_out)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.first(x))
        for op in self.ops:
            x = self.act(op(x))
        return self.last(x)


# The critics are a pair with one architecture; a spectral norm belongs to the layers it is on.
PARTS = {"encoder": ["encoder"], "actor": ["actor"], "critic": ["critic1", "critic2"]}
LAYERS = {f"{n}_op{i}": [f"{at}.ops.{i}" for at in PARTS[n]] for n in PARTS for i in range(2)}


def suggest(trial: optuna.Trial, is_image: bool) -> dict[str, Any]:
    ops = ["identity", "linear", "residual"]
    encoder = ["identity", "conv", "residual", "separable"] if is_image else ops
    p: dict[str, Any] = {
        f"encoder_op{i}": trial.suggest_categorical(f"encoder_op{i}", encoder) for i in range(2)
    }
    p["feature_size"] = trial.suggest_categorical("feature_size", [16, 32, 64])
    p["encoder_act"] = trial.suggest_categorical("encoder_act", list(ACTIVATIONS))
    for name in ("actor", "critic"):
        for i in range(2):
            p[f"{name}_op{i}"] = trial.suggest_categorical(f"{name}_op{i}", ops)
        p[f"{name}_act"] = trial.suggest_categorical(f"{name}_act", list(ACTIVATIONS))
        p[f"{name}_spectral"] = trial.suggest_categorical(f"{name}_spectral", ["no", "yes"])
    p["lr"] = trial.suggest_float("lr", 3e-4, 3e-3, log=True)
    return p


def build(p: dict[str, Any], shape: tuple[int, ...], n_actions: int) -> nn.ModuleDict:
    size = p["feature_size"]
    return nn.ModuleDict(
        {
            "encoder": Encoder(p, shape),
            "actor": Head(p, "actor", size, n_actions),
            "critic1": Head(p, "critic", size + n_actions, 1),
            "critic2": Head(p, "critic", size + n_actions, 1),
        }
    )


class ReplayBuffer:
    """What all members of this machine have seen, in files that its processes share."""

    def __init__(self, folder: Path, shape: tuple[int, ...], dtype: Any, n_actions: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock, self.capacity = FileLock(folder / "lock"), 100_000
        n = self.capacity
        parts = {
            "count": ((1,), np.int64),
            "seen": ((n, *shape), dtype),
            "action": ((n, n_actions), np.float32),
            "reward": ((n,), np.float32),
            "then": ((n, *shape), dtype),
            "ended": ((n,), np.float32),
        }
        self._arrays: dict[str, np.memmap] = {}
        with self._lock:
            for name, (size, kind) in parts.items():
                path = folder / f"{name}.dat"
                mode = "r+" if path.exists() else "w+"
                self._arrays[name] = np.memmap(path, kind, mode, shape=size)

    def add(self, **step: Any) -> None:
        with self._lock:
            at = int(self._arrays["count"][0]) % self.capacity
            for name, value in step.items():
                self._arrays[name][at] = value
            self._arrays["count"][0] += 1

    def sample(self, n: int, rng: np.random.Generator, device: torch.device) -> dict[str, Tensor]:
        rows = rng.integers(0, min(int(self._arrays["count"][0]), self.capacity), n)
        names = self._arrays.keys() - {"count"}
        found = {name: torch.tensor(self._arrays[name][rows]) for name in names}
        return {name: value.to(device, torch.float32) for name, value in found.items()}


@torch.no_grad()
def act(model: nn.ModuleDict, seen: np.ndarray, device: torch.device) -> np.ndarray:
    x = torch.tensor(seen, dtype=torch.float32, device=device)[None]
    return model["actor"](model["encoder"](x)).tanh()[0].cpu().numpy()


def update(
    model: nn.ModuleDict,
    targets: dict[str, nn.Module],
    optimizers: dict[str, torch.optim.Optimizer],
    batch: dict[str, Tensor],
    noise: torch.Generator,
) -> None:
    """One step of TD3: clipped double Q-learning with smoothed targets, then the actor."""
    with torch.no_grad():
        then = model["encoder"](batch["then"])
        smooth = 0.2 * torch.randn(batch["action"].shape, generator=noise).clamp(-2.5, 2.5)
        chosen = (model["actor"](then).tanh() + smooth.to(then.device)).clamp(-1, 1)
        value = torch.min(*(targets[c](torch.cat([then, chosen], 1)) for c in targets))[:, 0]
        goal = batch["reward"] + DISCOUNT * (1 - batch["ended"]) * value
    features = model["encoder"](batch["seen"])
    taken = torch.cat([features, batch["action"]], 1)
    loss = sum(functional.mse_loss(model[c](taken)[:, 0], goal) for c in targets)
    optimizers["critic"].zero_grad()
    loss.backward()
    optimizers["critic"].step()
    features = features.detach()
    wanted = torch.cat([features, model["actor"](features).tanh()], 1)
    optimizers["actor"].zero_grad()
    (-model["critic1"](wanted).mean()).backward()
    optimizers["actor"].step()
    with torch.no_grad():
        for name, target in targets.items():
            for old, new in zip(target.parameters(), model[name].parameters(), strict=True):
                old.lerp_(new, 0.01)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--env", default="Pendulum-v1", help="with continuous actions")
    add("--pixels", action="store_true", help="draw the pendulum instead of telling its state")
    add("--population", type=int, default=6)
    add("--generations", type=int, default=4)
    add("--epochs", type=int, default=1, help="of a generation, twice that in the first half")
    add("--steps", type=int, default=600, help="steps in the environment of an epoch")
    add("--episodes", type=int, default=3, help="that a score is averaged over")
    add("--variation", default="mix", help="see PBTNASSampler")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    add("--seed", type=int, default=0)
    add("--out", type=Path, default=Path("population-rl"))
    args = parser.parse_args()
    (args.out / "checkpoints").mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if args.device == "cpu":
        torch.set_num_threads(1)
    device, started = torch.device(args.device), time.monotonic()

    def make() -> gymnasium.Env:
        low, high = np.float32(-1), np.float32(1)
        env = gymnasium.wrappers.RescaleAction(gymnasium.make(args.env), low, high)
        return PendulumPixels(env) if args.pixels else env

    env = make()
    shape, n_actions = env.observation_space.shape, env.action_space.shape[0]
    dtype = env.observation_space.dtype
    replay = ReplayBuffer(args.out / "replay", shape, dtype, n_actions)
    store = FileSystemArtifactStore(args.out / "checkpoints")
    study = optuna.create_study(
        study_name=f"{args.env}-{args.variation}",
        storage=JournalStorage(JournalFileBackend(str(args.out / "journal.log"))),
        load_if_exists=True,
        direction="maximize",
        sampler=PBTNASSampler(
            args.population,
            args.generations,
            lambda generation: args.epochs * (2 if 2 * generation < args.generations else 1),
            hyperparameters=["lr"],
            variation=args.variation,
            seed=args.seed,
        ),
    )

    def evaluate(model: nn.ModuleDict, n_episodes: int) -> float:
        total = 0.0
        for episode in range(n_episodes):
            (seen, _), is_over = env.reset(seed=episode), False
            while not is_over:
                seen, reward, ended, cut, _ = env.step(act(model, seen, device))
                total, is_over = total + float(reward), ended or cut
        return total / n_episodes

    def objective(trial: optuna.Trial) -> float:
        # The size of the features decides shapes in all parts: what does not fit is cropped.
        member = PBTMember(trial, store, LAYERS, mismatch="crop")
        p = suggest(trial, len(shape) == 3)
        with member.seeded():
            model = build(p, shape, n_actions).to(device)
            copies = build(p, shape, n_actions).to(device)
        targets = {name: copies[name] for name in ("critic1", "critic2")}
        critic = [p for name in ("encoder", *targets) for p in model[name].parameters()]
        optimizers = {
            "critic": torch.optim.Adam(critic, lr=p["lr"]),
            "actor": torch.optim.Adam(model["actor"].parameters(), lr=p["lr"]),
        }
        extra = member.restore(model, optimizers)
        for name, target in targets.items():
            target.load_state_dict(extra.get(name, model[name].state_dict()))
        rng, noise = np.random.default_rng(member.seed), torch.Generator().manual_seed(member.seed)
        seen, _ = env.reset(seed=member.seed)
        for step in range(member.n_epochs * args.steps):
            is_warm = member.is_new and step < 300
            action = rng.uniform(-1, 1, n_actions)
            if not is_warm:
                action = (act(model, seen, device) + rng.normal(0, 0.3, n_actions)).clip(-1, 1)
            action = action.astype(np.float32)
            then, reward, ended, cut, _ = env.step(action)
            reward = 0.1 * float(reward)
            replay.add(seen=seen, action=action, reward=reward, then=then, ended=float(ended))
            seen = env.reset()[0] if ended or cut else then
            if not is_warm:
                update(model, targets, optimizers, replay.sample(128, rng, device), noise)
        score = evaluate(model, args.episodes)
        member.save(model, optimizers, extra=targets)
        return score

    def report(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        if trial.user_attrs.get("pbt_slot") == args.population - 1:
            console.print(f"best return so far: {best_member(study).trial.value:.1f}")

    study.optimize(objective, callbacks=[report])
    winner = best_member(study)
    model = build(winner.params, shape, n_actions)
    model.load_state_dict(load_checkpoint(store, winner.trial).model)
    final = evaluate(model.to(device), 10 * args.episodes)
    console.print(f"Winner: trial {winner.number}, {winner.params}")
    console.print(f"Mean return of {10 * args.episodes} episodes: {final:.1f}")
    for plot in (plot_lineage, plot_population, plot_option_shares):
        plot(study).write_html(args.out / f"{plot.__name__}.html")
    console.print(f"Pictures in {args.out}. Took {time.monotonic() - started:.0f} s.")


if __name__ == "__main__":
    main()
