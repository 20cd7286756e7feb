from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import weightseal as ws
from conftest import Sealed, text_key


def test_keygen_makes_distinct_keys() -> None:
    keys = {ws.keygen() for _ in range(8)}
    assert len(keys) == 8
    assert all(re.fullmatch(r"wseal_seal_[A-Za-z0-9_-]{48}", key) for key in keys)


@pytest.mark.parametrize("kind", ["seal", "watermark", "signing"])
def test_keygen_makes_keys_of_a_kind(kind: str) -> None:
    key = ws.keygen(kind=kind)
    assert re.fullmatch(rf"wseal_{kind}_[A-Za-z0-9_-]{{48}}", key)
    assert key != ws.keygen(kind=kind)


def test_keygen_refuses_unknown_kinds() -> None:
    with pytest.raises(ValueError, match="unknown kind"):
        ws.keygen("banana")
    with pytest.raises(ws.Error) as caught:
        ws.keygen("recipient")
    assert caught.value.name == "unsupported"


def test_sources_open_what_the_text_sealed(sealed: Sealed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "model.key"
    file.write_text(f"# a comment\n\n{sealed.key}\n")
    monkeypatch.setenv("WEIGHTSEAL_TEST_KEY", sealed.key)
    for source in (f"file:{file}", "env:WEIGHTSEAL_TEST_KEY", f"cmd:cat '{file}'", file.read_text()):
        ws.verify(sealed.path, key=source)
    descriptor = os.open(file, os.O_RDONLY)
    try:
        ws.verify(sealed.path, key=f"fd:{descriptor}")
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview])
def test_raw_bytes_are_the_same_key_as_their_text(sealed: Sealed, tmp_path: Path, wrap: Any) -> None:
    secret = bytes(range(32))
    output = tmp_path / "raw.wseal"
    ws.seal(sealed.plain, output, key=wrap(secret))
    ws.verify(output, key=text_key("seal", secret))
    ws.verify(output, key=wrap(secret))


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_raw_bytes_of_another_size_are_refused(sealed: Sealed, size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        ws.open(sealed.path, key=bytes(size))


@pytest.mark.parametrize("key", [None, 7, Path("model.key"), ["wseal_seal_"]])
def test_other_types_are_refused(sealed: Sealed, key: Any) -> None:
    with pytest.raises(TypeError, match="key must be"):
        ws.open(sealed.path, key=key)


def test_a_typo_is_told_from_a_wrong_key(sealed: Sealed) -> None:
    changed = sealed.key[:-1] + ("A" if sealed.key[-1] != "A" else "B")
    with pytest.raises(ws.Error) as caught:
        ws.open(sealed.path, key=changed)
    assert (caught.value.name, caught.value.code) == ("key_checksum", 22)
    assert changed not in str(caught.value)


def test_a_wrong_key_is_told_from_damage(sealed: Sealed) -> None:
    with pytest.raises(ws.Error) as caught:
        ws.open(sealed.path, key=ws.keygen())
    assert (caught.value.name, caught.value.code) == ("wrong_key", 20)


@pytest.mark.parametrize("kind", ["watermark", "signing", "recipient"])
def test_a_key_of_another_kind_is_refused(sealed: Sealed, kind: str, tmp_path: Path) -> None:
    key = text_key(kind, bytes(range(32)))
    with pytest.raises(ws.Error) as caught:
        ws.open(sealed.path, key=key)
    assert caught.value.name == "key_kind"
    with pytest.raises(ws.Error) as caught:
        ws.seal(sealed.plain, tmp_path / "never.wseal", key=key)
    assert caught.value.name == "key_kind"
    assert not (tmp_path / "never.wseal").exists()


@pytest.mark.parametrize("key", ["", "hunter2", "/etc/passwd"])
def test_text_that_is_no_key_is_refused_without_repeating_it(sealed: Sealed, key: str) -> None:
    with pytest.raises(ws.Error) as caught:
        ws.open(sealed.path, key=key)
    assert caught.value.name == "key_format"
    assert not key or key not in str(caught.value)


@pytest.mark.parametrize("source", ["file:/nonexistent/key", "env:WEIGHTSEAL_NOT_SET", "cmd:false", "fd:one"])
def test_a_source_that_fails_is_named(sealed: Sealed, source: str) -> None:
    with pytest.raises(ws.Error) as caught:
        ws.open(sealed.path, key=source)
    assert caught.value.name == "key_source_failed"


def test_a_nul_does_not_cut_a_key_short(sealed: Sealed) -> None:
    with pytest.raises(ValueError, match="NUL"):
        ws.open(sealed.path, key=sealed.key + "\0x")
