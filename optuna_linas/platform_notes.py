"""A study remembers what it was measured on, and warns where it goes on elsewhere."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import optuna

from optuna_linas.hardware.platforms import describe_platform, differences

__all__ = ["MixedPlatformsWarning", "note_platform"]

_ATTRIBUTE = "platform"


class MixedPlatformsWarning(UserWarning):
    """Latencies of two kinds of hardware are about to be compared with each other."""


def note_platform(study: optuna.Study, platform: Mapping[str, str | int] | None = None) -> None:
    """Write this machine's description to the study, or compare it with the one that is there.

    Args:
        study: Any study; the description is its user attribute "platform".
        platform: The description; `describe_platform()` by default.

    Warns:
        MixedPlatformsWarning: The study was measured on another platform.

    Example:
        >>> study = optuna.create_study()
        >>> note_platform(study, {"cpu": "EPYC"})
        >>> study.user_attrs["platform"]
        {'cpu': 'EPYC'}
    """
    here = dict(describe_platform() if platform is None else platform)
    there = study.user_attrs.get(_ATTRIBUTE)
    if there is None:
        study.set_user_attr(_ATTRIBUTE, here)
    elif different := differences(here, there):
        warnings.warn(
            f"Study {study.study_name!r} was measured on another platform: "
            f"{'; '.join(different)}. Latencies of both do not compare: use another study, or "
            "measure on the first machine.",
            MixedPlatformsWarning,
            stacklevel=2,
        )
