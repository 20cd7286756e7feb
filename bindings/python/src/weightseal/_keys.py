"""Keys: making one, and turning what a caller passes as `key` into a handle of the library."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Union

from . import _ffi

#: A text key ("wseal_seal_..."), a key source ("file:PATH", "env:NAME", "fd:N", "cmd:COMMAND", "-"), or 32 raw bytes.
Key = Union[str, bytes, bytearray, memoryview]

_SOURCES = ("file:", "env:", "fd:", "cmd:")


def keygen(kind: str = "seal") -> str:
    """Returns a fresh random key as text: a prefix that names its kind, 32 random bytes and a checksum.

    `kind` is what the key is for: "seal" for containers, "watermark" for marks, "signing" for the records of marks.
    Keep it in a secret store or a file with mode 0600, and refer to it by a key source. Python cannot wipe
    strings, so a process that must not keep the key in its memory passes a source instead of the text.

    Raises:
        ValueError: `kind` is not "seal", "recipient", "signing" or "watermark".
        Error: "unsupported" for "recipient", which this version does not make.
    """
    try:
        number = _ffi.KEY_KINDS[kind]
    except KeyError:
        raise ValueError(f"unknown kind of key {kind!r}; there are {', '.join(_ffi.KEY_KINDS)}") from None
    handle = ctypes.c_void_p()
    _ffi.call(_ffi.lib.wseal_key_generate, number, ctypes.byref(handle))
    text = ctypes.create_string_buffer(_ffi.KEY_TEXT_SIZE)
    try:
        _ffi.call(_ffi.lib.wseal_key_format, handle, text, len(text))
        return text.value.decode("ascii")
    finally:
        ctypes.memset(text, 0, len(text))
        _ffi.lib.wseal_key_free(handle)


@contextmanager
def key_handle(key: Key, kind: str = "seal") -> Iterator[ctypes.c_void_p]:
    """The library's handle of a key, wiped and released at the end. `kind` is what raw bytes are."""
    handle = ctypes.c_void_p()
    if isinstance(key, str):
        _from_text(key, handle)
    elif isinstance(key, (bytes, bytearray, memoryview)):
        _from_bytes(key, kind, handle)
    else:
        raise TypeError(
            f"key must be a text key, a key source such as 'file:PATH', or 32 bytes, not {type(key).__name__}"
        )
    try:
        yield handle
    finally:
        _ffi.lib.wseal_key_free(handle)


def _from_text(key: str, handle: ctypes.c_void_p) -> None:
    is_source = key == "-" or key.startswith(_SOURCES)
    make = _ffi.lib.wseal_key_from_source if is_source else _ffi.lib.wseal_key_parse
    copy = ctypes.create_string_buffer(_ffi.text(key))
    try:
        _ffi.call(make, copy, ctypes.byref(handle))
    finally:
        ctypes.memset(copy, 0, len(copy))


def _from_bytes(key: bytes | bytearray | memoryview, kind: str, handle: ctypes.c_void_p) -> None:
    view = memoryview(key)
    if view.nbytes != _ffi.KEY_BYTES:
        raise ValueError(f"a raw key has {_ffi.KEY_BYTES} bytes, this one has {view.nbytes}")
    copy = (ctypes.c_uint8 * _ffi.KEY_BYTES)(*view.cast("B"))
    try:
        _ffi.call(_ffi.lib.wseal_key_from_bytes, _ffi.KEY_KINDS[kind], copy, ctypes.byref(handle))
    finally:
        ctypes.memset(copy, 0, len(copy))
