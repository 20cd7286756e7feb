"""Sealing a model into a container."""

from __future__ import annotations

import ctypes
import os

from . import _ffi
from ._hooks import Progress, ProgressHooks
from ._keys import Key, key_handle


def seal(
    model: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    key: Key,
    suite: str = "aes-256-gcm",
    chunk: int = 262144,
    overwrite: bool = False,
    threads: int = 0,
    progress: Progress | None = None,
) -> None:
    """Seals a .safetensors file or a model folder into a container.

    A folder is sealed with all its files: shards, config.json, tokenizer. `output` appears complete or not at all.

    Args:
        model: A .safetensors file or a folder.
        output: The container to write.
        key: A text key, a key source ("file:PATH", "env:NAME", "fd:N", "cmd:COMMAND", "-") or 32 raw bytes.
        suite: "aes-256-gcm" or "chacha20-poly1305", which is faster where the processor has no AES instructions.
        chunk: Bytes that are authenticated together, a power of two from 65,536 to 4,194,304. Reading a slice reads
            whole chunks.
        overwrite: Replace `output` if it exists, once the new container is complete.
        threads: Workers at most; 0 is one for each processor.
        progress: Called with bytes done and in all, from other threads, one at a time. Raise in it to cancel.

    Raises:
        Error: "file_exists", "key_kind", a code of the model that is refused, or another.
        ValueError: `suite`, `chunk` or `threads` is none of the above.
    """
    if suite not in _ffi.SUITES:
        raise ValueError(f"unknown suite {suite!r}; there are {', '.join(_ffi.SUITES)}")
    chunk_log2 = chunk.bit_length() - 1
    if not 16 <= chunk_log2 <= 22 or chunk != 1 << chunk_log2:
        raise ValueError(f"chunk must be a power of two from {1 << 16} to {1 << 22}, not {chunk}")
    with key_handle(key) as handle, ProgressHooks(progress) as hooks:
        options = _ffi.SealOptions(
            suite=_ffi.SUITES[suite],
            chunk_log2=chunk_log2,
            threads=_ffi.threads(threads),
            overwrite=bool(overwrite),
            hooks=hooks,
        )
        _ffi.call(_ffi.lib.wseal_seal, _ffi.path(model), _ffi.path(output), handle, ctypes.byref(options))
