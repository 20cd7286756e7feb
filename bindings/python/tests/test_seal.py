from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import weightseal as ws
from conftest import Sealed


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_unseal_gives_back_the_file(sealed: Sealed, tmp_path: Path) -> None:
    ws.unseal(sealed.path, tmp_path / "out.safetensors", key=sealed.key)
    assert (tmp_path / "out.safetensors").read_bytes() == sealed.plain.read_bytes()


def test_unseal_gives_back_the_folder(sealed_folder: Sealed, tmp_path: Path) -> None:
    ws.unseal(sealed_folder.path, tmp_path / "out", key=sealed_folder.key)
    assert content_of(tmp_path / "out") == content_of(sealed_folder.plain)


@pytest.mark.parametrize("suite", ["aes-256-gcm", "chacha20-poly1305"])
@pytest.mark.parametrize("chunk", [1 << 16, 1 << 22])
def test_suite_and_chunk_are_what_was_asked_for(sealed: Sealed, tmp_path: Path, suite: str, chunk: int) -> None:
    output = tmp_path / "out.wseal"
    ws.seal(str(sealed.plain), str(output), key=sealed.key, suite=suite, chunk=chunk, threads=2)
    facts = ws.inspect(output)
    assert (facts.suite, facts.chunk_size, facts.signed) == (suite, chunk, False)
    assert (facts.slot_count, facts.generation) == (1, 1)
    assert facts.slot_block_a_intact and facts.slot_block_b_intact
    assert facts.file_size == output.stat().st_size
    with ws.open(output, key=sealed.key) as model:
        assert model.facts == facts
    ws.verify(output, key=sealed.key)


@pytest.mark.parametrize(
    "options",
    [{"suite": "rot13"}, {"chunk": 0}, {"chunk": 100_000}, {"chunk": 1 << 15}, {"chunk": 1 << 23}, {"threads": -1}],
)
def test_wrong_options_are_refused(sealed: Sealed, tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        ws.seal(sealed.plain, tmp_path / "out.wseal", key=sealed.key, **options)
    assert not (tmp_path / "out.wseal").exists()


@pytest.mark.parametrize("write", [ws.seal, ws.unseal])
def test_an_output_is_replaced_only_when_asked(sealed: Sealed, tmp_path: Path, write: Any) -> None:
    source = sealed.plain if write is ws.seal else sealed.path
    output = tmp_path / "out"
    output.write_bytes(b"precious")
    with pytest.raises(ws.Error) as caught:
        write(source, output, key=sealed.key)
    assert caught.value.name == "file_exists"
    assert output.read_bytes() == b"precious"
    write(source, output, key=sealed.key, overwrite=True)
    assert output.read_bytes() != b"precious"


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ws.Error) as caught:
        ws.seal(tmp_path / "nowhere.safetensors", tmp_path / "out.wseal", key=ws.keygen())
    assert caught.value.name == "file_not_found"
    assert "nowhere.safetensors" in str(caught.value)


def test_a_malformed_model_is_refused(tmp_path: Path) -> None:
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes((20).to_bytes(8, "little") + b"{this is not json at")
    with pytest.raises(ws.Error) as caught:
        ws.seal(bad, tmp_path / "out.wseal", key=ws.keygen())
    assert caught.value.name == "header_not_json"
    assert not (tmp_path / "out.wseal").exists()


def test_a_nul_does_not_cut_a_path_short(sealed: Sealed) -> None:
    with pytest.raises(ValueError, match="NUL"):
        ws.open(f"{sealed.path}\0.png", key=sealed.key)


def test_paths_need_not_be_unicode(sealed: Sealed, tmp_path: Path) -> None:
    output = Path(str(tmp_path) + "/m\udcff.wseal")
    ws.seal(sealed.plain, output, key=sealed.key)
    ws.verify(output, key=sealed.key)
