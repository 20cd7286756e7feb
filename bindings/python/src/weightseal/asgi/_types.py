"""What ASGI 3 passes around."""

from __future__ import annotations

from collections.abc import Awaitable, MutableMapping
from typing import Any, Callable

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def header(message: MutableMapping[str, Any], name: bytes) -> list[bytes]:
    """The lines of a header, in order. Names are in lower case."""
    return [value for key, value in message.get("headers", ()) if key == name]
