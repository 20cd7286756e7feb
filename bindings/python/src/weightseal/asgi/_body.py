"""The body of a request: read ahead of the application, which gets every byte all the same."""

from __future__ import annotations

from ._types import Message, Receive


class Body:
    """What was read ahead: all of the body, as `content`, or else why it is not, as `problem`."""

    def __init__(self, receive: Receive, read: list[Message], content: bytes | None, problem: str = "") -> None:
        self._receive = receive
        self._read = read
        self.content = content
        self.problem = problem

    @classmethod
    def unread(cls, receive: Receive, problem: str) -> Body:
        return cls(receive, [], None, problem)

    @classmethod
    async def read(cls, receive: Receive, most: int) -> Body:
        """Reads up to the end, or up to the message that goes beyond `most` bytes."""
        buffer = bytearray()  # one, as a client may send byte by byte
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return cls(receive, [_part(bytes(buffer), True), message], None, "the client left before its end")
            buffer += message.get("body", b"")
            more = message.get("more_body", False)
            if len(buffer) > most:
                return cls(receive, [_part(bytes(buffer), more)], None, f"it has more than {most} bytes")
            if not more:
                content = bytes(buffer)
                return cls(receive, [_part(content, False)], content)

    async def receive(self) -> Message:
        """For the application: what was read, then what is yet to come."""
        return self._read.pop(0) if self._read else await self._receive()


def _part(body: bytes, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}
