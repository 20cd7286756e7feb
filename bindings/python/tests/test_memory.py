from __future__ import annotations

import gc
import os
import weakref
from pathlib import Path
from typing import Any

import pytest
import weightseal as ws
from conftest import Sealed, bytes_of
from models import random_tensor, write_safetensors
from weightseal._memory import adopt

FRAMEWORKS = {"np": "np", "pt": "torch"}


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_tensors_outlive_the_model_and_each_other(
    sealed: Sealed, framework: str, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(FRAMEWORKS[framework])
    model = ws.open(sealed.path, framework, key=sealed.key)
    state = model.get_tensors(["large", "cube", "matrix.F32"])
    alone, part = model.get_tensor("large"), model.get_slice("large")[3:5]
    model.close()
    kept = state["cube"]
    del state, model
    gc.collect()
    noise = [bytearray(os.urandom(1 << 16)) for _ in range(64)]  # would land in memory released too early
    assert bytes_of(kept) == sealed.tensors["cube"].data
    assert bytes_of(alone) == sealed.tensors["large"].data
    assert bytes_of(part) == sealed.tensors["large"].data[3 * 4096 : 5 * 4096]
    del noise


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_memory_is_released_with_the_last_view(
    sealed: Sealed, framework: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    request.getfixturevalue(FRAMEWORKS[framework])
    alive: list[weakref.ref[Any]] = []

    def watched(buffer: Any) -> Any:
        memory = adopt(buffer)
        alive.append(weakref.ref(memory))
        return memory

    monkeypatch.setattr("weightseal._model.adopt", watched)
    with ws.open(sealed.path, framework, key=sealed.key) as model:
        state = model.get_tensors(["large", "cube"])
    view = state["cube"][1:, 2]
    state.clear()
    gc.collect()
    assert [ref() is not None for ref in alive] == [True]
    del view
    gc.collect()
    assert [ref() is not None for ref in alive] == [False]


def test_loading_again_and_again_does_not_grow(tmp_path: Path, np: Any) -> None:
    key = ws.keygen()
    size = 32 << 20
    write_safetensors(tmp_path / "m.safetensors", {"w": random_tensor("U8", (size,), 0)})
    ws.seal(tmp_path / "m.safetensors", tmp_path / "m.wseal", key=key)
    ws.load_file(tmp_path / "m.wseal", key=key)
    before = resident()
    for _ in range(16):
        ws.load_file(tmp_path / "m.wseal", key=key)
        with ws.open(tmp_path / "m.wseal", key=key) as model:
            model.get_tensor("w")
    assert resident() - before < 2 * size


def test_descriptors_are_closed(sealed: Sealed) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        ws.open(sealed.path, key=sealed.key)  # dropped without close
        with ws.open(sealed.path, key=sealed.key):
            pass
        with pytest.raises(ws.Error):
            ws.open(sealed.path, key=ws.keygen())
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before
