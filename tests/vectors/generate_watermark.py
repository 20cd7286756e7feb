#!/usr/bin/env python3
"""Makes watermark*.json beside it, from the independent verifier and marker. Usage: generate_watermark.py

Nothing runs this in the tests: the files it made are committed, and every implementation must agree with them for ever.
A rerun makes the same files.
"""
from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import sys
from math import prod
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import independent_marker as marker  # noqa: E402
import independent_verifier as verifier  # noqa: E402
from independent_verifier import FP8, Keys, chips, commitment, correlate, root_of, rows_of, to_floats  # noqa: E402


def fixed(label: str, size: int = 32) -> bytes:
    return hashlib.shake_256(label.encode()).digest(size)


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


KEY = fixed("watermark key")
OWNER, MODEL_ID, SCOPE = "acme", "model 1", fixed("root")
KEYS = Keys(KEY, OWNER, MODEL_ID, SCOPE)


def normal(label: str, count: int) -> np.ndarray:
    """Values with mean 0 and deviation 1, close to a normal distribution."""
    uniform = np.frombuffer(fixed(label, 16 * count), "<u2").reshape(count, 8).astype(np.float64)
    return (uniform.sum(1) - 4 * 65535) / (65536 * math.sqrt(8 / 12))


def stored(dtype: str, values: np.ndarray) -> bytes:
    """Values rounded to a dtype; exact results do not matter, for the bytes are part of the vector."""
    with np.errstate(over="ignore"):
        if dtype == "BF16":
            return (values.astype(np.float32).view(np.uint32) >> 16).astype("<u2").tobytes()
        if dtype in FP8:
            table = np.where(np.isfinite(FP8[dtype]), FP8[dtype].astype(np.float64), np.inf)
            return np.abs(table[:, None] - values[None, :]).argmin(0).astype(np.uint8).tobytes()
        return values.astype({"F64": "<f8", "F32": "<f4", "F16": "<f2"}[dtype]).tobytes()


# Bit patterns that take a path of their own: zeros, the smallest and largest subnormal, infinities, NaNs, the largest.
SPECIALS = {
    "F64": [0, 1 << 63, 1, 0x380FFFFFFFFFFFFF, 0x47EFFFFFFFFFFFFF, 0x7FEFFFFFFFFFFFFF, 0x7FF0000000000000, 0xFFF8000000000000],
    "F32": [0, 1 << 31, 1, 0x007FFFFF, 0x0000FFFF, 0x7F7FFFFF, 0x7F800000, 0xFFC00000, 0x7F800001, 0x80010000],
    "F16": [0, 1 << 15, 1, 0x03FF, 0x8001, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00, 0x7C01],
    "BF16": [0, 1 << 15, 1, 0x007F, 0x8001, 0x7F7F, 0xFF7F, 0x7F80, 0xFF80, 0x7FC0, 0x7F81],
}


def with_specials(dtype: str, data: bytes, every: int) -> bytes:
    """The bytes with special patterns in the place of some elements of the first row."""
    if dtype in FP8:
        patterns, kind = np.array([0, 0x80, 1, 0x7F, 0xFF, 0x7C, 0x7E, 0xFD]), np.uint8
    else:
        patterns, kind = np.array(SPECIALS[dtype], np.uint64), {"F64": "<u8", "F32": "<u4", "F16": "<u2", "BF16": "<u2"}[dtype]
    elements = np.frombuffer(data, kind).copy()
    elements[3 : 3 + every * len(patterns) : every] = patterns.astype(kind)
    return elements.tobytes()


def make_keys() -> list[dict]:
    cases = [(KEY, OWNER, MODEL_ID, SCOPE, "w", (64, 96)), (bytes(32), "", "", bytes(32), "", ()),
             (KEY, "größe", "模型", SCOPE, "encoder.layer.0.attention.self.query.weight", (384, 384)),
             (KEY, OWNER, MODEL_ID, SCOPE, "w", (96, 64)), (KEY, OWNER, MODEL_ID, SCOPE, "experts", (1, 2**40, 3, 2**20 + 1))]
    return [{"key": key.hex(), "owner": owner, "model_id": model_id, "scope": scope.hex(), "tensor": name, "shape": shape,
             "chip_key": (chip_key := Keys(key, owner, model_id, scope).chip_key(name, shape)).hex(),
             "dither_key": Keys(key, owner, model_id, scope).dither_key(name, shape).hex(),
             "commitment": commitment(chip_key).hex(),
             "chips": "".join("+" if x > 0 else "-" for x in chips(chip_key, 100))}
            for key, owner, model_id, scope, name, shape in cases]


def make_root() -> dict:
    # Sorted by bytes: the UTF-8 of the full-width letter comes before that of the emoji, its UTF-16 after it.
    tensors = [("b", "F32", (2, 3), fixed("b")), ("a.b", "BF16", (), fixed("a.b")), ("a", "I64", (0, 5), fixed("a")),
               ("\uff21", "F8_E4M3", (7,), fixed("wide")), ("\U0001f600", "F4", (2,), fixed("emoji")), ("B", "U8", (1,), fixed("B"))]
    return {"root": root_of(tensors).hex(), "tensors": [{"name": name, "dtype": dtype, "shape": shape, "digest": digest.hex()}
                                                        for name, dtype, shape, digest in tensors]}


def make_rows() -> list[dict]:
    shapes = [(), (5,), (64,), (3, 64), (3, 63), (7, 9, 16), (2, 2, 2, 2), (0,), (0, 100), (100, 0), (4, 1), (1000, 1), (10, 2048)]
    return [{"shape": shape, "length": rows_of(shape)[0], "count": rows_of(shape)[1],
             "every": max(1, rows_of(shape)[0] // 1024)} for shape in shapes]


def scaled_rows(label: str, shape: tuple[int, ...]) -> np.ndarray:
    """Rows of very different deviations, the second too small for a scale, the last with an outlier."""
    length, count = rows_of(shape)
    values = normal(label, prod(shape)).reshape(count, length) * np.exp2(np.arange(count) % 5 - 6)[:, None]
    if count > 2:
        values[1] *= 2.0**-100
    values[-1, length // 2] *= 200
    return values.reshape(-1)


def make_correlations() -> list[dict]:
    cases = [(dtype, (3, 66)) for dtype in SPECIALS] + [(dtype, (2, 5, 15)) for dtype in (*SPECIALS, *FP8)]
    cases += [("F16", (1, 2081)), ("F32", (40,)), ("BF16", (3, 3, 4))]
    found = []
    for dtype, shape in cases:
        name = f"{dtype} {shape}"
        values = np.abs(scaled_rows(name, shape)) if dtype == "F8_E8M0" else scaled_rows(name, shape)
        data = stored(dtype, values)
        if shape == (3, 66) or dtype in FP8:
            data = with_specials(dtype, data, 5)
        chip_key = KEYS.chip_key(name, shape)
        sums = correlate(to_floats(dtype, data), rows_of(shape)[0], chips(chip_key, prod(shape)))
        found.append({"tensor": name, "dtype": dtype, "shape": shape, "data": base64url(data),
                      "commitment": commitment(chip_key).hex(), **vars(sums)})
    return found


def make_marks() -> list[dict]:
    found = []
    cases = [(dtype, (3, 66), 0.02, 1.0) for dtype in SPECIALS] + [(dtype, (2, 5, 15), 0.005, 1.0) for dtype in SPECIALS]
    cases += [("F16", (1, 128), 0.02, 1e6), ("F16", (1, 128), 0.02, 1e-5), ("BF16", (1, 2081), 0.02, 1.0)]
    for dtype, shape, strength, factor in cases:
        name = f"{dtype} {shape} {strength} {factor}"
        data = stored(dtype, scaled_rows(name, shape) * factor)
        if shape == (3, 66):
            data = with_specials(dtype, data, 5)
        marked = marker.mark(dtype, shape, data, strength, KEYS.chip_key(name, shape), KEYS.dither_key(name, shape))
        m = verifier.upper_bits(to_floats(dtype, data)) & 0x7FFF
        found.append({"tensor": name, "dtype": dtype, "shape": shape, "strength": strength, "data": base64url(data),
                      "marked_sha256": hashlib.sha256(marked).hexdigest(), "zeros": int((m == 0).sum()), "nonfinite": int((m >= 0x7F80).sum())})
    return found


def make_significance() -> list[dict]:
    cases = [{}, {"blind_white": (0, 0)}, {"blind_white": (-500, 100)}, {"blind_white": (67, 100)}, {"blind_sign": (671, 10000)},
             {"blind_white": (20, 100), "blind_sign": (1191, 10000)}, {"informed_sign": (1345, 10000), "blind_white": (-9, 9)},
             {"aligned_white": (10**15, 10**18)}, {"blind_sign": (10, 100)}, {"blind_sign": (19, 100)},
             {"blind_white": (2**62, 2**63), "blind_sign": (1, 2**63)}]
    return [{"correlations": case, "z": verifier.significance(case)[0], "log10_p": verifier.significance(case)[1],
             "log10_p_2_64_keys": min(0.0, verifier.significance(case)[1] + 64 * math.log10(2))} for case in cases]


def write(name: str, about: str, content: dict) -> None:
    comment = [about, "Data is base64url, other bytes are hexadecimal.",
               "Made by generate_watermark.py with independent_verifier.py and independent_marker.py."]
    text = json.dumps({"_comment": comment, **content}, indent=1, ensure_ascii=False)
    # Numbers of a shape in one line.
    text = re.sub(r"\[\s+([\d,\s]+?)\s+\]", lambda match: "[" + re.sub(r"\s+", " ", match[1]) + "]", text)
    path = HERE / name
    path.write_text(text + "\n", encoding="utf-8")
    print(f"{path}: {path.stat().st_size} bytes")


def main() -> None:
    identity = {"key": KEY.hex(), "owner": OWNER, "model_id": MODEL_ID, "scope": SCOPE.hex()}
    fp8 = {dtype: base64url(table.astype("<f4").tobytes()) for dtype, table in FP8.items()}
    write("watermark.json",
          "WATERMARK.md sections 1, 2, 4 and 6: keys and chips, the root of an original, rows, significance, and the floats "
          "that all FP8 patterns stand for.",
          {"keys": make_keys(), "original": make_root(), "rows": make_rows(), "fp8": fp8, "significance": make_significance()})
    write("watermark_correlations.json", "WATERMARK.md sections 1, 4 and 6: sums of features under one key.",
          {**identity, "correlations": make_correlations()})
    write("watermark_marks.json", "WATERMARK.md sections 1 and 3: marked data under one key.", {**identity, "marks": make_marks()})


if __name__ == "__main__":
    main()
