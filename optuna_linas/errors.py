"""The package's own exceptions. Each is also the built-in exception a caller would expect."""

__all__ = [
    "CheckpointError",
    "DeviceNotFoundError",
    "EmptyDataError",
    "NoFreeSlotError",
    "SpaceMismatchError",
]


class SpaceMismatchError(ValueError):
    """A `SearchSpace` and the parameters of a study or a dict do not describe the same thing."""


class EmptyDataError(ValueError):
    """A data loader yielded no batch where at least one is needed."""


class DeviceNotFoundError(RuntimeError):
    """A measurement was asked for on a device that this machine does not have."""


class CheckpointError(RuntimeError):
    """The stored weights of a population's member are missing, truncated or damaged."""


class NoFreeSlotError(RuntimeError):
    """Every slot of a population's generation is taken, or its search is over."""
