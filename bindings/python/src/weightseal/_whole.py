"""One call for a whole container: load, verify, unseal."""

from __future__ import annotations

import os
from typing import Any

from ._hooks import Progress
from ._keys import Key
from ._model import open_model
from ._source import Source


def load_file(
    source: Source,
    *,
    key: Key,
    framework: str | None = None,
    device: Any = "cpu",
    threads: int = 0,
    wipe_on_free: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Loads all tensors of a container: `model.load_state_dict(load_file(path, key=key, framework="pt"))`.

    They are decrypted into one piece of aligned memory and not copied afterwards; each array or tensor is a view
    of it, bf16 and fp8 included, and it is released when the last one dies.

    Args:
        source, key, framework, device, threads, wipe_on_free: As in `weightseal.open`.
        progress: Called with bytes done and in all, from other threads, one at a time. Raise in it to cancel.

    Raises:
        Error, ImportError, ValueError: As `weightseal.open` and `Model.get_tensors`.
    """
    with open_model(source, framework, device, key=key, threads=threads, wipe_on_free=wipe_on_free) as model:
        return model.get_tensors(progress=progress)


def verify(source: Source, *, key: Key, threads: int = 0, progress: Progress | None = None) -> None:
    """Authenticates every byte of a container. Returns nothing, and raises Error with the first damage found.

    Args:
        source, key, threads: As in `weightseal.open`.
        progress: Called with bytes done and in all, from other threads, one at a time. Raise in it to cancel.
    """
    with open_model(source, key=key, threads=threads) as model:
        model.verify(progress=progress)


def unseal(
    source: Source,
    output: str | os.PathLike[str],
    *,
    key: Key,
    overwrite: bool = False,
    threads: int = 0,
    progress: Progress | None = None,
) -> None:
    """WARNING: writes plaintext weights to disk, byte for byte as they were sealed.

    Args:
        source, key, threads: As in `weightseal.open`.
        output: A file, or a folder if the container was sealed from one. It appears complete or not at all.
        overwrite: Replace `output` if it exists.
        progress: Called with bytes done and in all, from other threads, one at a time. Raise in it to cancel.

    Raises:
        Error: "file_exists", or as `weightseal.open` and `verify`.
    """
    with open_model(source, key=key, threads=threads) as model:
        model.unseal(output, overwrite=overwrite, progress=progress)
