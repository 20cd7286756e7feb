"""NumPy-style basic indexing as ranges of elements."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any


def ranges_of(index: Any, shape: Sequence[int]) -> tuple[list[tuple[int, int]], list[int]]:
    """Returns one half-open range for each dimension, and the shape of what they select.

    Accepts integers (negative ones count from the end), slices of step 1, one Ellipsis, and tuples of these.

    Raises:
        IndexError: Too many indices, an integer out of range, or more than one Ellipsis.
        ValueError: A slice with another step.
        TypeError: Anything else, such as a list, a mask or None.
    """
    parts = _expand(index if isinstance(index, tuple) else (index,), len(shape))
    ranges: list[tuple[int, int]] = []
    selected: list[int] = []
    for dimension, (part, size) in enumerate(zip(parts, shape)):
        if isinstance(part, slice):
            begin, end = _range_of_slice(part, size)
            selected.append(end - begin)
        else:
            begin = _position(part, dimension, size)
            end = begin + 1
        ranges.append((begin, end))
    return ranges, selected


def _expand(parts: tuple[Any, ...], rank: int) -> list[Any]:
    ellipses = [position for position, part in enumerate(parts) if part is Ellipsis]
    if len(ellipses) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    given = len(parts) - len(ellipses)
    if given > rank:
        raise IndexError(f"too many indices: {given} for a tensor of {rank} dimensions")
    at = ellipses[0] if ellipses else len(parts)
    return [*parts[:at], *[slice(None)] * (rank - given), *parts[at + 1 :]]


def _range_of_slice(part: slice, size: int) -> tuple[int, int]:
    if part.step is not None and operator.index(part.step) != 1:
        raise ValueError(f"a slice with step {part.step} is not supported: read the range, then take steps in memory")
    begin, end, _ = slice(part.start, part.stop).indices(size)
    return begin, max(begin, end)


def _position(part: Any, dimension: int, size: int) -> int:
    if isinstance(part, bool):
        raise TypeError("a tensor slice is indexed by integers, slices and '...', not by masks")
    try:
        position = operator.index(part)
    except TypeError:
        kind = type(part).__name__
        raise TypeError(f"a tensor slice is indexed by integers, slices and '...', not by {kind}") from None
    if not -size <= position < size:
        raise IndexError(f"index {position} is out of bounds for dimension {dimension} of size {size}")
    return position % size
