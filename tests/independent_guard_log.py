"""Verifies event logs of a guard, written from GUARD_LOG.md alone."""
from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TIERS = ("client", "address", "network_56", "network_48", "pool")


class Refused(Exception):
    """The log does not hold; says in which line."""


@dataclass
class Log:
    records: list[dict] = field(default_factory=list)
    signers: set[str] = field(default_factory=set)
    signed_through: int | None = None

    @property
    def events(self) -> list[dict]:
        return [record for record in self.records if record["class_uid"] == 2004]


def no_name_twice(pairs: list[tuple[str, object]]) -> dict:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name stands twice")
    return dict(pairs)


def parse(line: bytes) -> dict:
    record = json.loads(line.decode(), object_pairs_hook=no_name_twice)
    metadata = record["metadata"]
    if (metadata["log_name"], metadata["log_version"]) != ("weightseal guard", "1"):
        raise ValueError("another log")
    if type(metadata["sequence"]) is not int or metadata["sequence"] < 0 or type(record["time"]) is not int:
        raise ValueError("no whole number")
    if not re.fullmatch("[0-9a-f]{64}", record["prev"]) or record["class_uid"] not in (2004, 1008):
        raise ValueError("no record")
    record["unmapped"]["dropped"]
    return record


def check_signature(line: bytes, signer: str) -> None:
    match = re.fullmatch(rb'(.*),"signature":"([A-Za-z0-9+/]{86}==)"}', line)
    raw = base64.urlsafe_b64decode(signer.removeprefix("wseal_signer_"))
    key, check = raw[:32], raw[32:]
    if not match or hashlib.sha256(b"weightseal/v1/key/signer" + key).digest()[:4] != check:
        raise ValueError("no checkpoint")
    message = b"weightseal/guard-log/v1/checkpoint" + match[1]
    Ed25519PublicKey.from_public_bytes(key).verify(base64.b64decode(match[2], validate=True), message)


def verify(*files: bytes) -> Log:
    log, expected, previous = Log(), None, None
    for data in files:
        *lines, rest = data.split(b"\n")
        for number, line in enumerate(lines, 1):
            try:
                record = parse(line)
                place = record["metadata"]["sequence"]
                if expected is None:
                    expected, previous = place, record["prev"] if place else "0" * 64
                if (place, record["prev"]) != (expected, previous):
                    raise ValueError(f"record {place} is not the one that follows")
                if record["class_uid"] == 1008:
                    check_signature(line, record["unmapped"]["signer"])
                    log.signers.add(record["unmapped"]["signer"])
                    log.signed_through = place
            except (ValueError, KeyError, TypeError, InvalidSignature) as error:
                raise Refused(f"line {number}: {error!r}") from None
            log.records.append(record)
            expected, previous = place + 1, hashlib.sha256(line).hexdigest()
    return log


def siphash_2_4(key: bytes, data: bytes) -> int:
    """Aumasson, Bernstein 2012."""
    mask = 2**64 - 1
    k0, k1 = (int.from_bytes(key[i : i + 8], "little") for i in (0, 8))
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def rotate(x: int, bits: int) -> int:
        return (x << bits | x >> (64 - bits)) & mask

    def rounds(count: int) -> None:
        for _ in range(count):
            v[0] = (v[0] + v[1]) & mask
            v[1] = rotate(v[1], 13) ^ v[0]
            v[0] = rotate(v[0], 32)
            v[2] = (v[2] + v[3]) & mask
            v[3] = rotate(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & mask
            v[3] = rotate(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & mask
            v[1] = rotate(v[1], 17) ^ v[2]
            v[2] = rotate(v[2], 32)

    padded = data + bytes(-(len(data) + 1) % 8) + bytes([len(data) & 0xFF])
    for i in range(0, len(padded), 8):
        word = int.from_bytes(padded[i : i + 8], "little")
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def expand(secret: bytes, info: bytes, size: int) -> bytes:
    """HKDF-Expand of RFC 5869."""
    out, block = b"", b""
    while len(out) < size:
        block = hmac.digest(secret, block + info + bytes([len(out) // 32 + 1]), "sha256")
        out += block
    return out[:size]


def pseudonym(secret: bytes, tier: str, identity: bytes) -> str:
    t = TIERS.index(tier)
    key = expand(secret, b"weightseal/v1/guard/hash", 120)[16 * t : 16 * t + 16]
    data = bytes([t]) + siphash_2_4(key, identity).to_bytes(8, "little")
    return hmac.digest(expand(secret, b"weightseal/v1/guard/pseudonym", 32), data, "sha256")[:16].hex()
