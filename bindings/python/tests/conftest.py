from __future__ import annotations

import base64
import ctypes
import hashlib
import importlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Callable, NamedTuple, NoReturn

import pytest
import weightseal as ws
from models import Tensor, all_dtypes, write_folder, write_safetensors


def missing(what: str) -> NoReturn:
    """A test cannot run here. On CI nothing may be missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}, and CI skips nothing")
    pytest.skip(what)


def module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError:
        missing(f"{name} is not installed")


@pytest.fixture(scope="session")
def np() -> Any:
    return module("numpy")


@pytest.fixture(scope="session")
def torch() -> Any:
    return module("torch")


@pytest.fixture(scope="session")
def ml_dtypes() -> Any:
    return module("ml_dtypes")


@pytest.fixture(scope="session")
def safetensors() -> Any:
    return module("safetensors")


class Sealed(NamedTuple):
    plain: Path
    path: Path
    key: str
    tensors: dict[str, Tensor]


METADATA = {"format": "pt", "licence": "none"}


@pytest.fixture(scope="session")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    """A container of one .safetensors file with every dtype. Its chunks are the smallest, so that there are many."""
    folder = tmp_path_factory.mktemp("sealed")
    made = Sealed(folder / "model.safetensors", folder / "model.wseal", ws.keygen(), all_dtypes())
    write_safetensors(made.plain, made.tensors, METADATA)
    ws.seal(made.plain, made.path, key=made.key, chunk=65536)
    return made


@pytest.fixture(scope="session")
def sealed_folder(tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    """A container of a model folder with two shards."""
    folder = tmp_path_factory.mktemp("sealed_folder")
    made = Sealed(folder / "model", folder / "model.wseal", ws.keygen(), write_folder(folder / "model"))
    ws.seal(made.plain, made.path, key=made.key)
    return made


@pytest.fixture(scope="session")
def marking(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A small model and its marked copy: marks.Marking."""
    from marks import make_marking

    return make_marking(tmp_path_factory.mktemp("marking"))


@pytest.fixture(scope="session")
def real_model() -> Path:
    """A folder with a real model, named by WEIGHTSEAL_MODEL."""
    path = os.environ.get("WEIGHTSEAL_MODEL")
    if not path:
        missing("WEIGHTSEAL_MODEL names no model folder")
    return Path(path)


class Redis(NamedTuple):
    url: str
    process: subprocess.Popen[bytes]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A server of its own."""
    if shutil.which("redis-server") is None:
        missing("redis-server is not installed")
    path = tmp_path / "socket"
    command = ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            eventually(path.exists)
            yield Redis(f"unix://{path}", server)
        finally:
            server.kill()


def eventually(condition: Callable[[], bool]) -> None:
    """Waits for what another thread or process does."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.005)


@pytest.fixture
def damaged(sealed: Sealed, tmp_path: Path) -> Callable[[int], Path]:
    """Makes a copy of the container with the byte at this offset altered."""

    def make(offset: int) -> Path:
        content = bytearray(sealed.path.read_bytes())
        content[offset] ^= 1
        path = tmp_path / "damaged.wseal"
        path.write_bytes(content)
        return path

    return make


def text_key(kind: str, secret: bytes) -> str:
    """The text form as the documentation of keys has it."""
    check = hashlib.sha256(b"weightseal/v1/key/" + kind.encode() + secret).digest()[:4]
    return f"wseal_{kind}_" + base64.urlsafe_b64encode(secret + check).decode()


def body_start(path: Path) -> int:
    prelude = path.read_bytes()[:32]
    return 4096 + 2 * int.from_bytes(prelude[16:20], "little")


def bytes_of(tensor: Any) -> bytes:
    """The memory of a contiguous array or torch tensor, as it lies there."""
    if hasattr(tensor, "data_ptr"):
        assert tensor.is_contiguous()
        return ctypes.string_at(tensor.data_ptr(), tensor.numel() * tensor.element_size())
    assert tensor.flags.c_contiguous
    return tensor.tobytes()


def address_of(tensor: Any) -> int:
    return tensor.data_ptr() if hasattr(tensor, "data_ptr") else tensor.__array_interface__["data"][0]
