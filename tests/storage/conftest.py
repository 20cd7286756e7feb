from __future__ import annotations

import importlib
import json
import os
import random
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, NoReturn

import moto_server
import pytest
import radosgw as radosgw_server
from moto_server import Moto
from radosgw import Credentials, Radosgw

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "agreement"))

MAKE_MODEL = Path(__file__).resolve().parent.parent / "cli" / "helpers" / "make-model"


def missing(what: str) -> NoReturn:
    """A test cannot run here. On CI nothing may be missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}, and CI skips nothing")
    pytest.skip(what)


@pytest.fixture(scope="session", autouse=True)
def environment() -> Iterator[None]:
    """One that says nothing about AWS, proxies or authorities, for the tests and for the servers."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in os.environ:
            if name.upper().startswith(("AWS_", "CEPH_")) or name.upper().endswith("_PROXY") or name == "SSL_CERT_FILE":
                monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


@pytest.fixture(scope="session")
def radosgw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radosgw]:
    """One server for all tests: each makes buckets and users of its own."""
    try:
        with radosgw_server.running(tmp_path_factory.mktemp("radosgw")) as server:
            yield server
    except radosgw_server.Unavailable as reason:
        missing(str(reason))


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    """Likewise."""
    with moto_server.running(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture(scope="session")
def program() -> Path:
    if value := os.environ.get("WEIGHTSEAL_PROGRAM"):
        return Path(value)
    missing("WEIGHTSEAL_PROGRAM is not set")


@pytest.fixture(scope="session")
def ws() -> ModuleType:
    """The Python package."""
    try:
        return importlib.import_module("weightseal")
    except ImportError:
        missing("weightseal is not installed")


SIZE = 4 << 20


class Sealed(NamedTuple):
    plain: Path
    path: Path
    key: str  # the source of its key
    tensors: dict[str, bytes]


@pytest.fixture(scope="session")
def sealed(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    """A model that is fetched in many parts: 12 MiB in three tensors."""
    folder = tmp_path_factory.mktemp("sealed")
    made = Sealed(folder / "model.safetensors", folder / "model.wseal", f"file:{folder}/model.key", {})
    draw = random.Random(5)
    header, offset = {}, 0
    for name in ("first", "middle", "last"):
        made.tensors[name] = draw.randbytes(SIZE)
        header[name] = {"dtype": "U8", "shape": [SIZE], "data_offsets": [offset, offset + (SIZE)]}
        offset += SIZE
    text = json.dumps(header).encode()
    made.plain.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(made.tensors.values()))
    for command in (["keygen", "-o", folder / "model.key"], ["seal", made.plain, "-o", made.path, "--key", made.key]):
        subprocess.run([program, *command], check=True, stdout=subprocess.DEVNULL)
    return made


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture
def run(program: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the program in the test's folder."""

    def call(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *arguments], cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )

    return call


@pytest.fixture
def sign_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts into the environment how a server is reached and who asks, and others into the shared files."""

    def call(endpoint: str, authority: Path, who: Credentials, **profiles: Credentials) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
        monkeypatch.setenv("AWS_CA_BUNDLE", str(authority))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", who.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", who.secret_key)
        (home / ".aws").mkdir(exist_ok=True)
        (home / ".aws" / "credentials").write_text(
            "".join(
                f"[{name}]\naws_access_key_id = {one.access_key}\naws_secret_access_key = {one.secret_key}\n"
                for name, one in profiles.items()
            )
        )

    return call


@pytest.fixture
def marked(run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> Path:
    """The test's folder, with a model, m.safetensors, that is marked and sealed: model.wseal, model.key, watermark.key
    and model.mark.json."""
    subprocess.run([MAKE_MODEL, tmp_path / "m.safetensors", "--weights", "1"], check=True)
    mark = ["--key", "file:watermark.key", "--owner", "acme", "--strength", "2%", "--record", "model.mark.json"]
    for command in (
        ["keygen", "--kind", "watermark", "-o", "watermark.key"],
        ["keygen", "-o", "model.key"],
        ["mark", "m.safetensors", "-o", "marked.safetensors", *mark],
        ["seal", "marked.safetensors", "-o", "model.wseal", "--key", "file:model.key"],
    ):
        result = run(*command)
        assert result.returncode == 0, result.stderr
    return tmp_path
