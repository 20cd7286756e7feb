"""One admitted request: its response gets the guard's fields, and it is settled when it ends."""

from __future__ import annotations

from collections.abc import Sequence

from .._base_guard import BaseGuard, Decision
from ._completions import CompletionRequest
from ._types import Message, Send
from ._usage import UsageReader


class Reservation:
    """What a request may use.

    Args:
        max_tokens: Of one completion.
    """

    __slots__ = ("input_tokens", "max_tokens", "request")

    def __init__(self, request: CompletionRequest, input_tokens: int, max_tokens: int) -> None:
        self.request = request
        self.input_tokens = input_tokens
        # For the guard, log-probabilities are those of completions.
        self.max_tokens = max_tokens + (input_tokens if request.prompt_logprobs else 0)

    def output_tokens(self) -> int:
        return self.request.prompts * max(self.request.n, self.request.best_of) * self.max_tokens


class Exchange:
    """Sends the response of a request, and settles what was reserved.

    Args:
        fields: For the head of the response.
    """

    def __init__(
        self,
        guard: BaseGuard,
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
        response = self._response
        if response.usage is not None:
            input_tokens, output_tokens = response.usage
            return input_tokens + output_tokens, self._with_logprobs(input_tokens, output_tokens)
        if response.status is not None and response.status >= 400:
            return 0, 0
        # Not reported, but bounded: by what was sent, and by what was reserved.
        lowest, input_tokens = self._guard.lowest_limits, self._reservation.input_tokens
        reserved = self._reservation.output_tokens()
        sent = reserved if response.sent is None else response.sent
        return (
            min(input_tokens + min(sent, reserved), lowest.get("tokens", 0)),
            min(self._with_logprobs(input_tokens, sent), reserved, lowest.get("logprob_tokens", 0)),
        )

    def _with_logprobs(self, input_tokens: int, output_tokens: int) -> int:
        request = self._reservation.request
        if not request.logprobs:
            return 0
        return output_tokens + (input_tokens if request.prompt_logprobs else 0)
