"""The guard in front of an ASGI application: FastAPI, Starlette, vLLM.

    from weightseal.asgi import ExtractionGuard

    app.add_middleware(ExtractionGuard, guard=ws.Guard(queries=500, window=3600))

    vllm serve MODEL --middleware weightseal.asgi.ExtractionGuard
"""

from ._client import Client, bearer_key
from ._events import log_event
from ._middleware import ExtractionGuard

__all__ = ["Client", "ExtractionGuard", "bearer_key", "log_event"]
