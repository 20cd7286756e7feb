"""Marking and detecting tensor by tensor."""

from __future__ import annotations

from typing import Any

import pytest
import weightseal as ws
from conftest import bytes_of, text_key
from marks import KEY, Marking, read_tensors
from models import Tensor


def identity_of(record: ws.Record) -> dict[str, Any]:
    return {"owner": record.owner, "model_id": record.model_id, "scope": record.scope, "strength": record.strength}


def as_array(framework: str, tensor: Tensor, request: pytest.FixtureRequest) -> Any:
    """A writable array or tensor of BF16, F32 or I32."""
    if framework == "pt":
        torch = request.getfixturevalue("torch")
        types = {"BF16": torch.bfloat16, "F32": torch.float32, "I32": torch.int32}
        return torch.frombuffer(bytearray(tensor.data), dtype=types[tensor.dtype]).reshape(tensor.shape)
    np, ml_dtypes = request.getfixturevalue("np"), request.getfixturevalue("ml_dtypes")
    types = {"BF16": ml_dtypes.bfloat16, "F32": np.float32, "I32": np.int32}
    return np.frombuffer(bytearray(tensor.data), dtype=types[tensor.dtype]).reshape(tensor.shape)


@pytest.mark.parametrize("framework", ["np", "pt"])
def test_tensors_marked_in_place_are_those_of_the_marked_file(
    marking: Marking, framework: str, request: pytest.FixtureRequest
) -> None:
    arrays = {name: as_array(framework, tensor, request) for name, tensor in marking.tensors.items()}
    assert ws.original_root(arrays) == marking.record.root
    assert ws.original_root(reversed(list(arrays.items()))) == marking.record.root
    marked = read_tensors(marking.marked)
    for name in ("a.weight", "b.weight"):
        counts = ws.mark_tensor(arrays[name], name, key=KEY, **identity_of(marking.record))
        assert bytes_of(arrays[name]) == marked[name]
        assert (counts.elements, counts.zeros, counts.nonfinite) == (1024 * 384, 0, 0)
        assert 0 < counts.squared_change < counts.squared_norm


@pytest.mark.parametrize("framework", ["np", "pt"])
def test_correlations_add_up(marking: Marking, framework: str, request: pytest.FixtureRequest) -> None:
    whole = ws.detect(marking.marked, key=KEY, record=marking.record)
    white, sign = ws.Correlation(0, 0), ws.Correlation(0, 0)
    for name, data in read_tensors(marking.marked).items():
        if name.endswith(".weight"):
            array = as_array(framework, Tensor("BF16", (1024, 384), data), request)
            found = ws.correlate_tensor(array, name, key=KEY, record=marking.record, threads=1)
            white, sign = white + found.white, sign + found.sign
            assert found.nonfinite == 0
    assert {"blind_white": white, "blind_sign": sign} == whole.statistics
    assert ws.significance(whole.statistics) == (whole.z, whole.log10_p, whole.log10_p_2_64_keys)


def test_other_dtypes_and_leading_rows(marking: Marking, np: Any) -> None:
    data = read_tensors(marking.marked)["a.weight"]
    bits = np.frombuffer(data, np.uint16).reshape(1024, 384)
    as_floats = (bits.astype(np.uint32) << 16).view(np.float32)
    common: dict[str, Any] = {"key": KEY, "record": marking.record}
    whole = ws.correlate_tensor(bits, "a.weight", dtype="BF16", **common)
    assert ws.correlate_tensor(as_floats, "a.weight", **common) == whole
    assert ws.correlate_tensor(as_floats.astype(np.float64), "a.weight", **common) == whole
    part = ws.correlate_tensor(as_floats[:512], "a.weight", **common)
    assert 0 < part.white.q < whole.white.q


def test_refusals_leave_the_data(marking: Marking, np: Any) -> None:
    identity = identity_of(marking.record)
    array = np.full((64, 64), 0.5, np.float32)

    def refused(tensor: Any, **options: Any) -> str:
        with pytest.raises(ws.Error) as caught:
            ws.mark_tensor(tensor, "w", **{"key": KEY, **identity, **options})
        return caught.value.name

    assert refused(array, strength=0.5) == "bad_strength"
    assert refused(array, key=text_key("seal", bytes(32))) == "key_kind"
    assert refused(np.zeros((64, 64), np.int8)) == "unmarkable_dtype"
    assert refused(np.zeros((64, 64), np.uint8), dtype="F8_E4M3") == "unmarkable_dtype"
    assert (array == 0.5).all()

    def not_found(name: str, tensor: Any) -> str:
        with pytest.raises(ws.Error) as caught:
            ws.correlate_tensor(tensor, name, key=KEY, record=marking.record)
        return caught.value.name

    assert not_found("nothing", array) == "no_such_tensor"
    assert not_found("gain", np.zeros(64, np.float32)) == "no_such_tensor"
    assert not_found("a.weight", np.zeros((1024, 384), np.int16)) == "unsupported"
    assert not_found("a.weight", np.zeros((2, 100), np.float32)) == "destination_size"


def test_what_is_no_array(marking: Marking, np: Any) -> None:
    common: dict[str, Any] = {"key": KEY, **identity_of(marking.record)}
    with pytest.raises(TypeError, match="not list"):
        ws.mark_tensor([1.0], "w", **common)
    with pytest.raises(TypeError, match="no dtype 'complex128'"):
        ws.mark_tensor(np.zeros((64, 64), np.complex128), "w", **common)
    with pytest.raises(TypeError, match="no dtype 'half'"):
        ws.mark_tensor(np.zeros((64, 64), np.uint16), "w", dtype="half", **common)
    with pytest.raises(ValueError, match="do not have 4 bytes"):
        ws.mark_tensor(np.zeros((64, 64), np.float32), "w", dtype="BF16", **common)
    with pytest.raises(ValueError, match="not contiguous"):
        ws.mark_tensor(np.zeros((64, 64), np.float32)[:, ::2], "w", **common)
    with pytest.raises(ValueError, match="byte order"):
        ws.mark_tensor(np.zeros((64, 64), ">f4"), "w", **common)
    frozen = np.zeros((64, 64), np.float32)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="cannot be written"):
        ws.mark_tensor(frozen, "w", **common)
    with pytest.raises(ValueError, match="32 bytes"):
        ws.mark_tensor(np.zeros((64, 64), np.float32), "w", **{**common, "scope": b"short"})


def test_a_tensor_elsewhere_is_refused(marking: Marking, torch: Any) -> None:
    with pytest.raises(ValueError, match="'meta'"):
        ws.correlate_tensor(torch.zeros(2, device="meta"), "a.weight", key=KEY, record=marking.record)


def test_significance_of_chosen_values() -> None:
    nothing = ws.significance({})
    assert (nothing.z, nothing.log10_p, nothing.log10_p_2_64_keys) == (0, 0, 0)
    found = ws.significance({"blind_white": ws.Correlation(671, 10_000), "informed_sign": ws.Correlation(-9, 1)})
    assert found.z == pytest.approx(6.71)
    assert found.log10_p == pytest.approx(-9, abs=0.02)
    assert found.log10_p_2_64_keys == 0
    with pytest.raises(ValueError, match="blind_black"):
        ws.significance({"blind_black": ws.Correlation(1, 1)})
