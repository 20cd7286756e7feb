"""What guards have in common: requests, decisions and events."""

from __future__ import annotations

import ctypes
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from . import _ffi
from ._document import Document, document_text
from ._handle import SharedHandle

#: The largest count that C takes: more than any limit.
EVERYTHING = (1 << 64) - 1

_Self = TypeVar("_Self", bound="BaseGuard")
_HEADERS = {"x-forwarded-for": 0, "forwarded": 1}
_SETTLEMENTS = ("settled", "in_debt", "expired", "unknown")


def _names(function: Any) -> tuple[str, ...]:
    """What the library calls the numbers from 0 on."""
    names: list[str] = []
    while (name := function(len(names))) is not None:
        names.append(name.decode())
    return tuple(names)


_TIERS = _names(_ffi.lib.wseal_tier_name)
_BUDGETS = _names(_ffi.lib.wseal_budget_name)
_REASONS = _names(_ffi.lib.wseal_reason_name)
_EVENTS = _names(_ffi.lib.wseal_guard_event_name)
#: By tier * BUDGET_COUNT + budget.
_LIMITS = tuple(f"{tier}-{budget}" for tier in _TIERS for budget in _BUDGETS)


class Decision(NamedTuple):
    """The answer to a check. `limit_name` to `reset_after` describe one limit: of a refusal the one that takes longest,
    of an admission the one with the smallest share left."""

    allowed: bool
    #: "admitted", "limit_reached", "in_debt", "table_saturated", "cost_exceeds_limit", "logprobs_with_logit_bias"; of a
    #: shared guard also "lease_pending" and "server_unavailable"
    reason: str
    reasons: tuple[str, ...]  #: limits that refused, such as "client-queries"
    limit_name: str
    limit: int
    window: int  #: seconds
    remaining: int
    retry_after: float | None  #: seconds after which a retry succeeds; None when admitted or when none can
    reset_after: float  #: seconds until everything charged so far has left the window
    status: int  #: of an HTTP response: 200, 429, 400 or 503
    headers: dict[str, str]  #: fields of an HTTP response: Retry-After, RateLimit, RateLimit-Policy
    ticket: int  #: for `Guard.settle`; 0 when there is nothing to settle


class GuardEvent(NamedTuple):
    """What the guard has to say besides its decisions. What a kind has no use for is 0."""

    kind: str
    limit_name: str
    window: int  #: seconds
    limit: int
    used: int  #: of "shared_degraded" the code of the `Error` that says why
    client: int  #: its hash; must not leave the process as it is
    now: float


class GuardCounters(NamedTuple):
    """Sums since the guard was made, and the bytes it has reserved."""

    admitted: int
    refused: int
    inserted: int
    evicted: int
    overflow: int
    dropped_events: int
    memory: int


class BaseGuard:
    """What all guards do. Thread-safe."""

    _prefix = "wseal_guard"  #: of its functions in C

    def __init__(self, handle: ctypes.c_void_p, limits: bytes, forwarded_header: str) -> None:
        free = self._function("free")
        self._handle = SharedHandle(handle, lambda: free(handle), "guard")
        # To look them up takes as long as a check.
        self._functions = {name: self._function(name) for name in ("check", "settle")}
        self._lowest_limits = lowest_limits(limits)
        self._forwarded_header = forwarded_header

    def _function(self, name: str) -> Any:
        return getattr(_ffi.lib, f"{self._prefix}_{name}")

    def _call(self, function: str, *arguments: Any) -> None:
        with self._handle as guard:
            _ffi.call(self._function(function), guard, *arguments)

    def check(
        self,
        name: str | bytes | None = None,
        *,
        pool: str | bytes | None = None,
        peer: str | None = None,
        forwarded: str | bytes | None = None,
        prompts: int = 1,
        n: int = 1,
        best_of: int = 1,
        input_tokens: int = 0,
        max_tokens: int = 0,
        logprobs: bool = False,
        logit_bias_entries: int = 0,
        now: float | None = None,
        _function: str = "check",
    ) -> Decision:
        """Admits a request and charges what it asks for to all limits of its client, or refuses it and charges nothing.

        Args:
            name: An API key or account.
            pool: The group of clients it belongs to.
            peer: The address of the connection, with or without a port.
            forwarded: The lines of the proxies' header, joined by ", ".
            input_tokens: Of all prompts together.
            max_tokens: Of one completion.
            now: Seconds of any clock, the same for all calls; without, the monotonic clock.

        Raises:
            ValueError: A number is negative.
            Error: "bad_address" where `peer` is none.
        """
        own = thread.own
        request = own.request
        describe(own.client, name, pool, peer, forwarded)
        request.prompts = as_count(prompts)
        request.n = as_count(n)
        request.best_of = as_count(best_of)
        request.input_tokens = as_count(input_tokens)
        request.max_tokens = as_count(max_tokens)
        request.logit_bias_entries = as_count(logit_bias_entries)
        request.logprobs = bool(logprobs)
        with self._handle as guard:
            status = self._functions[_function](guard, *own.question, nanoseconds(now), *own.answer)
        _ffi.check(status, own.error)
        return _decision(own)

    def settle(
        self, decision: Decision | int, *, tokens: int = 0, logprob_tokens: int = 0, now: float | None = None
    ) -> str:
        """Ends an admitted request, however it ended: gives back what it reserved and did not use. What it used beyond
        that is charged, and nothing of its client is admitted until it has left the window.

        Args:
            decision: That of the check, or its ticket.
            tokens: In and out.

        Returns:
            "settled", "in_debt", "expired" (too late: the reservation stands) or "unknown" (settled before).
        """
        ticket = decision if isinstance(decision, int) else decision.ticket
        own = thread.own
        own.usage.tokens, own.usage.logprob_tokens = as_count(tokens), as_count(logprob_tokens)
        with self._handle as guard:
            arguments = (as_count(ticket), own.usage_pointer, nanoseconds(now), own.settlement_pointer, own.error_pointer)
            status = self._functions["settle"](guard, *arguments)
        _ffi.check(status, own.error)
        return _SETTLEMENTS[own.settlement.value]

    def events(self) -> Iterator[GuardEvent]:
        """Takes the events that wait, oldest first. 4096 can wait; the others are counted in `dropped_events`."""
        raw, found = _ffi.GuardEvent(), ctypes.c_int()
        while True:
            self._call("next_event", ctypes.byref(raw), ctypes.byref(found))
            if not found.value:
                return
            yield GuardEvent(
                _EVENTS[raw.kind],
                _LIMITS[raw.tier * _ffi.BUDGET_COUNT + raw.budget],
                raw.window,
                raw.limit,
                raw.used,
                raw.client,
                raw.now / 1e9,
            )

    @property
    def lowest_limits(self) -> Mapping[str, int]:
        """The lowest limit of each budget that has one, of all tiers and windows: {"queries": 500}."""
        return self._lowest_limits

    @property
    def forwarded_header(self) -> str:
        """The header that `check` takes as `forwarded`."""
        return self._forwarded_header

    @property
    def counters(self) -> GuardCounters:
        raw = _ffi.GuardCounters()
        self._call("get_counters", ctypes.byref(raw))
        return GuardCounters(*(getattr(raw, field) for field in GuardCounters._fields))

    def close(self) -> None:
        """Releases the memory once running calls have returned. Closing twice does nothing."""
        self._handle.close()

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def limits_text(queries: int | None, window: int | None, limits: Document | None, capacity: int | None) -> bytes:
    """The JSON of limits that come in either of two ways."""
    if limits is None:
        limit = {"budget": "queries", "limit": _or(queries, 500), "window": _or(window, 3600)}
        limits = {"capacity": _or(capacity, 1_000_000), "limits": [limit]}
    elif not (queries is window is capacity is None):
        raise ValueError("give either limits, or queries, window and capacity")
    return document_text(limits)


def guard_options(secret: bytes | None, trusted_proxies: Sequence[str], forwarded_header: str) -> _ffi.GuardOptions:
    if forwarded_header not in _HEADERS:
        raise ValueError(f"unknown header {forwarded_header!r}; there are {', '.join(_HEADERS)}")
    if secret is not None and len(secret) != _ffi.KEY_BYTES:
        raise ValueError(f"a secret has {_ffi.KEY_BYTES} bytes, this one has {len(secret)}")
    proxies = (ctypes.c_char_p * len(trusted_proxies))(*(_ffi.text(proxy) for proxy in trusted_proxies))
    return _ffi.GuardOptions(
        secret=secret,
        trusted_proxies=proxies,
        trusted_proxies_count=len(proxies),
        forwarded_header=_HEADERS[forwarded_header],
    )


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


def lowest_limits(limits: bytes) -> Mapping[str, int]:
    """The lowest limit of each budget that has one."""
    lowest: dict[str, int] = {}
    for limit in json.loads(limits)["limits"]:
        budget, units = limit["budget"], limit["limit"]
        lowest[budget] = min(units, lowest.get(budget, units))
    return lowest


def as_bytes(value: str | bytes | None) -> tuple[bytes | None, int]:
    if value is None:
        return None, 0
    # Headers come as text that holds any bytes.
    encoded = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return encoded, len(encoded)


def describe(
    client: _ffi.GuardClient,
    name: str | bytes | None,
    pool: str | bytes | None,
    peer: str | None,
    forwarded: str | bytes | None,
) -> None:
    client.name, client.name_size = as_bytes(name)
    client.pool, client.pool_size = as_bytes(pool)
    client.peer, client.peer_size = as_bytes(peer)
    client.forwarded, client.forwarded_size = as_bytes(forwarded)


def as_count(value: int) -> int:
    """A count as C takes it."""
    if value < 0:
        raise ValueError(f"a count must not be negative, as {value} is")
    return value if value <= EVERYTHING else EVERYTHING


def nanoseconds(now: float | None) -> int:
    return time.monotonic_ns() if now is None else int(now * 1e9)


class _Own:
    """Structs for the calls of one thread: to make them anew takes longer than a check."""

    def __init__(self) -> None:
        self.client, self.request = _ffi.GuardClient(), _ffi.GuardRequest()
        self.decision, self.fields = _ffi.GuardDecision(), _ffi.HttpFields()
        self.usage, self.settlement = _ffi.GuardUsage(), ctypes.c_uint32()
        self.error = _ffi.ErrorText()
        self.error_pointer = ctypes.byref(self.error)
        self.question = (ctypes.byref(self.client), ctypes.byref(self.request))
        self.answer = (ctypes.byref(self.decision), self.error_pointer)
        self.http = (ctypes.byref(self.decision), ctypes.byref(self.fields), self.error_pointer)
        self.usage_pointer = ctypes.byref(self.usage)
        self.settlement_pointer = ctypes.byref(self.settlement)


class _Thread(threading.local):
    def __init__(self) -> None:
        self.own = _Own()


thread = _Thread()


def _decision(own: _Own) -> Decision:
    raw, fields = own.decision, own.fields
    _ffi.check(_ffi.lib.wseal_decision_http_fields(*own.http), own.error)
    headers = {}
    if retry := fields.retry_after:
        headers["Retry-After"] = retry.decode()
    if rate := fields.rate_limit:
        headers["RateLimit"] = rate.decode()
    if policy := fields.rate_limit_policy:
        headers["RateLimit-Policy"] = policy.decode()
    refused_by, retry_after = raw.refused_by, raw.retry_after
    refusing = [name for bit, name in enumerate(_LIMITS) if refused_by >> bit & 1] if refused_by else ()
    return Decision(
        bool(raw.allowed),
        _REASONS[raw.reason],
        tuple(refusing),
        _LIMITS[raw.tier * _ffi.BUDGET_COUNT + raw.budget],
        raw.limit,
        raw.window,
        raw.remaining,
        retry_after / 1e9 if retry_after else None,
        raw.reset_after / 1e9,
        fields.status,
        headers,
        raw.ticket,
    )
