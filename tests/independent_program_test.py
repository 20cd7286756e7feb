"""The independent reader and writer against the real program.

    WEIGHTSEAL_PROGRAM   path of the `weightseal` program
    WEIGHTSEAL_MODEL     path of a model folder with at least one .safetensors file

Tests that need a variable that is not set are skipped, or fail where CI=true.
"""
from __future__ import annotations

import json
import os
import struct
import subprocess
from pathlib import Path

import pytest

import independent_reader as reader
import independent_writer as writer
from independent_reader import open_container
from independent_test import (FILE_KEY, FIRST, HEAD, KEY, LAST, SIGNER, TIED, WHOLE, become, flip, folder_contents,
                              items_for_rules, make_block, patch, pattern, refused, restored_sample, sample, with_blocks,
                              with_checksum)

def from_environment(name: str) -> Path:
    if value := os.environ.get(name):
        return Path(value)
    if os.environ.get("CI") == "true":
        pytest.fail(f"{name} is not set")
    pytest.skip(f"skipped: {name} is not set")


@pytest.fixture(scope="module")
def program():
    path = from_environment("WEIGHTSEAL_PROGRAM").resolve()

    def run(*arguments, status: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess:
        done = subprocess.run([path, *map(str, arguments)], capture_output=True, text=True, timeout=300)
        assert done.returncode in status, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done
    return run


@pytest.fixture(scope="module")
def model() -> Path:
    return from_environment("WEIGHTSEAL_MODEL")


def write_key(folder: Path) -> Path:
    path = folder / "key"
    path.write_text(writer.key_text(KEY) + "\n")
    path.chmod(0o600)
    return path


def parse_safetensors(path: Path) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    data = path.read_bytes()
    start = 8 + struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8:start])
    header.pop("__metadata__", None)
    return {name: (info["dtype"], tuple(info["shape"]), data[start + info["data_offsets"][0] : start + info["data_offsets"][1]])
            for name, info in header.items()}


@pytest.mark.parametrize("suite, suite_number", [("aes-256-gcm", 1), ("chacha20-poly1305", 2)])
@pytest.mark.parametrize("chunk, chunk_log2", [("64K", 16), ("1M", 20), ("4M", 22)])
def test_the_reader_reads_what_the_program_seals(program, model, tmp_path, suite, suite_number, chunk, chunk_log2):
    key, sealed = tmp_path / "key", tmp_path / "m.wseal"
    program("keygen", "-o", key)
    program("seal", model, "-o", sealed, "--key", f"file:{key}", "--suite", suite, "--chunk", chunk)
    container = open_container(sealed, reader.parse_key_text(key.read_text()))
    container.verify()
    assert (container.prelude.suite, container.prelude.chunk_log2) == (suite_number, chunk_log2)
    assert container.folder
    originals = folder_contents(model)
    tensors = {}
    for name in originals:
        if name.endswith(".safetensors"):
            tensors |= parse_safetensors(model / name)
    assert tensors and container.tensors == tensors
    assert all(role == ("head" if name.endswith(".safetensors") else "file") for name, (role, _) in container.files.items())
    container.restore(tmp_path / "restored")
    assert folder_contents(tmp_path / "restored") == originals


def test_the_reader_reads_a_single_file(program, model, tmp_path):
    source = next(model.rglob("*.safetensors"))
    key, sealed = tmp_path / "key", tmp_path / "m.wseal"
    program("keygen", "-o", key)
    program("seal", source, "-o", sealed, "--key", f"file:{key}")
    container = open_container(sealed, reader.parse_key_text(key.read_text()))
    container.verify()
    assert not container.folder and list(container.files) == [source.name]
    container.restore(tmp_path / "restored")
    assert folder_contents(tmp_path / "restored") == {source.name: source.read_bytes()}


def safetensors(tensors: dict[str, tuple[str, list[int], bytes]], order: list[str]) -> bytes:
    """A file whose header names the tensors in their order, and whose data follows `order`."""
    places, data = {}, b""
    for name in order:
        places[name] = [len(data), len(data) + len(tensors[name][2])]
        data += tensors[name][2]
    header = {name: {"dtype": dtype, "shape": shape, "data_offsets": places[name]}
              for name, (dtype, shape, _) in tensors.items()}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def test_an_odd_folder_comes_back_as_it_was(program, tmp_path):
    some = {"b": ("F32", [2, 3], bytes(range(24))), "empty": ("F16", [0, 4], b""), "a": ("U8", [], b"x")}
    originals = {
        "model.safetensors": safetensors(some, ["a", "b", "empty"]),
        "again/model.safetensors": safetensors(some, ["empty", "b", "a"]),
        "no tensors.safetensors": safetensors({}, []),
        "größe/ümläut.txt": b"text",
        "empty.bin": b"",
        "config.json": b"{}",
    }
    for name, data in originals.items():
        path = tmp_path / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    key, sealed = tmp_path / "key", tmp_path / "m.wseal"
    program("keygen", "-o", key)
    program("seal", tmp_path / "model", "-o", sealed, "--key", f"file:{key}")
    container = open_container(sealed, reader.parse_key_text(key.read_text()))
    container.verify()
    assert container.tensors["b"] == ("F32", (2, 3), bytes(range(24)))
    container.restore(tmp_path / "restored")
    assert folder_contents(tmp_path / "restored") == originals


@pytest.mark.parametrize("suite", [1, 2])
@pytest.mark.parametrize("chunk_log2", [16, 22])
@pytest.mark.parametrize("signer", [None, SIGNER], ids=["unsigned", "signed"])
def test_the_program_reads_what_the_writer_writes(program, tmp_path, suite, chunk_log2, signer):
    options = {"suite": suite, "chunk_log2": chunk_log2, "signer": signer}
    sealed, key = tmp_path / "m.wseal", write_key(tmp_path)
    sealed.write_bytes(writer.write_container(sample(), KEY, **options))
    program("verify", sealed, "--key", f"file:{key}")
    items = [item for item in sample() if item.kind != reader.ALIAS]  # an alias is read, and stands in no file
    sealed.write_bytes(writer.write_container(items, KEY, **options))
    program("verify", sealed, "--key", f"file:{key}")
    program("unseal", sealed, "-o", tmp_path / "out", "--key", f"file:{key}")
    assert folder_contents(tmp_path / "out") == restored_sample(items)


def slot_states() -> dict[str, bytes]:
    """A file in each state in which one slot block opens it and it does not verify."""
    data = writer.write_container(items_for_rules()[:2], KEY, file_key=FILE_KEY)
    salt = data[64:96]
    elsewhere = writer.slot_block(reader.Keys(bytes(32), salt, 1, 16), bytes(32), salt, [KEY], generation=2)
    return {
        "A is damaged": flip(data, 4200),
        "B is damaged": flip(data, 8300),
        "A has a right checksum and a wrong mac": with_checksum(flip(data, 8191 - 32), 4096, 4096),
        "A is newer, and for another key": with_blocks(data, a=make_block(data, [bytes(32)], generation=2)),
        "B is newer": with_blocks(data, b=make_block(data, [KEY], generation=2)),
        "A wraps another file key": with_blocks(data, a=elsewhere),
    }


@pytest.mark.parametrize("state", slot_states())
def test_the_program_opens_by_the_good_slot_block_and_says_so(program, tmp_path, state):
    sealed, key = tmp_path / "m.wseal", write_key(tmp_path)
    sealed.write_bytes(slot_states()[state])
    assert open_container(sealed, KEY).warnings
    program("verify", sealed, "--key", f"file:{key}", status=(1,))
    done = program("unseal", sealed, "-o", tmp_path / "out", "--key", f"file:{key}")
    assert "slot block" in done.stderr
    assert folder_contents(tmp_path / "out") == {"head": b"h" * 64 + pattern(64)}


def test_the_program_reads_a_real_model_of_the_writer(program, model, tmp_path):
    items = []
    for path, data in folder_contents(model).items():
        if not path.endswith(".safetensors"):
            items.append(writer.whole_file(path, data))
            continue
        size = 8 + struct.unpack_from("<Q", data)[0]
        items.append(head := writer.head_file(path, data[:size]))
        header = {name: info for name, info in json.loads(data[8:size]).items() if name != "__metadata__"}
        for name, info in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
            start, end = info["data_offsets"]
            items.append(writer.tensor(name, info["dtype"], info["shape"], data[size + start : size + end], head))
    sealed, key = tmp_path / "m.wseal", write_key(tmp_path)
    sealed.write_bytes(writer.write_container(items, KEY, chunk_log2=20))
    program("verify", sealed, "--key", f"file:{key}")
    program("unseal", sealed, "-o", tmp_path / "out", "--key", f"file:{key}")
    assert folder_contents(tmp_path / "out") == folder_contents(model)


def hostile() -> dict[str, tuple[list[writer.Item], writer.Mutate]]:
    """Files that only a holder of the key can make, and that every reader refuses."""
    rules, byte = items_for_rules, b"x"
    nested = [writer.whole_file("a", byte), writer.whole_file("a/b", byte)]
    twins = [writer.tensor("t", "U8", (1,), byte), writer.tensor("t", "U8", (1,), byte)]
    return {
        "a path that leaves the folder": ([writer.whole_file("../x", b"x")], writer.unchanged),
        "an absolute path": ([writer.whole_file("/x", b"x")], writer.unchanged),
        "a file that is a folder of another": (nested, writer.unchanged),
        "two tensors of one name": (twins, writer.unchanged),
        "a shape that overflows": ([writer.Item(reader.TENSOR, "t", b"", 5, (2**32, 2**32))], writer.unchanged),
        "a gap of 4096 bytes": ([writer.tensor("t", "U8", (1,), b"x", gap=4096)], writer.unchanged),
        "a length up to 2^64": (rules(), patch(f"record {WHOLE}", 24, struct.pack("<Q", 2**64 - 1))),
        "an offset near 2^64": (rules(), patch(f"record {LAST}", 16, struct.pack("<Q", 2**64 - 64))),
        "a link forward": (rules(), patch(f"record {FIRST}", 8, b"\5")),
        "a link to a whole file": (rules(), patch(f"record {LAST}", 8, b"\4")),
        "an alias elsewhere": (rules(), patch(f"record {TIED}", 16, struct.pack("<Q", 128))),
        "an unknown kind": (rules(), patch(f"record {HEAD}", 0, b"\3")),
        "an unknown dtype": (rules(), patch(f"record {FIRST}", 1, b"\x17")),
        "a rank of 33": (rules(), patch(f"record {FIRST}", 2, b"\x21")),
        "the manifest of a set": (rules(), patch("index", 4, b"\2")),
        "a tag_count of 2^60": (rules(), patch("index", 16, struct.pack("<Q", 2**60))),
        "an entries_size of 2^64 - 1": (rules(), patch("index", 8, struct.pack("<Q", 2**64 - 1))),
        "an entry_count of 2^32 - 1": (rules(), patch("index", 0, b"\xff" * 4)),
        "padding that is not zero": (rules(), patch("index", 1023, b"\1")),
        "a reserved field in a record": (rules(), patch(f"record {HEAD}", 12, b"\1")),
        "a reserved field in the prelude": (rules(), patch("prelude", 4000, b"\1")),
        "a reserved field in the slots": (rules(), patch("slots", 4000, b"\1")),
        "a shard": (rules(), patch("slots", 16, bytes(4))),
        "a slot that leaves its block": (rules(), patch("slots", 66, b"\xf8\xff")),
        "a key slot with a public key": (rules(), become("directory", b"\0\0\1\0x")),
        "a label with a control character": (rules(), become("directory", b"\1\0\x1b\0\0")),
        "a gap that is not keystream": (rules(), patch("body", 200, b"\0\0")),
    }


@pytest.mark.parametrize("what", hostile())
def test_the_program_refuses_what_the_reader_refuses(program, tmp_path, what):
    items, mutate = hostile()[what]
    data = writer.write_container(items, KEY, mutate=mutate)
    refused(data, ".")
    sealed, key = tmp_path / "m.wseal", write_key(tmp_path)
    sealed.write_bytes(data)
    program("verify", sealed, "--key", f"file:{key}", status=(1, 3))
