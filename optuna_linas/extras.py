"""Optional dependencies: what to install when one is missing."""

from __future__ import annotations

from importlib.util import find_spec

__all__ = ["require_extra"]


def require_extra(module: str, extra: str) -> None:
    """Check that an optional dependency is there.

    Args:
        module: What is imported.
        extra: The extra of this package that installs it.

    Raises:
        ImportError: It is not installed; the message is the command that installs it.

    Example:
        >>> require_extra("no_such_module", "export")
        Traceback (most recent call last):
        ...
        ImportError: no_such_module is not installed: pip install 'optuna-linas[export]'
    """
    if find_spec(module) is None:
        raise ImportError(f"{module} is not installed: pip install 'optuna-linas[{extra}]'")
