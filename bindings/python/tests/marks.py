"""A small model that is marked, for the tests of the watermark."""

from __future__ import annotations

import array
import json
import random
from pathlib import Path
from typing import NamedTuple

import weightseal as ws
from conftest import text_key
from models import Tensor, random_tensor, write_safetensors

KEY = text_key("watermark", bytes(range(32)))  # always the same one: z does not depend on luck
OTHER_KEY = text_key("watermark", bytes(32))


class Marking(NamedTuple):
    original: Path
    marked: Path
    record: ws.Record
    tensors: dict[str, Tensor]  #: of the original


def weights(seed: int) -> Tensor:
    """BF16 weights of a normal distribution, cut off; enough of them to tell at strength 0.02."""
    rows, columns = 1024, 384
    gauss = random.Random(seed).gauss
    floats = array.array("f", (gauss(0, 0.02) for _ in range(rows * columns))).tobytes()
    data = bytearray(2 * rows * columns)
    data[::2], data[1::2] = floats[2::4], floats[3::4]
    return Tensor("BF16", (rows, columns), bytes(data))


def make_marking(folder: Path) -> Marking:
    tensors = {
        "a.weight": weights(1),
        "b.weight": weights(2),
        "gain": random_tensor("F32", (64,), 3),
        "ids": random_tensor("I32", (64,), 4),
    }
    original, marked = folder / "model.safetensors", folder / "marked.safetensors"
    write_safetensors(original, tensors, {"format": "pt"})
    record = ws.mark(original, marked, key=KEY, owner="acme", strength=0.02)
    return Marking(original, marked, record, tensors)


def read_tensors(path: Path) -> dict[str, bytes]:
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header.pop("__metadata__", None)
    return {name: content[8 + size :][slice(*item["data_offsets"])] for name, item in header.items()}
