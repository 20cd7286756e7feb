"""The guard, as a server uses it."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
import weightseal as ws


def test_a_client_is_throttled_and_told_when_to_come_back() -> None:
    with ws.Guard(queries=500, window=3600, capacity=1000) as guard:
        for left in reversed(range(500)):
            decision = guard.check("client-7", now=0.0)
            assert decision.allowed and decision.remaining == left and decision.status == 200
        refused = guard.check("client-7", now=1.0)
        assert not refused.allowed
        assert refused.reason == "limit_reached" and refused.reasons == ("client-queries",)
        assert (refused.limit_name, refused.limit, refused.window) == ("client-queries", 500, 3600)
        assert refused.status == 429 and refused.headers["RateLimit-Policy"] == '"client-queries";q=500;w=3600'
        assert refused.retry_after is not None and 3599 < refused.retry_after < 3900
        assert int(refused.headers["Retry-After"]) >= refused.retry_after
        assert guard.check("client-8", now=1.0).allowed
        assert guard.check("client-7", now=1.0 + refused.retry_after + 1e-6).allowed
        assert [event.kind for event in guard.events()] == ["limit_reached"]
        assert list(guard.events()) == []
        counters = guard.counters
        assert (counters.admitted, counters.refused, counters.inserted) == (502, 1, 2)
        assert counters.memory < 16 << 20


def test_tokens_are_reserved_and_settled() -> None:
    limits = {"limits": [{"budget": "tokens", "limit": 1000, "window": 60}, {"budget": "concurrency", "limit": 2}]}
    guard = ws.Guard(limits=limits)
    first = guard.check("a", input_tokens=100, max_tokens=300, n=2, now=0)
    assert first.allowed and first.remaining == 300
    assert not guard.check("a", max_tokens=301, now=0).allowed
    assert guard.settle(first, tokens=150, now=0) == "settled"
    assert guard.settle(first.ticket, now=0) == "unknown"
    second = guard.check("a", max_tokens=850, now=0)
    assert second.allowed and second.remaining == 0
    assert guard.settle(second, tokens=851, now=0) == "in_debt"
    assert guard.check("a", now=0).reason == "in_debt"
    late = guard.check("b", max_tokens=1, now=0)
    assert guard.settle(late, now=1000) == "expired"


def test_addresses_behind_proxies() -> None:
    limits = '{"limits": [{"tier": "address", "budget": "queries", "limit": 1, "window": 60}]}'
    guard = ws.Guard(limits=limits, trusted_proxies=["10.0.0.0/8"], forwarded_header="forwarded", secret=bytes(32))
    assert guard.check(peer="192.0.2.1:443", now=0).allowed
    assert not guard.check(peer="10.0.0.1", forwarded="for=1.2.3.4, for=192.0.2.1", now=0).allowed
    assert not guard.check(peer="10.0.0.1", forwarded=b"\xff\0, for=\"192.0.2.1:9\"", now=0).allowed
    assert guard.check(peer="10.0.0.1", forwarded="for=192.0.2.2", now=0).allowed
    with pytest.raises(ws.Error) as refused:
        guard.check(peer="somewhere", now=0)
    assert refused.value.name == "bad_address"


def test_logprobs_or_logit_bias() -> None:
    guard = ws.Guard(limits={"logprobs_or_logit_bias": True, "limits": [{"budget": "queries", "limit": 9, "window": 9}]})
    refused = guard.check("a", logprobs=True, max_tokens=1, logit_bias_entries=1)
    assert refused.reason == "logprobs_with_logit_bias" and refused.status == 400 and refused.headers == {}
    assert guard.check("a", logprobs=True, max_tokens=1).allowed


def test_limits_change_and_counts_stay() -> None:
    guard = ws.Guard(queries=3, window=60)
    assert guard.check("a", prompts=3, now=0).allowed
    guard.configure({"limits": [{"budget": "queries", "limit": 5, "window": 60}]}, now=0)
    assert guard.check("a", prompts=2, now=0).allowed
    assert not guard.check("a", now=0).allowed
    with pytest.raises(ws.Error) as refused:
        guard.configure('{"limits":\n [{"budget": "queries", "limit": 0, "window": 60}]}')
    assert refused.value.name == "limits_out_of_range"
    assert "line 2: limits[0].limit" in refused.value.message


def test_lowest_limits() -> None:
    limits = [{"budget": "queries", "limit": 9, "window": 9}, {"budget": "queries", "limit": 5, "window": 3}]
    guard = ws.Guard(limits={"limits": [*limits, {"tier": "pool", "budget": "concurrency", "limit": 2}]})
    assert guard.lowest_limits == {"queries": 5, "concurrency": 2}
    guard.configure({"limits": limits[:1]}, now=0)
    assert guard.lowest_limits == {"queries": 9}
    assert guard.forwarded_header == "x-forwarded-for"


def test_names_have_any_bytes_and_numbers_any_size() -> None:
    guard = ws.Guard(queries=1)
    assert guard.check(b"a\0b", now=0).allowed
    assert guard.check(b"a\0c", now=0).allowed
    assert not guard.check("a\0b", now=0).allowed
    assert guard.check("big", prompts=1 << 70, now=0).reason == "cost_exceeds_limit"
    assert guard.check("big", prompts=1 << 70, now=0).retry_after is None


def test_processes_share_a_table(tmp_path: Path) -> None:
    arguments = f"window=3600, capacity=100, secret=bytes(32), shared_memory={str(tmp_path / 'table')!r}"
    program = f"""
import weightseal as ws
guard = ws.Guard(queries=500, {arguments})
print(sum(guard.check("client-7").allowed for _ in range(300)))
"""
    processes = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert sum(int(process.communicate()[0]) for process in processes) == 500
    with pytest.raises(ws.Error) as refused:
        ws.Guard(queries=501, window=3600, capacity=100, secret=bytes(32), shared_memory=tmp_path / "table")
    assert refused.value.name == "shared_table_differs"


def test_misuse() -> None:
    with pytest.raises(ValueError, match="either limits"):
        ws.Guard(5, limits="{}")
    with pytest.raises(ValueError, match="unknown header"):
        ws.Guard(forwarded_header="via")
    with pytest.raises(ValueError, match="32 bytes"):
        ws.Guard(secret=b"short")
    with pytest.raises(ws.Error, match="limits_not_json"):
        ws.Guard(limits="{")
    with pytest.raises(ws.Error, match="bad_address"):
        ws.Guard(trusted_proxies=["10.0.0.0/8", "proxy"])
    guard = ws.Guard()
    with pytest.raises(ValueError, match="negative"):
        guard.check("a", max_tokens=-1)
    guard.close()
    guard.close()
    with pytest.raises(ValueError, match="the guard is closed"):
        guard.check("a")


def test_threads() -> None:
    guard = ws.Guard(queries=1500)
    admitted: list[int] = []

    def work() -> None:
        admitted.append(sum(guard.check("everybody").allowed for _ in range(1000)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(admitted) == 1500
