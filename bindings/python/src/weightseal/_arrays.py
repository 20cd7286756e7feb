"""Arrays and tensors of the caller as the library takes them: address, size, dtype and shape."""

from __future__ import annotations

from typing import Any

from . import _ffi
from ._dtypes import ML_DTYPES, NUMPY

# What NumPy and PyTorch call a dtype, which for those in ML_DTYPES is the same.
_SAFETENSORS = {theirs: name for name, theirs in reversed(NUMPY.items())} | {v: k for k, v in ML_DTYPES.items()}


class Array:
    """The memory of a contiguous NumPy array or PyTorch tensor on the CPU. It must outlive this object.

    Raises:
        TypeError: It is neither, or has a dtype that safetensors does not have.
        ValueError: It is not contiguous, of another byte order or not on the CPU, or `dtype` names none of its element's size.
    """

    def __init__(self, array: Any, dtype: str | None) -> None:
        if hasattr(array, "data_ptr"):
            if array.device.type != "cpu":
                raise ValueError(f"the tensor is on device {str(array.device)!r}, not 'cpu'")
            self.address, contiguous = array.data_ptr(), array.is_contiguous()
            itemsize, name = array.element_size(), str(array.dtype).removeprefix("torch.")
            self.writable = True
        elif hasattr(array, "__array_interface__"):
            self.address, read_only = array.__array_interface__["data"]
            contiguous, itemsize, name = array.flags.c_contiguous, array.dtype.itemsize, array.dtype.name
            self.writable = not read_only
            if not array.dtype.isnative:
                raise ValueError("the array has the byte order of another machine")
        else:
            raise TypeError(f"expected a NumPy array or a PyTorch tensor, not {type(array).__name__}")
        if not contiguous:
            raise ValueError("the array is not contiguous")
        self.shape = tuple(int(extent) for extent in array.shape)
        self.dtype = _number(dtype if dtype is not None else _SAFETENSORS.get(name, name))
        if _ffi.lib.wseal_dtype_bits(self.dtype) != 8 * itemsize:
            raise ValueError(f"elements of dtype {dtype} do not have {itemsize} bytes")
        self.size = itemsize
        for extent in self.shape:
            self.size *= extent


_numbers: dict[str, int] = {}


def _number(dtype: str) -> int:
    if not _numbers:
        number = 1
        while (name := _ffi.lib.wseal_dtype_name(number)) is not None:
            _numbers[name.decode()] = number
            number += 1
    if dtype not in _numbers:
        raise TypeError(f"safetensors has no dtype {dtype!r}")
    return _numbers[dtype]
