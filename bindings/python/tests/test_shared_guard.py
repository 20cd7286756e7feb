"""The shared guard, as servers on several machines use it."""

from __future__ import annotations

from pathlib import Path

import pytest
import weightseal as ws
from conftest import Redis, eventually

SECRET = bytes(range(32))


def test_two_guards_share_one_limit(redis: Redis) -> None:
    def make() -> ws.SharedGuard:
        shared = {"replicas": 2, "secret": SECRET, "mode": "exact", "timeout": 5.0}
        return ws.SharedGuard(redis.url, queries=10, window=3600, **shared)  # type: ignore[arg-type]

    with make() as a, make() as b:
        a.connect()
        assert [guard.check("x").allowed for guard in [a, b] * 6] == [True] * 10 + [False] * 2
        refused = b.check_shared("x", now=1)
        assert refused.status == 429 and refused.reason == "limit_reached" and refused.retry_after is not None
        assert a.check("y").allowed and not a.degraded
        assert a.counters.admitted == 6 and a.counters.refused == 1


def test_leases_do_not_wait(redis: Redis) -> None:
    with ws.SharedGuard(redis.url, replicas=2, secret=SECRET, queries=640, window=3600, timeout=5) as guard:
        pending = guard.check("x", prompts=100)
        assert not pending.allowed and pending.reason == "lease_pending" and pending.status == 503
        assert guard.check_shared("y", prompts=100).allowed
        eventually(lambda: guard.check("x", prompts=100).allowed)


def test_what_no_lease_decides_is_charged_once(redis: Redis) -> None:
    """In lease mode 8 of the limit are the allowances of both."""

    def make(mode: str) -> ws.SharedGuard:
        shared = {"replicas": 2, "secret": SECRET, "prefix": mode, "mode": mode, "timeout": 5.0}
        return ws.SharedGuard(redis.url, queries=64, window=3600, **shared)  # type: ignore[arg-type]

    for mode, whole in (("lease", 56), ("exact", 64)):
        with make(mode) as a, make(mode) as b:
            for _ in range(3):
                pending = a.check_leases("x", prompts=10)
                assert not pending.allowed and pending.reason == "lease_pending"
                assert a.check_shared("x", prompts=10).allowed
            assert b.check_shared("x", prompts=whole - 30).allowed
            assert not b.check_shared("x", prompts=5).allowed
            assert (a.counters.admitted, a.counters.refused) == (3, 0)
            assert (b.counters.admitted, b.counters.refused) == (1, 1)


def test_without_a_server_the_policy_decides(tmp_path: Path) -> None:
    url = f"unix://{tmp_path}/socket"
    with ws.SharedGuard(url, replicas=4, secret=SECRET, queries=40, window=3600) as guard:
        with pytest.raises(ws.Error) as unreachable:
            guard.connect()
        assert unreachable.value.name == "server_unreachable"
        eventually(lambda: guard.degraded)
        assert sum(guard.check("x", now=1).allowed for _ in range(20)) == 10
        assert "shared_degraded" in [event.kind for event in guard.events()]
    with ws.SharedGuard(url, replicas=4, secret=SECRET, failure_policy="closed") as guard:
        eventually(lambda: guard.degraded)
        refused = guard.check("x")
        assert refused.reason == "server_unavailable" and refused.status == 503


def test_what_is_refused() -> None:
    def name_of(url: str, **options: object) -> str:
        with pytest.raises(ws.Error) as refused:
            ws.SharedGuard(url, **{"replicas": 4, "secret": SECRET, **options})  # type: ignore[arg-type]
        return refused.value.name

    assert name_of("http://cache") == "bad_server_url"
    assert name_of("redis://cache", queries=3) == "limits_out_of_range"
    assert name_of("redis://cache", replicas=0) == "invalid_argument"
    for options in ({"mode": "slow"}, {"failure_policy": "maybe"}, {"timeout": 0}, {"secret": b"short"}):
        with pytest.raises(ValueError):
            ws.SharedGuard("redis://cache", **{"replicas": 4, "secret": SECRET, **options})  # type: ignore[arg-type]
