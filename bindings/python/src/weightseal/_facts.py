"""What a container tells without a key."""

from __future__ import annotations

import ctypes
import os
from typing import NamedTuple

from . import _ffi

_SUITES = {number: name for name, number in _ffi.SUITES.items()}


class Facts(NamedTuple):
    """Public facts of a container. Sizes are in bytes. None of them is authenticated unless a key opened the file."""

    suite: str  #: "aes-256-gcm" or "chacha20-poly1305"
    signed: bool
    chunk_size: int
    file_size: int
    body_size: int
    index_size: int
    slot_count: int  #: of the newest intact slot block
    generation: int  #: of the newest intact slot block
    slot_block_a_intact: bool
    slot_block_b_intact: bool


def facts_from(raw: _ffi.Facts) -> Facts:
    return Facts(
        suite=_SUITES[raw.suite],
        signed=bool(raw.is_signed),
        chunk_size=raw.chunk_size,
        file_size=raw.file_size,
        body_size=raw.body_size,
        index_size=raw.index_size,
        slot_count=raw.slot_count,
        generation=raw.generation,
        slot_block_a_intact=bool(raw.slot_block_a_intact),
        slot_block_b_intact=bool(raw.slot_block_b_intact),
    )


def inspect(path: str | os.PathLike[str]) -> Facts:
    """Reads the public facts of a container, for which no key is needed.

    Raises:
        Error: "not_sealed", "plaintext_model", "corrupt_prelude" or another code of the container.
    """
    raw = _ffi.Facts()
    _ffi.call(_ffi.lib.wseal_inspect, _ffi.path(path), ctypes.byref(raw))
    return facts_from(raw)
