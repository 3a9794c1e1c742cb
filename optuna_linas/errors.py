"""The package's own exceptions. Each is also the built-in exception a caller would expect."""

__all__ = ["DeviceNotFoundError", "EmptyDataError", "SpaceMismatchError"]


class SpaceMismatchError(ValueError):
    """A `SearchSpace` and the parameters of a study or a dict do not describe the same thing."""


class EmptyDataError(ValueError):
    """A data loader yielded no batch where at least one is needed."""


class DeviceNotFoundError(RuntimeError):
    """A measurement was asked for on a device that this machine does not have."""
