"""Write the API reference: `python docs/api.py build/docs`, or `make docs`.

The public modules are the package, its subpackages, and what users raise, catch and describe spaces
with. A link or an annotation that leads nowhere is a warning; under `python -W error` it ends the
build.
"""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType

import pdoc

import optuna_linas

__all__ = ["main", "public_modules"]


def public_modules() -> list[str]:
    """Return the names of the public modules.

    The package, its subpackages, `errors`, and the modules of a subpackage that gathers no names of
    its own. The command line explains itself by `--help`.
    """
    modules = list(walk_packages(optuna_linas.__path__, "optuna_linas."))
    packages = sorted(
        module.name for module in modules if module.ispkg and module.name != "optuna_linas.cli"
    )
    without_names = [name for name in packages if not hasattr(_module(name), "__all__")]
    parts = [module.name for module in modules if module.name.rpartition(".")[0] in without_names]
    return ["optuna_linas", *packages, *parts, "optuna_linas.errors"]


def main(folder: Path) -> None:
    """Write the reference into `folder`, which is made if it is not there."""
    # What the package imports when it is first asked for; pdoc reads its dictionary.
    for name in optuna_linas.__all__:
        setattr(optuna_linas, name, getattr(optuna_linas, name))
    names = public_modules()
    pdoc.render.configure(docformat="google")
    # pdoc adds what is below a package, even a module that has the name of a function in it.
    roots = [name for name in names if name.rpartition(".")[0] not in names[1:]]
    hidden = [
        f"!{name}.{public}"
        for name in roots
        for public in getattr(_module(name), "__all__", ())
        if hasattr(_module(name), "__path__") and find_spec(f"{name}.{public}")
    ]
    pdoc.pdoc(*roots, *hidden, output_directory=folder)


def _module(name: str) -> ModuleType:
    return importlib.import_module(name)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/docs"))
