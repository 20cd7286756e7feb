"""usage: quantize.py MODEL OUT

Copies a model folder or a .safetensors file and rounds every weight as an int8 copy has it: in each row of each matrix
to the nearest of 255 steps. What a thief may do to a model before he serves it; dtypes and shapes stay.
"""

import array
import json
import math
import pathlib
import shutil
import struct
import sys

# Added to a float of less than 2^51 and subtracted again, it leaves the nearest whole number.
ROUND = 1.5 * 2.0**52


def floats_of(dtype, data):
    if dtype == "F32":
        return array.array("f", data)
    if dtype == "F16":
        return array.array("f", struct.unpack(f"<{len(data) // 2}e", data))
    wide = bytearray(2 * len(data))  # BF16 is the upper half of a float
    wide[2::4], wide[3::4] = data[::2], data[1::2]
    return array.array("f", bytes(wide))


def bytes_of(dtype, floats):
    if dtype == "F32":
        return floats.tobytes()
    if dtype == "F16":
        return struct.pack(f"<{len(floats)}e", *floats)
    wide, half = floats.tobytes(), bytearray(2 * len(floats))
    half[::2], half[1::2] = wide[2::4], wide[3::4]
    return bytes(half)


def quantize_row(row):
    step = max(max(row), -min(row)) / 127
    if not 0 < step < math.inf:
        return row
    return array.array("f", [(value / step + ROUND - ROUND) * step for value in row])


def quantize_file(source, target):
    with open(source, "rb") as file, open(target, "wb") as out:
        head = file.read(8)
        text = file.read(struct.unpack("<Q", head)[0])
        out.write(head + text)
        tensors = [tensor for name, tensor in json.loads(text).items() if name != "__metadata__"]
        for tensor in sorted(tensors, key=lambda tensor: tensor["data_offsets"]):
            begin, end = tensor["data_offsets"]
            data = file.read(end - begin)
            if tensor["dtype"] in ("F32", "F16", "BF16") and len(tensor["shape"]) == 2 and data:
                floats, length = floats_of(tensor["dtype"], data), tensor["shape"][1]
                for start in range(0, len(floats), length):
                    floats[start : start + length] = quantize_row(floats[start : start + length])
                data = bytes_of(tensor["dtype"], floats)
            out.write(data)


def main():
    model, out = map(pathlib.Path, sys.argv[1:])
    if model.is_file():
        return quantize_file(model, out)
    shutil.copytree(model, out)
    for source in model.rglob("*.safetensors"):
        quantize_file(source, out / source.relative_to(model))


if __name__ == "__main__":
    main()
