from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, Callable

import pytest
import weightseal as ws
from conftest import METADATA, Sealed, body_start, bytes_of


@pytest.fixture
def model(sealed: Sealed) -> Any:
    with ws.open(sealed.path, key=sealed.key) as opened:
        yield opened


def test_keys_are_those_of_safetensors(model: ws.Model, sealed: Sealed, safetensors: Any, np: Any) -> None:
    with safetensors.safe_open(sealed.plain, framework="np") as plain:
        assert model.keys() == sorted(plain.keys())
        by_offset = [name for name in model.offset_keys() if sealed.tensors[name].data]  # empty ones have no place
        assert by_offset == [name for name in plain.offset_keys() if sealed.tensors[name].data]
        assert sorted(model.offset_keys()) == model.keys()
        assert model.metadata() == plain.metadata() == METADATA
    assert sorted(model) == sorted(sealed.tensors)
    assert len(model) == len(sealed.tensors)


def test_every_method_of_safe_open_exists(safetensors: Any) -> None:
    methods = {name for name in dir(safetensors.safe_open) if not name.startswith("_")}
    assert methods <= set(dir(ws.Model))


def test_membership(model: ws.Model) -> None:
    assert "large" in model and "ünï.名前" in model
    assert "nothing" not in model and "large\0" not in model and 7 not in model


def test_info_describes_each_tensor(model: ws.Model, sealed: Sealed) -> None:
    for name, tensor in sealed.tensors.items():
        assert model.info(name) == ws.TensorInfo(name, tensor.dtype, tensor.shape, len(tensor.data))
        part = model.get_slice(name)
        assert (part.get_dtype(), part.get_shape()) == (tensor.dtype, list(tensor.shape))


def test_get_tensor_gives_the_bytes_of_each(model: ws.Model, sealed: Sealed, np: Any) -> None:
    for name, tensor in sealed.tensors.items():
        assert bytes_of(model.get_tensor(name)) == tensor.data, name


@pytest.mark.parametrize("method", ["info", "get_tensor", "get_slice"])
def test_an_unknown_tensor_is_named(model: ws.Model, method: str) -> None:
    with pytest.raises(ws.Error) as caught:
        getattr(model, method)("nothing")
    assert (caught.value.name, caught.value.code) == ("no_such_tensor", 47)
    assert "nothing" in caught.value.message


def test_files_of_a_folder(sealed_folder: Sealed) -> None:
    with ws.open(sealed_folder.path, key=sealed_folder.key) as model:
        assert sorted(model.files()) == [
            "1_Pooling/config.json", "config.json", "empty.txt", "model.safetensors.index.json",
        ]  # fmt: skip
        for name in model.files():
            assert model.read_file(name) == (sealed_folder.plain / name).read_bytes()
        assert json.loads(model.read_file("config.json")) == {"model_type": "test"}
        assert model.metadata() == {"format": "pt", "shard1": "yes", "shard2": "yes"}
        assert sorted(model.keys()) == sorted(sealed_folder.tensors)
        with pytest.raises(ws.Error) as caught:
            model.read_file("../config.json")
        assert caught.value.name == "no_such_file_entry"


def test_metadata_is_none_without_any(tmp_path: Path) -> None:
    from models import random_tensor, write_safetensors

    key = ws.keygen()
    write_safetensors(tmp_path / "m.safetensors", {"w": random_tensor("F32", (2,), 0)})
    ws.seal(tmp_path / "m.safetensors", tmp_path / "m.wseal", key=key)
    with ws.open(tmp_path / "m.wseal", key=key) as model:
        assert model.metadata() is None
        assert model.files() == []


def test_a_model_without_tensors(tmp_path: Path, np: Any) -> None:
    from models import write_safetensors

    key = ws.keygen()
    write_safetensors(tmp_path / "m.safetensors", {}, {"only": "metadata"})
    ws.seal(tmp_path / "m.safetensors", tmp_path / "m.wseal", key=key)
    assert ws.load_file(tmp_path / "m.wseal", key=key) == {}
    with ws.open(tmp_path / "m.wseal", key=key) as model:
        assert (model.keys(), len(model), model.metadata()) == ([], 0, {"only": "metadata"})


def test_many_names_are_listed_in_order(tmp_path: Path) -> None:
    from models import random_tensor, write_safetensors

    key = ws.keygen()
    names = [f"model.layers.{i}.mlp.experts.weight" for i in range(20_000)]
    one = random_tensor("F32", (1,), 0)
    write_safetensors(tmp_path / "m.safetensors", dict.fromkeys(names, one))
    ws.seal(tmp_path / "m.safetensors", tmp_path / "m.wseal", key=key)
    with ws.open(tmp_path / "m.wseal", key=key) as model:
        assert model.offset_keys() == names
        assert model.keys() == sorted(names)


def test_a_plaintext_model_is_never_opened(sealed: Sealed) -> None:
    for source in (sealed.plain, sealed.plain.read_bytes()):
        with pytest.raises(ws.Error) as caught:
            ws.open(source, key=sealed.key)
        assert caught.value.name == "plaintext_model"


def test_what_is_not_sealed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "noise"
    path.write_bytes(b"\xff" * 100_000)
    for call in (lambda: ws.open(path, key=ws.keygen()), lambda: ws.inspect(path)):
        with pytest.raises(ws.Error) as caught:
            call()
        assert caught.value.name == "not_sealed"
    with pytest.raises(ws.Error) as caught:
        ws.inspect(tmp_path / "nowhere")
    assert caught.value.name == "file_not_found"


def test_an_altered_byte_of_the_body_is_found(sealed: Sealed, damaged: Callable[[int], Path], np: Any) -> None:
    path = damaged(body_start(sealed.path) + sealed.plain.read_bytes().index(sealed.tensors["large"].data[:64]))
    with pytest.raises(ws.Error) as caught:
        ws.verify(path, key=sealed.key)
    assert caught.value.name in ("corrupt_data", "corrupt_gap")
    with ws.open(path, key=sealed.key) as model:
        unreadable = []
        for name, tensor in sealed.tensors.items():
            try:
                assert bytes_of(model.get_tensor(name)) == tensor.data
            except ws.Error as error:
                assert error.name == "corrupt_data"
                unreadable.append(name)
    assert len(unreadable) <= 1


def test_a_truncated_container_is_refused(sealed: Sealed, tmp_path: Path) -> None:
    path = tmp_path / "short.wseal"
    path.write_bytes(sealed.path.read_bytes()[:-1])
    with pytest.raises(ws.Error) as caught:
        ws.open(path, key=sealed.key)
    assert caught.value.name == "truncated"


def test_a_damaged_slot_block_is_reported(
    sealed: Sealed, damaged: Callable[[int], Path], caplog: pytest.LogCaptureFixture
) -> None:
    path = damaged(4096 + 40)
    with caplog.at_level(logging.WARNING, logger="weightseal"), ws.open(path, key=sealed.key) as model:
        assert model.damaged_slot_block == "A"
        assert not model.facts.slot_block_a_intact and model.facts.slot_block_b_intact
        assert "slot block A" in caplog.text
        with pytest.raises(ws.Error) as caught:
            model.verify()
        assert caught.value.name == "damaged_slot_block"
    with ws.open(sealed.path, key=sealed.key) as model:
        assert model.damaged_slot_block is None


def test_dropped_keys_leave_a_list(model: ws.Model, sealed: Sealed, np: Any) -> None:
    before = model.get_tensor("large")
    model.drop_keys()
    assert sorted(model.keys()) == sorted(sealed.tensors)
    with pytest.raises(ws.Error) as caught:
        model.get_tensor("large")
    assert caught.value.name == "keys_dropped"
    assert bytes_of(before) == sealed.tensors["large"].data


def test_a_closed_model_says_so(sealed: Sealed, np: Any) -> None:
    model = ws.open(sealed.path, key=sealed.key)
    part = model.get_slice("large")
    model.close()
    model.close()
    for call in (model.keys, model.verify, lambda: model.get_tensor("large"), lambda: part[0], lambda: len(model)):
        with pytest.raises(ValueError, match="closed"):
            call()


def test_an_error_survives_pickling(sealed: Sealed) -> None:
    import pickle

    with pytest.raises(ws.Error) as caught:
        ws.open(sealed.path, key=ws.keygen())
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.code, copy.name, str(copy)) == (20, "wrong_key", str(caught.value))
