"""NumPy arrays and PyTorch tensors over decrypted memory. Both packages are optional and imported when first needed."""

from __future__ import annotations

import contextlib
import importlib
import math
from collections.abc import Sequence
from typing import Any, Protocol

from . import _ffi
from ._dtypes import ML_DTYPES, NUMPY, TORCH, TORCH_FALLBACKS
from ._errors import Error


class Framework(Protocol):
    """Turns bytes of the library into tensors that share them."""

    def element(self, dtype: str) -> Any:
        """The framework's own name of a dtype. Raises Error "unsupported" if it has none."""

    def tensor(self, memory: Any, offset: int, nbytes: int, dtype: str, shape: Sequence[int]) -> Any:
        """A tensor over `nbytes` bytes at `offset` of a ctypes array, which it keeps alive."""


def framework_of(name: str | None, device: Any) -> Framework:
    """The framework a caller named; None is NumPy if it is installed, else PyTorch.

    Raises:
        ValueError: The name or its device is not supported.
        ImportError: It is not installed.
    """
    if name in ("np", "numpy"):
        return _numpy(device)
    if name in ("pt", "torch", "pytorch"):
        return Torch(device)
    if name is not None:
        raise ValueError(f"unknown framework {name!r}; there are 'np' and 'pt'")
    try:
        return _numpy(device)
    except ImportError:
        pass
    try:
        return Torch(device)
    except ImportError:
        raise ImportError("reading tensors needs numpy or torch, and neither is installed") from None


def packed_shape(dtype: str, shape: Sequence[int], nbytes: int) -> tuple[int, ...]:
    """The shape of the bytes of a sub-byte tensor: F4 halves its last dimension, F6 (or an odd F4) is flat."""
    if dtype == "F4" and shape and shape[-1] % 2 == 0:
        return (*shape[:-1], shape[-1] // 2)
    if dtype in ("F4", "F6_E2M3", "F6_E3M2"):
        return (nbytes,)
    return tuple(shape)


def _numpy(device: Any) -> Framework:
    if str(device) != "cpu":
        raise ValueError(f"numpy arrays live on device 'cpu', not {str(device)!r}")
    return Numpy()


class Numpy:
    """NumPy arrays. Types NumPy lacks come from ml_dtypes if it is installed, else as unsigned integers of their size."""

    def __init__(self) -> None:
        numpy: Any = importlib.import_module("numpy")
        self._np = numpy
        self._dtypes = {name: numpy.dtype(ours) for name, ours in NUMPY.items()}
        with contextlib.suppress(ImportError):
            extensions = importlib.import_module("ml_dtypes")
            self._dtypes |= {
                name: numpy.dtype(getattr(extensions, theirs))
                for name, theirs in ML_DTYPES.items()
                if hasattr(extensions, theirs)
            }

    def element(self, dtype: str) -> Any:
        return self._dtypes[dtype]

    def tensor(self, memory: Any, offset: int, nbytes: int, dtype: str, shape: Sequence[int]) -> Any:
        element = self.element(dtype)
        packed = packed_shape(dtype, shape, nbytes)
        if nbytes == 0:
            return self._np.empty(packed, element)
        return self._np.frombuffer(memory, element, math.prod(packed), offset).reshape(packed)


class Torch:
    """PyTorch tensors, on any device; those on "cpu" share the decrypted memory."""

    def __init__(self, device: Any) -> None:
        torch: Any = importlib.import_module("torch")
        self._torch = torch
        self._device = torch.device(device)
        self._dtypes = {
            name: getattr(torch, theirs, getattr(torch, TORCH_FALLBACKS.get(name, ""), None))
            for name, theirs in TORCH.items()
        }

    def element(self, dtype: str) -> Any:
        element = self._dtypes[dtype]
        if element is None:
            raise Error(
                _ffi.UNSUPPORTED,
                _ffi.lib.wseal_status_name(_ffi.UNSUPPORTED).decode(),
                f"torch {self._torch.__version__} has no dtype for {dtype}; framework 'np' reads it",
            )
        return element

    def tensor(self, memory: Any, offset: int, nbytes: int, dtype: str, shape: Sequence[int]) -> Any:
        element = self.element(dtype)
        packed = packed_shape(dtype, shape, nbytes)
        if nbytes == 0:
            return self._torch.empty(packed, dtype=element, device=self._device)
        flat = self._torch.frombuffer(memory, dtype=self._torch.uint8, count=nbytes, offset=offset)
        tensor = flat.view(element).view(packed)
        return tensor if self._device.type == "cpu" else tensor.to(self._device)
