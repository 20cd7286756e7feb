from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest
import weightseal as ws
from conftest import bytes_of, module
from marks import KEY, OTHER_KEY
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


@pytest.fixture(scope="module")
def marked_real(real_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ws.Record]:
    path = tmp_path_factory.mktemp("real") / "marked"
    return path, ws.mark(real_model, path, key=KEY, owner="acme")


def test_auto_strength_is_enough_and_changes_little(real_model: Path, marked_real: tuple[Path, ws.Record]) -> None:
    _, record = marked_real
    assert record.report is not None and record.model_id == real_model.name
    assert record.report.relative_change < 0.01
    assert record.report.found.z >= record.report.expected_z > 13
    assert record.report.found.log10_p < -38


def attacks(np: Any) -> dict[str, Callable[[Any], Any]]:
    """What is done to a matrix of the marked model."""
    rng = np.random.default_rng(1)

    def rounded(w: Any, levels: int) -> Any:
        step = np.abs(w).max(axis=1, keepdims=True) / levels
        return np.rint(w / step) * step

    return {
        "to float16": lambda w: w.astype(np.float16).astype(np.float32),
        "to int8": lambda w: rounded(w, 127),
        "to int4": lambda w: rounded(w, 7),
        "to signs": np.sign,
        "half pruned": lambda w: np.where(np.abs(w) > np.median(np.abs(w)), w, 0),
        "noisy": lambda w: w + rng.normal(0, 0.1 * w.std(), w.shape),
        "scaled": lambda w: w * rng.uniform(0.5, 2, (len(w), 1)),
    }


@pytest.mark.parametrize("name", ["to float16", "to int8", "to int4", "to signs", "half pruned", "noisy", "scaled"])
def test_the_mark_survives_and_only_the_marked_has_it(
    real_model: Path, marked_real: tuple[Path, ws.Record], name: str, tmp_path: Path, safetensors: Any, np: Any
) -> None:
    numpy_io = module("safetensors.numpy")
    marked, record = marked_real
    attack = attacks(np)[name]
    for folder, verdict in ((marked, "detected"), (real_model, "not detected")):
        (file,) = folder.glob("*.safetensors")
        # Renamed, too.
        suspect = {
            f"taken.{tensor}": attack(w).astype(np.float32) if w.ndim == 2 and w.dtype == np.float32 else w
            for tensor, w in numpy_io.load_file(file).items()
        }
        numpy_io.save_file(suspect, tmp_path / "suspect.safetensors")
        result = ws.detect(tmp_path / "suspect.safetensors", key=KEY, record=record)
        assert result.verdict == verdict, result
        assert {tensor.matched_by for tensor in result.tensors} == {"name part"}


def test_another_mark_does_not_hide_it(marked_real: tuple[Path, ws.Record], tmp_path: Path) -> None:
    marked, record = marked_real
    other = ws.mark(marked, tmp_path / "twice", key=OTHER_KEY, owner="thief")
    first = ws.detect(tmp_path / "twice", key=KEY, record=record)
    second = ws.detect(tmp_path / "twice", key=OTHER_KEY, record=other)
    assert first.detected and second.detected
    # Who marked first: his original does not carry the other's mark, the other's "original" carries his.
    assert ws.detect(marked, key=OTHER_KEY, record=other).verdict == "not detected"


def test_half_of_a_merge_is_enough(
    real_model: Path, marked_real: tuple[Path, ws.Record], tmp_path: Path, safetensors: Any, np: Any
) -> None:
    numpy_io = module("safetensors.numpy")
    marked, record = marked_real
    state, plain = (numpy_io.load_file(next(folder.glob("*.safetensors"))) for folder in (marked, real_model))
    merged = {name: (w + plain[name]) / 2 if w.dtype == np.float32 else w for name, w in state.items()}
    numpy_io.save_file(merged, tmp_path / "merged.safetensors")
    result = ws.detect(tmp_path / "merged.safetensors", key=KEY, record=record)
    assert result.detected and result.z < 0.7 * record.report.found.z
