"""Files of networks on a study's page: a picture, and the network in ONNX.

Optuna attaches files only to running trials; a finished one's are listed where the dashboard keeps
those that are uploaded in the browser. The bytes are in the store before the file is listed.
"""

from __future__ import annotations

import io
import json
import mimetypes
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from optuna.artifacts._protocol import ArtifactStore
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial

from optuna_linas.dashboard.architecture import groups_of
from optuna_linas.dashboard.pages import Page
from optuna_linas.dashboard.picture import architecture_svg
from optuna_linas.dashboard.selection import evenly

__all__ = ["put_files"]

_NAMESPACE = uuid.UUID("3c0b41a4-1f4e-5b93-9c4d-0a3f5f0f8f11")


def put_files(
    page: Page,
    study: Study,
    front: Sequence[FrozenTrial],
    store: ArtifactStore,
    supernet: Any,
    *,
    n_networks: int,
) -> None:
    """Attach files to the trials of some networks, where they have none yet.

    Args:
        page: The study's page.
        study: The study.
        front: The trials of its front, in order.
        store: Where the bytes go.
        supernet: Has `extract` and `example_input`; `None` for no ONNX.
        n_networks: How many trials, evenly chosen.

    Raises:
        ImportError: The ONNX export is not installed; the pictures are there.
    """
    chosen = [front[i] for i in evenly(len(front), n_networks)]
    makers: list[tuple[str, Callable[[FrozenTrial], bytes]]] = [
        ("svg", lambda trial: _picture(study, trial))
    ]
    if supernet is not None:
        makers.append(("onnx", lambda trial: _onnx(supernet, trial)))
    for suffix, make in makers:
        for trial in chosen:
            _put_file(page, study, trial, store, f"trial-{trial.number}.{suffix}", make)


def _put_file(
    page: Page,
    study: Study,
    trial: FrozenTrial,
    store: ArtifactStore,
    filename: str,
    make: Callable[[FrozenTrial], bytes],
) -> None:
    # The same id whoever makes the file, so that two workers do not list it twice.
    identity = f"{study.study_name} {trial.number} {trial.datetime_start} {filename}"
    artifact_id = str(uuid.uuid5(_NAMESPACE, identity))
    key = page.file_key(trial, artifact_id)
    if key in page.attrs:  # Also one that a user has deleted in the dashboard.
        return
    store.write(artifact_id, io.BytesIO(make(trial)))
    mimetype, encoding = mimetypes.guess_type(filename)
    listed = {
        "artifact_id": artifact_id,
        "filename": filename,
        "mimetype": mimetype or "application/octet-stream",
        "encoding": encoding,
    }
    page.put(key, json.dumps(listed))


def _picture(study: Study, trial: FrozenTrial) -> bytes:
    options = dict(_options(study))
    return architecture_svg(
        trial.params, options, title=f"{study.study_name}, trial {trial.number}"
    ).encode()


def _options(study: Study) -> Iterator[tuple[str, Sequence[Any]]]:
    """Each parameter's options, or for numbers the values that were tried."""
    seen: dict[str, BaseDistribution] = {}
    values: dict[str, set[Any]] = {}
    for trial in study.get_trials(deepcopy=False):
        seen.update(trial.distributions)
        for name, value in trial.params.items():
            values.setdefault(name, set()).add(value)
    for group in groups_of(seen):
        for name in group.names:
            distribution = seen[name]
            if isinstance(distribution, CategoricalDistribution):
                choices = distribution.choices
                is_ordered = all(isinstance(c, int | float) for c in choices)
                yield name, sorted(choices) if is_ordered else choices
            else:
                yield name, sorted(values[name])


def _onnx(supernet: Any, trial: FrozenTrial) -> bytes:
    # Only here: whoever gives no super-network never needs torch.
    from optuna_linas.hardware.onnx_network import export_onnx

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        network = supernet.extract(_params_of(supernet, trial.params))
        export_onnx(network, supernet.example_input(2), path)
        return path.read_bytes()


def _params_of(supernet: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name in supernet.space}
