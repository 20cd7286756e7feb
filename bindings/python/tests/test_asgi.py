"""The middleware in a real server, asked by real clients."""

from __future__ import annotations

import asyncio
import functools
import gzip
import hashlib
import json
import logging
import random
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import weightseal as ws
from conftest import eventually, module
from servers import Model, serving
from test_asgi_bodies import UNREADABLE
from weightseal.asgi import Client, ExtractionGuard

KEY = {"Authorization": "Bearer key-7"}


def limits(**of_clients: int) -> dict[str, Any]:
    """Limits of clients, by budget."""
    found = [{"budget": budget, "limit": limit, "window": 3600} for budget, limit in of_clients.items()]
    for limit in found:
        if limit["budget"] == "concurrency":
            del limit["window"]
    return {"limits": found}


def guarded(model: Model, guard: ws.Guard, **options: Any) -> Any:
    app = model.app()
    app.add_middleware(ExtractionGuard, guard=guard, **options)
    return app


@functools.cache
def http_client() -> Any:
    return module("httpx").Client(timeout=30)


def post(url: str, path: str, body: Any, **options: Any) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **KEY, **options.pop("headers", {})}
    return http_client().post(url + path, content=content, headers=headers, **options)


@pytest.fixture
def model() -> Model:
    return Model()


def test_a_client_is_throttled_and_told_when_to_come_back(model: Model) -> None:
    with serving(guarded(model, ws.Guard(queries=3, window=3600))) as url:
        for remaining in (2, 1, 0):
            admitted = post(url, "/v1/completions", {"prompt": "a"})
            assert admitted.status_code == 200 and admitted.json()["choices"]
            assert admitted.headers["RateLimit-Policy"] == '"client-queries";q=3;w=3600'
            assert admitted.headers["RateLimit"].startswith(f'"client-queries";r={remaining};t=')
        refused = post(url, "/v1/completions", {"prompt": "a"})
        assert refused.status_code == 429
        seconds = int(refused.headers["Retry-After"])
        assert 3500 < seconds < 3900
        assert refused.headers["RateLimit"] == f'"client-queries";r=0;t={seconds}'
        assert refused.json() == {
            "error": {
                "message": "The limit client-queries is reached: 3 in 3600 seconds. "
                f"Try again in {seconds} seconds.",
                "type": "rate_limit_error",
                "param": None,
                "code": "rate_limit_exceeded",
            }
        }
        other = post(url, "/v1/completions", {"prompt": ["a", "b"]}, headers={"Authorization": "bearer   key-8"})
        assert other.headers["RateLimit"].startswith('"client-queries";r=1;')
        again = post(url, "/v1/completions", {}, headers={"Authorization": "Bearer key-8"})
        assert again.headers["RateLimit"].startswith('"client-queries";r=0;')
        impossible = post(url, "/v1/completions", {"n": 10**30}, headers={"Authorization": "Bearer key-9"})
        assert impossible.status_code == 429 and "Retry-After" not in impossible.headers


def test_clients_without_a_key_are_one(model: Model) -> None:
    with serving(guarded(model, ws.Guard(queries=2))) as url:
        statuses = [
            post(url, "/v1/completions", {}, headers={"Authorization": value}).status_code
            for value in ("", "Basic YTpi", "Bearer")
        ]
    assert statuses == [200, 200, 429]


def test_a_callable_names_client_and_pool(model: Model) -> None:
    guard = ws.Guard(limits={"limits": [{"tier": "pool", "budget": "queries", "limit": 1, "window": 60}]})
    app = guarded(model, guard, client=lambda scope: Client("somebody", pool=scope["path"]))
    with serving(app) as url:
        statuses = [post(url, path, {}).status_code for path in ("/v1/completions", "/v1/embeddings", "/v1/completions")]
    assert statuses == [200, 200, 429]


@pytest.fixture(scope="module")
def reading() -> Iterator[tuple[str, ws.Guard]]:
    """A server that answers what it was sent, and its guard."""
    guard = ws.Guard(limits=limits(queries=500, tokens=10**9, logprob_tokens=10**9, logit_bias_entries=50))
    with serving(guarded(Model(), guard)) as url:
        yield url, guard


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_bodies_go_on_unchanged_and_cost_the_most(reading: tuple[str, ws.Guard], name: str) -> None:
    url, guard = reading
    body = UNREADABLE[name]
    answer = post(url, "/bytes", body, headers={"Authorization": f"Bearer {name}"})
    assert answer.json() == {"size": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    assert not guard.check(name, input_tokens=1).allowed
    assert not guard.check(name, max_tokens=1, logprobs=True).allowed
    assert not guard.check(name, logit_bias_entries=1).allowed
    assert not guard.check(name, prompts=500 - 127).allowed
    assert guard.check(name, prompts=500 - 128).allowed


def test_log_probabilities_and_logit_bias_are_not_had_together(model: Model) -> None:
    guard = ws.Guard(limits={"logprobs_or_logit_bias": True, **limits(queries=1000)})
    with serving(guarded(model, guard)) as url:
        both = {"logprobs": 5, "max_tokens": 1, "logit_bias": {"50256": -100}}
        refused = post(url, "/v1/completions", both)
        assert refused.status_code == 400
        assert refused.json()["error"]["type"] == "invalid_request_error"
        assert refused.json()["error"]["code"] == "logprobs_with_logit_bias"
        unreadable = post(url, "/v1/completions", b'{"n": 1, "n": 1}')
        assert unreadable.status_code == 400
        assert "(it has a name twice)" in unreadable.json()["error"]["message"]
        assert post(url, "/v1/completions", {**both, "logit_bias": {}}).status_code == 200


def test_compressed_bodies_are_not_read(model: Model) -> None:
    body = gzip.compress(b'{"prompt": "a"}')
    with serving(guarded(model, ws.Guard(queries=500))) as url:
        answer = post(url, "/bytes", body, headers={"Content-Encoding": "gzip"})
        assert answer.json()["sha256"] == hashlib.sha256(body).hexdigest()
        assert answer.headers["RateLimit"].startswith('"client-queries";r=372;')
        answer = post(url, "/v1/completions", {}, headers={"Content-Encoding": "identity"})
        assert answer.headers["RateLimit"].startswith('"client-queries";r=371;')
        # Some bytes are JSON, and something else once they are decoded.
        answer = post(url, "/v1/completions", {}, headers={"Content-Encoding": "br"})
        assert answer.headers["RateLimit"].startswith('"client-queries";r=243;')


class RawClient:
    """A client that sends what it likes, when it likes."""

    def __init__(self, url: str, path: str, *headers: str) -> None:
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=30)
        head = [f"POST {path} HTTP/1.1", "Host: server", "Authorization: Bearer key-7", *headers]
        self.send("\r\n".join([*head, "", ""]).encode())

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read_until(self, end: bytes) -> bytes:
        data = b""
        while end not in data:
            part = self.socket.recv(65536)
            assert part, data
            data += part
        return data

    def close(self) -> None:
        self.socket.close()


@pytest.fixture
def raw() -> Iterator[Any]:
    clients: list[RawClient] = []

    def make(*arguments: str) -> RawClient:
        clients.append(RawClient(*arguments))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def test_an_oversized_body_sent_slowly_arrives_unchanged(model: Model, raw: Any) -> None:
    guard = ws.Guard(queries=500)
    body = random.Random(7).randbytes(300_000)
    with serving(guarded(model, guard, max_body=100_000)) as url:
        client = raw(url, "/bytes", "Transfer-Encoding: chunked")
        for begin in range(0, len(body), 30_000):
            piece = body[begin : begin + 30_000]
            client.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        client.send(b"0\r\n\r\n")
        answer = client.read_until(b"}")
        assert hashlib.sha256(body).hexdigest().encode() in answer
        assert b'r=372;' in answer.lower()
    assert model.bodies == [body]


def test_a_client_that_leaves_while_it_sends(model: Model, raw: Any) -> None:
    guard = ws.Guard(limits=limits(queries=500, concurrency=1))
    with serving(guarded(model, guard)) as url:
        client = raw(url, "/bytes", "Content-Length: 100")
        client.send(b'{"prompt": "a')
        client.close()
        eventually(lambda: model.bodies == [b'{"prompt": "a'] and model.disconnected == 1)
        eventually(lambda: guard.check("key-7").allowed)  # its slot is free again


def test_streams_pass_at_once_and_settle_at_their_end(model: Model) -> None:
    guard = ws.Guard(limits=limits(tokens=1000, concurrency=1))
    with serving(guarded(model, guard)) as url:
        model.go.clear()
        body = {"prompt": "a", "stream": True, "max_tokens": 900, "stream_options": {"include_usage": True}}
        with http_client().stream("POST", url + "/v1/completions", json=body, headers=KEY) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert answer.headers["RateLimit"]
            lines = answer.iter_lines()
            assert json.loads(next(lines)[5:])["choices"] == [{"text": "four"}]  # the model is held up after it
            refused = guard.check("key-7")
            assert refused.reasons == ("client-concurrency",)
            model.go.set()
            rest = [line for line in lines if line]
            assert rest[-1] == "data: [DONE]" and len(rest) == 3
        assert_tokens_used(guard, 20)


def assert_tokens_used(guard: ws.Guard, used: int, limit: int = 1000, name: str = "key-7") -> None:
    """That the client has no more and no less left, and nothing in progress."""
    assert used == 0 or not guard.check(name, input_tokens=limit - used + 1).allowed
    last = guard.check(name, input_tokens=limit - used)
    assert last.allowed
    guard.settle(last)


def test_what_is_given_back_is_there_before_the_response_ends() -> None:
    guard = ws.Guard(limits=limits(concurrency=1))
    free_at: list[tuple[str, bool]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await send({"type": "http.response.body", "body": b"b"})
        free_at.append(("background tasks", free(guard)))

    async def receive() -> Any:
        return {"type": "http.request", "body": b"{}"}

    async def send(message: Any) -> None:
        free_at.append((message.get("body", b"head").decode(), free(guard)))

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"authorization", b"Bearer key-7")]}
    asyncio.run(ExtractionGuard(app, guard)(scope, receive, send))
    assert free_at == [("head", False), ("a", False), ("b", True), ("background tasks", True)]


def test_a_stream_without_usage_settles_as_its_text(model: Model) -> None:
    guard = ws.Guard(limits=limits(tokens=1000))
    body = json.dumps({"prompt": "a", "stream": True, "max_tokens": 800}).encode()
    with serving(guarded(model, guard)) as url:
        assert post(url, "/v1/completions", body).status_code == 200
    assert_tokens_used(guard, len(body) + len("fourfive5"))


def test_what_is_not_reported_is_never_more_than_reserved(model: Model) -> None:
    guard = ws.Guard(limits=limits(tokens=1000))
    body = json.dumps({"prompt": "a", "silent": True, "max_tokens": 2}).encode()
    with serving(guarded(model, guard)) as url:
        assert post(url, "/v1/completions", body).status_code == 200
        assert_tokens_used(guard, len(body) + 2)
        assert post(url, "/gzip", {"max_tokens": 1}, headers={"Authorization": "Bearer zip"}).status_code == 200
        assert_tokens_used(guard, len(b'{"max_tokens": 1}') + 1, name="zip")
        large = {"prompt": "a", "silent": True}  # reserves everything, and sends less
        assert post(url, "/v1/completions", large, headers={"Authorization": "Bearer large"}).status_code == 200
        assert guard.check("large", input_tokens=800).allowed
    assert not list(guard.events())


def test_reported_usage_above_the_reservation_is_debt(model: Model) -> None:
    events: list[ws.GuardEvent] = []
    guard = ws.Guard(limits=limits(tokens=1000))
    app = guarded(model, guard, count_tokens=lambda fields: len(fields["prompt"]), on_event=events.append)
    with serving(app) as url:
        assert post(url, "/v1/completions", {"prompt": "a", "max_tokens": 1}).status_code == 200
        refused = post(url, "/v1/completions", {"prompt": "a", "max_tokens": 1})
        assert refused.status_code == 429 and "More was used" in refused.json()["error"]["message"]
    assert [event.kind for event in events][0] == "in_debt"


def test_the_context_length_bounds_what_is_reserved(model: Model) -> None:
    guard = ws.Guard(limits=limits(tokens=1000))
    with serving(guarded(model, guard, context_length=100, count_tokens=lambda _: 5)) as url:
        model.go.clear()
        sent = threading.Thread(target=post, args=(url, "/held", {"prompt": "a", "n": 2, "max_tokens": 10**9}))
        sent.start()
        model.entered.acquire()
        assert not guard.check("key-7", input_tokens=1000 - 205 + 1).allowed
        assert guard.check("key-7", input_tokens=1000 - 205).allowed
        model.go.set()
        sent.join()


def test_embeddings_have_no_output(model: Model) -> None:
    guard = ws.Guard(limits=limits(tokens=1000))
    body = json.dumps({"input": ["a", "b"]}).encode()
    with serving(guarded(model, guard)) as url:
        assert post(url, "/v1/embeddings", body).status_code == 200
    assert_tokens_used(guard, len(body))


def test_log_probabilities_of_the_prompt_count(model: Model) -> None:
    guard = ws.Guard(limits=limits(logprob_tokens=1000))
    with serving(guarded(model, guard, count_tokens=lambda _: 7)) as url:
        for key, field in (("some", "logprobs"), ("all", "prompt_logprobs"), ("none", "user")):
            body = {"prompt": "a", "max_tokens": 13, field: 1}
            assert post(url, "/v1/completions", body, headers={"Authorization": f"Bearer {key}"}).status_code == 200
    for key, used in (("some", 13), ("all", 20), ("none", 0)):
        assert guard.check(key, max_tokens=1000 - used, logprobs=True).allowed
        assert not guard.check(key, max_tokens=1, logprobs=True).allowed


def test_what_the_application_refuses_costs_no_tokens(model: Model) -> None:
    guard = ws.Guard(limits=limits(tokens=1000))
    with serving(guarded(model, guard)) as url:
        assert post(url, "/nowhere", {"max_tokens": 900}).status_code == 404
    assert_tokens_used(guard, 0)


def test_concurrency_is_freed_however_a_request_ends(model: Model, raw: Any) -> None:
    guard = ws.Guard(limits=limits(concurrency=1))
    with serving(guarded(model, guard)) as url:
        model.go.clear()
        body = b'{"stream": true}'
        leaving = raw(url, "/v1/completions", f"Content-Length: {len(body)}")
        leaving.send(body)
        leaving.read_until(b"four")
        refused = post(url, "/held", {})
        assert refused.status_code == 429 and "client-concurrency" in refused.headers["RateLimit"]
        leaving.close()
        eventually(lambda: free(guard))

        sent = threading.Thread(target=post, args=(url, "/held", {}))
        model.entered = threading.Semaphore(0)
        sent.start()
        model.entered.acquire()
        assert not free(guard)
        model.go.set()
        sent.join()
        assert free(guard)

        assert post(url, "/fails", {}).status_code == 500
        eventually(lambda: free(guard))


def free(guard: ws.Guard) -> bool:
    decision = guard.check("key-7")
    if decision.allowed:
        guard.settle(decision)
    return decision.allowed


def test_addresses_behind_proxies(model: Model) -> None:
    of_addresses = {"limits": [{"tier": "address", "budget": "queries", "limit": 1, "window": 60}]}
    guard = ws.Guard(limits=of_addresses, trusted_proxies=["127.0.0.0/8"])
    with serving(guarded(model, guard)) as url:
        statuses = [
            post(url, "/v1/completions", {}, headers={"X-Forwarded-For": chain}).status_code
            for chain in ("192.0.2.1", "198.51.100.9, 192.0.2.1", "192.0.2.2", "garbage, 192.0.2.2")
        ]
        lines = [("X-Forwarded-For", "192.0.2.3"), ("X-Forwarded-For", "192.0.2.2")]
        statuses.append(http_client().post(url + "/v1/completions", content=b"{}", headers=lines).status_code)
    assert statuses == [200, 429, 200, 429, 429]
    guard = ws.Guard(limits=of_addresses)
    with serving(guarded(model, guard)) as url:
        statuses = [
            post(url, "/v1/completions", {}, headers={"X-Forwarded-For": chain}).status_code
            for chain in ("192.0.2.1", "192.0.2.2")
        ]
    assert statuses == [200, 429]


def test_a_server_on_a_socket_of_the_file_system(model: Model, tmp_path: Path) -> None:
    of_addresses = {"limits": [{"tier": "address", "budget": "queries", "limit": 1, "window": 60}]}
    path = str(tmp_path / "server")
    httpx = module("httpx")
    with serving(guarded(model, ws.Guard(limits=of_addresses)), uds=path) as url:
        with httpx.Client(transport=httpx.HTTPTransport(uds=path)) as client:
            statuses = [client.post(url + "/v1/completions", json={}).status_code for _ in range(2)]
    assert statuses == [200, 429]  # one anonymous client


def test_a_server_that_gives_no_address(model: Model) -> None:
    httpx = module("httpx")
    transport = httpx.ASGITransport(guarded(model, ws.Guard(queries=1)), client=("testclient", 50000))

    async def run() -> list[int]:
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            return [(await client.post("/v1/completions", json={})).status_code for _ in range(2)]

    assert asyncio.run(run()) == [200, 429]


def test_what_is_not_guarded(model: Model) -> None:
    guard = ws.Guard(queries=1)
    with serving(guarded(model, guard, paths=["/v1/completions"]), root_path="/api") as url:
        assert "RateLimit" not in http_client().get(url + "/health").headers
        assert "RateLimit" not in post(url, "/v1/embeddings", {}).headers
        assert post(url, "/v1/completions", {}).status_code == 200
        assert post(url, "/v1/completions", {}).status_code == 429
        assert http_client().get(url + "/v1/completions").status_code == 405
    assert guard.counters.admitted == 1


def test_other_scopes_pass_through() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope, receive, send))

    async def receive() -> Any: ...

    async def send(message: Any) -> None: ...

    for kind in ("websocket", "lifespan", "another"):
        scope = {"type": kind, "path": "/v1/completions"}
        asyncio.run(ExtractionGuard(app, ws.Guard())(scope, receive, send))
        assert seen.pop() == (scope, receive, send)


def test_events_are_given_to_a_function(model: Model) -> None:
    events: list[ws.GuardEvent] = []
    threads: set[str] = set()

    def on_event(event: ws.GuardEvent) -> None:
        threads.add(threading.current_thread().name)
        events.append(event)
        raise RuntimeError("the disk is full")

    with serving(guarded(model, ws.Guard(queries=1), on_event=on_event)) as url:
        for key in ("a", "b"):
            for _ in range(3):
                post(url, "/v1/completions", {}, headers={"Authorization": f"Bearer {key}"})
        eventually(lambda: len(events) == 2)
        post(url, "/v1/completions", {"n": 2}, headers={"Authorization": "Bearer c"})
        post(url, "/v1/completions", {}, headers={"Authorization": "Bearer c"})
        post(url, "/v1/completions", {}, headers={"Authorization": "Bearer c"})
    # Leaving the server takes what is left.
    assert [(event.kind, event.limit_name, event.used) for event in events] == [("limit_reached", "client-queries", 1)] * 3
    assert threads == {"weightseal-events"}


def test_admitted_requests_are_observed(model: Model) -> None:
    signals = {"clients": 64, "warm_up": 0, "minimum": 3, "distinct_prompts": 3, "logprobs_percent": 50}
    guard = ws.Guard(limits={**limits(queries=10), "signals": signals})
    with serving(guarded(model, guard, on_event=None)) as url:
        for prompt in ("one", "two", "two", "\ud800"):
            assert post(url, "/v1/completions", {"prompt": prompt, "logprobs": 1}).status_code == 200
        assert post(url, "/v1/completions", {"prompt": "refused", "n": 7}).status_code == 429
        for content in ("one", "two"):
            messages = [{"role": "user", "content": content}]
            body = {"messages": messages}
            answer = post(url, "/v1/completions", body, headers={"Authorization": "Bearer key-8"})
            assert answer.status_code == 200
    kinds = ("distinct_prompts", "logprobs_use", "limit_reached")
    events = {event.kind: event.used for event in guard.events() if event.kind in kinds}
    assert events == {"distinct_prompts": 3, "logprobs_use": 100, "limit_reached": 4}


def test_events_are_logged_without_their_client(model: Model, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "weightseal"), serving(guarded(model, ws.Guard(queries=1))) as url:
        for _ in range(2):
            post(url, "/v1/completions", {})
    assert [record.getMessage() for record in caplog.records] == ["guard: limit_reached: client-queries, 1 of 1 in 3600 s"]


def test_events_are_left_to_others(model: Model) -> None:
    guard = ws.Guard(queries=1)
    with serving(guarded(model, guard, on_event=None)) as url:
        for _ in range(2):
            post(url, "/v1/completions", {})
    assert [event.kind for event in guard.events()] == ["limit_reached"]


def test_one_path_is_no_collection() -> None:
    with pytest.raises(TypeError, match="paths"):
        ExtractionGuard(lambda *_: None, ws.Guard(), paths="/v1/completions")
