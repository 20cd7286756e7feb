"""One admitted request: its response gets the guard's fields, and it is settled when it ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .._guard import Decision, Guard
from ._completions import CompletionRequest
from ._types import Message, Send
from ._usage import UsageReader


class Reservation(NamedTuple):
    """What a request may use."""

    request: CompletionRequest
    input_tokens: int
    max_tokens: int  #: of one completion

    def asked(self) -> dict[str, Any]:
        """It as arguments of `Guard.check`, for which log-probabilities are those of completions."""
        request = self.request
        of_prompt = self.input_tokens if request.prompt_logprobs else 0
        return {
            "prompts": request.prompts,
            "n": request.n,
            "best_of": request.best_of,
            "input_tokens": self.input_tokens,
            "max_tokens": self.max_tokens + of_prompt,
            "logprobs": request.logprobs,
            "logit_bias_entries": request.logit_bias_entries,
        }


class Exchange:
    """Sends the response of a request, and settles what was reserved.

    Args:
        fields: For the head of the response.
    """

    def __init__(
        self,
        guard: Guard,
        decision: Decision,
        reservation: Reservation,
        fields: Sequence[tuple[bytes, bytes]],
        send: Send,
    ) -> None:
        self._guard = guard
        self._ticket = decision.ticket
        self._reservation = reservation
        self._fields = fields
        self._send = send
        self._response = UsageReader()

    async def send(self, message: Message) -> None:
        """For the application."""
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *self._fields]}
            if self._ticket:
                self._response.start(message)
        elif message["type"] == "http.response.body" and self._ticket:
            self._response.feed(message.get("body", b""))
            if not message.get("more_body", False):
                self.settle()  # before the client knows, so that its next request finds what this one gave back
        await self._send(message)

    def settle(self) -> None:
        """Settles, unless that was done."""
        ticket, self._ticket = self._ticket, 0
        if ticket:
            self._response.end()
            tokens, logprob_tokens = self._used()
            self._guard.settle(ticket, tokens=tokens, logprob_tokens=logprob_tokens)

    def _used(self) -> tuple[int, int]:
        """Tokens, and of them those with log-probabilities."""
        response, (request, input_tokens, _) = self._response, self._reservation
        if response.usage is not None:
            input_tokens, output_tokens = response.usage
        elif response.status is not None and response.status >= 400:
            return 0, 0
        else:
            return self._at_most(input_tokens, response.sent)
        return input_tokens + output_tokens, _with_logprobs(request, input_tokens, output_tokens)

    def _at_most(self, input_tokens: int, output_tokens: int | None) -> tuple[int, int]:
        """The same where it is not reported, but bounded: no more than was reserved."""
        asked = self._reservation.asked()
        request, lowest = self._reservation.request, self._guard.lowest_limits
        reserved = request.prompts * max(request.n, request.best_of) * asked["max_tokens"]
        output_tokens = reserved if output_tokens is None else output_tokens
        return (
            min(input_tokens + min(output_tokens, reserved), lowest.get("tokens", 0)),
            min(_with_logprobs(request, input_tokens, output_tokens), reserved, lowest.get("logprob_tokens", 0)),
        )


def _with_logprobs(request: CompletionRequest, input_tokens: int, output_tokens: int) -> int:
    if not request.logprobs:
        return 0
    return output_tokens + (input_tokens if request.prompt_logprobs else 0)
