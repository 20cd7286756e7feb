"""usage: guard_server.py asgi|fastapi plain|guarded

A server that does nothing but answer completions, for guard_http.py. Prints its port. Its limits refuse nobody.
"""

import json
import socket
import sys

import uvicorn
from fastapi import FastAPI, Request

import weightseal as ws
from weightseal.asgi import ExtractionGuard

LIMITS = {
    "limits": [
        {"budget": "queries", "limit": 10**9, "window": 3600},
        {"budget": "tokens", "limit": 10**12, "window": 3600},
        {"budget": "concurrency", "limit": 10**6},
    ]
}
ANSWER = {
    "id": "cmpl-1",
    "object": "chat.completion",
    "model": "model",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "y" * 400}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 60, "completion_tokens": 64, "total_tokens": 124},
}
BODY = json.dumps(ANSWER).encode()


async def asgi(scope, receive, send):
    if scope["type"] == "http":
        while (await receive()).get("more_body"):
            pass
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": BODY})


fastapi = FastAPI()


@fastapi.post("/v1/chat/completions")
async def completions(request: Request):
    await request.json()
    return ANSWER


def main():
    app = {"asgi": asgi, "fastapi": fastapi}[sys.argv[1]]
    if sys.argv[2] == "guarded":
        app = ExtractionGuard(app, ws.Guard(limits=LIMITS))
    # asyncio switches delays off for sockets that say that they are TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(app, log_level="critical", access_log=False, lifespan="off", ws="none")
    uvicorn.Server(config).run(sockets=[listener])


main()
