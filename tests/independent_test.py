"""The independent reader and writer against each other; independent_program_test.py adds the real program."""
from __future__ import annotations

import hashlib
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import independent_reader as reader
import independent_writer as writer
from independent_reader import Refused, Unsupported, WrongKey, open_container

KEY = bytes(range(32))
FILE_KEY = bytes(range(100, 132))
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(50, 82)))


def pattern(size: int, seed: int = 1) -> bytes:
    return hashlib.shake_128(bytes([seed])).digest(size)


def sample() -> list[writer.Item]:
    """A folder with most of what the format knows: all alignments, gaps, empty entries, sub-byte dtypes, an alias."""
    head = writer.head_file("model.safetensors", pattern(777, 2))
    big = writer.tensor("big", "BF16", (300, 500), pattern(300_000, 3), head)
    return [
        writer.whole_file("config.json", b'{"a": 1}'),
        head,
        writer.tensor("scalar", "F32", (), pattern(4, 4), head),
        writer.tensor("empty", "F16", (4, 0, 7), b"", head),
        big,
        writer.tensor("fours", "F4", (3, 2), pattern(3, 5), head),
        writer.tensor("sixes", "F6_E3M2", (4,), pattern(3, 6), head, gap=3000),
        writer.alias("big.tied", big),
        writer.tensor("at the threshold", "U8", (65536,), pattern(65536, 7), head),
        writer.tensor("below the threshold", "U8", (65535,), pattern(65535, 8), head),
        writer.whole_file("1_Pooling/empty.txt", b""),
        writer.whole_file("1_Pooling/größe.bin", pattern(200_001, 9)),
    ]


def expected_tensors(items: list[writer.Item]) -> dict:
    return {item.name: (reader.DTYPES[item.dtype][0], item.shape, item.data) for item in items if item.kind != reader.FILE}


def folder_contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def restored_sample(items: list[writer.Item]) -> dict[str, bytes]:
    files = {item.name: item.data for item in items if item.kind == reader.FILE}
    for item in items:
        if item.kind == reader.TENSOR and item.link:
            files[item.link.name] += item.data
    return files


def patch(stage: str, offset: int, data: bytes):
    """A `mutate` that writes `data` at `offset` of one stage."""
    def mutate(name: str, part: bytearray) -> None:
        if name == stage:
            part[offset : offset + len(data)] = data
    return mutate


def become(stage: str, data: bytes):
    """A `mutate` that makes `data` of one stage."""
    def mutate(name: str, part: bytearray) -> None:
        if name == stage:
            part[:] = data
    return mutate


def with_checksum(data: bytes, start: int, size: int) -> bytes:
    """The file with the checksum of the prelude or of a slot block made right again."""
    end = start + size
    return data[: end - 32] + hashlib.sha256(data[start : end - 32]).digest() + data[end:]


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def refused(data: bytes, match: str, kind: type[Refused] = Refused, key: bytes = KEY) -> None:
    """The reader refuses the file, at the latest when it verifies, for the reason meant."""
    with pytest.raises(kind, match=match):
        open_container(data, key).verify()


# --- Round trips

@pytest.mark.parametrize("suite", [1, 2])
@pytest.mark.parametrize("chunk_log2", [16, 17, 20, 22])
@pytest.mark.parametrize("signer", [None, SIGNER], ids=["unsigned", "signed"])
def test_what_is_written_is_read(suite, chunk_log2, signer, tmp_path):
    items = sample()
    data = writer.write_container(items, KEY, suite=suite, chunk_log2=chunk_log2, signer=signer)
    container = open_container(data, KEY)
    container.verify()
    assert container.warnings == []
    assert container.folder
    assert container.tensors == expected_tensors(items)
    assert container.files == {item.name: ("head" if item.role else "file", item.data) for item in items if item.kind == 1}
    container.restore(tmp_path)
    assert folder_contents(tmp_path) == restored_sample(items)


def test_a_single_file():
    container = open_container(writer.write_container([writer.whole_file("m.bin", b"x")], KEY, folder=False), KEY)
    container.verify()
    assert not container.folder


def test_nothing_at_all():
    container = open_container(writer.write_container([], KEY), KEY)
    container.verify()
    assert container.tensors == {} and container.files == {}


@pytest.mark.parametrize("dtype, bits", reader.DTYPES.values())
def test_every_dtype(dtype, bits):
    items = [writer.tensor("t", dtype, (2, 4), pattern(bits))]
    assert open_container(writer.write_container(items, KEY), KEY).tensors == {"t": (dtype, (2, 4), pattern(bits))}


@pytest.mark.parametrize("size", [1, 63, 64, 65, 65535, 65536, 65537, 131072, 196609])
def test_entries_that_start_inside_a_cell(size):
    items = [writer.tensor("first", "U8", (70_000,), pattern(70_000)), writer.tensor("t", "U8", (size,), pattern(size, 2))]
    container = open_container(writer.write_container(items, KEY), KEY)
    container.verify()
    assert container.tensors["t"][2] == pattern(size, 2)


def test_slots_of_other_kinds_are_passed_over():
    data = writer.write_container(sample(), KEY, foreign=[(2, 152), (3, 176), (77, 120)], slot_block_size=8192)
    open_container(data, KEY).verify()


def test_a_signature_needs_no_key():
    data = writer.write_container(sample(), KEY, signer=SIGNER)
    assert reader.check_signature(data) == SIGNER.public_key().public_bytes_raw()


def test_a_signature_outlives_a_rewrap():
    data = writer.write_container(sample(), KEY, signer=SIGNER, file_key=FILE_KEY)
    block = make_block(data, [b"n" * 32], generation=2)
    data = data[:4096] + block + block + data[4096 + 8192 :]
    open_container(data, b"n" * 32).verify()
    reader.check_signature(data)


# --- Damage and truncation

@pytest.mark.parametrize("suite", [1, 2])
def test_every_flipped_byte_is_refused(suite):
    items = [writer.tensor("t", "U8", (100,), pattern(100)), writer.whole_file("f", b"data")]
    data = writer.write_container(items, KEY, suite=suite, signer=SIGNER)
    open_container(data, KEY).verify()
    for at in range(len(data)):
        with pytest.raises(Refused):
            open_container(flip(data, at), KEY).verify()


def test_every_flipped_byte_is_refused_with_right_checksums():
    """Checksums prove nothing: whoever changes a byte can make them right."""
    data = writer.write_container([writer.tensor("t", "U8", (100,), pattern(100))], KEY)
    for at in range(4096 + 4096 - 32):
        start = at // 4096 * 4096
        if at - start < 4096 - 32:
            with pytest.raises(Refused):
                open_container(with_checksum(flip(data, at), start, 4096), KEY).verify()


def test_truncated_and_longer_files_are_refused():
    data = writer.write_container(sample(), KEY)
    for size in (0, 8, 4095, 4096, 12287, 12288, 100_000, len(data) - 1):
        refused(data[:size], "shorter|truncated")
    refused(data + b"\0", "after its end")


@pytest.mark.parametrize("what, match", [("chunk", "chunk 1 of 'big'"), ("gap", "gap"), ("tail", "gap")])
def test_damage_in_the_body_is_found_where_it_is(what, match):
    items = sample()
    data = writer.write_container(items, KEY)
    big, sixes = items[4], items[6]
    at = {"chunk": big.offset + 65536, "gap": sixes.offset - 1, "tail": len(items[-1].data) + items[-1].offset}[what]
    damaged = flip(data, 12288 + at)
    refused(damaged, match)
    if what == "chunk":
        with pytest.raises(Refused, match=match):
            open_container(damaged, KEY).tensors
    else:
        assert open_container(damaged, KEY).tensors == expected_tensors(items)


def test_chunks_cannot_change_places():
    items = [writer.tensor("a", "U8", (131072,), pattern(131072)), writer.tensor("b", "U8", (65536,), pattern(65536))]
    data = bytearray(writer.write_container(items, KEY))
    cells = [slice(12288 + i * 65536, 12288 + (i + 1) * 65536) for i in range(3)]
    for one, other in ((0, 1), (1, 2)):
        swapped = bytearray(data)
        swapped[cells[one]], swapped[cells[other]] = data[cells[other]], data[cells[one]]
        refused(bytes(swapped), "does not authenticate")


# --- The prelude

@pytest.mark.parametrize("offset, value, match, kind", [
    (0, b"X", "not a weightseal container", Refused),
    (8, b"\2\0", "version 2", Unsupported),
    (10, b"\0", "suite 0", Unsupported),
    (10, b"\3", "suite 3", Unsupported),
    (11, b"\x0f", "chunk_log2", Refused),
    (11, b"\x17", "chunk_log2", Refused),
    (12, b"\2", "unknown flag", Refused),
    (15, b"\x80", "unknown flag", Refused),
    (16, struct.pack("<I", 0), "slot_block_size", Refused),
    (16, struct.pack("<I", 4096 + 64), "slot_block_size", Refused),
    (16, struct.pack("<I", (1 << 20) + 4096), "slot_block_size", Refused),
    (16, struct.pack("<I", 8192), "truncated", Refused),
    (20, b"\1", "reserved", Refused),
    (24, b"\1", "body_size", Refused),
    (24, struct.pack("<Q", 2**64 - 64), "truncated", Refused),
    (32, struct.pack("<Q", 31), "index_size", Refused),
    (32, struct.pack("<Q", 2**30 + 1), "index_size", Refused),
    (32, struct.pack("<Q", 2**30), "truncated", Refused),
    (40, b"\xff" * 16, "index does not authenticate", Refused),
    (63, b"\1", "reserved", Refused),
    (64, bytes(32), "opens no slot", WrongKey),
    (96, bytes(32), "not the committed one", Refused),
    (128, b"\1", "reserved", Refused),
    (255, b"\1", "reserved", Refused),
    (256, b"\1", "unsigned", Refused),
    (351, b"\1", "unsigned", Refused),
    (352, b"\1", "reserved", Refused),
    (4031, b"\1", "reserved", Refused),
    (12, b"\1", "truncated", Refused),
])
def test_prelude_rules(offset, value, match, kind):
    refused(writer.write_container(sample(), KEY, mutate=patch("prelude", offset, value)), match, kind)


def test_prelude_mac():
    data = writer.write_container(sample(), KEY)
    refused(with_checksum(flip(data, 4032), 0, 4096), "prelude does not authenticate")


def test_prelude_checksum():
    refused(flip(writer.write_container(sample(), KEY), 4064), "prelude is damaged")


# --- Slots

def make_block(data: bytes, secrets: list[bytes], **options) -> bytes:
    """A new slot block for a file written with FILE_KEY."""
    salt = data[64:96]
    return writer.slot_block(reader.Keys(FILE_KEY, salt, data[10], data[11]), FILE_KEY, salt, secrets, **options)


def with_blocks(data: bytes, a: bytes | None = None, b: bytes | None = None) -> bytes:
    return data[:4096] + (a or data[4096:8192]) + (b or data[8192:12288]) + data[12288:]


@pytest.fixture
def slotted() -> bytes:
    return writer.write_container(sample(), KEY, file_key=FILE_KEY)


def test_wrong_key(slotted):
    refused(slotted, "opens no slot", WrongKey, key=bytes(32))


def test_both_blocks_corrupt(slotted):
    refused(flip(flip(slotted, 4200), 8300), "both slot blocks are corrupt")


@pytest.mark.parametrize("at", [4096, 4200, 8192, 12287])
def test_one_good_block_opens_and_does_not_verify(slotted, at):
    container = open_container(flip(slotted, at), KEY)
    assert container.warnings == ["one slot block is damaged"]
    assert container.tensors == expected_tensors(sample())
    with pytest.raises(Refused, match="damaged"):
        container.verify()


def test_a_block_with_a_right_checksum_and_a_wrong_mac(slotted):
    data = with_checksum(flip(slotted, 8191 - 32), 4096, 4096)
    container = open_container(data, KEY)
    assert container.warnings[0] == "a slot block does not authenticate"
    refused(data, "does not authenticate")
    refused(with_checksum(flip(data, 12287 - 32), 8192, 4096), "does not authenticate")


def test_the_higher_generation_is_tried_first(slotted):
    old, new = slotted[4096:8192], make_block(slotted, [KEY, b"n" * 32], generation=2)
    for data in (with_blocks(slotted, a=new), with_blocks(slotted, b=new)):
        for key in (KEY, b"n" * 32):
            assert open_container(data, key).warnings == ["the slot blocks are not identical"]
        refused(data, "not identical")
    broken = with_checksum(flip(new, 4000), 0, 4096)  # damaged above; if it is tried first, that is reported
    assert len(open_container(with_blocks(slotted, a=old, b=broken), KEY).warnings) == 2


def test_a_key_of_the_older_block_opens_while_a_rewrap_is_interrupted(slotted):
    data = with_blocks(slotted, a=make_block(slotted, [b"n" * 32], generation=2))
    assert open_container(data, KEY).warnings
    refused(data, "not identical")


@pytest.mark.parametrize("offset, value, match, kind", [
    (0, b"X", "magic", Refused),
    (8, bytes(8), "generation", Refused),
    (16, struct.pack("<I", 0), "shard", Unsupported),
    (16, struct.pack("<I", 256), "slot_count", Refused),
    (16, struct.pack("<I", 2), "does not fit", Refused),
    (20, struct.pack("<I", 112), "does not fit", Refused),
    (20, struct.pack("<I", 128), "slots_size", Refused),
    (20, struct.pack("<I", 2**32 - 1), "do not fit", Refused),
    (24, struct.pack("<I", 2**32 - 1), "do not fit", Refused),
    (24, struct.pack("<I", 3), "directory does not authenticate|reserved", Refused),
    (28, b"\1", "reserved", Refused),
    (32, bytes(32), "directory does not authenticate", Refused),
    (64, b"\2\0", "opens no slot", WrongKey),
    (66, struct.pack("<H", 112), "size of a slot", Refused),
    (66, struct.pack("<H", 124), "size of a slot", Refused),
    (66, struct.pack("<H", 128), "size of a slot", Refused),
    (68, b"\1", "reserved", Refused),
    (72, b"\xff" * 32, "opens no slot", WrongKey),
    (104, b"\xff" * 32, "opens no slot", WrongKey),
    (136, b"\xff" * 32, "wrapped file key", Refused),
    (204, b"\1", "reserved", Refused),
    (4031, b"\1", "reserved", Refused),
])
def test_slot_rules(offset, value, match, kind):
    refused(writer.write_container(sample(), KEY, mutate=patch("slots", offset, value)), match, kind)


@pytest.mark.parametrize("slot, match", [((2, 124), "size of a slot"), ((2, 112), "size of a slot"), ((1, 128), "not 120")])
def test_slot_sizes(slot, match):
    refused(writer.write_container(sample(), KEY, foreign=[slot]), match)


def test_another_file_key_in_a_slot_is_refused_by_the_commitment(slotted):
    salt = slotted[64:96]
    block = writer.slot_block(reader.Keys(b"o" * 32, salt, 1, 16), b"o" * 32, salt, [KEY])
    refused(with_blocks(slotted, block, block), "not the committed one")


@pytest.mark.parametrize("directory, match", [
    (b"", "past the end"),
    (b"\0\0", "past the end"),
    (b"\0\0\0\0\0", "more records"),
    (b"\1\0\x1b\0\0", "control characters"),
    (b"\0\0\1\0x", "a key slot has a public key"),
    (b"\1\0\xff\0\0", "UTF-8"),
])
def test_directory_rules(directory, match):
    refused(writer.write_container(sample(), KEY, mutate=become("directory", directory)), match)


# --- The index

def items_for_rules() -> list[writer.Item]:
    head = writer.head_file("head", b"h" * 64)
    first = writer.tensor("first", "U8", (64,), pattern(64), head)
    last = writer.tensor("last", "U8", (64,), pattern(64))
    return [head, first, writer.alias("tied", first), writer.whole_file("a/b", b"whole"), last]


@pytest.mark.parametrize("offset, value, match, kind", [
    (0, struct.pack("<I", 2**21 + 1), "entry_count", Refused),
    (0, struct.pack("<I", 2**21), "past the end", Refused),
    (0, struct.pack("<I", 4), "entries_size", Refused),
    (4, struct.pack("<I", 2), "manifest", Unsupported),
    (4, struct.pack("<I", 4), "unknown flag", Refused),
    (8, struct.pack("<Q", 2**64 - 1), "do not fit", Refused),
    (8, struct.pack("<Q", 8), "past the end", Refused),
    (16, struct.pack("<Q", 2**60), "do not fit", Refused),
    (16, struct.pack("<Q", 3), "tag_count", Refused),
    (16, struct.pack("<Q", 5), "tag_count", Refused),
    (24, b"\1", "reserved", Refused),
    (-1, b"\1", "padding", Refused),
])
def test_index_rules(offset, value, match, kind):
    def mutate(stage, data):
        if stage == "index":
            at = offset % len(data)
            data[at : at + len(value)] = value
    refused(writer.write_container(items_for_rules(), KEY, mutate=mutate), match, kind)


HEAD, FIRST, TIED, WHOLE, LAST = range(5)


@pytest.mark.parametrize("ordinal, offset, value, match, kind", [
    (HEAD, 0, b"\3", "kind", Refused),
    (FIRST, 0, b"\1", "dtype, a shape or a link", Refused),
    (FIRST, 1, b"\0", "dtype", Refused),
    (FIRST, 1, b"\x17", "dtype", Refused),
    (WHOLE, 1, b"\5", "dtype, a shape", Refused),
    (FIRST, 2, b"\x21", "rank", Refused),
    (FIRST, 2, b"\0", "NUL|UTF-8|length", Refused),
    (HEAD, 3, b"\0", "links to no head", Refused),
    (HEAD, 3, b"\2", "manifest", Unsupported),
    (HEAD, 3, b"\3", "role", Refused),
    (FIRST, 3, b"\1", "role", Refused),
    (TIED, 3, b"\1", "role", Refused),
    (FIRST, 4, b"\xff\xff", "past the end", Refused),
    (HEAD, 6, b"\1", "reserved", Refused),
    (HEAD, 8, b"\1", "no earlier entry", Refused),
    (WHOLE, 8, b"\1", "dtype, a shape or a link", Refused),
    (FIRST, 8, b"\2", "no earlier entry", Refused),
    (FIRST, 8, struct.pack("<I", 2**32 - 1), "no earlier entry", Refused),
    (LAST, 8, b"\2", "links to no head", Refused),
    (LAST, 8, b"\4", "links to no head", Refused),
    (TIED, 8, b"\0", "links to no tensor", Refused),
    (TIED, 8, b"\1", "links to no tensor", Refused),
    (HEAD, 12, b"\1", "reserved", Refused),
    (HEAD, 16, struct.pack("<Q", 32), "aligned", Refused),
    (HEAD, 16, struct.pack("<Q", 4096), "gap", Refused),
    (FIRST, 16, struct.pack("<Q", 0), "overlap|another place", Refused),
    (LAST, 16, struct.pack("<Q", 2**64 - 64), "gap", Refused),
    (LAST, 16, struct.pack("<Q", 128), "overlaps", Refused),
    (TIED, 16, struct.pack("<Q", 128), "another place", Refused),
    (HEAD, 24, struct.pack("<Q", 0), "tag_count|body_size|gap", Refused),
    (FIRST, 24, struct.pack("<Q", 63), "length", Refused),
    (LAST, 24, struct.pack("<Q", 2**64 - 1), "length", Refused),
    (WHOLE, 24, struct.pack("<Q", 2**64 - 1), "aligned", Refused),
    (WHOLE, 24, struct.pack("<Q", 65), "overlaps", Refused),
    (FIRST, 32, struct.pack("<Q", 2**63), "length", Refused),
    (FIRST, 40, b"f\0rst", "NUL", Refused),
    (FIRST, 40, b"\xff", "UTF-8", Refused),
    (FIRST, 40, b"\xed\xa0\x80ab", "UTF-8", Refused),
    (FIRST, 45, b"\1", "reserved", Refused),
    (WHOLE, 35, b"\1", "reserved", Refused),
    (LAST, 40, b"tied", "NUL|twice|length", Refused),
])
def test_record_rules(ordinal, offset, value, match, kind):
    data = writer.write_container(items_for_rules(), KEY, mutate=patch(f"record {ordinal}", offset, value))
    refused(data, match, kind)


def test_an_overflowing_shape_is_refused():
    """2^32 x 2^32 elements are 0 modulo 2^64."""
    items = [writer.Item(reader.TENSOR, "t", b"", 5, (2**32, 2**32))]
    refused(writer.write_container(items, KEY), "length")


def test_half_a_byte_is_refused():
    refused(writer.write_container([writer.tensor("t", "F4", (3,), b"12")], KEY), "length")


def test_an_empty_entry_with_an_offset_is_refused():
    data = writer.write_container([writer.whole_file("f", b"")], KEY, mutate=patch("record 0", 16, struct.pack("<Q", 64)))
    refused(data, "empty entry")


@pytest.mark.parametrize("path", [
    "", "/etc/passwd", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a\\b", "a\nb", "a\x1fb", "a\x7fb", "a\0b"])
def test_paths_that_are_refused(path):
    refused(writer.write_container([writer.whole_file(path, b"x")], KEY), "path|NUL")


@pytest.mark.parametrize("path", ["...", ".a", "a..b", "a b", "ä/ö", "a/.b"])
def test_paths_that_are_not(path):
    assert list(open_container(writer.write_container([writer.whole_file(path, b"x")], KEY), KEY).files) == [path]


@pytest.mark.parametrize("paths", [("a", "a"), ("a", "a/b"), ("a/b/c", "a/b"), ("a/b/c/d", "a"), ("a-b", "a/b", "a")])
def test_files_that_collide_are_refused(paths):
    refused(writer.write_container([writer.whole_file(path, b"x") for path in paths], KEY), "twice|folder of another")


def test_tensors_and_aliases_share_their_names():
    one = writer.tensor("t", "U8", (1,), b"x")
    refused(writer.write_container([one, writer.tensor("t", "U8", (1,), b"y")], KEY), "twice")
    refused(writer.write_container([one, writer.alias("t", one)], KEY), "twice")
    assert set(open_container(writer.write_container([one, writer.whole_file("t", b"f")], KEY), KEY).files) == {"t"}


@pytest.mark.parametrize("gap, good", [(4095 - 63, True), (4096, False)])
def test_the_largest_gap(gap, good):
    data = writer.write_container([writer.tensor("t", "U8", (1,), b"x", gap=gap)], KEY)
    if good:
        open_container(data, KEY).verify()
    else:
        refused(data, "gap")


def test_a_body_that_goes_on_after_the_last_entry_is_refused():
    def mutate(stage, data):
        if stage == "body":
            data += bytes(64)
    refused(writer.write_container(sample(), KEY, mutate=mutate), "body_size")


def test_a_large_entry_off_its_page_is_refused():
    items = [writer.tensor("a", "U8", (64,), pattern(64)), writer.tensor("b", "U8", (65536,), pattern(65536))]
    refused(writer.write_container(items, KEY, mutate=patch("record 1", 16, struct.pack("<Q", 64))), "aligned")


def test_restoring_writes_over_nothing(tmp_path):
    container = open_container(writer.write_container([writer.whole_file("f", b"new")], KEY), KEY)
    (tmp_path / "f").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        container.restore(tmp_path)
    assert (tmp_path / "f").read_bytes() == b"old"


def test_a_tensor_of_no_file_is_read_and_not_restored(tmp_path):
    container = open_container(writer.write_container([writer.tensor("t", "U8", (1,), b"x")], KEY), KEY)
    container.verify()
    assert container.tensors == {"t": ("U8", (1,), b"x")}
    with pytest.raises(Refused, match="part of no file"):
        container.restore(tmp_path)


# --- Signatures

def test_a_wrong_leaf_table_is_refused():
    data = writer.write_container(sample(), KEY, signer=SIGNER, mutate=patch("leaves", 33, b"\0\0"))
    refused(data, "leaf table")
    with pytest.raises(Refused, match="leaf table"):
        reader.check_signature(data)


@pytest.mark.parametrize("offset", [256, 288, 351])
def test_a_wrong_signature_is_refused(offset):
    data = writer.write_container(sample(), KEY, signer=SIGNER, mutate=patch("prelude", offset, b"\x55\x55"[: 352 - offset]))
    open_container(data, KEY).verify()
    with pytest.raises(Refused, match="signature"):
        reader.check_signature(data)


def test_an_unsigned_file_has_no_signature():
    with pytest.raises(Refused, match="not signed"):
        reader.check_signature(writer.write_container(sample(), KEY))


# --- Text keys and the command

@pytest.mark.parametrize("text, match", [
    ("", "exactly one"),
    (f"{writer.key_text(KEY)}\n{writer.key_text(KEY)}", "exactly one"),
    ("wseal_seal_", "not the text"),
    (writer.key_text(KEY)[:-1], "not the text"),
    (writer.key_text(KEY) + "=", "not the text"),
    (writer.key_text(KEY).replace("seal_", "sign_", 1), "not the text"),
    (writer.key_text(bytes([0xFB]) * 32).replace("-", "+"), "not the text"),
    (writer.key_text(KEY)[:-1] + "~", "not the text"),
    (writer.key_text(KEY)[:20] + "A" + writer.key_text(KEY)[21:], "mistyped"),
])
def test_key_texts_that_are_refused(text, match):
    with pytest.raises(Refused, match=match):
        reader.parse_key_text(text)


def test_a_key_text():
    assert reader.parse_key_text(f"# a comment\n\n{writer.key_text(KEY)}\n") == KEY


def run_reader(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, reader.__file__, *map(str, arguments)], capture_output=True, encoding="utf-8",
                          env={**os.environ, "PYTHONIOENCODING": "utf-8"})


def test_the_command(tmp_path):
    (tmp_path / "key").write_text(writer.key_text(KEY))
    (tmp_path / "m.wseal").write_bytes(writer.write_container(sample(), KEY))
    done = run_reader(tmp_path / "m.wseal", "--key-file", tmp_path / "key", "--verify", "--sha256")
    assert done.returncode == 0, done.stderr
    lines = {line.split("\t")[0]: line.split("\t")[1:] for line in done.stdout.splitlines()}
    assert len(lines) == len(sample())
    assert lines["big"] == ["BF16", "300x500", hashlib.sha256(pattern(300_000, 3)).hexdigest()]
    assert lines["scalar"][:2] == ["F32", "scalar"]
    assert lines["model.safetensors"] == ["head", "777", hashlib.sha256(pattern(777, 2)).hexdigest()]
    (tmp_path / "key").write_text(writer.key_text(bytes(32)))
    done = run_reader(tmp_path / "m.wseal", "--key-file", tmp_path / "key", "--list")
    assert done.returncode == 1 and "opens no slot" in done.stderr and not done.stdout
