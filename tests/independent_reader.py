"""A strict reader of weightseal containers, written from FORMAT.md alone.

It shares no code with the library. It is the second opinion the tests compare the library with, and the example for a reader
in another language: it follows the sections of FORMAT.md from top to bottom, and a comment names the section.

    python3 independent_reader.py FILE --key-file KEYFILE [--verify] [--list | --sha256]
"""
from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import re
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, chain
from math import prod
from pathlib import Path

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305


class Refused(Exception):
    """The file breaks a rule of the format, or is damaged."""


class WrongKey(Refused):
    """The file is well formed, and the key opens none of its slots."""


class Unsupported(Refused):
    """The file uses something the format reserves."""


def require(rule: bool, message: str) -> None:
    if not rule:
        raise Refused(message)


def require_zero(data: bytes, what: str) -> None:
    require(not any(data), f"{what} is not zero")


def align(value: int, unit: int) -> int:
    return -(-value // unit) * unit


# --- Text keys

def parse_key_text(text: str) -> bytes:
    """`wseal_seal_` and 36 bytes in base64url: the key, and 4 bytes of a checksum that finds typing errors."""
    lines = [line.strip() for line in text.splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    require(len(keys) == 1, "a key file holds exactly one key")
    match = re.fullmatch("wseal_seal_([A-Za-z0-9_-]{48})", keys[0])
    require(match is not None, "this is not the text of a seal key")
    raw = base64.urlsafe_b64decode(match[1])
    require(hashlib.sha256(b"weightseal/v1/key/seal" + raw[:32]).digest()[:4] == raw[32:], "the key is mistyped")
    return raw[:32]


# --- Section 3: keys and suites

SUITES = {1: AESGCM, 2: ChaCha20Poly1305}
ZERO_NONCE = bytes(12)


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")


def hkdf_expand(prk: bytes, info: bytes, size: int) -> bytes:
    output = block = b""
    for counter in range(1, -(-size // 32) + 1):
        block = hmac_sha256(prk, block + info + bytes([counter]))
        output += block
    return output[:size]


class Keys:
    """Every key of one container, derived from its file key."""

    def __init__(self, file_key: bytes, file_salt: bytes, suite: int, chunk_log2: int):
        self.prk = hmac_sha256(file_salt, file_key)
        self.suite = suite
        self.parameters = bytes([suite, chunk_log2])

    def derive(self, label: str, context: bytes = b"") -> bytes:
        return hkdf_expand(self.prk, b"weightseal/v1/" + label.encode() + self.parameters + context, 32)

    def entry(self, ordinal: int, record: bytes) -> bytes:
        return self.derive("entry", struct.pack("<Q", ordinal) + hashlib.sha256(record).digest())

    def decrypt(self, key: bytes, nonce: bytes, ciphertext: bytes, tag: bytes, what: str) -> bytes:
        try:
            return SUITES[self.suite](key).decrypt(nonce, ciphertext + tag, None)
        except InvalidTag:
            raise Refused(f"{what} does not authenticate") from None

    def gap(self, start: int, size: int) -> bytes:
        """Section 6: the keystream that fills a gap."""
        key, place = self.derive("gaps"), struct.pack(">Q", start)
        if self.suite == 1:
            cipher = Cipher(algorithms.AES(key), modes.CTR(place + bytes(8)))
        else:  # the package's 16-byte nonce is a little-endian block counter, then the nonce of RFC 8439
            cipher = Cipher(algorithms.ChaCha20(key, bytes(4) + bytes(4) + place), mode=None)
        return cipher.encryptor().update(bytes(size))


# --- Section 2: the prelude

PRELUDE = struct.Struct("<8s H B B I I 4s Q Q 16s 8s 32s 32s 128s 32s 64s 3680s 32s 32s")


class Prelude:
    def __init__(self, data: bytes):
        require(len(data) >= PRELUDE.size, "the file is shorter than a prelude")
        self.data = data[: PRELUDE.size]
        (magic, version, self.suite, self.chunk_log2, self.flags, self.slot_block_size, zero1, self.body_size, self.index_size,
         self.index_tag, zero2, self.file_salt, self.commitment, zero3, self.signer, self.signature, zero4, self.mac,
         checksum) = PRELUDE.unpack(self.data)

        require(magic == b"WSEAL\r\n\x1a", "this is not a weightseal container")
        if version != 1:
            raise Unsupported(f"format version {version}")
        require(hashlib.sha256(self.data[:4064]).digest() == checksum, "the prelude is damaged")
        if self.suite not in SUITES:
            raise Unsupported(f"suite {self.suite}")
        require(16 <= self.chunk_log2 <= 22, "chunk_log2 is out of range")
        require(self.flags in (0, 1), "an unknown flag is set")
        require(self.slot_block_size % 4096 == 0 and 4096 <= self.slot_block_size <= 1 << 20, "slot_block_size is out of range")
        require(self.body_size % 64 == 0, "body_size is not a multiple of 64")
        require(32 <= self.index_size <= 1 << 30, "index_size is out of range")
        require_zero(zero1 + zero2 + zero3 + zero4, "a reserved field of the prelude")
        self.signed = self.flags == 1
        if not self.signed:
            require_zero(self.signer + self.signature, "the signature of an unsigned file")

        # Section 1: where the parts stand. The sizes are checked against the file before anything is read by them.
        self.chunk_size = 1 << self.chunk_log2
        self.cells = -(-self.body_size // self.chunk_size)
        self.body = 4096 + 2 * self.slot_block_size
        self.leaves = self.body + self.body_size
        self.index = self.leaves + (32 * self.cells if self.signed else 0)
        require(len(data) == self.index + self.index_size, "the file is truncated or has bytes after its end")

    def check(self, keys: Keys) -> None:
        require(hmac.compare_digest(keys.derive("commitment"), self.commitment), "the file key is not the committed one")
        mac = hmac_sha256(keys.derive("prelude"), self.data[:4032])
        require(hmac.compare_digest(mac, self.mac), "the prelude does not authenticate")


# --- Section 4: slots

SLOT_HEAD = struct.Struct("<8s Q I I I 4s 32s")
SLOT_KIND_KEY = 1


@dataclass
class Slot:
    kind: int
    zero: bytes
    salt: bytes
    commitment: bytes
    wrapped: bytes
    size: int

    def unwrap(self, secret: bytes, file_salt: bytes) -> bytes | None:
        """The file key, or None if the slot is for another secret."""
        info = b"weightseal/v1/slot" + struct.pack("<H", self.kind) + file_salt
        derived = hkdf_expand(hmac_sha256(self.salt, secret), info, 64)
        if not hmac.compare_digest(derived[32:], self.commitment):
            return None
        try:
            return ChaCha20Poly1305(derived[:32]).decrypt(ZERO_NONCE, self.wrapped, None)
        except InvalidTag:
            raise Refused("a wrapped file key does not authenticate") from None


class SlotBlock:
    def __init__(self, data: bytes):
        self.data = data
        self.end = len(data) - 64
        (self.magic, self.generation, self.slot_count, self.slots_size, self.directory_size, self.zero,
         self.salt) = SLOT_HEAD.unpack_from(data)

    @property
    def intact(self) -> bool:
        return hashlib.sha256(self.data[:-32]).digest() == self.data[-32:]

    def parse(self) -> list[Slot]:
        require(self.magic == b"WSLOTS\r\n", "a slot block has another magic")
        if self.slot_count == 0:
            raise Unsupported("this is a shard of a set (slot_count 0)")
        require(self.slot_count <= 255, "slot_count is out of range")
        self.directory = SLOT_HEAD.size + self.slots_size
        self.padding = self.directory + self.directory_size + 16
        require(self.padding <= self.end, "the slots do not fit their block")
        slots, at = [], SLOT_HEAD.size
        for _ in range(self.slot_count):
            require(at + 120 <= self.directory, "a slot does not fit")
            kind, size, *fields = struct.unpack_from("<H H 4s 32s 32s 48s", self.data, at)
            require(size % 8 == 0 and size >= 120 and at + size <= self.directory, "the size of a slot is wrong")
            require(kind != SLOT_KIND_KEY or size == 120, "the size of a key slot is not 120")
            slots.append(Slot(kind, *fields, size))
            at += size
        require(at == self.directory, "slots_size is not the size of the slots")
        return slots

    def check(self, keys: Keys, slots: list[Slot]) -> None:
        """What the file key proves about the block."""
        mac = hmac_sha256(keys.derive("slots"), self.data[: self.end])
        require(hmac.compare_digest(mac, self.data[self.end : self.end + 32]), "a slot block does not authenticate")
        require(self.generation >= 1, "the generation of a slot block is 0")
        require_zero(self.zero + self.data[self.padding : self.end] + b"".join(slot.zero for slot in slots),
                     "a reserved field of a slot block")
        directory, tag = self.data[self.directory : self.padding - 16], self.data[self.padding - 16 : self.padding]
        record = Cursor(keys.decrypt(keys.derive("directory", self.salt), ZERO_NONCE, directory, tag, "the directory"))
        for slot in slots:
            label, public_key = (record.take(*record.unpack("<H")) for _ in range(2))
            require(not CONTROL.search(decode_utf8(label)), "a label holds control characters")
            require(slot.kind != SLOT_KIND_KEY or not public_key, "a key slot has a public key")
        require(record.left == 0, "the directory has more records than slots")


def open_slots(prelude: Prelude, blocks: list[SlotBlock], secret: bytes) -> tuple[Keys, list[str]]:
    """The keys of the file, and what is to be reported about its slot blocks."""
    intact = [block for block in blocks if block.intact]
    require(bool(intact), "both slot blocks are corrupt")
    failures: list[Refused] = []
    for block in sorted(intact, key=lambda block: -block.generation):  # stable: A before B
        try:
            slots = block.parse()
            file_keys = (slot.unwrap(secret, prelude.file_salt) for slot in slots if slot.kind == SLOT_KIND_KEY)
            file_key = next((key for key in file_keys if key is not None), None)
            if file_key is None:
                continue
            keys = Keys(file_key, prelude.file_salt, prelude.suite, prelude.chunk_log2)
            prelude.check(keys)
            block.check(keys, slots)
        except Refused as failure:
            failures.append(failure)
            continue
        a, b = blocks
        if a.data == b.data:
            return keys, []
        return keys, [str(failure) for failure in failures] + [
            "the slot blocks are not identical" if len(intact) == 2 else "one slot block is damaged"]
    raise failures[0] if failures else WrongKey("the key opens no slot of this file")


# --- Section 5: the index

TENSOR, FILE, ALIAS = 0, 1, 2
WHOLE, HEAD = 0, 1
DTYPES = dict(enumerate((
    ("BOOL", 8), ("F4", 4), ("F6_E2M3", 6), ("F6_E3M2", 6), ("U8", 8), ("I8", 8), ("F8_E5M2", 8), ("F8_E4M3", 8),
    ("F8_E8M0", 8), ("F8_E4M3FNUZ", 8), ("F8_E5M2FNUZ", 8), ("I16", 16), ("U16", 16), ("F16", 16), ("BF16", 16), ("I32", 32),
    ("U32", 32), ("F32", 32), ("C64", 64), ("F64", 64), ("I64", 64), ("U64", 64)), start=1))


class Cursor:
    """Takes bytes from the front, and never more than there are."""

    def __init__(self, data: bytes):
        self.data, self.at = data, 0

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, size: int) -> bytes:
        require(size <= self.left, "a size points past the end")
        self.at += size
        return self.data[self.at - size : self.at]

    def unpack(self, layout: str) -> tuple:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))


CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def decode_utf8(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("a name is not UTF-8") from None


@dataclass
class Entry:
    ordinal: int
    kind: int
    dtype: int
    role: int
    link: int
    offset: int
    length: int
    shape: tuple[int, ...]
    name: str
    record: bytes
    tags: bytes = b""

    @property
    def end(self) -> int:
        return self.offset + self.length

    @classmethod
    def parse(cls, cursor: Cursor, ordinal: int) -> Entry:
        start = cursor.at
        kind, dtype, rank, role, name_size, zero1, link, zero2, offset, length = cursor.unpack("<B B B B H 2s I 4s Q Q")
        if kind == FILE and role == 2:
            raise Unsupported("this is the manifest of a set (role 2)")
        require(rank <= 32, "rank is out of range")
        shape = cursor.unpack(f"<{rank}Q")
        name = decode_utf8(cursor.take(name_size))
        padding = cursor.take(-(cursor.at - start) % 8)
        require_zero(zero1 + zero2 + padding, "a reserved field of a record")
        return cls(ordinal, kind, dtype, role, link, offset, length, shape, name, cursor.data[start : cursor.at])

    def check(self, earlier: list[Entry]) -> None:
        """The rules of a record that need only it and the entries before it."""
        require(self.kind in (TENSOR, FILE, ALIAS), "the kind of an entry is unknown")
        require(self.role == WHOLE or (self.kind == FILE and self.role == HEAD), "the role of an entry is unknown")
        require("\0" not in self.name, "a name has a NUL")
        require(self.length > 0 or self.offset == 0, "an empty entry has an offset")
        require(self.link <= len(earlier), "a link points to no earlier entry")
        target = earlier[self.link - 1] if self.link else None
        if self.kind == FILE:
            require(self.dtype == 0 and not self.shape and target is None, "a file has a dtype, a shape or a link")
            check_path(self.name)
            return
        require(self.dtype in DTYPES, "the dtype of a tensor is unknown")
        bits = prod(self.shape) * DTYPES[self.dtype][1]
        require(bits == 8 * self.length, "the length of a tensor is not that of its shape and dtype")
        if self.kind == TENSOR:
            require(target is None or (target.kind == FILE and target.role == HEAD), "a tensor links to no head")
        else:
            require(target is not None and target.kind == TENSOR, "an alias links to no tensor")
            require((self.offset, self.length) == (target.offset, target.length), "an alias has another place than its tensor")


def check_path(path: str) -> None:
    require(all(part not in ("", ".", "..") for part in path.split("/")), "a path has an empty part, '.' or '..'")
    require(not any(c == "\\" or c < " " or c == "\x7f" for c in path), "a path has a character that is not allowed")


def check_names(entries: list[Entry]) -> None:
    tensors = [entry.name for entry in entries if entry.kind != FILE]
    files = [entry.name for entry in entries if entry.kind == FILE]
    require(len(set(tensors)) == len(tensors) and len(set(files)) == len(files), "a name occurs twice")
    folders = {prefix for path in files for prefix in accumulate(path.split("/")[:-1], "{}/{}".format)}
    require(folders.isdisjoint(files), "a file is a folder of another")


def check_layout(entries: list[Entry], body_size: int) -> list[tuple[int, int]]:
    """Checks where the entries stand, and gives the gaps as (start, size)."""
    gaps, end = [], 0
    for entry in entries:
        if entry.kind == ALIAS or entry.length == 0:
            continue
        require(entry.offset % (4096 if entry.length >= 65536 else 64) == 0, "an entry is not aligned")
        require(0 <= entry.offset - end < 4096, "an entry overlaps or follows too large a gap")
        gaps.append((end, entry.offset - end))
        end = entry.end
    require(align(end, 64) == body_size, "body_size is not where the last entry ends")
    gaps.append((end, body_size - end))
    return [gap for gap in gaps if gap[1]]


class Index:
    def __init__(self, data: bytes, body_size: int, chunk_log2: int):
        cursor = Cursor(data)
        entry_count, flags, entries_size, tag_count, zero = cursor.unpack("<I I Q Q 8s")
        require(entry_count <= 1 << 21, "entry_count is out of range")
        if flags & 2:
            raise Unsupported("this is the manifest of a set (index flag 1)")
        require(flags in (0, 1), "an unknown flag of the index is set")
        require_zero(zero, "a reserved field of the index")
        require(entries_size + 16 * tag_count <= cursor.left, "the records and tags do not fit the index")
        self.folder = flags == 1

        records = Cursor(cursor.take(entries_size))
        self.entries: list[Entry] = []
        for ordinal in range(entry_count):
            entry = Entry.parse(records, ordinal)
            entry.check(self.entries)
            self.entries.append(entry)
        require(records.left == 0, "entries_size is not the size of the records")
        check_names(self.entries)
        self.gaps = check_layout(self.entries, body_size)

        counts = [chunk_count(entry, chunk_log2) for entry in self.entries]
        require(tag_count == sum(counts), "tag_count is not the number of chunks")
        for entry, count in zip(self.entries, counts):
            entry.tags = cursor.take(16 * count)
        require_zero(cursor.take(cursor.left), "the padding of the index")


# --- Section 6: the body

def chunk_count(entry: Entry, chunk_log2: int) -> int:
    if entry.kind == ALIAS or entry.length == 0:
        return 0
    return ((entry.end - 1) >> chunk_log2) - (entry.offset >> chunk_log2) + 1


# --- Section 7: reading

class Container:
    """One opened file. Its bytes are a private copy, so what is authenticated is what is used."""

    def __init__(self, data: bytes, secret: bytes):
        self.prelude = prelude = Prelude(data)
        self.data = data
        size = prelude.slot_block_size
        blocks = [SlotBlock(data[start : start + size]) for start in (4096, 4096 + size)]
        self.keys, self.warnings = open_slots(prelude, blocks, secret)
        ciphertext = data[prelude.index :]
        plain = self.keys.decrypt(self.keys.derive("index"), ZERO_NONCE, ciphertext, prelude.index_tag, "the index")
        self.index = Index(plain, prelude.body_size, prelude.chunk_log2)
        self.entries, self.folder = self.index.entries, self.index.folder

    def read(self, entry: Entry) -> bytes:
        """The bytes of an entry, once all its chunks are authenticated."""
        if entry.kind == ALIAS:
            return self.read(self.entries[entry.link - 1])
        key, size = self.keys.entry(entry.ordinal, entry.record), self.prelude.chunk_size
        chunks, at = [], entry.offset
        while at < entry.end:
            end = min(entry.end, (at // size + 1) * size)  # a chunk ends with its entry or with its cell
            number = len(chunks)
            ciphertext = self.data[self.prelude.body + at : self.prelude.body + end]
            chunks.append(self.keys.decrypt(key, bytes(4) + struct.pack(">Q", number), ciphertext,
                                            entry.tags[16 * number : 16 * number + 16], f"chunk {number} of {entry.name!r}"))
            at = end
        return b"".join(chunks)

    @cached_property
    def tensors(self) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
        """name -> (dtype, shape, bytes), aliases included."""
        return {e.name: (DTYPES[e.dtype][0], e.shape, self.read(e)) for e in self.entries if e.kind != FILE}

    @cached_property
    def files(self) -> dict[str, tuple[str, bytes]]:
        """path -> ("file", all its bytes) or ("head", the bytes before its tensors)."""
        return {e.name: ("head" if e.role == HEAD else "file", self.read(e)) for e in self.entries if e.kind == FILE}

    def verify(self) -> None:
        """Authenticates every byte. Prelude, slots and index were checked when the file was opened."""
        require(not self.warnings, "; ".join(self.warnings))
        for entry in self.entries:
            self.read(entry)
        for start, size in self.index.gaps:
            at = self.prelude.body + start
            require(self.data[at : at + size] == self.keys.gap(start, size), f"the gap at {start} is damaged")
        if self.prelude.signed:
            check_leaves(self.data, self.prelude)

    def restore(self, out_dir: str | Path) -> None:
        """Writes the original files: whole ones, and heads with their tensors. An alias adds nothing to a file."""
        parts = {entry.ordinal: [entry] for entry in self.entries if entry.kind == FILE}
        for entry in self.entries:
            if entry.kind == TENSOR:
                require(entry.link != 0, f"the tensor {entry.name!r} is part of no file")
                parts[entry.link - 1].append(entry)
        for head, *tensors in parts.values():
            path = Path(out_dir, *head.name.split("/"))
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:  # never over a file that exists: two names may be one to the file system
                for part in [head, *tensors]:
                    file.write(self.read(part))


def open_container(source: bytes | str | Path, key: bytes) -> Container:
    data = bytes(source) if isinstance(source, (bytes, bytearray, memoryview)) else Path(source).read_bytes()
    return Container(data, key)


# --- Section 8: the signature

def check_leaves(data: bytes, prelude: Prelude) -> bytes:
    """Compares the leaf table with the cells of the body, and gives it."""
    size, leaves = prelude.chunk_size, []
    for i in range(prelude.cells):
        start = prelude.body + i * size
        cell = data[start : min(start + size, prelude.leaves)]
        leaves.append(hashlib.sha256(b"\0" + struct.pack("<Q", i) + cell).digest())
    table = b"".join(leaves)
    require(table == data[prelude.leaves : prelude.index], "the leaf table does not match the body")
    return table


def check_signature(data: bytes) -> bytes:
    """Checks a signed file without any key, and gives the public key of its signer."""
    prelude = Prelude(data)
    require(prelude.signed, "the file is not signed")
    message = b"".join((b"weightseal/v1/signature", data[:256], hashlib.sha256(data[prelude.index :]).digest(),
                        hashlib.sha256(check_leaves(data, prelude)).digest()))
    try:
        Ed25519PublicKey.from_public_bytes(prelude.signer).verify(prelude.signature, message)
    except (InvalidSignature, ValueError):
        raise Refused("the signature is wrong") from None
    return prelude.signer


# --- The command

def describe(container: Container, with_hash: bool) -> Iterator[str]:
    """One line an entry, its fields between tabs: name, dtype, shape, SHA-256. A file has `file` or `head` and its size."""
    tensors = ((name, dtype, "x".join(map(str, shape)), data) for name, (dtype, shape, data) in container.tensors.items())
    files = ((name, role, str(len(data)), data) for name, (role, data) in container.files.items())
    for name, what, size, data in chain(tensors, files):
        fields = [name if name.isprintable() else repr(name), what, size or "scalar"]
        yield "\t".join(fields + [hashlib.sha256(data).hexdigest()] if with_hash else fields)


def main() -> int:
    parser = argparse.ArgumentParser(description="Reads a weightseal container.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--key-file", type=Path, required=True)
    parser.add_argument("--verify", action="store_true", help="authenticate every byte")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--list", action="store_true", help="print name, dtype and shape")
    output.add_argument("--sha256", action="store_true", help="print name, dtype, shape and SHA-256")
    arguments = parser.parse_args()
    try:
        container = open_container(arguments.file, parse_key_text(arguments.key_file.read_text()))
        for warning in container.warnings:
            print(f"warning: {warning}", file=sys.stderr)
        if arguments.verify:
            container.verify()
        if arguments.list or arguments.sha256:
            for line in describe(container, arguments.sha256):
                print(line)
    except (Refused, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
