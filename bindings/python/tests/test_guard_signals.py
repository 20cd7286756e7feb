"""Signals of the guard, as a server uses them."""

from __future__ import annotations

import pytest
import weightseal as ws

LIMITS = {"limits": [{"budget": "queries", "limit": 500, "window": 3600}]}


def test_many_prompts_raise_one_event_and_nobody_is_refused() -> None:
    guard = ws.Guard(limits={**LIMITS, "signals": {"clients": 64, "warm_up": 0, "distinct_prompts": 100}})
    for i in range(300):
        assert guard.check("a", now=i).allowed
        guard.observe("a", prompt=f"Question {i}?", now=i)
        guard.observe("b", prompt="one question", now=i)
    events = [event for event in guard.events() if event.kind == "distinct_prompts"]
    assert [(event.used, event.limit, event.window, event.now) for event in events] == [(100, 100, 86400, 99.0)]
    assert events[0].limit_name == "client-queries"


def test_hashes_stand_for_prompts_and_duplicates_are_seen() -> None:
    guard = ws.Guard(limits={**LIMITS, "signals": {"clients": 64, "warm_up": 0}})
    for i in range(100):
        guard.observe(peer="192.0.2.1", prompt_hash=(1 << 64) - 1 - i % 5, now=i)
    (event,) = guard.events()
    assert (event.kind, event.used, event.limit_name) == ("duplicate_prompts", 95, "address-queries")


def test_logprobs_and_logit_bias_are_seen() -> None:
    guard = ws.Guard(limits={**LIMITS, "signals": {"clients": 64, "warm_up": 0}})
    for i in range(100):
        guard.observe(b"\xff", logprobs=True, logit_bias_entries=300, now=i)
    assert {event.kind for event in guard.events()} == {"logprobs_use", "logit_bias_use"}


def test_a_guard_without_signals_observes_nothing() -> None:
    guard = ws.Guard()
    guard.observe("a", prompt="x", now=0)
    assert list(guard.events()) == []
    memory = guard.counters.memory
    guard.configure({**LIMITS, "signals": {}}, now=0)
    assert 30 << 20 < guard.counters.memory - memory <= 64 << 20
    guard.configure(LIMITS, now=0)
    assert guard.counters.memory == memory


def test_misuse_and_wrong_thresholds_are_refused() -> None:
    guard = ws.Guard()
    with pytest.raises(ValueError, match="64 bits"):
        guard.observe("a", prompt_hash=1 << 64)
    with pytest.raises(ValueError, match="64 bits"):
        guard.observe("a", prompt_hash=-1)
    with pytest.raises(ValueError, match="negative"):
        guard.observe("a", logit_bias_entries=-1)
    with pytest.raises(ws.Error) as caught:
        guard.observe(peer="nowhere")
    assert caught.value.name == "bad_address"
    with pytest.raises(ws.Error, match="line 1: signals.duplicate_percent must be 0 … 100, and is 101"):
        ws.Guard(limits={**LIMITS, "signals": {"duplicate_percent": 101}})
