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
    """Each request is charged once, although no allowance has room for it, and nobody is told to wait for a lease. In
    lease mode the allowances of 4 are not the server's."""
    with ws.SharedGuard(redis.url, queries=64, window=3600, mode=mode, **SHARED) as first:
        first.connect()
        with ws.SharedGuard(redis.url, queries=64, window=3600, mode=mode, **SHARED) as second:
            second.connect()
            with serving(guarded(Model(), first)) as one, serving(guarded(Model(), second)) as other:
                body = {"prompt": ["a"] * 8}
                statuses = [post(url, "/v1/completions", body).status_code for url in [one, other] * 5]
            admitted = 7 if mode == "lease" else 8
            assert statuses == [200] * admitted + [429] * (10 - admitted)
            assert (first.counters.admitted, first.counters.refused) == (4, 1)
            assert (second.counters.admitted, second.counters.refused) == (admitted - 4, 9 - admitted)


def test_one_machine_has_all_but_the_allowances_of_the_others(redis: Redis) -> None:
    with ws.SharedGuard(redis.url, queries=64, window=3600, **SHARED) as guard:
        guard.connect()
        with serving(guarded(Model(), guard)) as url:
            statuses = [post(url, "/v1/completions", {"prompt": ["a"] * 5}).status_code for _ in range(12)]
            assert statuses == [200] * 11 + [429]
            assert post(url, "/v1/completions", {}).status_code == 200  # from its own allowance
        assert (guard.counters.admitted, guard.counters.refused) == (12, 1)


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


def asked_of(guard: ws.SharedGuard, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Is set when a thread begins to wait for the server."""
    asked = threading.Event()
    ask = guard.check_shared

    def check_shared(*arguments: Any, **fields: Any) -> ws.Decision:
        assert threading.current_thread().name.startswith("weightseal-guard")
        asked.set()
        return ask(*arguments, **fields)

    monkeypatch.setattr(guard, "check_shared", check_shared)
    return asked


def test_who_waits_for_the_server_holds_up_nobody(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    with ws.SharedGuard(redis.url, queries=2, window=3600, mode="exact", **SHARED) as guard:
        guard.connect()
        asked = asked_of(guard, monkeypatch)
        with serving(guarded(Model(), guard)) as url, ThreadPoolExecutor() as clients:
            redis.process.send_signal(signal.SIGSTOP)
            waiting = clients.submit(post, url, "/v1/completions", {})
            assert asked.wait(30)
            assert http_client().get(url + "/health").status_code == 200
            assert not waiting.done()
            redis.process.send_signal(signal.SIGCONT)
            assert waiting.result().status_code == 200


SCOPE = {"type": "http", "path": "/", "method": "POST", "headers": [], "client": ("192.0.2.1", 1)}


async def receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"{}"}


def waiting_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("weightseal-guard")}


def test_who_waits_takes_no_thread_of_the_application(redis: Redis) -> None:
    """They end with the application's life, and start again for another one."""
    before = waiting_threads()
    statuses = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    async def send(message: Any) -> None:
        statuses.append(message.get("status"))

    async def live(middleware: ExtractionGuard) -> None:
        go = threading.Event()
        with ThreadPoolExecutor(1) as threads:
            asyncio.get_running_loop().set_default_executor(threads)
            busy = asyncio.get_running_loop().run_in_executor(None, go.wait)
            try:
                await asyncio.wait_for(middleware(SCOPE, receive, send), 30)
                assert len(waiting_threads() - before) == 1
                await middleware({"type": "lifespan"}, receive, send)
                eventually(lambda: waiting_threads() <= before)
            finally:
                go.set()
                await busy

    with ws.SharedGuard(redis.url, queries=4, window=3600, mode="exact", **SHARED) as guard:
        middleware = ExtractionGuard(app, guard, on_event=None)
        for _ in range(2):
            asyncio.run(live(middleware))
    assert statuses == [200, None] * 2


def test_a_request_given_up_while_the_server_is_asked(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it reserved is given back."""
    limits = {"limits": [{"budget": "concurrency", "limit": 2}]}
    with ws.SharedGuard(redis.url, limits=limits, mode="exact", **SHARED) as guard:
        assert guard.check_shared(peer="192.0.2.1").allowed
        asked = asked_of(guard, monkeypatch)

        async def give_up() -> None:
            loop = asyncio.get_running_loop()
            middleware = ExtractionGuard(lambda *_: pytest.fail("the application is called"), guard, on_event=None)
            request = asyncio.create_task(middleware(SCOPE, receive, lambda _: pytest.fail("it is answered")))
            assert await loop.run_in_executor(None, asked.wait, 30)
            request.cancel()
            with pytest.raises(asyncio.CancelledError):
                await request
            redis.process.send_signal(signal.SIGCONT)
            await loop.run_in_executor(None, eventually, lambda: guard.counters.admitted == 2)

        redis.process.send_signal(signal.SIGSTOP)
        asyncio.run(give_up())
        eventually(lambda: guard.check(peer="192.0.2.1").allowed)
