"""Lifetime of a library handle that several threads use."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any


class SharedHandle:
    """A handle that is released once it is closed and the last call on it has returned.

    `with handle as pointer:` spans one call. Closing never waits, and never frees a handle under a running call.
    """

    def __init__(self, pointer: Any, release: Callable[[], None], what: str = "model") -> None:
        self._pointer = pointer
        self._what = what
        self._release: Callable[[], None] | None = release
        self._lock = threading.Lock()
        self._users = 0
        self._closed = False

    @property
    def closed(self) -> bool:
        return self._closed

    def __enter__(self) -> Any:
        with self._lock:
            if self._closed:
                raise ValueError(f"the {self._what} is closed")
            self._users += 1
        return self._pointer

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._update(users=-1)

    def close(self) -> None:
        self._update(close=True)

    def _update(self, users: int = 0, close: bool = False) -> None:
        release = None
        with self._lock:
            self._users += users
            self._closed |= close
            if self._closed and self._users == 0:
                release, self._release = self._release, None
        if release is not None:
            release()

    def __del__(self) -> None:
        self.close()
