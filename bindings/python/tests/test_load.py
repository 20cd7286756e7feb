from __future__ import annotations

import ctypes
import math
from typing import Any

import pytest
import weightseal as ws
from conftest import Sealed, address_of, bytes_of
from weightseal._memory import adopt

TORCH = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "U32": "uint32", "I32": "int32",
    "U64": "uint64", "I64": "int64", "F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64",
    "C64": "complex64", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz",
}  # fmt: skip
SPECIAL = {
    "BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz",
}  # fmt: skip


def test_numpy_gets_every_tensor(sealed: Sealed, np: Any, ml_dtypes: Any) -> None:
    state = ws.load_file(sealed.path, key=sealed.key, framework="np")
    assert set(state) == set(sealed.tensors)
    for name, tensor in sealed.tensors.items():
        assert bytes_of(state[name]) == tensor.data, name
        if tensor.dtype in SPECIAL:
            assert state[name].dtype == getattr(ml_dtypes, SPECIAL[tensor.dtype]), name
        elif tensor.dtype in TORCH:
            assert state[name].dtype == np.dtype(TORCH[tensor.dtype]), name
        else:
            assert state[name].dtype == np.uint8, name
        if not tensor.dtype.startswith(("F4", "F6")):
            assert state[name].shape == tensor.shape, name


def test_numpy_agrees_with_safetensors(sealed: Sealed, safetensors: Any, np: Any) -> None:
    state = ws.load_file(sealed.path, key=sealed.key, framework="np")
    for name, view in safetensors.deserialize(sealed.plain.read_bytes()):
        assert state[name].tobytes() == bytes(view["data"]), name


def test_torch_gets_every_dtype_it_has(sealed: Sealed, torch: Any) -> None:
    with ws.open(sealed.path, "pt", key=sealed.key) as model:
        for name, tensor in sealed.tensors.items():
            if tensor.dtype in TORCH and not hasattr(torch, TORCH[tensor.dtype]):
                with pytest.raises(ws.Error, match=tensor.dtype) as caught:
                    model.get_tensor(name)
                assert caught.value.name == "unsupported"
                continue
            loaded = model.get_tensor(name)
            assert bytes_of(loaded) == tensor.data, name
            if tensor.dtype in TORCH:
                assert loaded.dtype == getattr(torch, TORCH[tensor.dtype]), name
                assert tuple(loaded.shape) == tensor.shape, name


def test_a_dtype_torch_lacks_is_refused_before_the_work(
    sealed: Sealed, torch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(torch, "float8_e4m3fn", raising=False)
    reports: list[int] = []
    with (
        pytest.raises(ws.Error, match="no dtype for F8_E4M3") as caught,
        ws.open(sealed.path, "pt", key=sealed.key) as model,
    ):
        model.get_tensors(["large", "large.F8"], progress=lambda done, total: reports.append(done))
    assert (caught.value.name, caught.value.code) == ("unsupported", 4)
    assert reports == []


def test_torch_state_shares_one_piece_of_memory(sealed: Sealed, torch: Any) -> None:
    with ws.open(sealed.path, "pt", key=sealed.key) as model:
        names = [name for name, t in sealed.tensors.items() if hasattr(torch, TORCH.get(t.dtype, "uint8"))]
        state = model.get_tensors(names)
    assert list(state) == names
    spans = sorted((t.data_ptr(), t.data_ptr() + t.numel() * t.element_size()) for t in state.values() if t.numel())
    assert all(end <= begin for (_, end), (begin, _) in zip(spans, spans[1:]))
    assert spans[-1][1] - spans[0][0] < 2 * sum(len(t.data) for t in sealed.tensors.values()) + (1 << 20)
    for name in names:
        assert bytes_of(state[name]) == sealed.tensors[name].data, name


def test_torch_agrees_with_safetensors(sealed_folder: Sealed, safetensors: Any, torch: Any) -> None:
    state = ws.load_file(sealed_folder.path, key=sealed_folder.key, framework="pt")
    plain = {}
    for shard in sorted(sealed_folder.plain.glob("*.safetensors")):
        plain.update(dict(safetensors.deserialize(shard.read_bytes())))
    assert set(state) == set(plain)
    for name, view in plain.items():
        assert bytes_of(state[name]) == bytes(view["data"])
        assert state[name].dtype == torch.bfloat16 and list(state[name].shape) == view["shape"]


def test_f4_is_packed_where_torch_can(sealed: Sealed, torch: Any) -> None:
    with ws.open(sealed.path, "pt", key=sealed.key) as model:
        packed, odd, empty = (model.get_tensor(name) for name in ("matrix.F4", "odd.F4", "empty.F4"))
    assert packed.dtype == getattr(torch, "float4_e2m1fn_x2", torch.uint8)
    assert (tuple(packed.shape), tuple(odd.shape), tuple(empty.shape)) == ((6, 4), (3,), (3, 0))
    assert bytes_of(packed) == sealed.tensors["matrix.F4"].data
    assert bytes_of(odd) == sealed.tensors["odd.F4"].data


@pytest.mark.parametrize("framework", ["np", "pt"])
def test_tensors_are_aligned_and_writable(sealed: Sealed, framework: str, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue({"np": "np", "pt": "torch"}[framework])
    with ws.open(sealed.path, framework, key=sealed.key) as model:
        loaded = model.get_tensors(["large", "cube", "matrix.U8", "scalar"])
        loaded["alone"] = model.get_tensor("cube")
        loaded["part"] = model.get_slice("cube")[1:3, :, :7]
    for tensor in loaded.values():
        assert address_of(tensor) % 64 == 0
        tensor[...] = 1
        assert (tensor == 1).all()


@pytest.mark.parametrize("framework", ["np", "pt"])
def test_tensors_are_views_of_the_decrypted_memory(
    sealed: Sealed, framework: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = request.getfixturevalue({"np": "np", "pt": "torch"}[framework])
    dtypes = [dtype for dtype in TORCH if framework == "np" or hasattr(backend, TORCH[dtype])]
    names = [f"matrix.{dtype}" for dtype in dtypes]
    assert "matrix.BF16" in names
    arenas = []
    monkeypatch.setattr("weightseal._model.adopt", lambda buffer: arenas.append(adopt(buffer)) or arenas[-1])
    with ws.open(sealed.path, framework, key=sealed.key) as model:
        state = model.get_tensors(names)
    (arena,) = arenas
    for name in names:
        begin = address_of(state[name]) - ctypes.addressof(arena)
        end = begin + len(sealed.tensors[name].data)
        assert 0 <= begin < end <= len(arena), name
        assert bytes(arena)[begin:end] == sealed.tensors[name].data, name
        state[name][...] = 1
        assert bytes(arena)[begin:end] == bytes_of(state[name]) != sealed.tensors[name].data, name


def test_some_tensors_in_the_order_asked_for(sealed: Sealed, np: Any) -> None:
    names = ["cube", "scalar", "empty", "large"]
    with ws.open(sealed.path, "np", key=sealed.key) as model:
        state = model.get_tensors(iter(names))
        assert list(state) == names
        assert all(bytes_of(state[name]) == sealed.tensors[name].data for name in names)
        assert model.get_tensors([]) == {}
        assert {name: a.shape for name, a in model.get_tensors(["empty"]).items()} == {"empty": (0,)}
        with pytest.raises(ws.Error) as caught:
            model.get_tensors(["cube", "nothing"])
        assert caught.value.name == "no_such_tensor"


def test_shapes_count_elements(sealed: Sealed, np: Any) -> None:
    with ws.open(sealed.path, "np", key=sealed.key) as model:
        for name, tensor in sealed.tensors.items():
            assert math.prod(model.info(name).shape) == math.prod(tensor.shape)


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_any_number_of_workers(sealed: Sealed, threads: int, np: Any) -> None:
    state = ws.load_file(sealed.path, key=sealed.key, framework="np", threads=threads, wipe_on_free=True)
    assert all(bytes_of(state[name]) == tensor.data for name, tensor in sealed.tensors.items())


def test_frameworks_and_devices_that_are_not_there(sealed: Sealed, np: Any) -> None:
    with pytest.raises(ValueError, match="unknown framework"):
        ws.load_file(sealed.path, key=sealed.key, framework="tf")
    with pytest.raises(ValueError, match="device"):
        ws.load_file(sealed.path, key=sealed.key, framework="np", device="cuda")


def test_another_device_gets_a_copy(sealed: Sealed, torch: Any) -> None:
    with ws.open(sealed.path, "pt", device="meta", key=sealed.key) as model:
        tensor, empty = model.get_tensor("cube"), model.get_tensor("empty")
    assert (tensor.device.type, empty.device.type) == ("meta", "meta")
    assert tuple(tensor.shape) == (5, 7, 64, 96)
