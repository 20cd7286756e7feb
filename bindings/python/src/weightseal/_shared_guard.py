"""The guard whose counts several processes keep together on a server."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

from . import _ffi
from ._base_guard import BaseGuard, Decision, guard_options, limits_text
from ._document import Document

CONNECTIONS = 64  #: to each server, for requests that wait
_MODES = {"lease": 0, "exact": 1}
_POLICIES = {"local": 0, "open": 1, "closed": 2}


class SharedGuard(BaseGuard):
    """A guard whose counts are on a Redis (7 or later) or Valkey server, so that a limit holds for all processes that
    share them. Thread-safe. A child of fork must make its own.

    In lease mode `check` and `check_leases` never wait: they admit from what this process has leased, and answer
    "lease_pending" where that does not suffice. Then `check` has asked for a lease, which takes a moment; after
    `check_leases`, `check_shared` has the server decide. In exact mode the server decides all.

    Args:
        url: "redis://[user[:password]@]host[:port][/database]", "rediss://…" for TLS, "unix:///path". Of a Redis
            Cluster, any node.
        replicas: How many processes share the counts, at most.
        secret: 32 bytes, the same in all of them. The server sees clients as HMAC-SHA-256 under it only.
        password: Instead of one in `url`.
        authorities: A PEM file of those who may vouch for a server of "rediss"; without, the system's.
        mode: "lease" or "exact".
        failure_policy: What becomes of requests while the server does not answer: "local" (each process admits its
            share), "open" or "closed".
        timeout: Seconds for the server's answer.
        prefix: Of keys on the server.
        queries, window, limits, capacity, trusted_proxies, forwarded_header: As for `Guard`.

    Raises:
        ValueError: As `Guard`; an unknown mode or policy.
        Error: What limits, proxies or options break: "bad_server_url", "limits_out_of_range" for a limit below
            `replicas`, "invalid_argument".
    """

    _prefix = "wseal_shared_guard"

    def __init__(
        self,
        url: str,
        *,
        replicas: int,
        secret: bytes,
        password: str | None = None,
        authorities: str | None = None,
        mode: str = "lease",
        failure_policy: str = "local",
        timeout: float = 0.02,
        prefix: str = "weightseal",
        queries: int | None = None,
        window: int | None = None,
        limits: Document | None = None,
        capacity: int | None = None,
        trusted_proxies: Sequence[str] = (),
        forwarded_header: str = "x-forwarded-for",
    ) -> None:
        if mode not in _MODES:
            raise ValueError(f"unknown mode {mode!r}; there are {', '.join(_MODES)}")
        if failure_policy not in _POLICIES:
            raise ValueError(f"unknown failure policy {failure_policy!r}; there are {', '.join(_POLICIES)}")
        if not 0.001 <= timeout <= 10:
            raise ValueError(f"a timeout is 0.001 to 10 seconds, this one {timeout}")
        text = limits_text(queries, window, limits, capacity)
        options = guard_options(secret, trusted_proxies, forwarded_header)
        shared = _ffi.SharedOptions(
            url=_ffi.text(url),
            password=None if password is None else _ffi.text(password),
            authorities=None if authorities is None else _ffi.text(authorities),
            prefix=_ffi.text(prefix),
            mode=_MODES[mode],
            failure_policy=_POLICIES[failure_policy],
            replicas=max(0, min(replicas, (1 << 32) - 1)),
            timeout_ms=round(timeout * 1000),
            connections=CONNECTIONS,
        )
        handle = ctypes.c_void_p()
        arguments = (text, len(text), ctypes.byref(options), ctypes.byref(shared), ctypes.byref(handle))
        _ffi.call(_ffi.lib.wseal_shared_guard_new, *arguments)
        super().__init__(handle, text, forwarded_header)
        self._functions.update({name: self._function(name) for name in ("check_leases", "check_shared")})

    def connect(self) -> None:
        """Waits for a connection, at most a second. The guard connects by itself: this tells what stands against it.

        Raises:
            Error: "server_unreachable", "server_refused" (a wrong password, for example) or "server_answer".
        """
        self._call("connect")

    def check_leases(self, name: str | bytes | None = None, **request: Any) -> Decision:
        """As `check`, with the same arguments, but from leases alone: it never waits, and asks for no lease where none
        suffices. "lease_pending" is no decision then, is not counted, and says to ask by `check_shared`. In exact mode
        nothing is ever leased."""
        return self.check(name, _function="check_leases", **request)

    def check_shared(self, name: str | bytes | None = None, **request: Any) -> Decision:
        """As `check`, with the same arguments, but waits for the server, at most `timeout`, where no lease suffices."""
        return self.check(name, _function="check_shared", **request)

    @property
    def degraded(self) -> bool:
        """True while the failure policy decides for some clients at least."""
        degraded = ctypes.c_int()
        self._call("is_degraded", ctypes.byref(degraded))
        return bool(degraded.value)
