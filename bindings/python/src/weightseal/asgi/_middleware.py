"""The middleware: asks the guard before the application, and tells it afterwards what was used."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping
from concurrent.futures import Future
from typing import Any, Callable

from .._base_guard import EVERYTHING, BaseGuard, Decision, GuardEvent
from .._errors import Error
from .._guard import Guard
from .._shared_guard import SharedGuard
from . import _environment
from ._body import Body
from ._client import Client, bearer_key, peer
from ._completions import CompletionRequest, Unreadable, parse, read
from ._events import EventThread, log_event
from ._exchange import Exchange, Reservation
from ._refusal import refuse
from ._types import App, Receive, Scope, Send, header
from ._waiting import WaitingThreads

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

#: Last parts of paths whose answers are no completions: their only tokens are those of the input.
_WITHOUT_COMPLETIONS = ("embeddings", "embed", "pooling", "classify", "score", "rerank", "tokenize", "detokenize")


class ExtractionGuard:
    """An ASGI 3 middleware that admits or refuses each request by a guard.

    The body is read first, in the words of the usual APIs (completions, chat completions, responses, embeddings), and
    handed on unchanged. One that cannot be read for sure goes to the application as well, but is charged as if it asked
    for as much as possible, with log-probabilities and logit_bias: no JSON object of UTF-8, a name twice, a count that
    is no number or below 0, compressed, above `max_body`. A refused request is answered with status 429 or 400; every
    other response gets the guard's RateLimit fields, and the request is settled before its last byte is sent, or when
    the application is left.

    Tokens are reserved as the bytes of the body and the most tokens it asks for, and settled as what the response
    reports as its "usage"; without one, as the bytes of the body and of the text that was sent, at most what was
    reserved; as nothing where the status is 400 or more. Where the limits have signals, admitted requests are observed.

    Args:
        app: The application. A server may construct the middleware with it alone.
        guard: A `Guard`, or a `SharedGuard`, whose server is waited for in threads of the middleware's own, by the
            requests for which no lease suffices. Without it, one with the limits in the file that
            WEIGHTSEAL_GUARD_LIMITS names, else 500 queries an hour for each client; WEIGHTSEAL_GUARD_TRUSTED_PROXIES
            are addresses and networks, separated by commas, and WEIGHTSEAL_GUARD_FORWARDED_HEADER is the header that
            they write; WEIGHTSEAL_GUARD_SHARED_MEMORY is the file in which processes have one guard, and
            WEIGHTSEAL_GUARD_SECRET a file of 32 bytes that they need for it.
        client: Says who sends a request. It must not block.
        paths: The paths that are guarded, below the application's root; without it, those in WEIGHTSEAL_GUARD_PATHS,
            separated by commas, else all. Requests by GET, HEAD and OPTIONS are never guarded.
        context_length: The most tokens of one completion, as a request that names no maximum may have as many; without
            it, WEIGHTSEAL_GUARD_CONTEXT_LENGTH, else such a request reserves as much as the limits allow.
        count_tokens: Counts the tokens of a body's input, given its fields. It must not block.
        max_body: Bytes of a body that are read, while the server waits. Images in requests need more.
        max_completions: Completions that the server answers one request with at most. A body that cannot be read is
            charged as many, or the lowest limit of queries.
        on_event: Is called with each event of the guard, by a thread of its own; None leaves them to others.

    Raises:
        Error: What the limits break, with field and line.
        OSError: WEIGHTSEAL_GUARD_LIMITS or WEIGHTSEAL_GUARD_SECRET names no file that can be read.
        TypeError: `paths` is one text.
        ValueError: A variable of the environment has no such value.
    """

    def __init__(
        self,
        app: App,
        guard: BaseGuard | None = None,
        *,
        client: Callable[[Scope], Client] = bearer_key,
        paths: Collection[str] | None = None,
        context_length: int | None = None,
        count_tokens: Callable[[Mapping[str, Any]], int] | None = None,
        max_body: int = 1 << 20,
        max_completions: int = 128,
        on_event: Callable[[GuardEvent], object] | None = log_event,
    ) -> None:
        if isinstance(paths, str):
            raise TypeError("paths is a collection of paths, not one")
        self._app = app
        self._guard = _environment.guard() if guard is None else guard
        self._client = client
        self._paths = _environment.paths() if paths is None else frozenset(paths)
        length = _environment.context_length() if context_length is None else context_length
        self._most_tokens = EVERYTHING if length is None else length
        self._count_tokens = count_tokens
        self._max_body = max_body
        self._max_completions = max_completions
        self._forwarded = self._guard.forwarded_header.encode()
        self._events = None if on_event is None else EventThread(self._guard, on_event)
        self._threads = WaitingThreads()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif self._is_guarded(scope):
            await self._answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        finally:
            self._threads.stop()
            if self._events is not None:
                self._events.stop()

    def _is_guarded(self, scope: Scope) -> bool:
        if scope["type"] != "http" or scope["method"] in _SAFE_METHODS:
            return False
        return self._paths is None or _path(scope) in self._paths

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._events is not None:
            self._events.start()
        if header(scope, b"content-encoding") in ([], [b"identity"]):
            body = await Body.read(receive, self._max_body)
        else:
            body = Body.unread(receive, "it is compressed")
        reservation, problem = self._reservation(scope, body)
        who = self._who(scope)
        decision = await self._decide(who, reservation)
        fields = [(name.lower().encode(), value.encode()) for name, value in decision.headers.items()]
        if not decision.allowed:
            await refuse(send, decision, fields, problem)
            return
        exchange = Exchange(self._guard, decision, reservation, fields, send)
        try:
            if isinstance(self._guard, Guard) and self._guard.has_signals:
                _observe(self._guard, who, reservation.request)
            await self._app(scope, body.receive, exchange.send)
        finally:
            exchange.settle()

    def _reservation(self, scope: Scope, body: Body) -> tuple[Reservation, str]:
        """What to reserve, and why the body could not be read, if so."""
        if body.content is None:
            return self._everything(), body.problem
        try:
            fields = parse(body.content)
            request = read(fields)
        except Unreadable as problem:
            return self._everything(), str(problem)
        input_tokens = len(body.content) if self._count_tokens is None else self._count_tokens(fields)
        return Reservation(request, input_tokens, self._output_tokens(scope, request)), ""

    def _output_tokens(self, scope: Scope, request: CompletionRequest) -> int:
        if _path(scope).rpartition("/")[2] in _WITHOUT_COMPLETIONS:
            return 0
        return self._most_tokens if request.max_tokens is None else min(request.max_tokens, self._most_tokens)

    def _everything(self) -> Reservation:
        lowest = self._guard.lowest_limits
        request = CompletionRequest(
            prompt={},
            prompts=1,
            n=min(self._max_completions, lowest.get("queries", self._max_completions)),
            best_of=1,
            max_tokens=None,
            logprobs=True,
            prompt_logprobs=True,
            logit_bias_entries=lowest.get("logit_bias_entries", 1),
        )
        return Reservation(request, EVERYTHING, EVERYTHING)

    def _who(self, scope: Scope) -> dict[str, Any]:
        name, pool = self._client(scope)
        forwarded = b", ".join(header(scope, self._forwarded)) or None
        return {"name": name, "pool": pool, "peer": peer(scope), "forwarded": forwarded}

    async def _decide(self, who: dict[str, Any], reservation: Reservation) -> Decision:
        guard = self._guard
        if not isinstance(guard, SharedGuard):
            return _check(guard.check, who, reservation)
        decision = _check(guard.check_leases, who, reservation)
        if decision.reason != "lease_pending":
            return decision
        # It waits for the server of the counts; the other requests do not.
        waiting = self._threads.submit(_check, guard.check_shared, who, reservation)
        try:
            return await asyncio.wrap_future(waiting)
        except asyncio.CancelledError:  # a thread that has begun goes on, and nobody will use what it gets
            waiting.add_done_callback(self._give_back)
            raise

    def _give_back(self, waiting: Future[Decision]) -> None:
        if not waiting.cancelled() and waiting.exception() is None and waiting.result().ticket:
            self._guard.settle(waiting.result())


def _check(check: Callable[..., Decision], who: dict[str, Any], reservation: Reservation) -> Decision:
    request = reservation.request
    asked: dict[str, Any] = {
        "prompts": request.prompts,
        "n": request.n,
        "best_of": request.best_of,
        "input_tokens": reservation.input_tokens,
        "max_tokens": reservation.max_tokens,
        "logprobs": request.logprobs,
        "logit_bias_entries": request.logit_bias_entries,
    }
    try:
        return check(**who, **asked)
    except Error as error:
        if error.name != "bad_address":
            raise
        who["peer"] = None  # some servers put other things there than addresses
        return check(**who, **asked)


def _observe(guard: Guard, who: dict[str, Any], request: CompletionRequest) -> None:
    prompt = json.dumps(request.prompt, sort_keys=True) if request.prompt else None
    guard.observe(**who, prompt=prompt, logprobs=request.logprobs, logit_bias_entries=request.logit_bias_entries)


def _path(scope: Scope) -> str:
    """The path below the application's root, which some servers leave out."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    if root and path.startswith(root) and path[len(root) : len(root) + 1] in ("", "/"):
        return path[len(root) :]
    return path
