"""A writer of weightseal containers, from FORMAT.md alone.

The tests need it twice: to give the library files that the library did not write, and to make files that a holder of the key
could make but no honest writer would. For the second purpose `mutate(stage, data)` is called with each part, a bytearray that
it may change, before that part is encrypted or authenticated. The stages, in their order:

    record 0, record 1 ...      a record of the index, before the key of its entry is derived
    body                        the encrypted body; it may grow, and body_size with it
    index                       the whole plaintext of the index, padding included
    leaves                      the leaf table, of a signed file
    prelude                     the prelude up to its mac
    directory                   the plaintext of the directory
    slots                       a slot block up to its mac; A and B are the same
"""
from __future__ import annotations

import base64
import hashlib
import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from independent_reader import ALIAS, DTYPES, FILE, HEAD, SUITES, TENSOR, ZERO_NONCE, Keys, align, hkdf_expand, hmac_sha256

Mutate = Callable[[str, bytearray], None]
DTYPE_NUMBERS = {name: number for number, (name, _) in DTYPES.items()}


def unchanged(stage: str, data: bytearray) -> None:
    """The `mutate` of an honest writer."""


@dataclass(eq=False)
class Item:
    """An entry to write. `gap` are bytes left free before it, and before the alignment."""
    kind: int
    name: str
    data: bytes = b""
    dtype: int = 0
    shape: tuple[int, ...] = ()
    role: int = 0
    link: Item | None = None
    gap: int = 0
    offset: int = 0


def tensor(name: str, dtype: str, shape: Sequence[int], data: bytes, head: Item | None = None, gap: int = 0) -> Item:
    return Item(TENSOR, name, data, DTYPE_NUMBERS[dtype], tuple(shape), link=head, gap=gap)


def alias(name: str, of: Item) -> Item:
    return Item(ALIAS, name, of.data, of.dtype, of.shape, link=of)


def whole_file(path: str, data: bytes) -> Item:
    return Item(FILE, path, data)


def head_file(path: str, data: bytes) -> Item:
    return Item(FILE, path, data, role=HEAD)


def key_text(key: bytes) -> str:
    checksum = hashlib.sha256(b"weightseal/v1/key/seal" + key).digest()[:4]
    return "wseal_seal_" + base64.urlsafe_b64encode(key + checksum).decode()


def place(items: Sequence[Item]) -> None:
    """Section 5: gives every entry its offset."""
    end = 0
    for item in items:
        if item.kind == ALIAS:
            item.offset = item.link.offset
        elif item.data:
            item.offset = align(end + item.gap, 4096 if len(item.data) >= 65536 else 64)
            end = item.offset + len(item.data)


def record(item: Item, items: Sequence[Item]) -> bytearray:
    name, link = item.name.encode(), items.index(item.link) + 1 if item.link else 0
    fields = struct.pack("<B B B B H 2x I 4x Q Q", item.kind, item.dtype, len(item.shape), item.role, len(name), link,
                         item.offset, len(item.data))
    data = fields + struct.pack(f"<{len(item.shape)}Q", *item.shape) + name
    return bytearray(data.ljust(align(len(data), 8), b"\0"))


def slot_block(keys: Keys, file_key: bytes, file_salt: bytes, secrets: Sequence[bytes], *, size: int = 4096,
               generation: int = 1, foreign: Sequence[tuple[int, int]] = (), mutate: Mutate = unchanged) -> bytes:
    """Section 4: a block that opens with any of `secrets`. `foreign` are (kind, size) of other slots, which stand first."""
    salt = os.urandom(32)
    slots = [struct.pack("<H H 4x", kind, slot_size) + os.urandom(slot_size - 8) for kind, slot_size in foreign]
    directory = bytearray()
    for _ in foreign:
        directory += struct.pack("<H", 5) + b"label" + struct.pack("<H", 32) + os.urandom(32)
    for secret in secrets:
        slot_salt = os.urandom(32)
        info = b"weightseal/v1/slot" + struct.pack("<H", 1) + file_salt
        derived = hkdf_expand(hmac_sha256(slot_salt, secret), info, 64)
        wrapped = ChaCha20Poly1305(derived[:32]).encrypt(ZERO_NONCE, file_key, None)
        slots.append(struct.pack("<H H 4x", 1, 120) + slot_salt + derived[32:] + wrapped)
        directory += bytes(4)
    mutate("directory", directory)
    sealed = SUITES[keys.suite](keys.derive("directory", salt)).encrypt(ZERO_NONCE, bytes(directory), None)
    joined = b"".join(slots)
    head = struct.pack("<8s Q I I I 4x 32s", b"WSLOTS\r\n", generation, len(slots), len(joined), len(directory), salt)
    block = bytearray((head + joined + sealed).ljust(size - 64, b"\0"))
    mutate("slots", block)
    block += hmac_sha256(keys.derive("slots"), block)
    return bytes(block + hashlib.sha256(block).digest())


def write_container(items: Sequence[Item], secret: bytes, *, suite: int = 1, chunk_log2: int = 16, folder: bool = True,
                    signer: Ed25519PrivateKey | None = None, file_key: bytes | None = None, slot_block_size: int = 4096,
                    foreign: Sequence[tuple[int, int]] = (), mutate: Mutate = unchanged) -> bytes:
    file_key, file_salt = file_key or os.urandom(32), os.urandom(32)
    keys = Keys(file_key, file_salt, suite, chunk_log2)
    cell = 1 << chunk_log2

    place(items)
    records, tags, body, end = [], [], bytearray(), 0
    for ordinal, item in enumerate(items):
        records.append(record(item, items))
        mutate(f"record {ordinal}", records[-1])
        if item.kind == ALIAS or not item.data:
            continue
        body += keys.gap(end, item.offset - end)
        cipher, at, number = SUITES[suite](keys.entry(ordinal, records[-1])), 0, 0
        while at < len(item.data):
            size = cell - (item.offset + at) % cell
            sealed = cipher.encrypt(struct.pack(">I Q", 0, number), item.data[at : at + size], None)
            body += sealed[:-16]
            tags.append(sealed[-16:])
            at, number = at + size, number + 1
        end = len(body)
    body += keys.gap(end, -end % 64)
    mutate("body", body)

    head = struct.pack("<I I Q Q 8x", len(items), int(folder), sum(map(len, records)), len(tags))
    index = bytearray(head + b"".join(records) + b"".join(tags))
    index += bytes(-len(index) % max(1024, 1 << (len(index).bit_length() - 5)))
    mutate("index", index)
    sealed_index = SUITES[suite](keys.derive("index")).encrypt(ZERO_NONCE, bytes(index), None)
    cells = (body[start : start + cell] for start in range(0, len(body), cell))
    leaves = bytearray(b"".join(hashlib.sha256(struct.pack("<B Q", 0, i) + data).digest() for i, data in enumerate(cells)))
    leaves = leaves if signer else bytearray()
    mutate("leaves", leaves)

    prelude = bytearray(struct.pack(
        "<8s H B B I I 4x Q Q 16s 8x 32s 32s 3904x", b"WSEAL\r\n\x1a", 1, suite, chunk_log2, int(signer is not None),
        slot_block_size, len(body), len(index), sealed_index[-16:], file_salt, keys.derive("commitment")))
    if signer:
        message = b"".join((b"weightseal/v1/signature", prelude[:256], hashlib.sha256(sealed_index[:-16]).digest(),
                            hashlib.sha256(leaves).digest()))
        prelude[256:352] = signer.public_key().public_bytes_raw() + signer.sign(message)
    mutate("prelude", prelude)
    prelude += hmac_sha256(keys.derive("prelude"), prelude)
    prelude += hashlib.sha256(prelude).digest()
    block = slot_block(keys, file_key, file_salt, [secret], size=slot_block_size, foreign=foreign, mutate=mutate)
    return b"".join((prelude, block, block, body, leaves, sealed_index[:-16]))
