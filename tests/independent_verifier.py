"""A verifier of weightseal's watermark, written from WATERMARK.md alone.

It shares no code with the library. It is the second opinion the tests compare the library with, and what an expert of the
other side may read in an afternoon: it follows the sections of WATERMARK.md, and a comment names the section.

    python3 independent_verifier.py SUSPECT --key-file KEYFILE --record RECORD.json [--original MODEL]

prints one JSON object. With an original it adds the informed statistics with every row in its place; the symmetries that
WATERMARK.md §5b undoes are not undone here.
"""
from __future__ import annotations

import argparse
import base64
import hashlib
import json
import math
import re
import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path

import numpy as np
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Refused(Exception):
    """The inputs do not belong together, or break a rule."""


def require(rule: bool, message: str) -> None:
    if not rule:
        raise Refused(message)


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def text(s: str) -> bytes:
    encoded = s.encode()
    return struct.pack("<I", len(encoded)) + encoded


def encoded_shape(shape: Sequence[int]) -> bytes:
    return struct.pack(f"<I{len(shape)}Q", len(shape), *shape)


# --- Section 1: keys

def parse_key_text(content: str) -> bytes:
    """`wseal_watermark_` and 36 bytes in base64url: the key, and 4 bytes of a checksum that finds typing errors."""
    lines = [line.strip() for line in content.splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    match = re.fullmatch("wseal_watermark_([A-Za-z0-9_-]{48})", keys[0] if len(keys) == 1 else "")
    require(match is not None, "this is not the text of one watermark key")
    raw = base64.urlsafe_b64decode(match[1])
    require(sha256(b"weightseal/v1/key/watermark", raw[:32])[:4] == raw[32:], "the key is mistyped")
    return raw[:32]


class Keys:
    """The keys of all tensors of one marking."""

    def __init__(self, key: bytes, owner: str, model_id: str, scope: bytes):
        self.key = key
        self.identity = sha256(b"weightseal/watermark/v1/identity", text(owner), text(model_id), scope)

    def derive(self, label: bytes, name: str, shape: Sequence[int]) -> bytes:
        place = sha256(text(name), encoded_shape(shape))
        info = b"weightseal/watermark/v1/" + label + self.identity + place
        return HKDF(SHA256(), 32, b"weightseal/watermark/v1", info).derive(self.key)

    def chip_key(self, name: str, shape: Sequence[int]) -> bytes:
        return self.derive(b"chips", name, shape)

    def dither_key(self, name: str, shape: Sequence[int]) -> bytes:
        return self.derive(b"dither", name, shape)


def commitment(chip_key: bytes) -> bytes:
    return sha256(b"weightseal/watermark/v1/commitment", chip_key)


def keystream(key: bytes, size: int) -> bytes:
    return Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor().update(bytes(size))


def chips(chip_key: bytes, count: int) -> np.ndarray:
    """+1 or -1 for each element."""
    bits = np.unpackbits(np.frombuffer(keystream(chip_key, -(-count // 8)), np.uint8), bitorder="little")[:count]
    return 1 - 2 * bits.astype(np.int8)


# --- Models: safetensors files, and folders of them

DTYPE_BITS = {"BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
              "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
              "C64": 64, "F64": 64, "I64": 64, "U64": 64}


@dataclass
class Tensor:
    name: str
    dtype: str
    shape: tuple[int, ...]
    path: Path
    offset: int

    @property
    def elements(self) -> int:
        return prod(self.shape)

    def read(self) -> bytes:
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            return file.read(self.elements * DTYPE_BITS[self.dtype] // 8)


def read_header(path: Path) -> Iterator[Tensor]:
    with open(path, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(size))
    for name, info in header.items():
        if name == "__metadata__":
            continue
        begin, end = info["data_offsets"]
        shape = tuple(info["shape"])
        require((end - begin) * 8 == prod(shape) * DTYPE_BITS[info["dtype"]], f"{name}: shape and size disagree")
        yield Tensor(name, info["dtype"], shape, path, 8 + size + begin)


def read_model(path: Path) -> dict[str, Tensor]:
    files = [path]
    if path.is_dir():
        index, single = path / "model.safetensors.index.json", path / "model.safetensors"
        if index.exists():
            files = [path / name for name in sorted(set(json.loads(index.read_text())["weight_map"].values()))]
        else:
            files = [single] if single.exists() else sorted(path.glob("*.safetensors"))
    return {tensor.name: tensor for file in files for tensor in read_header(file)}


# --- Section 2: the root of the original

def root_of(tensors: Sequence[tuple[str, str, Sequence[int], bytes]]) -> bytes:
    """Of name, dtype, shape and SHA-256 of the data of every tensor."""
    ordered = sorted(tensors, key=lambda tensor: tensor[0].encode())
    parts = [text(name) + text(dtype) + encoded_shape(shape) + digest for name, dtype, shape, digest in ordered]
    return sha256(b"weightseal/watermark/v1/root", struct.pack("<Q", len(parts)), *parts)


# --- Section 4: the feature

def fp8_table(mantissa_bits: int, bias: int, specials: str) -> np.ndarray:
    """The values of the 256 patterns of an 8-bit float."""
    table = []
    for pattern in range(256):
        sign, magnitude = pattern >> 7, pattern & 127
        exponent, mantissa = magnitude >> mantissa_bits, magnitude & (1 << mantissa_bits) - 1
        fraction = mantissa / (1 << mantissa_bits)
        value = fraction * 2.0 ** (1 - bias) if exponent == 0 else (1 + fraction) * 2.0 ** (exponent - bias)
        if specials == "ieee" and exponent == 31:
            value = math.nan if mantissa else math.inf
        if (specials == "one nan" and magnitude == 127) or (specials == "unsigned zero" and pattern == 128):
            value = math.nan
        table.append(-value if sign else value)
    return np.array(table, np.float32)


FP8 = {
    "F8_E5M2": fp8_table(2, 15, "ieee"),
    "F8_E4M3": fp8_table(3, 7, "one nan"),
    "F8_E4M3FNUZ": fp8_table(3, 8, "unsigned zero"),
    "F8_E5M2FNUZ": fp8_table(2, 16, "unsigned zero"),
    "F8_E8M0": np.array([2.0 ** (pattern - 127) for pattern in range(255)] + [math.nan], np.float32),
}
FLOATS = {"F64", "F32", "F16", "BF16", *FP8}


def to_floats(dtype: str, data: bytes) -> np.ndarray:
    if dtype == "BF16":
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    if dtype in FP8:
        return FP8[dtype][np.frombuffer(data, np.uint8)]
    with np.errstate(over="ignore"):
        return np.frombuffer(data, {"F64": "<f8", "F32": "<f4", "F16": "<f2"}[dtype]).astype(np.float32)


def rows_of(shape: Sequence[int]) -> tuple[int, int]:
    """Length and number of a tensor's rows."""
    length, left = 1, list(shape)
    while left and (length < 64 or len(left) == len(shape)):
        length *= left.pop()
    return length, prod(left) if length else 0


def sample_of(length: int) -> np.ndarray:
    """Which elements of a row are the sample."""
    return np.arange(length) // 32 % max(1, length // 1024) == 0


def upper_bits(values: np.ndarray) -> np.ndarray:
    return (np.ascontiguousarray(values, np.float32).view(np.uint32) >> 16).astype(np.int64)


def from_upper(upper: np.ndarray) -> np.ndarray:
    return (upper.astype(np.uint32) << 16).view(np.float32)


def scales(rows: np.ndarray) -> np.ndarray:
    """The scale a of each row, 0 for a row that has none."""
    m = upper_bits(rows)[:, sample_of(rows.shape[1])] & 0x7FFF
    counts = (0 < m) & (m < 0x7F80)
    n, total = counts.sum(1), (m * counts).sum(1)
    g = np.where(n > 0, (total + n // 2) // np.maximum(n, 1), 0)
    a = from_upper(g)
    return np.where(a < 2.0**-100, np.float32(0), a)


@dataclass
class Sums:
    """S and Q of a white and a sign statistic."""
    white_s: int = 0
    white_q: int = 0
    sign_s: int = 0
    sign_q: int = 0
    nonfinite: int = 0

    def add(self, other: Sums) -> None:
        for name in vars(other):
            setattr(self, name, getattr(self, name) + getattr(other, name))


def correlate(values: np.ndarray, length: int, x: np.ndarray) -> Sums:
    """Sums over whole rows of `length` floats."""
    sums = Sums()
    step = max(1, (1 << 22) // length) * length
    for first in range(0, len(values), step):
        rows = values[first : first + step].reshape(-1, length)
        a = scales(rows)[:, None]
        u = upper_bits(rows)
        m = u & 0x7FFF
        finite = m < 0x7F80
        usable = finite & (a != 0)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            scaled = np.rint(from_upper(u) * (np.float32(32) / a))
        white = np.where(usable, np.clip(np.where(usable, scaled, 0), -127, 127), 0).astype(np.int64)
        sign = np.where(usable & (m != 0), np.where(u & 0x8000, -1, 1), 0)
        sign_of_chip = x[first : first + rows.size].reshape(rows.shape).astype(np.int64)
        sums.add(Sums(int((sign_of_chip * white).sum()), int((white * white).sum()), int((sign_of_chip * sign).sum()),
                      int((sign * sign).sum()), int((~finite).sum())))
    return sums


# --- Section 7: the record

SKETCH = 512
STATISTICS = ["blind_white", "blind_sign", "aligned_white", "aligned_sign", "informed_white", "informed_sign"]


@dataclass
class Mark:
    commitment: bytes
    digest: bytes
    elements: int
    sketch: np.ndarray


@dataclass
class RecordTensor:
    name: str
    dtype: str
    shape: tuple[int, ...]
    digest: bytes
    mark: Mark | None = None
    tied_to: str | None = None


@dataclass
class Record:
    owner: str
    model_id: str
    root: bytes
    strength: float
    tensors: list[RecordTensor]
    claim: bytes
    evidence: dict[str, str]

    @property
    def scope(self) -> bytes:
        """Section 1: what chips depend on, so that it cannot be chosen once they are known."""
        def chosen(tensor: RecordTensor) -> bytes:
            if tensor.mark:
                return b"\x01" + tensor.mark.sketch.astype(np.int8).tobytes()
            return b"\x02" + text(tensor.tied_to) if tensor.tied_to is not None else b"\x00"
        return sha256(b"weightseal/watermark/v1/scope", self.root, *map(chosen, self.tensors))

    def check_signature(self, signer: str | None = None) -> None:
        """Section 8; `signer` is the text form of a public key."""
        require("signer" in self.evidence, "the record is not signed")
        require(signer in (None, self.evidence["signer"]), "the record is signed by another key")
        public = base64.urlsafe_b64decode(self.evidence["signer"].removeprefix("wseal_signer_"))
        require(sha256(b"weightseal/v1/key/signer", public[:32])[:4] == public[32:], "the signer is mistyped")
        try:
            Ed25519PublicKey.from_public_bytes(public[:32]).verify(
                base64.b64decode(self.evidence["signature"], validate=True),
                b"weightseal/watermark/v1/record" + sha256(self.claim))
        except InvalidSignature:
            raise Refused("the record's signature is wrong") from None


def parse_record_tensor(fields: dict) -> RecordTensor:
    mark = None
    if "mark" in fields:
        sketch = np.frombuffer(base64.b64decode(fields["mark"]["sketch"], validate=True), np.int8).astype(np.int64)
        require(len(sketch) == SKETCH, f"{fields['name']}: its sketch has another length")
        mark = Mark(bytes.fromhex(fields["mark"]["commitment"]), bytes.fromhex(fields["mark"]["sha256"]),
                    fields["mark"]["elements"], sketch)
    return RecordTensor(fields["name"], fields["dtype"], tuple(fields["shape"]), bytes.fromhex(fields["sha256"]), mark,
                        fields.get("tied_to"))


def parse_record(content: str) -> Record:
    record = json.loads(content)
    require(record.get("weightseal_record") == 1, "this is not a record of version 1")
    claim = record["claim"]
    canonical = json.dumps(claim, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    require(sha256(canonical).hex() == record["evidence"]["digest"], "the record was altered")
    require(claim["statistics"] == STATISTICS, "the record registers other statistics")
    tensors = [parse_record_tensor(fields) for fields in claim["tensors"]]
    root = root_of([(tensor.name, tensor.dtype, tensor.shape, tensor.digest) for tensor in tensors])
    require(root.hex() == claim["root"], "the record's root is not that of its tensors")
    return Record(claim["owner"], claim["model_id"], root, float(claim["strength"]), tensors, canonical, record["evidence"])


# --- Sketches: section 7; what they are for: section 5

def sketch_positions(elements: int) -> list[int]:
    return [(j * 0x9E3779B97F4A7C15 % 2**64) * elements >> 64 for j in range(SKETCH)]


def sketch_of(tensor: Tensor) -> np.ndarray:
    values = to_floats(tensor.dtype, tensor.read())[sketch_positions(tensor.elements)]
    m = upper_bits(values) & 0x7FFF
    counts = (0 < m) & (m < 0x7F80)
    n = int(counts.sum())
    a = from_upper(np.array([((m * counts).sum() + n // 2) // n if n else 0]))[0]
    if a < 2.0**-100:
        return np.zeros(SKETCH, np.int64)
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.rint(from_upper(upper_bits(values)) * (np.float32(32) / a))
    return np.where(counts, np.clip(np.where(counts, scaled, 0), -127, 127), 0).astype(np.int64)


def similarity(a: np.ndarray, b: np.ndarray) -> float:
    norm = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / norm if norm else 0.0


def name_parts(name: str) -> list[str]:
    """The name without one, two, ... eight leading components."""
    parts = name.split(".")
    return [".".join(parts[i:]) for i in range(1, min(len(parts), 9)) if ".".join(parts[i:])]


# --- Section 5: the suspect

class Matching:
    """Which tensor of the suspect stands for which of the record."""

    def __init__(self, record: Record, suspect: dict[str, Tensor]):
        self.suspect = suspect
        self.free = {name for name, tensor in suspect.items() if tensor.dtype in FLOATS}
        self.wanted = {tensor.name: tensor for tensor in record.tensors if not tensor.tied_to and tensor.dtype in FLOATS}
        self.found: dict[str, tuple[Tensor, str, int]] = {}
        for name in self.wanted:
            self.take(name, name, "name")
        for tensor in record.tensors:
            if tensor.tied_to and tensor.tied_to not in self.found:
                self.take(tensor.tied_to, tensor.name, "name")
        self.match_name_parts()
        doubtful = self.release_doubtful()
        self.match_sketches()
        for name, (tensor, by, _) in doubtful.items():
            if name not in self.found:
                self.take(name, tensor.name, by)

    def comparable(self, name: str, candidate: str) -> int:
        """How many leading elements can be compared."""
        mine, theirs = self.wanted[name].shape, self.suspect[candidate].shape
        if prod(mine) == prod(theirs):
            return prod(mine)
        if len(mine) != len(theirs) or not mine or mine[1:] != theirs[1:]:
            return 0
        length = rows_of(mine)[0]
        return min(prod(mine), prod(theirs)) // length * length if length else 0

    def take(self, name: str, candidate: str, by: str) -> None:
        if candidate in self.free and (elements := self.comparable(name, candidate)):
            self.free.remove(candidate)
            self.found[name] = (self.suspect[candidate], by, elements)

    def missing(self) -> list[str]:
        return [name for name in self.wanted if name not in self.found]

    def match_name_parts(self) -> None:
        by_part = defaultdict(list)
        for candidate in self.free:
            for part in name_parts(candidate):
                by_part[part].append(candidate)
        wanting = defaultdict(list)
        for name in self.missing():
            candidates = by_part[name] + [part for part in name_parts(name) if part in self.free]
            candidates = [candidate for candidate in candidates if self.comparable(name, candidate)]
            if len(candidates) == 1:
                wanting[candidates[0]].append(name)
        for candidate, names in wanting.items():
            if len(names) == 1:
                self.take(names[0], candidate, "name part")

    def release_doubtful(self) -> dict[str, tuple[Tensor, str, int]]:
        """Undoes matches by name whose content is another."""
        doubtful = {}
        for name, (tensor, _, _) in self.found.items():
            mark = self.wanted[name].mark
            if mark and tensor.elements == prod(self.wanted[name].shape):
                if similarity(sketch_of(tensor), mark.sketch) <= 0.5:
                    doubtful[name] = self.found[name]
        for name, (tensor, _, _) in doubtful.items():
            del self.found[name]
            self.free.add(tensor.name)
        return doubtful

    def match_sketches(self) -> None:
        missing = [name for name in self.missing() if self.wanted[name].mark]
        sketches = {candidate: sketch_of(self.suspect[candidate]) for candidate in sorted(self.free)} if missing else {}
        pairs = [(similarity(sketch, self.wanted[name].mark.sketch), name, candidate)
                 for name in missing for candidate, sketch in sketches.items()
                 if self.suspect[candidate].elements == prod(self.wanted[name].shape)]
        best_of_name, best_of_candidate = {}, {}
        for pair in pairs:
            if pair[0] > 0.5:
                best_of_name[pair[1]] = max(best_of_name.get(pair[1], pair), pair, key=lambda p: p[0])
                best_of_candidate[pair[2]] = max(best_of_candidate.get(pair[2], pair), pair, key=lambda p: p[0])
        for name, pair in best_of_name.items():
            if best_of_candidate[pair[2]] == pair:
                self.take(name, pair[2], "sketch")


# --- Section 6: the statistics

LOG10_FLOOR = -128 * math.log10(2)


def significance(correlations: dict[str, tuple[int, int]]) -> tuple[float, float]:
    """z and log10 p."""
    z = max((s / math.sqrt(q) if q else 0.0 for s, q in correlations.values()), default=0.0)
    if z <= 0:
        return z, 0.0
    return z, min(0.0, max(LOG10_FLOOR, math.log10(len(STATISTICS)) - z * z / 2 / math.log(10)))


@dataclass
class TensorResult:
    name: str
    suspect_name: str = ""
    matched_by: str = "nothing"
    elements: int = 0
    blind: Sums = field(default_factory=Sums)
    informed: Sums | None = None

    def correlations(self) -> dict[str, tuple[int, int]]:
        found = {}
        if self.elements:
            found = {"blind_white": (self.blind.white_s, self.blind.white_q), "blind_sign": (self.blind.sign_s, self.blind.sign_q)}
        if self.informed:
            found["informed_white"] = (self.informed.white_s, self.informed.white_q)
            found["informed_sign"] = (self.informed.sign_s, self.informed.sign_q)
        return found


@dataclass
class Result:
    tensors: list[TensorResult]
    correlations: dict[str, tuple[int, int]]
    z: float
    log10_p: float

    @property
    def nonfinite(self) -> int:
        return sum(tensor.blind.nonfinite for tensor in self.tensors)


def verify(suspect: dict[str, Tensor], key: bytes, record: Record, original: dict[str, Tensor] | None = None) -> Result:
    """Every statistic that needs no symmetry undone, for each tensor and in total."""
    keys = Keys(key, record.owner, record.model_id, record.scope)
    marked = [tensor for tensor in record.tensors if tensor.mark]
    for tensor in marked:
        require(commitment(keys.chip_key(tensor.name, tensor.shape)) == tensor.mark.commitment,
                "the key is not the one that the record commits to")
    if original is not None:
        root = root_of([(t.name, t.dtype, t.shape, sha256(t.read())) for t in original.values()])
        require(root == record.root, "the original is not the one that the record commits to")
    matching = Matching(record, suspect)
    results = []
    for tensor in marked:
        result = TensorResult(tensor.name)
        results.append(result)
        if tensor.name not in matching.found:
            continue
        found, result.matched_by, result.elements = matching.found[tensor.name]
        result.suspect_name = found.name
        values = to_floats(found.dtype, found.read())[: result.elements]
        x = chips(keys.chip_key(tensor.name, tensor.shape), result.elements)
        length = rows_of(tensor.shape)[0]
        result.blind = correlate(values, length, x)
        if original is not None:
            source = original[tensor.name]
            with np.errstate(over="ignore", invalid="ignore"):
                difference = values - to_floats(source.dtype, source.read())[: result.elements]
            result.informed = correlate(difference, length, x)
    require(any(result.elements for result in results), "the suspect holds none of the tensors that the record marks")
    total: dict[str, tuple[int, int]] = {}
    for result in results:
        for statistic, (s, q) in result.correlations().items():
            before = total.get(statistic, (0, 0))
            total[statistic] = (before[0] + s, before[1] + q)
    return Result(results, total, *significance(total))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suspect", type=Path)
    parser.add_argument("--key-file", type=Path, required=True)
    parser.add_argument("--record", type=Path, required=True)
    parser.add_argument("--original", type=Path)
    options = parser.parse_args()
    record = parse_record(options.record.read_text(encoding="utf-8"))
    key = parse_key_text(options.key_file.read_text())
    original = read_model(options.original) if options.original else None
    result = verify(read_model(options.suspect), key, record, original)
    print(json.dumps({
        "z": result.z, "log10_p": result.log10_p, "nonfinite": result.nonfinite, "statistics": result.correlations,
        "tensors": [{"name": tensor.name, "suspect_name": tensor.suspect_name, "matched_by": tensor.matched_by,
                     "elements": tensor.elements, "statistics": tensor.correlations()} for tensor in result.tensors],
    }, indent=1))


if __name__ == "__main__":
    main()
