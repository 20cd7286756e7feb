"""A real server on loopback, and the applications that the tests of the middleware put behind it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

from conftest import eventually, module


@contextlib.contextmanager
def serving(app: Any, **options: Any) -> Iterator[str]:
    """uvicorn in a thread, at an address of its own."""
    uvicorn = module("uvicorn")
    settings = {"log_level": "critical", "proxy_headers": False, "ws": "none", "timeout_graceful_shutdown": 5, **options}
    server = uvicorn.Server(uvicorn.Config(app, **settings))
    # asyncio switches delays off for sockets that say that they are TCP.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, args=(None if "uds" in options else [listener],))
        thread.start()
        try:
            eventually(lambda: server.started or not thread.is_alive())
            assert thread.is_alive(), "the server did not start"
            yield "http://127.0.0.1:%d" % listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


class Model:
    """An application in the way of the usual APIs. Tests hold it up by `go`, and see by `entered` how far it is."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.go = threading.Event()
        self.go.set()
        self.bodies: list[bytes] = []
        self.disconnected = 0

    def app(self) -> Any:
        """With routes /v1/completions, /v1/embeddings, /held, /fails, /bytes and /gzip."""
        fastapi, responses = module("fastapi"), module("starlette.responses")
        requests = module("starlette.requests")
        app = fastapi.FastAPI()
        # Annotations of functions inside of functions are not found by their names.
        Request = requests.Request  # noqa: N806

        async def completions(request: Any) -> Any:
            fields = await request.json()
            usage = {"prompt_tokens": 7, "completion_tokens": 13, "total_tokens": 20}
            if fields.get("stream"):
                return responses.StreamingResponse(
                    self._events(usage if fields.get("stream_options") else None), media_type="text/event-stream"
                )
            return {"choices": [{"text": "thirteen tokens"}], "usage": None if fields.get("silent") else usage}

        async def embeddings(request: Any) -> Any:
            await request.json()
            return {"data": [{"embedding": [0.25] * 100}]}

        async def held(request: Any) -> Any:
            await request.body()
            self.entered.release()
            await self._wait()
            return {"choices": []}

        async def fails(request: Any) -> Any:
            raise RuntimeError("the application fails")

        async def count(request: Any) -> Any:
            body = b""
            try:
                async for part in request.stream():
                    body += part
            except requests.ClientDisconnect:
                self.disconnected += 1
            self.bodies.append(body)
            return {"size": len(body), "sha256": hashlib.sha256(body).hexdigest()}

        async def compressed(request: Any) -> Any:
            return responses.Response(b"\x1f\x8b", headers={"content-encoding": "gzip"})

        routes = {
            "/v1/completions": completions,
            "/v1/embeddings": embeddings,
            "/held": held,
            "/fails": fails,
            "/bytes": count,
            "/gzip": compressed,
        }
        for path, function in routes.items():
            function.__annotations__ = {"request": Request}
            app.post(path)(function)
        app.get("/health")(lambda: {})
        return app

    async def _events(self, usage: Any) -> Any:
        for text in ("four", "five5"):
            yield f"data: {json.dumps({'choices': [{'text': text}], 'usage': None})}\n\n"
            self.entered.release()
            await self._wait()
        if usage is not None:
            yield f"data: {json.dumps({'choices': [], 'usage': usage})}\n\n"
        yield "data: [DONE]\n\n"

    async def _wait(self) -> None:
        while not self.go.is_set():
            await asyncio.sleep(0.005)
