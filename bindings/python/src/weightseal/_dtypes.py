"""What safetensors' dtypes are called elsewhere. Types of less than a byte come packed, as bytes."""

from __future__ import annotations

#: In NumPy. What it lacks is an unsigned integer of the same size, unless ML_DTYPES is there.
NUMPY = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "U16": "uint16",
    "I16": "int16",
    "U32": "uint32",
    "I32": "int32",
    "U64": "uint64",
    "I64": "int64",
    "F16": "float16",
    "F32": "float32",
    "F64": "float64",
    "C64": "complex64",
    "BF16": "uint16",
    "F8_E4M3": "uint8",
    "F8_E5M2": "uint8",
    "F8_E8M0": "uint8",
    "F8_E4M3FNUZ": "uint8",
    "F8_E5M2FNUZ": "uint8",
    "F4": "uint8",
    "F6_E2M3": "uint8",
    "F6_E3M2": "uint8",
}

#: In the package ml_dtypes. It has a 4-bit type, too, but with one element a byte, where the file has two.
ML_DTYPES = {
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
}

#: In PyTorch; older ones lack some. Where there is no float4_e2m1fn_x2, bytes do.
TORCH = {
    **NUMPY,
    **ML_DTYPES,
    "F4": "float4_e2m1fn_x2",
}
TORCH_FALLBACKS = {"F4": "uint8"}
