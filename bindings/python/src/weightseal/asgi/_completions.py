"""What the body of a completion request asks for, in the words of the usual APIs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

_COUNTS = frozenset(("n", "best_of", "max_tokens", "max_completion_tokens", "max_output_tokens"))
_PROMPTS = frozenset(("prompt", "prompt_embeds", "input", "messages"))
_LOGPROBS = frozenset(("logprobs", "top_logprobs", "prompt_logprobs", "include"))
_FIELDS = _COUNTS | _PROMPTS | _LOGPROBS | {"logit_bias"}

#: Commas, colons and brackets in a body. They bound the time that reading takes, which is the server's.
MOST_MARKS = 1 << 17


class Unreadable(ValueError):
    """A body that the application may understand in another way than this module does, or not at all."""


class CompletionRequest(NamedTuple):
    prompt: dict[str, Any]  #: the fields that are it
    prompts: int
    n: int
    best_of: int
    max_tokens: int | None  #: of one completion; None: it does not say
    logprobs: bool
    prompt_logprobs: bool  #: and of the prompt, too
    logit_bias_entries: int


def parse(body: bytes) -> dict[str, Any]:
    """The object that a body of JSON is.

    Raises:
        Unreadable: It is no JSON of UTF-8, no object, has a name twice anywhere, numbers that JSON does not have or
            this Python does not read, too many values, or is nested too deeply.
    """
    if len(body) > MOST_MARKS and sum(map(body.count, (b",", b":", b"[", b"{"))) > MOST_MARKS:
        raise Unreadable("it has too many values")
    try:
        # As text: given bytes, Python would take UTF-16, too, where a byte can be more than a token.
        value = decode(_decoder, str(body, "utf-8"))
    except Unreadable:
        raise
    except ValueError:
        raise Unreadable("it is no JSON") from None
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    if not isinstance(value, dict):
        raise Unreadable("it is no JSON object")
    return value


def decode(decoder: json.JSONDecoder, text: str) -> Any:
    """As `decoder.decode`, but without its two searches for blanks."""
    text = text.strip(" \t\n\r")
    value, end = decoder.raw_decode(text)
    if end != len(text):
        raise ValueError("there is more than one value")
    return value


def read(fields: Mapping[str, Any]) -> CompletionRequest:
    """What these fields ask for. Of several names for the most tokens, the one that asks for most counts.

    Raises:
        Unreadable: A field has another type than in the usual APIs, or is below 0.
    """
    counts: dict[str, int] = {}
    prompt: dict[str, Any] = {}
    prompts = entries = 0
    logprobs = prompt_logprobs = False
    for name in fields.keys() & _FIELDS:  # few of these
        value = fields[name]
        if value is None:
            continue
        if name in _COUNTS:
            counts[name] = _count(name, value)
        elif name in _PROMPTS:
            prompts += _prompts(name, value)
            prompt[name] = value
        elif name == "logit_bias":
            entries = _entries(value)
        elif _wants_logprobs(name, value):
            logprobs = True
            prompt_logprobs |= name == "prompt_logprobs"
    return CompletionRequest(
        prompt=prompt,
        prompts=prompts or 1,
        n=counts.pop("n", 1) or 1,
        best_of=counts.pop("best_of", 1) or 1,
        max_tokens=max(counts.values(), default=None),
        logprobs=logprobs,
        prompt_logprobs=prompt_logprobs or (logprobs and bool(fields.get("echo"))),
        logit_bias_entries=entries,
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Unreadable("it has a name twice")
    return fields


def _refuse(constant: str) -> NoReturn:
    raise Unreadable(f"{constant} is no JSON")


_decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)


def _count(name: str, value: object) -> int:
    if type(value) is not int or value < 0:  # True is an int, too
        raise Unreadable(f'its "{name}" is no count')
    return value


def _prompts(name: str, value: object) -> int:
    """A text, a list of tokens and a list of messages are one prompt each; lists of texts and of lists, as many. The
    object that names a stored prompt goes with an input."""
    if isinstance(value, dict):
        return 0
    if isinstance(value, str):
        return 1
    if isinstance(value, list):
        kinds = set(map(type, value))
        if kinds <= {int} or kinds <= {dict}:
            return 1
        if kinds <= {str} or kinds <= {list}:
            return len(value)
    raise Unreadable(f'its "{name}" is no prompt')


def _wants_logprobs(name: str, value: object) -> bool:
    """logprobs=0 asks for those of the chosen tokens, top_logprobs=0 for nothing."""
    if name == "include":
        return isinstance(value, list) and any(isinstance(what, str) and "logprobs" in what for what in value)
    return value is not False and not (name == "top_logprobs" and value == 0)


def _entries(value: object) -> int:
    if not isinstance(value, dict):
        raise Unreadable('its "logit_bias" is no object')
    return len(value)
