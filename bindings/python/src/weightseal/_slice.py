"""Part of a tensor, read by indexing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._indexing import ranges_of

if TYPE_CHECKING:
    from ._model import Model, TensorInfo


class TensorSlice:
    """A tensor to read parts of: `m.get_slice("w")[8:16, :64]` decrypts only the chunks it touches.

    Takes NumPy's basic indexing with step 1: integers, slices, '...' and tuples of them. Indices count elements of
    `get_shape()`, in F4 and F6 tensors, too; there a part must start and end on a byte.
    """

    def __init__(self, model: Model, info: TensorInfo, position: int) -> None:
        self._model = model
        self._info = info
        self._position = position

    def get_shape(self) -> list[int]:
        """The shape of the whole tensor."""
        return list(self._info.shape)

    def get_dtype(self) -> str:
        """The dtype as safetensors names it, for example "BF16"."""
        return self._info.dtype

    def __getitem__(self, index: Any) -> Any:
        """The selected part as an array or tensor with memory of its own.

        Raises:
            IndexError, TypeError, ValueError: An index out of range, or not a basic one with step 1.
            Error: "misaligned_slice" for a part of an F4 or F6 tensor that cuts a byte, or a code of a failed read.
        """
        ranges, shape = ranges_of(index, self._info.shape)
        return self._model._read_part(self._info, self._position, ranges, shape)
