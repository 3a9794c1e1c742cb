"""`optuna-linas measure`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from optuna_linas.cli.failures import WrongUse
from optuna_linas.cli.networks import SUPERNETS, make_supernet, parse_options, size_option
from optuna_linas.cli.output import Bar, as_json_option, print_json

__all__ = ["measure"]


@click.command(
    epilog=f"""
\b
Examples:
  optuna-linas measure ofa-mobilenet-v3 --out note10.json --threads 4
  optuna-linas measure elastic-cnn --size n_classes=10 --networks 50 --check 10
  optuna-linas measure my_network.py:supernet --device cuda --batch 32
In Python: LatencyTable.load("note10.json") is the latency= of a SupernetObjective.

\b
Built-in super-networks: {", ".join(list(SUPERNETS)[:3])},
  {", ".join(list(SUPERNETS)[3:])}
"""
)
@click.argument("supernet", metavar="NAME|FILE.py:NAME")
@size_option
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The table, as JSON; what it has already is not measured again. "
    "[default: NAME.latency.json]",
)
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, mps.")
@click.option(
    "--batch", "batch_size", type=click.IntRange(1), metavar="N", default=1, show_default=True
)
@click.option(
    "--threads", "n_threads", type=click.IntRange(1), metavar="N", default=1, show_default=True
)
@click.option(
    "--networks",
    "n_networks",
    type=click.IntRange(0),
    metavar="N",
    default=50,
    show_default=True,
    help="Random sub-networks whose blocks are measured, beside the largest and the smallest.",
)
@click.option(
    "--check",
    "n_checked",
    type=click.IntRange(0),
    metavar="N",
    default=5,
    show_default=True,
    help="Other sub-networks that are measured whole, to say how far the sums are off.",
)
@click.option("--seed", type=click.IntRange(0), metavar="N", default=0, show_default=True)
@as_json_option
def measure(
    supernet: str,
    sizes: tuple[str, ...],
    out: Path | None,
    device: str,
    batch_size: int,
    n_threads: int,
    n_networks: int,
    n_checked: int,
    seed: int,
    as_json: bool,
) -> None:
    """Make a latency table of a super-network on this machine.

    Each block is measured once; the latency of any sub-network is the sum of its blocks. A search
    with the table needs no quiet machine, and not even this one.
    """
    import numpy as np

    from optuna_linas.errors import DeviceNotFoundError
    from optuna_linas.hardware import LatencyMeter, LatencyTable
    from optuna_linas.supernets import largest_arch, smallest_arch

    network = make_supernet(supernet, parse_options(sizes))
    try:
        meter = LatencyMeter(batch_size=batch_size, n_threads=n_threads, device=device)
    except (DeviceNotFoundError, ValueError) as error:
        raise WrongUse(str(error)) from None
    path = out or Path(f"{supernet.rpartition(':')[2]}.latency.json")
    table = _open(path, meter, LatencyTable)
    n_before = len(table)
    space = network.space
    rng = np.random.default_rng(seed)
    archs = [largest_arch(space), smallest_arch(space), *space.sample(n_networks, rng)]
    example = network.example_input(batch_size)
    path.parent.mkdir(parents=True, exist_ok=True)
    with Bar("networks", len(archs)) as bar:
        for arch in archs:
            table(network.extract(arch), example)
            table.save(path)  # Ctrl-C keeps what is measured.
            bar.advance(f"{len(table)} blocks")
    off = _error(network, table, meter, space.sample(n_checked, rng), example)
    result = {
        "file": str(path),
        "n_blocks": len(table),
        "n_new_blocks": len(table) - n_before,
        "largest_ms": table(network.extract(archs[0]), example).latency_ms,
        "smallest_ms": table(network.extract(archs[1]), example).latency_ms,
        "check": off,
    }
    table.save(path)
    if as_json:
        print_json(result)
        return
    click.echo(f"{path}: {result['n_blocks']} blocks, {result['n_new_blocks']} of them new")
    click.echo(f"From {result['smallest_ms']:.4g} to {result['largest_ms']:.4g} ms.")
    if off is not None:
        click.echo(
            f"Against {off['n']} whole networks: {off['mean_absolute_percentage']:.1f} % off "
            f"(bias {off['bias_percentage']:+.1f} %), Kendall's tau {off['kendall_tau']:.2f}."
        )


def _open(path: Path, meter: Any, latency_table: Any) -> Any:
    if not path.is_file():
        return latency_table(meter)
    try:
        return latency_table.load(path, meter)
    except ValueError as error:
        raise WrongUse(f"{error} Name another --out.") from None


def _error(network: Any, table: Any, meter: Any, archs: Any, example: Any) -> Any:
    """How far the sums are off; `None` for fewer than two networks, which have no order."""
    from dataclasses import asdict

    if len(archs) < 2:
        return None
    networks = [network.extract(arch) for arch in archs]
    measured = []
    with Bar("check", len(networks)) as bar:
        for each in networks:
            measured.append(meter(each, example).latency_ms)
            bar.advance()
    return asdict(table.error(networks, example, measured))
