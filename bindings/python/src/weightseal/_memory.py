"""Decrypted memory of the library as Python objects, and Python's memory as the library takes it."""

from __future__ import annotations

import ctypes
import weakref
from typing import Any

from . import _ffi


def adopt(buffer: ctypes.c_void_p) -> Any:
    """Takes over a wseal_buffer: a writable ctypes array of its bytes, which any view of it keeps alive.

    The memory is released (and wiped, if that was asked for) when the last view dies, from whatever thread.
    """
    size = _ffi.lib.wseal_buffer_size(buffer)
    if size == 0:
        _ffi.lib.wseal_buffer_free(buffer)
        return (ctypes.c_uint8 * 0)()
    memory = (ctypes.c_uint8 * size).from_address(_ffi.lib.wseal_buffer_data(buffer))
    # Not at exit: views may be in use until the very end, and the process returns its memory anyway.
    weakref.finalize(memory, _ffi.lib.wseal_buffer_free, buffer).atexit = False
    return memory


class _PyBuffer(ctypes.Structure):
    """Py_buffer of the stable ABI."""

    _fields_ = [
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.c_void_p),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    ]


_get_buffer = ctypes.pythonapi.PyObject_GetBuffer
_get_buffer.argtypes = [ctypes.py_object, ctypes.POINTER(_PyBuffer), ctypes.c_int]
_get_buffer.restype = ctypes.c_int
_release_buffer = ctypes.pythonapi.PyBuffer_Release
_release_buffer.argtypes = [ctypes.POINTER(_PyBuffer)]
_release_buffer.restype = None


class Pinned:
    """Address and size of any contiguous bytes-like object, read-only ones included, which stays put until `release`."""

    def __init__(self, source: Any) -> None:
        self._view = _PyBuffer()
        _get_buffer(source, ctypes.byref(self._view), 0)
        self.address = self._view.buf
        self.size = self._view.len

    def release(self) -> None:
        _release_buffer(ctypes.byref(self._view))
