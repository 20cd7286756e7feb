"""Callbacks from the library into Python: progress of one call, and the log of a model."""

from __future__ import annotations

import ctypes
import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

from . import _ffi

#: Called with bytes done and bytes in all. An exception it raises ends the work and leaves the call.
Progress = Callable[[int, int], Any]

logger = logging.getLogger("weightseal")


class ProgressHooks:
    """wseal_hooks for the length of one call: `with ProgressHooks(progress) as hooks: call(..., hooks)`.

    The library reports from any worker, several at once. Reports are passed on one at a time and never go back;
    a worker does not wait for a report that is being handled, except with the last.
    """

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._reported = -1
        self._error: BaseException | None = None
        self._struct: _ffi.Hooks | None = None

    def __enter__(self) -> Any:
        if self._progress is None:
            return None
        # The callbacks must live as long as the call; they are dropped in __exit__ to break the cycle.
        self._struct = _ffi.Hooks(progress=_ffi.ProgressFn(self._report), cancelled=_ffi.CancelledFn(self._cancelled))
        return ctypes.pointer(self._struct)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._struct = None
        if self._error is not None:
            raise self._error from None

    def _report(self, _context: Any, done: int, total: int) -> None:
        if self._progress is None or not self._lock.acquire(blocking=done == total):
            return
        try:
            if self._error is None and done > self._reported:
                self._reported = done
                self._progress(done, total)
        except BaseException as error:  # it cannot cross C; __exit__ raises it
            self._error = error
        finally:
            self._lock.release()

    def _cancelled(self, _context: Any) -> int:
        return self._error is not None


def log_hooks() -> _ffi.Hooks:
    """wseal_hooks that pass warnings, such as a damaged slot block, to the logger "weightseal"."""
    return _ffi.Hooks(log=_ffi.LogFn(_warn))


def _warn(_context: Any, message: bytes) -> None:
    logger.warning("%s", message.decode("utf-8", "replace"))
