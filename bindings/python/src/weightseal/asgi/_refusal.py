"""The response to a request that was refused."""

from __future__ import annotations

import json
from collections.abc import Iterable

from .._guard import Decision
from ._types import Send

_MESSAGES = {
    "limit_reached": "The limit {0.limit_name} is reached: {0.limit} in {0.window} seconds.",
    "in_debt": "More was used than the limit {0.limit_name} allows: {0.limit} in {0.window} seconds.",
    "table_saturated": "There are too many new clients.",
    "cost_exceeds_limit": "This request alone is above the limit {0.limit_name}: {0.limit} in {0.window} seconds.",
    "logprobs_with_logit_bias": "Log-probabilities and logit_bias cannot be had together.",
    "lease_pending": "The server is looking up what is left of the limits.",
    "server_unavailable": "The server cannot look up what is left of the limits.",
}


_TYPES = {400: "invalid_request_error", 429: "rate_limit_error", 503: "server_error"}


async def refuse(send: Send, decision: Decision, fields: Iterable[tuple[bytes, bytes]], problem: str) -> None:
    """Answers in the way of the usual APIs.

    Args:
        problem: Why the body could not be read; empty if it could.
    """
    message = _MESSAGES[decision.reason].format(decision)
    if "Retry-After" in decision.headers:
        message += f" Try again in {decision.headers['Retry-After']} seconds."
    if problem:
        message += f" The body could not be read ({problem}), so it counts as asking for as much as possible."
    error = {
        "message": message,
        "type": _TYPES[decision.status],
        "param": None,
        "code": "rate_limit_exceeded" if decision.status == 429 else decision.reason,
    }
    body = json.dumps({"error": error}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *fields]
    await send({"type": "http.response.start", "status": decision.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
