"""The guard: hard budgets for the clients of an inference server."""

from __future__ import annotations

import ctypes
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar, Union

from . import _ffi
from ._handle import SharedHandle

#: Limits as JSON text, or as what `json.dumps` makes that text of.
Limits = Union[str, bytes, Mapping[str, Any]]

_Self = TypeVar("_Self", bound="BaseGuard")
_HEADERS = {"x-forwarded-for": 0, "forwarded": 1}
_SETTLEMENTS = ("settled", "in_debt", "expired", "unknown")


def _name(function: Any, number: int) -> str:
    return str(function(number).decode())


def _tier_and_budget(tier: int, budget: int) -> str:
    return f"{_name(_ffi.lib.wseal_tier_name, tier)}-{_name(_ffi.lib.wseal_budget_name, budget)}"


@dataclass(frozen=True)
class Decision:
    """The answer to a check. `limit_name` to `reset_after` describe one limit: of a refusal the one that takes longest,
    of an admission the one with the smallest share left."""

    allowed: bool
    reason: str  #: "admitted", "limit_reached", "in_debt", "table_saturated", "cost_exceeds_limit", "logprobs_with_…"
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
    used: int
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

    def __init__(self, handle: ctypes.c_void_p) -> None:
        free = getattr(_ffi.lib, f"{self._prefix}_free")
        self._handle = SharedHandle(handle, lambda: free(handle), "guard")

    def _call(self, function: str, *arguments: Any) -> None:
        with self._handle as guard:
            _ffi.call(getattr(_ffi.lib, f"{self._prefix}_{function}"), guard, *arguments)

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
        client = _ffi.GuardClient()
        client.name, client.name_size = _bytes(name)
        client.pool, client.pool_size = _bytes(pool)
        client.peer, client.peer_size = _bytes(peer)
        client.forwarded, client.forwarded_size = _bytes(forwarded)
        request = _ffi.GuardRequest(
            prompts=_count(prompts),
            n=_count(n),
            best_of=_count(best_of),
            input_tokens=_count(input_tokens),
            max_tokens=_count(max_tokens),
            logit_bias_entries=_count(logit_bias_entries),
            logprobs=bool(logprobs),
        )
        raw = _ffi.GuardDecision()
        self._call(_function, ctypes.byref(client), ctypes.byref(request), _nanoseconds(now), ctypes.byref(raw))
        return _decision(raw)

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
        usage = _ffi.GuardUsage(tokens=_count(tokens), logprob_tokens=_count(logprob_tokens))
        settlement = ctypes.c_uint32()
        self._call("settle", _count(ticket), ctypes.byref(usage), _nanoseconds(now), ctypes.byref(settlement))
        return _SETTLEMENTS[settlement.value]

    def events(self) -> Iterator[GuardEvent]:
        """Takes the events that wait, oldest first. 4096 can wait; the others are counted in `dropped_events`."""
        raw, found = _ffi.GuardEvent(), ctypes.c_int()
        while True:
            self._call("next_event", ctypes.byref(raw), ctypes.byref(found))
            if not found.value:
                return
            yield GuardEvent(
                _name(_ffi.lib.wseal_guard_event_name, raw.kind),
                _tier_and_budget(raw.tier, raw.budget),
                raw.window,
                raw.limit,
                raw.used,
                raw.client,
                raw.now / 1e9,
            )

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

    Raises:
        ValueError: `limits` beside `queries`, `window` or `capacity`; an unknown header; a secret of another length.
        Error: What limits or proxies break, with field and line.
    """

    def __init__(
        self,
        queries: int | None = None,
        window: int | None = None,
        *,
        limits: Limits | None = None,
        capacity: int | None = None,
        secret: bytes | None = None,
        trusted_proxies: Sequence[str] = (),
        forwarded_header: str = "x-forwarded-for",
    ) -> None:
        text = limits_text(queries, window, limits, capacity)
        options = guard_options(secret, trusted_proxies, forwarded_header)
        handle = ctypes.c_void_p()
        _ffi.call(_ffi.lib.wseal_guard_new, text, len(text), ctypes.byref(options), ctypes.byref(handle))
        super().__init__(handle)

    def configure(self, limits: Limits, *, now: float | None = None) -> None:
        """Changes the limits. New numbers hold at once, and counts are kept. Where tiers, budgets, windows or the
        capacity change, old and new limits both decide until the longest old window has passed.

        Raises:
            Error: What limits break; "limits_change_pending" when earlier changes are still passing. Nothing has changed.
        """
        text = _json(limits)
        self._call("configure", text, len(text), _nanoseconds(now))


def limits_text(
    queries: int | None, window: int | None, limits: Limits | None, capacity: int | None
) -> bytes:
    """The JSON of limits that come in either of two ways."""
    if limits is None:
        limit = {"budget": "queries", "limit": _or(queries, 500), "window": _or(window, 3600)}
        limits = {"capacity": _or(capacity, 1_000_000), "limits": [limit]}
    elif not (queries is window is capacity is None):
        raise ValueError("give either limits, or queries, window and capacity")
    return _json(limits)


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


def _json(limits: Limits) -> bytes:
    if isinstance(limits, bytes):
        return limits
    return (limits if isinstance(limits, str) else json.dumps(limits)).encode()


def _bytes(value: str | bytes | None) -> tuple[bytes | None, int]:
    if value is None:
        return None, 0
    # Headers come as text that holds any bytes.
    encoded = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return encoded, len(encoded)


def _count(value: int) -> int:
    """A count as C takes it. More than fits is more than any limit."""
    if value < 0:
        raise ValueError(f"a count must not be negative, as {value} is")
    return min(value, (1 << 64) - 1)


def _nanoseconds(now: float | None) -> int:
    return time.monotonic_ns() if now is None else int(now * 1e9)


def _decision(raw: _ffi.GuardDecision) -> Decision:
    fields = _ffi.HttpFields()
    _ffi.call(_ffi.lib.wseal_decision_http_fields, ctypes.byref(raw), ctypes.byref(fields))
    headers = {
        "Retry-After": fields.retry_after.decode(),
        "RateLimit": fields.rate_limit.decode(),
        "RateLimit-Policy": fields.rate_limit_policy.decode(),
    }
    refusing = [bit for bit in range(raw.refused_by.bit_length()) if raw.refused_by >> bit & 1]
    return Decision(
        allowed=bool(raw.allowed),
        reason=_name(_ffi.lib.wseal_reason_name, raw.reason),
        reasons=tuple(_tier_and_budget(bit // _ffi.BUDGET_COUNT, bit % _ffi.BUDGET_COUNT) for bit in refusing),
        limit_name=_tier_and_budget(raw.tier, raw.budget),
        limit=raw.limit,
        window=raw.window,
        remaining=raw.remaining,
        retry_after=raw.retry_after / 1e9 if raw.retry_after else None,
        reset_after=raw.reset_after / 1e9,
        status=fields.status,
        headers={name: value for name, value in headers.items() if value},
        ticket=raw.ticket,
    )
