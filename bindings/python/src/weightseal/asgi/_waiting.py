"""Threads that wait for the server of the counts."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Callable, TypeVar

from .._shared_guard import CONNECTIONS

_Result = TypeVar("_Result")


class WaitingThreads:
    """Threads of its own, as many as can have a connection each: asyncio's default executor has few, and they are
    the application's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None

    def submit(self, function: Callable[..., _Result], *arguments: Any) -> Future[_Result]:
        with self._lock:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(CONNECTIONS, "weightseal-guard")
            return self._executor.submit(function, *arguments)

    def stop(self) -> None:
        """Has the threads end once they have their answers, and does not wait for them: it is called on the event loop.
        They start again with the next request."""
        with self._lock:
            executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=False)
