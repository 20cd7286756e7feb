"""What a response says, or shows, that its request has used."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from ._completions import decode
from ._types import Message

_decoder = json.JSONDecoder()

#: Bytes of a response, or of one event of a stream, that are kept to be read.
MOST_KEPT = 4 << 20


class Usage(NamedTuple):
    input_tokens: int
    output_tokens: int


class UsageReader:
    """Reads a response as it passes.

    `usage` is what the application reports: the member "usage" of a JSON object, or of the last event of a stream that
    has one. `sent` bounds the tokens of a response without it, as a token is a byte of text or more: the bytes of text
    in the events of a stream, or of the whole response; None where there is no such bound, in compressed ones.
    """

    def __init__(self) -> None:
        self.status: int | None = None  #: None before the response starts
        self.usage: Usage | None = None
        self.sent: int | None = 0
        self._is_stream = self._is_json = False
        self._kept: list[bytes] = []
        self._kept_size = 0

    def start(self, message: Message) -> None:
        self.status = message["status"]
        headers = dict(message["headers"])
        if headers.get(b"content-encoding", b"identity") != b"identity":
            self.sent = None
            return
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        self._is_stream = kind == b"text/event-stream"
        self._is_json = kind == b"application/json"

    def feed(self, part: bytes) -> None:
        if self.sent is None or not part:
            return
        if self._is_stream:
            self._feed_stream(part)
            return
        self.sent += len(part)
        if self._is_json:
            self._keep(part)

    def end(self) -> None:
        """The response has ended, or never will."""
        if self._is_json and self._kept:
            self.usage = _usage_in(_parse(b"".join(self._kept)))
            self._kept.clear()
        elif self._is_stream and self._kept:
            self._read_lines([b"".join(self._kept)])
            self._kept.clear()

    def _feed_stream(self, part: bytes) -> None:
        end = part.rfind(b"\n") + 1
        if end == 0:
            self._keep(part)
            return
        lines = b"".join([*self._kept, part[:end]]).splitlines()
        self._kept, self._kept_size = [], 0
        self._read_lines(lines)
        if end < len(part):
            self._keep(part[end:])

    def _keep(self, part: bytes) -> None:
        self._kept_size += len(part)
        if self._kept_size <= MOST_KEPT:
            self._kept.append(part)
        else:  # what is not read bounds nothing, and reports nothing
            self._kept.clear()
            self._is_json = False
            if self._is_stream:
                self.sent = None

    def _read_lines(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip()
            if data == b"[DONE]":
                continue
            event = _parse(data)
            if self.sent is not None:
                self.sent += len(data) if event is None else _text_size([event.get("choices"), event.get("delta")])
            self.usage = _usage_in(event) or self.usage


def _parse(text: bytes) -> dict[str, Any] | None:
    try:
        value = decode(_decoder, str(text, "utf-8"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _usage_in(value: dict[str, Any] | None) -> Usage | None:
    """The member "usage" of the object itself, or of its "response", in the words of completions or of responses. Not
    of others: applications repeat what the client sent."""
    if value is None:
        return None
    for place in (value, value.get("response")):
        usage = place.get("usage") if isinstance(place, dict) else None
        if not isinstance(usage, dict):
            continue
        inputs = usage.get("prompt_tokens", usage.get("input_tokens"))
        outputs = usage.get("completion_tokens", usage.get("output_tokens", 0))
        if type(inputs) is int and type(outputs) is int and inputs >= 0 and outputs >= 0:
            return Usage(inputs, outputs)
    return None


def _text_size(value: Any) -> int:
    """Bytes of text in a part of an event, log-probabilities aside."""
    size, left = 0, [value]
    while left:
        value = left.pop()
        if isinstance(value, str):
            size += len(value.encode("utf-8", "surrogatepass"))
        elif isinstance(value, list):
            left += value
        elif isinstance(value, dict):
            left += [member for name, member in value.items() if name != "logprobs"]
    return size
