"""The guard: hard budgets for the clients of an inference server."""

from __future__ import annotations

import ctypes
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple, Union

from . import _ffi
from ._handle import SharedHandle
from ._memory import adopt

if TYPE_CHECKING:
    from ._guard_log import GuardLog

#: Limits as JSON text, or as what `json.dumps` makes that text of.
Limits = Union[str, bytes, Mapping[str, Any]]

_MOST = (1 << 64) - 1
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
    reason: str  #: "admitted", "limit_reached", "in_debt", "table_saturated", "cost_exceeds_limit", "logprobs_with_…"
    reasons: tuple[str, ...]  #: limits that refused, such as "client-queries"
    limit_name: str
    limit: int
    window: int  #: seconds
    remaining: int
    retry_after: float | None  #: seconds after which a retry succeeds; None when admitted or when none can
    reset_after: float  #: seconds until everything charged so far has left the window
    status: int  #: of an HTTP response: 200, 429 or 400
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


class Guard:
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
        limits: Limits | None = None,
        capacity: int | None = None,
        secret: bytes | None = None,
        trusted_proxies: Sequence[str] = (),
        forwarded_header: str = "x-forwarded-for",
        shared_memory: str | os.PathLike[str] | None = None,
    ) -> None:
        if limits is None:
            limit = {"budget": "queries", "limit": _or(queries, 500), "window": _or(window, 3600)}
            limits = {"capacity": _or(capacity, 1_000_000), "limits": [limit]}
        elif not (queries is window is capacity is None):
            raise ValueError("give either limits, or queries, window and capacity")
        if forwarded_header not in _HEADERS:
            raise ValueError(f"unknown header {forwarded_header!r}; there are {', '.join(_HEADERS)}")
        if secret is not None and len(secret) != _ffi.KEY_BYTES:
            raise ValueError(f"a secret has {_ffi.KEY_BYTES} bytes, this one has {len(secret)}")
        proxies = (ctypes.c_char_p * len(trusted_proxies))(*(_ffi.text(proxy) for proxy in trusted_proxies))
        options = _ffi.GuardOptions(
            secret=secret,
            trusted_proxies=proxies,
            trusted_proxies_count=len(proxies),
            forwarded_header=_HEADERS[forwarded_header],
            shared_memory=None if shared_memory is None else os.fsencode(shared_memory),
        )
        text = _json(limits)
        handle = ctypes.c_void_p()
        _ffi.call(_ffi.lib.wseal_guard_new, text, len(text), ctypes.byref(options), ctypes.byref(handle))
        self._handle = SharedHandle(handle, lambda: _ffi.lib.wseal_guard_free(handle), "guard")
        self._lowest_limits = _lowest(text)
        self._forwarded_header = forwarded_header

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
        own = _thread.own
        request = own.request
        _describe(own.client, name, pool, peer, forwarded)
        request.prompts = _count(prompts)
        request.n = _count(n)
        request.best_of = _count(best_of)
        request.input_tokens = _count(input_tokens)
        request.max_tokens = _count(max_tokens)
        request.logit_bias_entries = _count(logit_bias_entries)
        request.logprobs = bool(logprobs)
        with self._handle as guard:
            status = _ffi.lib.wseal_guard_check(guard, *own.question, _nanoseconds(now), *own.answer)
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
        own = _thread.own
        own.usage.tokens, own.usage.logprob_tokens = _count(tokens), _count(logprob_tokens)
        with self._handle as guard:
            arguments = (_count(ticket), own.usage_pointer, _nanoseconds(now), own.settlement_pointer, own.error_pointer)
            status = _ffi.lib.wseal_guard_settle(guard, *arguments)
        _ffi.check(status, own.error)
        return _SETTLEMENTS[own.settlement.value]

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
        own = _thread.own
        _describe(own.client, name, pool, peer, forwarded)
        observation = _ffi.GuardObservation(logit_bias_entries=_count(logit_bias_entries), logprobs=bool(logprobs))
        observation.prompt, observation.prompt_size = _bytes(prompt)
        if prompt_hash is not None:
            if not 0 <= prompt_hash < 1 << 64:
                raise ValueError("a hash of a prompt has 64 bits")
            observation.prompt_hash = ctypes.pointer(ctypes.c_uint64(prompt_hash))
        with self._handle as guard:
            arguments = (ctypes.byref(own.client), ctypes.byref(observation), _nanoseconds(now))
            _ffi.call(_ffi.lib.wseal_guard_observe, guard, *arguments)

    def configure(self, limits: Limits, *, now: float | None = None) -> None:
        """Changes the limits. New numbers hold at once, and counts are kept. Where tiers, budgets, windows or the
        capacity change, old and new limits both decide until the longest old window has passed.

        Raises:
            Error: What limits break; "limits_change_pending" when earlier changes are still passing. Nothing has changed.
        """
        text = _json(limits)
        with self._handle as guard:
            _ffi.call(_ffi.lib.wseal_guard_configure, guard, text, len(text), _nanoseconds(now))
        self._lowest_limits = _lowest(text)

    def events(self) -> Iterator[GuardEvent]:
        """Takes the events that wait, oldest first. 4096 can wait; the others are counted in `dropped_events`."""
        raw, found = _ffi.GuardEvent(), ctypes.c_int()
        while True:
            with self._handle as guard:
                _ffi.call(_ffi.lib.wseal_guard_next_event, guard, ctypes.byref(raw), ctypes.byref(found))
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
        with self._handle as guard:
            _ffi.call(_ffi.lib.wseal_guard_get_counters, guard, ctypes.byref(raw))
        return GuardCounters(*(getattr(raw, field) for field in GuardCounters._fields))

    def pseudonym(
        self, name: str | bytes | None = None, *, pool: str | bytes | None = None, peer: str | None = None
    ) -> str:
        """What an event log calls the client of this name; or else this pool; or else the address `peer`. The same for
        every guard with this secret."""
        client = _thread.own.client
        _describe(client, name, pool, peer, None)
        tier = 0 if name is not None else 4 if pool is not None else 1
        text = ctypes.create_string_buffer(_ffi.PSEUDONYM_SIZE)
        with self._handle as guard:
            _ffi.call(_ffi.lib.wseal_guard_pseudonym, guard, ctypes.byref(client), tier, text)
        return text.value.decode()

    def metrics(self, log: GuardLog | None = None) -> str:
        """The counters, and those of an open event log, in the text format of Prometheus: to be served as
        "text/plain; version=0.0.4"."""
        text = ctypes.c_void_p()
        with self._handle as guard, nullcontext() if log is None else log._handle as log_handle:
            _ffi.call(_ffi.lib.wseal_guard_metrics, guard, log_handle, ctypes.byref(text))
        return bytes(adopt(text)).decode()

    def close(self) -> None:
        """Releases the memory once running calls have returned. Closing twice does nothing."""
        self._handle.close()

    def __enter__(self) -> Guard:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


def _json(limits: Limits) -> bytes:
    if isinstance(limits, bytes):
        return limits
    return (limits if isinstance(limits, str) else json.dumps(limits)).encode()


def _lowest(limits: bytes) -> Mapping[str, int]:
    lowest: dict[str, int] = {}
    for limit in json.loads(limits)["limits"]:
        budget, units = limit["budget"], limit["limit"]
        lowest[budget] = min(units, lowest.get(budget, units))
    return lowest


def _bytes(value: str | bytes | None) -> tuple[bytes | None, int]:
    if value is None:
        return None, 0
    # Headers come as text that holds any bytes.
    encoded = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return encoded, len(encoded)


def _describe(
    client: _ffi.GuardClient,
    name: str | bytes | None,
    pool: str | bytes | None,
    peer: str | None,
    forwarded: str | bytes | None,
) -> None:
    client.name, client.name_size = _bytes(name)
    client.pool, client.pool_size = _bytes(pool)
    client.peer, client.peer_size = _bytes(peer)
    client.forwarded, client.forwarded_size = _bytes(forwarded)


def _count(value: int) -> int:
    """A count as C takes it. More than fits is more than any limit."""
    if value < 0:
        raise ValueError(f"a count must not be negative, as {value} is")
    return value if value <= _MOST else _MOST


def _nanoseconds(now: float | None) -> int:
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


_thread = _Thread()


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
