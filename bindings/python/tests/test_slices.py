from __future__ import annotations

import random
from typing import Any

import pytest
import weightseal as ws
from conftest import Sealed, bytes_of

INDICES: dict[str, list[Any]] = {
    "large": [
        0, -1, 95, slice(None), slice(3, 9), slice(-5, None), slice(None, -90), slice(50, 10), slice(0, 10_000),
        ..., (..., 5), (slice(None), slice(128, 256)), (slice(8, 16), slice(None, 64)), (7, 7), (-1, -1),
        (slice(1, 2), 3), (3, slice(1, 2)), (..., slice(5, 6)), (), (slice(4, 5, 1),), (slice(None), slice(9, 9)),
    ],
    "cube": [
        0, (0, ..., 0), (slice(1, 3), slice(2, 5), slice(10, 20), slice(30, 90)), (..., slice(0, 48)), (4, 6, 63, 95),
        (slice(None), 3), (slice(None), slice(None), slice(32, 64)), (2, slice(None), 5, slice(None)), (slice(0, 0), ...),
        (-5, -7, -64, -96), (1, 1, ...), (..., 1, 1), (slice(None), slice(6, 7), slice(None), slice(95, 96)),
    ],
    "matrix.F64": [(slice(2, 4), slice(2, 4)), 5, (slice(None), 7)],
    "matrix.BOOL": [(slice(2, 4), slice(2, 4)), 5, (slice(None), 7)],
    "matrix.C64": [(slice(2, 4), slice(2, 4)), 5],
    "scalar": [..., ()],
    "empty": [..., slice(None), slice(0, 5)],
    "empty.matrix": [..., 1, (slice(None), slice(None), 2)],
}  # fmt: skip


@pytest.mark.parametrize("name", INDICES)
def test_slices_are_those_of_numpy(sealed: Sealed, name: str, np: Any) -> None:
    with ws.open(sealed.path, "np", key=sealed.key) as model:
        whole, part = model.get_tensor(name), model.get_slice(name)
        for index in INDICES[name]:
            found, wanted = part[index], np.asarray(whole[index])
            assert found.shape == wanted.shape, index
            assert found.tobytes() == wanted.tobytes(), index


def test_random_slices_are_those_of_numpy(sealed: Sealed, np: Any) -> None:
    dice = random.Random(7)
    with ws.open(sealed.path, "np", key=sealed.key) as model:
        whole, part = model.get_tensor("cube"), model.get_slice("cube")
        for _ in range(200):
            index = []
            for size in whole.shape[: dice.randint(0, 4)]:
                a, b = dice.randint(-size, size - 1), dice.randint(-2 * size, 2 * size)
                index.append(a if dice.random() < 0.3 else slice(a, b))
            found, wanted = part[tuple(index)], np.asarray(whole[tuple(index)])
            assert (found.shape, found.tobytes()) == (wanted.shape, wanted.tobytes()), index


def test_slices_are_those_of_safetensors(sealed: Sealed, safetensors: Any, np: Any) -> None:
    with (
        safetensors.safe_open(sealed.plain, framework="np") as plain,
        ws.open(sealed.path, "np", key=sealed.key) as model,
    ):
        ours, theirs = model.get_slice("large"), plain.get_slice("large")
        assert ours.get_shape() == theirs.get_shape()
        assert ours.get_dtype() == theirs.get_dtype()
        for begin in range(0, 96, 12):
            for index in (slice(begin, begin + 12), (slice(None), slice(begin, begin + 5)), (begin, ...), begin):
                assert np.array_equal(ours[index].view(np.uint32), theirs[index].view(np.uint32)), index


def test_slices_in_torch(sealed: Sealed, torch: Any) -> None:
    with ws.open(sealed.path, "pt", key=sealed.key) as model:
        whole, part = model.get_tensor("cube"), model.get_slice("cube")
        for index in INDICES["cube"]:
            found, wanted = part[index], whole[index].contiguous()
            assert found.dtype == torch.bfloat16 and found.shape == wanted.shape
            assert bytes_of(found) == bytes_of(wanted), index


def test_iteration_ends(sealed: Sealed, np: Any) -> None:
    with ws.open(sealed.path, "np", key=sealed.key) as model:
        assert len(list(model.get_slice("matrix.F32"))) == 6


@pytest.mark.parametrize(
    ("index", "error", "message"),
    [
        (96, IndexError, "out of bounds"),
        (-97, IndexError, "out of bounds"),
        ((0, 1024), IndexError, "out of bounds"),
        ((0, 0, 0), IndexError, "too many indices"),
        ((..., 0, ...), IndexError, "single ellipsis"),
        (slice(None, None, 2), ValueError, "step 2"),
        (slice(None, None, -1), ValueError, "step -1"),
        (slice(None, None, 0), ValueError, "step 0"),
        ([1, 2], TypeError, "not by list"),
        (True, TypeError, "masks"),
        (None, TypeError, "NoneType"),
        (1.0, TypeError, "float"),
        ("large", TypeError, "str"),
        (slice("a", "b"), TypeError, "slice indices"),
    ],
)
def test_other_indices_are_refused(sealed: Sealed, index: Any, error: type[Exception], message: str, np: Any) -> None:
    with ws.open(sealed.path, "np", key=sealed.key) as model, pytest.raises(error, match=message):
        model.get_slice("large")[index]


def test_a_scalar_has_no_dimension_to_index(sealed: Sealed, np: Any) -> None:
    with ws.open(sealed.path, "np", key=sealed.key) as model, pytest.raises(IndexError, match="too many"):
        model.get_slice("scalar")[0]


def test_f4_slices_count_elements(sealed: Sealed, np: Any) -> None:
    with ws.open(sealed.path, "np", key=sealed.key) as model:
        whole, part = model.get_tensor("matrix.F4"), model.get_slice("matrix.F4")
        assert (whole.shape, part.get_shape()) == ((6, 4), [6, 8])
        assert np.array_equal(part[2:4], whole[2:4])
        assert np.array_equal(part[:, 2:6], whole[:, 1:3])
        assert np.array_equal(part[5], whole[5])
        for index in ((slice(None), slice(1, 3)), (0, 0)):
            with pytest.raises(ws.Error) as caught:
                part[index]
            assert caught.value.name == "misaligned_slice"


def test_f6_slices_are_bytes(sealed: Sealed, np: Any) -> None:
    with ws.open(sealed.path, "np", key=sealed.key) as model:
        whole, part = model.get_tensor("matrix.F6_E2M3"), model.get_slice("matrix.F6_E2M3")
        assert (whole.shape, part.get_shape()) == ((36,), [6, 8])
        assert np.array_equal(part[1:3], whole[6:18])
        assert np.array_equal(part[0, 4:8], whole[3:6])
