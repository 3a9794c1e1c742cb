"""Super-networks by name, with their sizes and their weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from optuna_linas.cli.failures import WrongUse
from optuna_linas.cli.sources import is_source, load_source

__all__ = ["SUPERNETS", "make_supernet", "parse_options", "read_weights", "size_option"]

SUPERNETS = {
    "elastic-cnn": "ElasticCNN",
    "elastic-audio-cnn": "ElasticAudioCNN",
    "elastic-ncf": "ElasticNCF",
    "hat-transformer": "HATTransformer",
    "ofa-mobilenet-v3": "OFAMobileNetV3",
    "ofa-resnet50": "OFAResNet50",
}
"""From the name on the command line to the class in `optuna_linas.supernets`."""

_Command = TypeVar("_Command", bound=Callable[..., Any])


def size_option(command: _Command) -> _Command:
    """Add the option that gives a super-network's sizes."""
    return click.option(
        "--size",
        "sizes",
        multiple=True,
        metavar="NAME=VALUE",
        help="An argument of the super-network, such as n_classes=10 or kernels=[3,5]; repeat it.",
    )(command)


def parse_options(texts: Sequence[str]) -> dict[str, Any]:
    """Return NAME=VALUE pairs as a dict; values are JSON where they can be.

    Raises:
        WrongUse: One has no equals sign.

    Example:
        >>> parse_options(["n_classes=10", "kernels=[3,5]"])
        {'n_classes': 10, 'kernels': [3, 5]}
    """
    options = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise WrongUse(f"Expected NAME=VALUE, such as --size n_classes=10; got {text!r}.")
        try:
            options[name] = json.loads(value)
        except json.JSONDecodeError:
            options[name] = value
    return options


def make_supernet(name: str, sizes: Mapping[str, Any]) -> Any:
    """Return a super-network, its weights drawn with torch's default seed.

    Args:
        name: One of `SUPERNETS`, or FILE.py:NAME of a super-network or of what makes one.
        sizes: Its arguments.

    Raises:
        WrongUse: An unknown name, or sizes that it does not take.
    """
    if is_source(name):
        found = load_source(name)
        make = found if callable(found) and not hasattr(found, "space") else None
        if isinstance(found, type):
            make = found
        if make is None:
            if sizes:
                raise WrongUse(f"{name} is a super-network already; it takes no --size.")
            return found
    elif name in SUPERNETS:
        from optuna_linas import supernets

        make = getattr(supernets, SUPERNETS[name])
    else:
        raise WrongUse(
            f"Unknown super-network {name!r}. Choose one of {', '.join(SUPERNETS)}, or name your "
            "own as FILE.py:NAME."
        )
    try:
        return make(**sizes)
    except (TypeError, ValueError) as error:
        raise WrongUse(
            f"{name} cannot be made with {dict(sizes) or 'no --size'}: {error}"
        ) from None


def read_weights(supernet: Any, path: Path) -> None:
    """Load weights that a search, `save_weights` or a training has written.

    Raises:
        WrongUse: There is no such file, or it is of another super-network.
    """
    from optuna_linas.errors import SpaceMismatchError
    from optuna_linas.supernets import load_weights

    try:
        load_weights(supernet, path)
    except (FileNotFoundError, SpaceMismatchError, ValueError) as error:
        raise WrongUse(f"{path} has no weights for this super-network: {error}") from None
