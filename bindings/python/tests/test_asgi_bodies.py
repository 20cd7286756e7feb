"""What the middleware reads in bodies, and what it does not trust itself to read."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from weightseal.asgi._body import Body
from weightseal.asgi._completions import MOST_MARKS, Unreadable, parse, read


def asked(**fields: Any) -> Any:
    return read(parse(json.dumps(fields).encode()))


@pytest.mark.parametrize(
    ("fields", "prompts"),
    [
        ({}, 1),
        ({"prompt": "text"}, 1),
        ({"prompt": []}, 1),
        ({"prompt": ["a", "b", "c"]}, 3),
        ({"prompt": [1, 2, 3]}, 1),
        ({"prompt": [[1, 2], [3]]}, 2),
        ({"prompt": "text", "prompt_embeds": ["YQ==", "Yg=="]}, 3),
        ({"messages": [{"role": "system"}, {"role": "user"}]}, 1),
        ({"messages": [[{"role": "user"}], [{"role": "user"}]]}, 2),
        ({"input": ["a", "b"]}, 2),
        ({"input": [{"role": "user"}], "prompt": {"id": "stored"}}, 1),
    ],
)
def test_prompts(fields: dict[str, Any], prompts: int) -> None:
    assert asked(**fields).prompts == prompts


def test_counts() -> None:
    nothing = asked(n=None, best_of=None, max_tokens=None, logit_bias=None)
    assert (nothing.n, nothing.best_of, nothing.max_tokens, nothing.logit_bias_entries) == (1, 1, None, 0)
    some = asked(n=2, best_of=3, max_tokens=5, logit_bias={"1": -100, "2": 0.5})
    assert (some.n, some.best_of, some.max_tokens, some.logit_bias_entries) == (2, 3, 5, 2)
    assert asked(n=0).n == 1
    assert asked(max_tokens=5, max_completion_tokens=6).max_tokens == 6
    assert asked(max_output_tokens=7).max_tokens == 7
    assert asked(n=10**30).n == 10**30


@pytest.mark.parametrize(
    ("fields", "logprobs", "of_prompt"),
    [
        ({}, False, False),
        ({"logprobs": None, "top_logprobs": 0, "prompt_logprobs": None}, False, False),
        ({"logprobs": False}, False, False),
        ({"logprobs": True}, True, False),
        ({"logprobs": 0}, True, False),
        ({"logprobs": "5"}, True, False),
        ({"top_logprobs": 5}, True, False),
        ({"prompt_logprobs": 0}, True, True),
        ({"prompt_logprobs": -1}, True, True),
        ({"logprobs": 1, "echo": True}, True, True),
        ({"include": ["message.output_text.logprobs"]}, True, False),
        ({"include": ["reasoning.encrypted_content", 5]}, False, False),
    ],
)
def test_logprobs(fields: dict[str, Any], logprobs: bool, of_prompt: bool) -> None:
    found = asked(**fields)
    assert (found.logprobs, found.prompt_logprobs) == (logprobs, of_prompt)


UNREADABLE = {
    "empty": b"",
    "truncated": b'{"prompt": "a"',
    "array": b'[{"prompt": "a"}]',
    "trailing_text": b"{} {}",
    "name_twice": b'{"n": 1, "n": 128}',
    "name_twice_by_an_escape": b'{"n": 1, "\\u006e": 128}',
    "name_twice_inside": b'{"logit_bias": {"1": 1, "1": 1}}',
    "nan": b'{"temperature": NaN}',
    "infinity": b'{"temperature": -Infinity}',
    "deep_nesting": b'{"prompt": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "huge_integer": b'{"n": ' + b"9" * 100_000 + b"}",
    "negative_n": b'{"n": -1}',
    "float_n": b'{"n": 1.0}',
    "boolean_n": b'{"n": true}',
    "text_n": b'{"n": "128"}',
    "negative_max_tokens": b'{"max_tokens": -1}',
    "exponent_max_tokens": b'{"max_tokens": 1e999}',
    "list_best_of": b'{"best_of": [20]}',
    "number_as_prompt": b'{"prompt": 5}',
    "mixed_prompt": b'{"prompt": ["a", [1]]}',
    "booleans_as_tokens": b'{"prompt": [1, true]}',
    "list_logit_bias": b'{"logit_bias": [1, 2]}',
    "ten_megabyte_logit_bias": json.dumps({"logit_bias": {str(i): 1 for i in range(800_000)}}).encode(),
    "too_many_values": b'{"prompt": [' + b"1," * MOST_MARKS + b"1]}",
    "utf_16": '{"prompt": "a"}'.encode("utf-16"),
    "byte_order_mark": b"\xef\xbb\xbf{}",
    "no_utf_8": b'{"prompt": "\xff"}',
    "raw_control_character": b'{"prompt": "\n"}',
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read(parse(body))


class Connection:
    """A `receive` that has these messages, and then waits as for a client that sends no more."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.messages = list(messages)

    async def receive(self) -> dict[str, Any]:
        return self.messages.pop(0)


def part(body: bytes, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def test_the_application_gets_every_byte_again() -> None:
    async def run() -> None:
        messages = [part(b"a"), part(b""), {"type": "http.request", "more_body": True}, part(b"bc", more=False)]
        later = {"type": "http.disconnect"}
        body = await Body.read(Connection(*messages, later).receive, most=3)
        assert (body.content, body.problem) == (b"abc", "")
        assert [await body.receive() for _ in range(2)] == [part(b"abc", more=False), later]

    asyncio.run(run())


def test_a_large_body_is_read_no_further() -> None:
    async def run() -> None:
        messages = [part(b"ab"), part(b"cd"), part(b"ef", more=False)]
        connection = Connection(*messages)
        body = await Body.read(connection.receive, most=3)
        assert body.content is None and body.problem == "it has more than 3 bytes"
        assert connection.messages == messages[2:]
        assert [await body.receive() for _ in range(2)] == [part(b"abcd"), messages[2]]
        whole = await Body.read(Connection(part(b"abcd", more=False)).receive, most=3)
        assert whole.content is None and await whole.receive() == part(b"abcd", more=False)

    asyncio.run(run())


def test_a_body_that_ends_early() -> None:
    async def run() -> None:
        messages = [part(b"a"), part(b"b"), {"type": "http.disconnect"}]
        body = await Body.read(Connection(*messages).receive, most=3)
        assert body.content is None and "left" in body.problem
        assert [await body.receive() for _ in range(2)] == [part(b"ab"), messages[2]]

    asyncio.run(run())
