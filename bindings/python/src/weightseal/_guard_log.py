"""The event log: a guard's events as lines that can be shown to a third party."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Union

from . import _ffi
from ._base_guard import nanoseconds
from ._guard import Guard
from ._handle import SharedHandle
from ._keys import Key, key_handle

#: A path, an open file descriptor, or a function that takes whole lines. It takes all of them, or none by returning
#: False or raising: they are offered again then.
LogTarget = Union[str, "os.PathLike[str]", int, Callable[[bytes], object]]


class GuardLogCounters(NamedTuple):
    """Sums since the log was opened."""

    events: int  #: that are in the log
    waiting: int  #: bytes that the target has not taken yet
    failures: int  #: times that it did not take all it was offered
    last_errno: int  #: of the last failure; 0 when there was none, or it was a function's


class GuardLog:
    """Writes a guard's events as lines of JSON, each of which holds the SHA-256 of the one before, and signs some of
    them. `weightseal guard verify-log` checks that. Thread-safe.

    Somebody has to call `write` now and then, every second for example; it never waits for a reader or for
    room, only for the disk when a file gives way to a new one. What calls `Guard.events` takes events from the log.

    Args:
        guard: Whose events.
        target: Where they go. A file that is a log already is put aside, as "PATH.000001" and so on, and continued.
        signing_key: Signs lines; any form of a key.
        max_file_size: Bytes from which on a file is put aside and a new one goes on; 64 MiB unless told.
        checkpoint_every: Events after which a signed line follows; 256 unless told.
        wall: Seconds since 1970; without, the time it is.

    Raises:
        Error: "not_a_guard_log" for a file of another kind, "key_kind", or a code of a file that cannot be written.
    """

    def __init__(
        self,
        guard: Guard,
        target: LogTarget,
        *,
        signing_key: Key,
        max_file_size: int = 0,
        checkpoint_every: int = 0,
        wall: float | None = None,
    ) -> None:
        if not 0 <= max_file_size < 1 << 64 or not 0 <= checkpoint_every < 1 << 32:
            raise ValueError("max_file_size and checkpoint_every must not be negative, or larger than C takes")
        options = _ffi.GuardLogOptions(fd=-1, max_file_size=max_file_size, checkpoint_every=checkpoint_every)
        if callable(target):
            options.write = self._write = _writer(target)  # kept for as long as the log may call it
        elif isinstance(target, int):
            options.fd = target
        else:
            options.path = _ffi.path(target)
        handle = ctypes.c_void_p()
        with guard._handle as guard_handle, key_handle(signing_key, "signing") as key:
            arguments = (key, ctypes.byref(options), _wall(wall), ctypes.byref(handle))
            _ffi.call(_ffi.lib.wseal_guard_log_open, guard_handle, *arguments)
        self._guard = guard
        self._complete = False
        self._handle = SharedHandle(handle, lambda: _ffi.lib.wseal_guard_log_free(handle), "log")

    def write(self, *, now: float | None = None, wall: float | None = None) -> int:
        """Takes the guard's events, at most 4096, and writes them; returns how many.

        Args:
            now: Seconds of the clock of the guard's checks.
            wall: Seconds since 1970, read together with it.
        """
        events = ctypes.c_uint64()
        with self._guard._handle, self._handle as log:
            _ffi.call(_ffi.lib.wseal_guard_log_write, log, nanoseconds(now), _wall(wall), ctypes.byref(events))
        return events.value

    @property
    def counters(self) -> GuardLogCounters:
        raw = _ffi.GuardLogCounters()
        with self._handle as log:
            _ffi.call(_ffi.lib.wseal_guard_log_get_counters, log, ctypes.byref(raw))
        return GuardLogCounters(*(getattr(raw, field) for field in GuardLogCounters._fields))

    def close(self, *, now: float | None = None, wall: float | None = None) -> bool:
        """Writes what waits and a last, signed line; returns whether the target has taken everything. Before the guard
        is closed. Closing twice does nothing."""
        if not self._handle.closed:
            complete = ctypes.c_int()
            with self._guard._handle, self._handle as log:
                _ffi.call(_ffi.lib.wseal_guard_log_close, log, nanoseconds(now), _wall(wall), ctypes.byref(complete))
            self._complete = bool(complete.value)
            self._handle.close()
        return self._complete

    def __enter__(self) -> GuardLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _wall(wall: float | None) -> int:
    return time.time_ns() if wall is None else int(wall * 1e9)


def _writer(target: Callable[[bytes], object]) -> Any:
    def write(_: int | None, lines: int, size: int) -> int:
        try:
            return int(target(ctypes.string_at(lines, size)) is not False)
        except Exception:  # it must not pass through C, and the lines stay
            return 0

    return _ffi.WriteFn(write)
