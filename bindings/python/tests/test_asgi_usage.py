"""What the middleware reads in responses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from weightseal.asgi._usage import MOST_KEPT, Usage, UsageReader

CHAT = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
RESPONSE = {"input_tokens": 4, "output_tokens": 6, "total_tokens": 10}


def read(content_type: str, *parts: bytes, **headers: str) -> UsageReader:
    fields = {"content-type": content_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
    reader = UsageReader()
    lines = [(name.encode(), value.encode()) for name, value in fields.items()]
    reader.start({"type": "http.response.start", "status": 200, "headers": lines})
    for part in parts:
        reader.feed(part)
    reader.end()
    return reader


def events(*values: Any, end: str = "\n") -> bytes:
    return "".join(f"data: {json.dumps(value)}{end}{end}" for value in values).encode()


@pytest.mark.parametrize(
    ("value", "usage"),
    [
        ({"usage": CHAT}, Usage(3, 5)),
        ({"usage": RESPONSE}, Usage(4, 6)),
        ({"usage": {"prompt_tokens": 3, "total_tokens": 3}}, Usage(3, 0)),
        ({"usage": None}, None),
        ({"usage": {"prompt_tokens": -3}}, None),
        ({"usage": {"prompt_tokens": True}}, None),
        ({"usage": {"prompt_tokens": 3, "completion_tokens": "5"}}, None),
        ({"choices": [{"usage": CHAT}]}, None),
        ({"tools": [{"parameters": {"usage": CHAT}}], "metadata": {"usage": CHAT}}, None),
        ([{"usage": CHAT}], None),
    ],
)
def test_usage_of_a_json_response(value: Any, usage: Usage | None) -> None:
    body = json.dumps(value).encode()
    reader = read("application/json; charset=utf-8", body[:5], body[5:])
    assert reader.usage == usage
    assert reader.sent == len(body)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_usage_of_a_stream_cut_anywhere(end: str, size: int) -> None:
    stream = events({"choices": [{"text": "ab"}], "usage": None}, {"choices": [], "usage": CHAT}, end=end)
    stream += b": comment" + end.encode() + b"data: [DONE]" + end.encode()
    reader = read("text/event-stream", *(stream[i : i + size] for i in range(0, len(stream), size)))
    assert reader.usage == Usage(3, 5)
    assert reader.sent == 2


def test_usage_in_the_last_event_of_the_responses_api() -> None:
    created = {"type": "response.created", "response": {"usage": None, "tools": [{"usage": CHAT}]}}
    delta = {"type": "response.output_text.delta", "delta": "hé"}
    done = {"type": "response.completed", "response": {"usage": RESPONSE}}
    reader = read("text/event-stream", events(created, delta, done).rstrip())
    assert (reader.usage, reader.sent) == (Usage(4, 6), 3)


def test_text_of_a_stream_bounds_its_tokens() -> None:
    first = {"choices": [{"delta": {"content": "ab", "tool_calls": [{"function": {"arguments": "{}"}}]}}]}
    second = {"choices": [{"delta": {"content": "c"}, "logprobs": {"content": [{"token": "c"}]}}]}
    reader = read("text/event-stream", events(first, second) + b"data: {no json\n")
    assert (reader.usage, reader.sent) == (None, 2 + 2 + 1 + len("{no json"))


def test_nothing_bounds_a_compressed_response() -> None:
    assert read("application/json", b"{}", content_encoding="gzip").sent is None
    assert read("application/json", b"{}", content_encoding="identity").sent == 2


def test_large_responses_are_not_kept() -> None:
    large = read("application/json", b'{"choices": "', b"a" * MOST_KEPT, b'", ' + json.dumps({"usage": CHAT}).encode()[1:])
    assert large.usage is None and large.sent is not None and large.sent > MOST_KEPT
    assert read("text/event-stream", b"data: " + b"a" * MOST_KEPT, b"a", events({"usage": CHAT})).sent is None
    assert read("text/event-stream", b"data: " + b"a" * 9, b"\n").sent == 9
    deep = read("application/json", b"[" * 100_000)
    assert deep.usage is None
