"""What is summed over weights, and what it says against chance."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from . import _ffi

#: Names of the registered statistics, by their numbers.
STATISTICS = tuple(_ffi.lib.wseal_statistic_name(number).decode() for number in range(_ffi.STATISTIC_COUNT))


@dataclass(frozen=True)
class Correlation:
    """S and Q over chips and features. Those of several tensors are added: `a + b`."""

    s: int
    q: int

    @property
    def t(self) -> float:
        """S/sqrt(Q). For a key drawn independently of the weights, P(t >= x) <= exp(-x*x/2)."""
        return self.s / math.sqrt(self.q) if self.q else 0.0

    def __add__(self, other: Correlation) -> Correlation:
        return Correlation(self.s + other.s, self.q + other.q)


class Significance(NamedTuple):
    """What correlations say against chance."""

    z: float  #: the largest t of those that were run
    log10_p: float  #: corrected for six statistics
    log10_p_2_64_keys: float  #: for a claimant who could have tried 2^64 keys


def significance(correlations: Mapping[str, Correlation]) -> Significance:
    """What correlations, each summed over all tensors, say against chance.

    Args:
        correlations: By the names of the statistics: "blind_white", "blind_sign", "aligned_white", "aligned_sign",
            "informed_white", "informed_sign". p is corrected for all six, however many are given.

    Raises:
        ValueError: There is no statistic of a name.
    """
    if unknown := set(correlations) - set(STATISTICS):
        raise ValueError(f"unknown statistics {sorted(unknown)}; there are {', '.join(STATISTICS)}")
    raw = (_ffi.Correlation * _ffi.STATISTIC_COUNT)()
    run = 0
    for number, name in enumerate(STATISTICS):
        if name in correlations:
            raw[number] = _ffi.Correlation(correlations[name].s, correlations[name].q)
            run |= 1 << number
    result = _ffi.Significance()
    _ffi.call(_ffi.lib.wseal_significance_of, raw, run, ctypes.byref(result))
    return significance_from(result)


def significance_from(raw: _ffi.Significance) -> Significance:
    return Significance(raw.z, raw.log10_p, raw.log10_p_2_64_keys)


def correlations_from(run: int, raw: Any) -> dict[str, Correlation]:
    return {
        name: Correlation(raw[number].s, raw[number].q) for number, name in enumerate(STATISTICS) if run >> number & 1
    }
