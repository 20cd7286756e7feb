from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import weightseal as ws
from conftest import bytes_of
from test_seal import content_of


@pytest.fixture(scope="module")
def sealed_real(real_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    path, key = tmp_path_factory.mktemp("real") / "model.wseal", ws.keygen()
    ws.seal(real_model, path, key=key)
    return path, key


def test_every_tensor_is_that_of_safetensors(
    real_model: Path, sealed_real: tuple[Path, str], safetensors: Any, np: Any
) -> None:
    path, key = sealed_real
    state = ws.load_file(path, key=key, framework="np")
    plain: dict[str, Any] = {}
    for file in sorted(real_model.glob("*.safetensors")):
        with safetensors.safe_open(file, framework="np") as opened:
            plain.update((name, opened.get_tensor(name)) for name in opened.keys())
    assert set(state) == set(plain) and plain
    for name, tensor in plain.items():
        assert state[name].dtype == tensor.dtype and state[name].shape == tensor.shape
        assert state[name].tobytes() == tensor.tobytes(), name


def test_slices_for_tensor_parallelism(
    real_model: Path, sealed_real: tuple[Path, str], safetensors: Any, np: Any
) -> None:
    path, key = sealed_real
    (file,) = real_model.glob("*.safetensors")
    with ws.open(path, "np", key=key) as model, safetensors.safe_open(file, framework="np") as plain:
        matrices = [name for name in model if len(model.info(name).shape) == 2]
        assert len(matrices) > 10
        for name in matrices[:20]:
            rows, columns = model.info(name).shape
            ours, theirs = model.get_slice(name), plain.get_slice(name)
            for rank in range(4):
                by_row = slice(rows * rank // 4, rows * (rank + 1) // 4)
                by_column = (slice(None), slice(columns * rank // 4, columns * (rank + 1) // 4))
                assert np.array_equal(ours[by_row], theirs[by_row])
                assert np.array_equal(ours[by_column], theirs[by_column])


def test_torch_state_is_that_of_safetensors(real_model: Path, sealed_real: tuple[Path, str], torch: Any) -> None:
    path, key = sealed_real
    from safetensors import deserialize

    state = ws.load_file(path, key=key, framework="pt")
    for file in real_model.glob("*.safetensors"):
        for name, view in deserialize(file.read_bytes()):
            assert bytes_of(state[name]) == bytes(view["data"]), name
    assert all(tensor.data_ptr() % 64 == 0 for tensor in state.values())


def test_verify_and_unseal(real_model: Path, sealed_real: tuple[Path, str], tmp_path: Path) -> None:
    path, key = sealed_real
    ws.verify(path, key=key)
    ws.unseal(path, tmp_path / "out", key=key)
    assert content_of(tmp_path / "out") == content_of(real_model)
