"""Small models for the tests, written without any library under test."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import NamedTuple

BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "U16": 16, "I16": 16, "U32": 32, "I32": 32, "U64": 64, "I64": 64,
    "F16": 16, "BF16": 16, "F32": 32, "F64": 64, "C64": 64,
    "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip


class Tensor(NamedTuple):
    dtype: str
    shape: tuple[int, ...]
    data: bytes


def random_tensor(dtype: str, shape: tuple[int, ...], seed: int) -> Tensor:
    bits = math.prod(shape) * BITS[dtype]
    assert bits % 8 == 0
    data = random.Random(seed).randbytes(bits // 8)
    if dtype == "BOOL":
        data = bytes(byte & 1 for byte in data)
    return Tensor(dtype, shape, data)


def all_dtypes() -> dict[str, Tensor]:
    """Each dtype as a matrix; a large one, a scalar and empty ones; several with more than one chunk."""
    tensors = {f"matrix.{dtype}": random_tensor(dtype, (6, 8), seed) for seed, dtype in enumerate(BITS)}
    tensors["large"] = random_tensor("F32", (96, 1024), 100)
    tensors["cube"] = random_tensor("BF16", (5, 7, 64, 96), 101)
    tensors["large.F8"] = random_tensor("F8_E4M3", (300, 1000), 102)
    tensors["scalar"] = random_tensor("F32", (), 103)
    tensors["scalar.BF16"] = random_tensor("BF16", (), 104)
    tensors["empty"] = random_tensor("F16", (0,), 105)
    tensors["empty.matrix"] = random_tensor("BF16", (3, 0, 4), 106)
    tensors["empty.F4"] = random_tensor("F4", (3, 0), 107)
    tensors["odd.F4"] = random_tensor("F4", (2, 3), 108)
    tensors["ünï.名前"] = random_tensor("I16", (3,), 109)
    return tensors


def write_safetensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    header: dict[str, object] = {} if metadata is None else {"__metadata__": metadata}
    end = 0
    # The format wants each tensor aligned, so the widest come first, as its own writer has it.
    order = sorted(tensors.items(), key=lambda item: -BITS[item[1].dtype])
    for name, tensor in order:
        begin, end = end, end + len(tensor.data)
        header[name] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [begin, end]}
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, tensor in order:
            file.write(tensor.data)


def write_folder(folder: Path) -> dict[str, Tensor]:
    """A model folder: two shards, their index, and other files."""
    tensors = {f"layer.{i}.weight": random_tensor("BF16", (32, 160), 200 + i) for i in range(6)}
    names = list(tensors)
    weight_map = {}
    (folder / "1_Pooling").mkdir(parents=True)
    for shard, part in enumerate((names[:4], names[4:]), start=1):
        file = f"model-{shard:05}-of-00002.safetensors"
        metadata = {"format": "pt", f"shard{shard}": "yes"}
        write_safetensors(folder / file, {name: tensors[name] for name in part}, metadata)
        weight_map.update(dict.fromkeys(part, file))
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "config.json").write_text('{"model_type": "test"}')
    (folder / "1_Pooling" / "config.json").write_text("{}")
    (folder / "empty.txt").write_bytes(b"")
    return tensors
