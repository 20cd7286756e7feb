"""safetensors files as tests make them: any bytes under any dtype."""
from __future__ import annotations

import json
import struct
from pathlib import Path

Weights = dict[str, tuple[str, tuple[int, ...], bytes]]
"""Dtype, shape and data by name, in the order of a file."""


def write_safetensors(path: Path, weights: Weights) -> None:
    header, end = {}, 0
    for name, (dtype, shape, data) in weights.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + len(data)]}
        end += len(data)
    text = json.dumps(header).encode()
    path.parent.mkdir(exist_ok=True)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.writelines(data for _, _, data in weights.values())
