"""What a container is opened from: a path or URL, bytes in memory, or an object that reads at an offset."""

from __future__ import annotations

import ctypes
import os
import threading
from typing import Any, Protocol, Union, runtime_checkable

from . import _ffi
from ._errors import Error
from ._handle import SharedHandle
from ._hooks import log_hooks
from ._memory import Pinned


@runtime_checkable
class ReadAt(Protocol):
    """A container somewhere else: object storage, a database, an archive."""

    @property
    def size(self) -> int:
        """Bytes of the container."""

    def read_at(self, offset: int, size: int) -> bytes | bytearray | memoryview:
        """Exactly `size` bytes from `offset`. Called from many threads at once; what it raises leaves the call."""


Source = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview, ReadAt]


class OpenSource:
    """An open container: the library's handle, and whatever must live as long as it."""

    def __init__(self, source: Source, key: ctypes.c_void_p) -> None:
        self._reader: _Reader | None = None
        hooks = log_hooks()
        model = ctypes.c_void_p()
        if isinstance(source, (str, os.PathLike)):
            release = _no_op
            _ffi.call(_ffi.lib.wseal_open, _ffi.path(source), key, ctypes.byref(hooks), ctypes.byref(model))
        elif isinstance(source, ReadAt):
            release = _no_op
            self._reader = _Reader(source)
            self.call(
                _ffi.lib.wseal_open_callback,
                source.size,
                self._reader.callback,
                None,
                key,
                ctypes.byref(hooks),
                ctypes.byref(model),
            )
        else:
            pinned = Pinned(source)
            release = pinned.release
            try:
                _ffi.call(
                    _ffi.lib.wseal_open_memory,
                    pinned.address,
                    pinned.size,
                    key,
                    ctypes.byref(hooks),
                    ctypes.byref(model),
                )
            except BaseException:
                pinned.release()
                raise
        reader = self._reader

        def free(keep: Any = (hooks, reader)) -> None:
            _ffi.lib.wseal_model_free(model)
            release()

        self.handle = SharedHandle(model, free)

    def call(self, function: Any, *arguments: Any) -> None:
        """Like _ffi.call; an exception of the caller's `read_at` takes the place of the error it caused."""
        try:
            _ffi.call(function, *arguments)
        except Error:
            cause = self._reader.take_error() if self._reader else None
            if cause is None:
                raise
            raise cause from None


def _no_op() -> None:
    pass


class _Reader:
    """A ReadAt as a wseal_read_at. Does not refer to the model, so that no cycle keeps its keys alive."""

    def __init__(self, source: ReadAt) -> None:
        self._read_at = source.read_at
        self._lock = threading.Lock()
        self._error: BaseException | None = None
        self.callback = _ffi.ReadAtFn(self._fill)

    def take_error(self) -> BaseException | None:
        with self._lock:
            error, self._error = self._error, None
        return error

    def _fill(self, _context: Any, offset: int, data: int, size: int) -> int:
        try:
            with memoryview(self._read_at(offset, size)) as view:
                if view.nbytes != size:
                    raise OSError(f"read_at({offset}, {size}) returned {view.nbytes} bytes")
                target = (ctypes.c_uint8 * size).from_address(data)
                memoryview(target).cast("B")[:] = view.cast("B")
        except BaseException as error:  # it cannot cross C; OpenSource.call raises it
            with self._lock:
                self._error = error
            return -1
        return 0
