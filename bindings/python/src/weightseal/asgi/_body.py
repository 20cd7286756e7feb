"""The body of a request: read ahead of the application, which gets every message all the same."""

from __future__ import annotations

from collections import deque

from ._types import Message, Receive


class Body:
    """What was read ahead: `content`, or None and why, as `problem`."""

    def __init__(self, receive: Receive, messages: deque[Message], content: bytes | None, problem: str) -> None:
        self._receive = receive
        self._messages = messages
        self.content = content
        self.problem = problem

    @classmethod
    def unread(cls, receive: Receive, problem: str) -> Body:
        return cls(receive, deque(), None, problem)

    @classmethod
    async def read(cls, receive: Receive, most: int) -> Body:
        """Reads up to the end, or one message beyond `most` bytes."""
        messages: deque[Message] = deque()
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            messages.append(message)
            if message["type"] != "http.request":
                return cls(receive, messages, None, "the client left before its end")
            part = message.get("body", b"")
            size += len(part)
            if size > most:
                return cls(receive, messages, None, f"it has more than {most} bytes")
            parts.append(part)
            if not message.get("more_body", False):
                return cls(receive, messages, b"".join(parts), "")

    async def receive(self) -> Message:
        """For the application: the same messages again, then those that are yet to come."""
        return self._messages.popleft() if self._messages else await self._receive()
