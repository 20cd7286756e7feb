"""Hiding a mark in the weights of a model."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import Any, NamedTuple

from . import _ffi
from ._arrays import Array
from ._hooks import Progress, ProgressHooks
from ._keys import Key, key_handle
from ._record import Record, report_from


def mark(
    model: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    key: Key,
    owner: str,
    model_id: str | None = None,
    strength: float | str = "auto",
    tensors: Iterable[str] = (),
    signing_key: Key | None = None,
    record: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    threads: int = 0,
    progress: Progress | None = None,
) -> Record:
    """Marks a .safetensors file or a model folder into `output`; every byte that is no marked weight is copied.

    Save the record that it returns, and never release the unmarked original: who has both sees the mark.

    Args:
        model: A .safetensors file or a folder.
        output: The marked model: a file or folder as the model is. It appears complete or not at all.
        key: A text key, a key source ("file:PATH", "env:NAME", "fd:N", "cmd:COMMAND", "-") or 32 raw bytes.
        owner: Who claims the model.
        model_id: Which model it is; None: the name of its file, without extension, or folder.
        strength: Change of a weight relative to the deviation of its row, 0.0001 to 0.02; "auto": what the size of
            the model needs.
        tensors: Names of tensors to mark, `*` and `?` being wildcards; none: all that can be marked.
        signing_key: Signs the record; given like `key`.
        record: Where to save the record, too. If that fails, there is no output.
        overwrite: Replace an existing output and record.
        threads: Workers at most; 0 is one for each processor.
        progress: Called with bytes done and in all, from other threads, one at a time. Raise in it to cancel.

    Raises:
        Error: "bad_strength", "nothing_to_mark", "unmarkable_dtype", "already_marked" (the record that is there is that
            of `model` itself), "file_exists", "key_kind", a code of the model that is refused, or another.
        ValueError: `strength` or `threads` is none of the above.
    """
    names = [_ffi.text(name) for name in ([tensors] if isinstance(tensors, str) else tensors)]
    raw, handle = _ffi.MarkReport(), ctypes.c_void_p()
    with ExitStack() as stack:
        options = _ffi.MarkOptions(
            model_id=None if model_id is None else _ffi.text(model_id),
            strength=_strength(strength),
            tensors=(ctypes.c_char_p * len(names))(*names) if names else None,
            tensors_count=len(names),
            signing_key=None if signing_key is None else stack.enter_context(key_handle(signing_key, "signing")),
            record=None if record is None else _ffi.path(record),
            threads=_ffi.threads(threads),
            overwrite=bool(overwrite),
            hooks=stack.enter_context(ProgressHooks(progress)),
        )
        _ffi.call(
            _ffi.lib.wseal_mark,
            _ffi.path(model),
            _ffi.path(output),
            stack.enter_context(key_handle(key, "watermark")),
            _ffi.text(owner),
            ctypes.byref(options),
            ctypes.byref(handle),
            ctypes.byref(raw),
        )
    return Record(handle, report_from(raw))


def _strength(strength: float | str) -> float:
    if strength == "auto":
        return 0.0  # as the C ABI spells it
    if isinstance(strength, str) or strength == 0:
        raise ValueError(f"strength must be 'auto' or a fraction above 0, not {strength!r}")
    return float(strength)


class TensorMark(NamedTuple):
    """Counts of one marked tensor."""

    elements: int
    zeros: int  #: elements that were left as they are, as the nonfinite ones
    nonfinite: int
    squared_change: float  #: sums over the elements
    squared_norm: float


def mark_tensor(
    tensor: Any,
    name: str,
    *,
    key: Key,
    owner: str,
    model_id: str,
    scope: bytes,
    strength: float,
    dtype: str | None = None,
    threads: int = 0,
) -> TensorMark:
    """Marks one tensor in place, as `mark` would: for pipelines that never have the whole model in one place.

    Args:
        tensor: A contiguous NumPy array or PyTorch tensor on the CPU, with the values of the original.
        name: Its name in the original.
        key, owner, model_id: As in `mark`.
        scope: What identifies the original and what is marked of it, 32 bytes: `Record.scope`.
        strength: 0.0001 to 0.02.
        dtype: As safetensors names it, where the array's own type does not say it: "BF16" for uint16.
        threads: Workers at most; 0 is one for each processor.

    Raises:
        Error: "unmarkable_dtype", "nothing_to_mark" (fewer than two dimensions), "bad_strength", "key_kind",
            "invalid_argument" (owner or model id).
        TypeError, ValueError: `tensor` is none of the above, or cannot be written.
    """
    array = Array(tensor, dtype)
    if not array.writable:
        raise ValueError("the array cannot be written")
    identity = _ffi.MarkIdentity(_ffi.text(owner), _ffi.text(model_id), _digest(scope))
    raw = _ffi.TensorMark()
    with key_handle(key, "watermark") as handle:
        _ffi.call(
            _ffi.lib.wseal_mark_tensor,
            handle,
            ctypes.byref(identity),
            ctypes.byref(_tensor(name, array)),
            strength,
            array.address,
            array.size,
            _ffi.threads(threads),
            None,
            ctypes.byref(raw),
        )
    return TensorMark(raw.elements, raw.zeros, raw.nonfinite, raw.squared_change, raw.squared_norm)


def original_root(tensors: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> bytes:
    """What identifies an unmarked original: 32 bytes that depend on all its tensors, in any order, marked or not.

    Args:
        tensors: Names and contiguous NumPy arrays or PyTorch tensors on the CPU; an iterator of pairs may make them one
            by one. bf16 comes as `ml_dtypes.bfloat16` or from PyTorch.
    """
    found = []
    for name, tensor in tensors.items() if isinstance(tensors, Mapping) else tensors:
        array = Array(tensor, None)
        item = _tensor(name, array)
        _ffi.call(_ffi.lib.wseal_tensor_digest, array.address, array.size, item.digest)
        found.append(item)
    root = (ctypes.c_uint8 * _ffi.DIGEST_BYTES)()
    _ffi.call(_ffi.lib.wseal_original_root, (_ffi.Tensor * len(found))(*found), len(found), root)
    return bytes(root)


def _tensor(name: str, array: Array) -> _ffi.Tensor:
    rank = len(array.shape)
    return _ffi.Tensor(_ffi.text(name), array.dtype, rank, (ctypes.c_uint64 * rank)(*array.shape))


def _digest(value: bytes) -> Any:
    if len(value) != _ffi.DIGEST_BYTES:
        raise ValueError(f"a scope has {_ffi.DIGEST_BYTES} bytes, this one has {len(value)}")
    return (ctypes.c_uint8 * _ffi.DIGEST_BYTES)(*value)
