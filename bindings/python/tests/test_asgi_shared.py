"""The middleware with a guard whose counts are in a server."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import weightseal as ws
from conftest import Redis, eventually
from servers import Model, serving
from test_asgi import guarded, http_client, post
from weightseal.asgi import ExtractionGuard

SHARED: dict[str, Any] = {"replicas": 2, "secret": bytes(range(32)), "timeout": 10.0}


@pytest.mark.parametrize("mode", ["lease", "exact"])
def test_machines_share_one_limit(redis: Redis, mode: str) -> None:
    """Leases that the other machine holds may be missing at the end. Nobody is told to wait for one."""
    with ws.SharedGuard(redis.url, queries=64, window=3600, mode=mode, **SHARED) as first:
        first.connect()
        with ws.SharedGuard(redis.url, queries=64, window=3600, mode=mode, **SHARED) as second:
            second.connect()
            with serving(guarded(Model(), first)) as one, serving(guarded(Model(), second)) as other:
                body = {"prompt": ["a"] * 8}
                statuses = [post(url, "/v1/completions", body).status_code for url in [one, other] * 5]
    assert set(statuses) == {200, 429}
    assert statuses.count(200) == 8 if mode == "exact" else 4 <= statuses.count(200) <= 8


def test_without_a_server_the_policy_decides(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    url = f"unix://{tmp_path}/socket"
    with caplog.at_level(logging.WARNING, "weightseal"):
        with ws.SharedGuard(url, failure_policy="closed", **SHARED) as guard, serving(guarded(Model(), guard)) as server:
            refused = post(server, "/v1/completions", {})
            assert refused.status_code == 503
            error = refused.json()["error"]
            assert error["type"] == "server_error" and error["code"] == "server_unavailable"
            assert error["message"].startswith("The server cannot look up what is left of the limits.")
    assert "guard: shared_degraded: server_unreachable" in [record.getMessage() for record in caplog.records]


def test_who_waits_for_the_server_holds_up_nobody(redis: Redis) -> None:
    with ws.SharedGuard(redis.url, queries=2, window=3600, mode="exact", **SHARED) as guard:
        guard.connect()
        with serving(guarded(Model(), guard)) as url, ThreadPoolExecutor() as clients:
            redis.process.send_signal(signal.SIGSTOP)
            waiting = clients.submit(post, url, "/v1/completions", {})
            eventually(lambda: waiting.running())
            assert http_client().get(url + "/health").status_code == 200
            assert not waiting.done()
            redis.process.send_signal(signal.SIGCONT)
            assert waiting.result().status_code == 200


def test_a_request_given_up_while_the_server_is_asked(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it reserved is given back."""
    limits = {"limits": [{"budget": "concurrency", "limit": 2}]}
    with ws.SharedGuard(redis.url, limits=limits, mode="exact", **SHARED) as guard:
        assert guard.check_shared(peer="192.0.2.1").allowed
        asked = threading.Event()
        ask = guard.check_shared

        def check_shared(*arguments: Any, **fields: Any) -> ws.Decision:
            asked.set()
            return ask(*arguments, **fields)

        monkeypatch.setattr(guard, "check_shared", check_shared)

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"{}"}

        async def give_up() -> None:
            scope = {"type": "http", "path": "/", "method": "POST", "headers": [], "client": ("192.0.2.1", 1)}
            middleware = ExtractionGuard(lambda *_: pytest.fail("the application is called"), guard, on_event=None)
            request = asyncio.create_task(middleware(scope, receive, lambda _: pytest.fail("it is answered")))
            await asyncio.get_running_loop().run_in_executor(None, asked.wait)
            request.cancel()
            with pytest.raises(asyncio.CancelledError):
                await request
            redis.process.send_signal(signal.SIGCONT)
            while guard.counters.admitted == 1:
                await asyncio.sleep(0.005)

        redis.process.send_signal(signal.SIGSTOP)
        asyncio.run(give_up())
        eventually(lambda: guard.check(peer="192.0.2.1").allowed)
