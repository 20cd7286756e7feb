"""The middleware as the environment says, for servers that construct it with nothing but the application."""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path

import pytest
import weightseal as ws
from servers import Model, serving
from test_asgi import limits, post
from weightseal.asgi import ExtractionGuard


@pytest.fixture
def model() -> Model:
    return Model()


def test_a_server_that_knows_the_class_by_its_name(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "limits.json").write_text(json.dumps(limits(queries=2, tokens=1000)))
    environment = {
        "LIMITS": str(tmp_path / "limits.json"),
        "TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8",
        "FORWARDED_HEADER": "forwarded",
        "PATHS": "/v1/completions, /v1/chat/completions",
        "CONTEXT_LENGTH": "100",
    }
    for name, value in environment.items():
        monkeypatch.setenv("WEIGHTSEAL_GUARD_" + name, value)
    package, _, name = "weightseal.asgi.ExtractionGuard".rpartition(".")
    app = model.app()
    app.add_middleware(getattr(importlib.import_module(package), name))
    with serving(app) as url:
        statuses = [post(url, "/v1/completions", {}).status_code for _ in range(3)]
        assert "RateLimit" not in post(url, "/v1/embeddings", {}).headers
    assert statuses == [200, 200, 429]


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("LIMITS", "/nowhere/limits.json", FileNotFoundError),
        ("LIMITS", os.devnull, ws.Error),
        ("TRUSTED_PROXIES", "proxy", ws.Error),
        ("FORWARDED_HEADER", "via", ValueError),
        ("CONTEXT_LENGTH", "8k", ValueError),
        ("CONTEXT_LENGTH", "-1", ValueError),
        ("SECRET", os.devnull, ValueError),
        ("SECRET", "/dev/zero", ValueError),
    ],
)
def test_an_environment_that_is_wrong(
    name: str, value: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEIGHTSEAL_GUARD_" + name, value)
    with pytest.raises(error):
        ExtractionGuard(lambda *_: None)


def test_shared_memory_needs_a_secret_and_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIGHTSEAL_GUARD_SHARED_MEMORY", "/nowhere/guard")
    with pytest.raises(ws.Error, match="needs a secret"):
        ExtractionGuard(lambda *_: None)
    (tmp_path / "secret").write_bytes(bytes(range(32)))
    monkeypatch.setenv("WEIGHTSEAL_GUARD_SECRET", str(tmp_path / "secret"))
    with pytest.raises(ws.Error, match="/nowhere/guard"):
        ExtractionGuard(lambda *_: None)


def test_processes_of_one_environment_have_one_guard(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_bytes(bytes(range(32)))
    (tmp_path / "limits.json").write_text(json.dumps({**limits(queries=2), "capacity": 100}))
    monkeypatch.setenv("WEIGHTSEAL_GUARD_LIMITS", str(tmp_path / "limits.json"))
    monkeypatch.setenv("WEIGHTSEAL_GUARD_SECRET", str(tmp_path / "secret"))
    monkeypatch.setenv("WEIGHTSEAL_GUARD_SHARED_MEMORY", str(tmp_path / "guard"))
    statuses = []
    for _ in range(3):
        app = model.app()
        app.add_middleware(ExtractionGuard)
        with serving(app) as url:
            statuses.append(post(url, "/v1/completions", {}).status_code)
    assert statuses == [200, 200, 429]


def test_without_an_environment_it_is_500_queries_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("WEIGHTSEAL_GUARD_")]:
        monkeypatch.delenv(name)
    middleware = ExtractionGuard(lambda *_: None)
    assert middleware._guard.lowest_limits == {"queries": 500}
    assert middleware._paths is None
