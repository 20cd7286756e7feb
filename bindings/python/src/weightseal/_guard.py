"""The guard: hard budgets for the clients of an inference server."""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

from . import _ffi
from ._base_guard import (
    BaseGuard,
    Decision,
    GuardCounters,
    GuardEvent,
    as_bytes,
    as_count,
    describe,
    guard_options,
    limits_text,
    lowest_limits,
    nanoseconds,
    thread,
)
from ._document import Document, document_text
from ._memory import adopt

if TYPE_CHECKING:
    from ._guard_log import GuardLog

__all__ = ["Decision", "Guard", "GuardCounters", "GuardEvent"]


class Guard(BaseGuard):
    """Admits or refuses requests so that every window of time holds no more than its limit, in memory that is fixed from
    the start. Thread-safe.

    Args:
        queries: How many completions a client may ask for …
        window: … in this many seconds.
        limits: Instead of both, limits as JSON text or a dict:
            {"limits": [{"tier": "client", "budget": "tokens", "limit": 100000, "window": 60}]}
        capacity: Clients that are counted exactly. With `limits` it is theirs.
        secret: 32 bytes that key the hashes of clients in events; without, they are random.
        trusted_proxies: Addresses and networks whose `forwarded` header counts, such as "10.0.0.0/8".
        forwarded_header: Which header they write, "x-forwarded-for" or "forwarded".
        shared_memory: A file, best in /dev/shm, in which all processes that name it have one guard. They must give the
            same limits and the same `secret`, and leave `now` to the guard.

    Raises:
        ValueError: `limits` beside `queries`, `window` or `capacity`; an unknown header; a secret of another length.
        Error: What limits or proxies break, with field and line.
    """

    def __init__(
        self,
        queries: int | None = None,
        window: int | None = None,
        *,
        limits: Document | None = None,
        capacity: int | None = None,
        secret: bytes | None = None,
        trusted_proxies: Sequence[str] = (),
        forwarded_header: str = "x-forwarded-for",
        shared_memory: str | os.PathLike[str] | None = None,
    ) -> None:
        text = limits_text(queries, window, limits, capacity)
        options = guard_options(secret, trusted_proxies, forwarded_header)
        if shared_memory is not None:
            options.shared_memory = os.fsencode(shared_memory)
        handle = ctypes.c_void_p()
        _ffi.call(_ffi.lib.wseal_guard_new, text, len(text), ctypes.byref(options), ctypes.byref(handle))
        super().__init__(handle, text, forwarded_header)
        self._has_signals = _has_signals(text)

    @property
    def has_signals(self) -> bool:
        """Whether there are signals, for which requests are observed."""
        return self._has_signals

    def observe(
        self,
        name: str | bytes | None = None,
        *,
        pool: str | bytes | None = None,
        peer: str | None = None,
        forwarded: str | bytes | None = None,
        prompt: str | bytes | None = None,
        prompt_hash: int | None = None,
        logprobs: bool = False,
        logit_bias_entries: int = 0,
        now: float | None = None,
    ) -> None:
        """Counts an admitted request for the signals, which raise events and refuse nothing. Does nothing without
        "signals" in the limits.

        Args:
            name, pool, peer, forwarded: As in `check`.
            prompt: Hashed with a secret key, and not kept.
            prompt_hash: In place of the prompt, 64 bits of a keyed hash of it.

        Raises:
            ValueError: A number is negative, or a hash has more than 64 bits.
            Error: "bad_address" where `peer` is none.
        """
        own = thread.own
        describe(own.client, name, pool, peer, forwarded)
        observation = _ffi.GuardObservation(logit_bias_entries=as_count(logit_bias_entries), logprobs=bool(logprobs))
        observation.prompt, observation.prompt_size = as_bytes(prompt)
        if prompt_hash is not None:
            if not 0 <= prompt_hash < 1 << 64:
                raise ValueError("a hash of a prompt has 64 bits")
            observation.prompt_hash = ctypes.pointer(ctypes.c_uint64(prompt_hash))
        self._call("observe", ctypes.byref(own.client), ctypes.byref(observation), nanoseconds(now))

    def configure(self, limits: Document, *, now: float | None = None) -> None:
        """Changes the limits. New numbers hold at once, and counts are kept. Where tiers, budgets, windows or the
        capacity change, old and new limits both decide until the longest old window has passed.

        Raises:
            Error: What limits break; "limits_change_pending" when earlier changes are still passing. Nothing has changed.
        """
        text = document_text(limits)
        self._call("configure", text, len(text), nanoseconds(now))
        self._lowest_limits, self._has_signals = lowest_limits(text), _has_signals(text)

    def pseudonym(
        self, name: str | bytes | None = None, *, pool: str | bytes | None = None, peer: str | None = None
    ) -> str:
        """What an event log calls the client of this name; or else this pool; or else the address `peer`. The same for
        every guard with this secret."""
        client = thread.own.client
        describe(client, name, pool, peer, None)
        tier = 0 if name is not None else 4 if pool is not None else 1
        text = ctypes.create_string_buffer(_ffi.PSEUDONYM_SIZE)
        self._call("pseudonym", ctypes.byref(client), tier, text)
        return text.value.decode()

    def metrics(self, log: GuardLog | None = None) -> str:
        """The counters, and those of an open event log, in the text format of Prometheus: to be served as
        "text/plain; version=0.0.4"."""
        text = ctypes.c_void_p()
        with self._handle as guard, nullcontext() if log is None else log._handle as log_handle:
            _ffi.call(_ffi.lib.wseal_guard_metrics, guard, log_handle, ctypes.byref(text))
        return bytes(adopt(text)).decode()


def _has_signals(limits: bytes) -> bool:
    return "signals" in json.loads(limits)
