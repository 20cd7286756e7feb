"""The guard's events, taken off the path of requests."""

from __future__ import annotations

import logging
import threading
from typing import Callable

from .. import _ffi
from .._base_guard import BaseGuard, GuardEvent

_log = logging.getLogger("weightseal")

#: Seconds between two looks at the queue.
INTERVAL = 0.1


def log_event(event: GuardEvent) -> None:
    """Writes a line to the logger `weightseal`, without the client: its hash must not leave the process as it is."""
    if event.kind == "shared_degraded":
        _log.warning("guard: %s: %s", event.kind, _ffi.status_name(event.used))
    elif event.limit == 0:
        _log.warning("guard: %s", event.kind)
    else:
        what = (event.kind, event.limit_name, event.used, event.limit, event.window)
        _log.warning("guard: %s: %s, %d of %d in %d s", *what)


class EventThread:
    """A thread that gives each event to a function, which may block. What the function raises is logged."""

    def __init__(self, guard: BaseGuard, on_event: Callable[[GuardEvent], object]) -> None:
        self._guard = guard
        self._on_event = on_event
        self._lock = threading.Lock()
        self._stop: threading.Event | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the thread unless it runs."""
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None:
                self._stop = threading.Event()
                self._thread = threading.Thread(
                    target=self._run, args=(self._stop,), name="weightseal-events", daemon=True
                )
                self._thread.start()

    def stop(self) -> None:
        """Takes the events that are left, and ends the thread."""
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is not None and self._stop is not None:
                self._stop.set()
                thread.join()

    def _run(self, stop: threading.Event) -> None:
        stopping = False
        while not stopping:
            stopping = stop.wait(INTERVAL)
            try:
                for event in self._guard.events():
                    self._give(event)
            except ValueError:  # the guard is closed
                return

    def _give(self, event: GuardEvent) -> None:
        try:
            self._on_event(event)
        except Exception:
            _log.exception("guard: on_event failed")
