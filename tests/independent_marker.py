"""Marks one tensor, written from WATERMARK.md §3 alone: what the library must write, bit for bit."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from independent_verifier import chips, from_upper, keystream, rows_of, sample_of, scales, to_floats, upper_bits


def deviations(rows: np.ndarray) -> np.ndarray:
    """σ of each row in double, 0 where a row has no scale."""
    a = scales(rows)[:, None].astype(np.float64)
    sample = rows[:, sample_of(rows.shape[1])]
    m = upper_bits(sample) & 0x7FFF
    counts = (0 < m) & (m < 0x7F80)
    with np.errstate(divide="ignore", invalid="ignore"):
        q = np.rint(32 * np.minimum(np.abs(sample.astype(np.float64)), 8 * a) / a)
        squares = np.where(counts & (a != 0), q * q, 0).sum(1)
        return np.where(a[:, 0] != 0, a[:, 0] / 32 * np.sqrt(squares / counts.sum(1)), 0)


def dithered_bf16(marked: np.ndarray, r: np.ndarray) -> np.ndarray:
    bits = marked.astype(np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + r) >> 16).astype(np.uint16)


def dithered_f16(marked: np.ndarray, r: np.ndarray) -> np.ndarray:
    v = np.abs(marked.astype(np.float32)).astype(np.float64)
    steps = np.append(np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float64), 65536.0)
    below = np.minimum(np.searchsorted(steps, v, side="right") - 1, 0x7C00 - 1)
    up = r < 65536 * (v - steps[below]) / (steps[below + 1] - steps[below])
    pattern = np.where(v >= 65536, 0x7C00, below + up)
    return (pattern | np.where(np.signbit(marked), 0x8000, 0)).astype(np.uint16)


def mark(dtype: str, shape: Sequence[int], data: bytes, strength: float, chip_key: bytes, dither_key: bytes) -> bytes:
    stored = np.frombuffer(data, {"F64": "<f8", "F32": "<f4", "F16": "<u2", "BF16": "<u2"}[dtype])
    floats = to_floats(dtype, data)
    length, _ = rows_of(shape)
    amplitude = np.repeat(strength * deviations(floats.reshape(-1, length)), length)
    m = upper_bits(floats) & 0x7FFF
    own = from_upper(stored) if dtype == "BF16" else stored if dtype in ("F64", "F32") else floats
    with np.errstate(over="ignore", invalid="ignore"):
        marked = own.astype(np.float64) + amplitude * chips(chip_key, len(floats))
        if dtype in ("F64", "F32"):
            rounded = marked.astype(stored.dtype)
            finite = np.isfinite(rounded)
        else:
            r = np.frombuffer(keystream(dither_key, 2 * len(floats)), "<u2").astype(np.uint64)
            rounded = dithered_bf16(marked, r) if dtype == "BF16" else dithered_f16(marked, r)
            finite = np.isfinite(to_floats(dtype, rounded.tobytes()))
    changes = (0 < m) & (m < 0x7F80) & (amplitude != 0) & finite
    return np.where(changes, rounded, stored).tobytes()
