"""Looking for a mark in the weights of a suspect."""

from __future__ import annotations

import ctypes
import math
import os
import weakref
from datetime import date, datetime, time, timezone
from typing import Any, NamedTuple

from . import _ffi
from ._arrays import Array
from ._hooks import Progress, ProgressHooks
from ._keys import Key, key_handle
from ._memory import adopt
from ._record import AnyRecord, record_handle, record_of
from ._statistics import Correlation, correlations_from


class TensorDetection(NamedTuple):
    """The share of one marked tensor. Its correlations are a picture, not evidence."""

    name: str  #: in the record
    suspect_name: str | None  #: in the suspect; None when it has none
    matched_by: str  #: "name", "name part", "sketch" or "nothing"
    elements: int  #: compared
    nonfinite: int  #: among them: left out
    statistics: dict[str, Correlation]


class Detection:
    """What detecting found.

    Attributes:
        verdict: "detected", "not detected" or "not enough evidence".
        detected: Whether the verdict is "detected".
        z: The largest of the statistics that were run.
        log10_p: If the key had been chosen at random, a result at least this strong would occur with at most this
            probability, corrected for six statistics.
        log10_p_2_64_keys: The same for a claimant who could have tried 2^64 keys. The one to quote unless a
            time-stamp proves that the record is older than the suspect.
        expected_z: To expect at least of an unchanged copy of the matched weights.
        statistics: The statistics that were run, by name.
        matched_elements, nonfinite: Weights that were compared, and those among them that are not finite.
        extra_tensors: Tensors of the suspect that the record does not know.
        family: Whose symmetries were undone; "none" without an original.
        tensors: The record's marked tensors.
    """

    def __init__(self, handle: ctypes.c_void_p) -> None:
        self._handle = handle
        weakref.finalize(self, _ffi.lib.wseal_detection_free, handle).atexit = False
        raw = _ffi.DetectionResult()
        _ffi.call(_ffi.lib.wseal_detection_get_result, handle, ctypes.byref(raw))
        self.verdict: str = _ffi.lib.wseal_verdict_name(raw.verdict).decode()
        self.detected = raw.verdict == _ffi.DETECTED
        self.z: float = raw.significance.z
        self.log10_p: float = raw.significance.log10_p
        self.log10_p_2_64_keys: float = raw.significance.log10_p_2_64_keys
        self.expected_z: float = raw.expected_z
        self.statistics = correlations_from(raw.run, raw.correlations)
        self.matched_elements: int = raw.matched_elements
        self.nonfinite: int = raw.nonfinite
        self.extra_tensors: int = raw.extra_tensors
        self.family: str = _ffi.lib.wseal_model_family_name(raw.family).decode()
        self.tensors = [self._tensor(position) for position in range(raw.tensors)]

    def html(
        self,
        *,
        command: str | None = None,
        authorities: str | os.PathLike[str] | None = None,
        suspect_seen: date | None = None,
    ) -> str:
        """The report as one page that a lawyer can read and an expert can check.

        Args:
            command: What reproduces the detection.
            authorities: A PEM file; the record's time-stamp is verified up to one of its certificates.
            suspect_seen: When the suspect was first seen, a day (UTC) or a datetime: a time-stamp that is older rules
                out keys that were searched to fit the suspect.

        Raises:
            Error: "timestamp_untrusted" or another code of a time-stamp that is not valid.
        """
        return self._text(_ffi.lib.wseal_detection_html, command, authorities, suspect_seen)

    def json(
        self,
        *,
        command: str | None = None,
        authorities: str | os.PathLike[str] | None = None,
        suspect_seen: date | None = None,
    ) -> str:
        """The same as one JSON object."""
        return self._text(_ffi.lib.wseal_detection_json, command, authorities, suspect_seen)

    def report(
        self,
        path: str | os.PathLike[str],
        *,
        command: str | None = None,
        authorities: str | os.PathLike[str] | None = None,
        suspect_seen: date | None = None,
        overwrite: bool = False,
    ) -> None:
        """Writes the page of `html` to a file. Raises FileExistsError if there is one, unless `overwrite`."""
        page = self.html(command=command, authorities=authorities, suspect_seen=suspect_seen)
        with open(path, "w" if overwrite else "x", encoding="utf-8", newline="") as file:
            file.write(page)

    def __repr__(self) -> str:
        return f"<weightseal.Detection: {self.verdict}, z {self.z:.1f}, p 10^{self.log10_p:.1f}>"

    def _tensor(self, position: int) -> TensorDetection:
        raw = _ffi.TensorDetection()
        _ffi.call(_ffi.lib.wseal_detection_tensor_at, self._handle, position, ctypes.byref(raw))
        return TensorDetection(
            name=raw.name.decode(),
            suspect_name=None if raw.suspect_name is None else raw.suspect_name.decode(),
            matched_by=_ffi.lib.wseal_matched_by_name(raw.matched_by).decode(),
            elements=raw.elements,
            nonfinite=raw.nonfinite,
            statistics=correlations_from(raw.run, raw.correlations),
        )

    def _text(
        self,
        function: Any,
        command: str | None,
        authorities: str | os.PathLike[str] | None,
        suspect_seen: date | None,
    ) -> str:
        options = _ffi.ReportOptions(
            command=None if command is None else _ffi.text(command),
            authorities=None if authorities is None else _ffi.path(authorities),
            suspect_seen=0 if suspect_seen is None else _seconds(suspect_seen),
        )
        buffer = ctypes.c_void_p()
        _ffi.call(function, self._handle, ctypes.byref(options), ctypes.byref(buffer))
        return bytes(adopt(buffer)).decode()


def _seconds(when: date) -> int:
    if not isinstance(when, datetime):
        when = datetime.combine(when, time(), timezone.utc)
    return int(when.timestamp())


def detect(
    suspect: str | os.PathLike[str],
    *,
    key: Key,
    record: AnyRecord,
    original: str | os.PathLike[str] | None = None,
    family: str = "automatic",
    max_p: float = 1e-9,
    identify_suspect: bool = False,
    threads: int = 0,
    progress: Progress | None = None,
) -> Detection:
    """Looks for the mark of `key` under `record` in a .safetensors file or a model folder.

    Missing, renamed, truncated or extra tensors only lose their share.

    Args:
        suspect: A .safetensors file or a folder.
        key: A text key, a key source ("file:PATH", "env:NAME", "fd:N", "cmd:COMMAND", "-") or 32 raw bytes.
        record: What `mark` returned, or the path of a saved record.
        original: The unmarked original: detects more, and after more changes.
        family: Symmetries to undo with the original: "automatic", "none", "rmsnorm" or "post-layernorm".
        max_p: The largest p that counts as detected.
        identify_suspect: Also hash the suspect, which takes longer than all else: reports then say which one it was.
        threads: Workers at most; 0 is one for each processor.
        progress: Called with bytes done and in all, from other threads, one at a time. Raise in it to cancel.

    Raises:
        Error: "key_mismatch" (not the key that the record commits to), "original_mismatch", "no_common_tensor",
            "key_kind", a code of a record or model that is refused, or another.
        ValueError: `family`, `max_p` or `threads` is none of the above.
    """
    if family not in _ffi.FAMILIES:
        raise ValueError(f"unknown family {family!r}; there are {', '.join(_ffi.FAMILIES)}")
    if not 2**-128 <= max_p < 1:
        raise ValueError(f"max_p must be from 2**-128 to below 1, not {max_p}")
    handle = ctypes.c_void_p()
    committed = record_of(record)
    with key_handle(key, "watermark") as wm_key, ProgressHooks(progress) as hooks:
        options = _ffi.DetectOptions(
            original=None if original is None else _ffi.path(original),
            family=_ffi.FAMILIES[family],
            max_log10_p=math.log10(max_p),
            threads=_ffi.threads(threads),
            identify_suspect=identify_suspect,
            hooks=hooks,
        )
        _ffi.call(
            _ffi.lib.wseal_detect,
            _ffi.path(suspect),
            wm_key,
            record_handle(committed),
            ctypes.byref(options),
            ctypes.byref(handle),
        )
    return Detection(handle)


class TensorCorrelation(NamedTuple):
    """The blind statistics of one tensor."""

    white: Correlation  #: adds up to the statistic "blind_white"
    sign: Correlation  #: adds up to the statistic "blind_sign"
    nonfinite: int  #: elements that are not finite: left out


def correlate_tensor(
    tensor: Any,
    name: str,
    *,
    key: Key,
    record: AnyRecord,
    dtype: str | None = None,
    threads: int = 0,
) -> TensorCorrelation:
    """Correlates one tensor of a suspect with the chips of the record's tensor `name`.

    Add up what the tensors give, and pass the sums to `significance`.

    Args:
        tensor: A contiguous NumPy array or PyTorch tensor on the CPU, of any float dtype of 8 bits or more: all rows of
            the record's tensor or the first of them.
        name: Of the record's tensor.
        key, record, threads: As in `detect`.
        dtype: As safetensors names it, where the array's own type does not say it: "BF16" for uint16.

    Raises:
        Error: "no_such_tensor", "key_mismatch", "unsupported" (the dtype), "destination_size".
        TypeError, ValueError: `tensor` is none of the above.
    """
    array = Array(tensor, dtype)
    raw = _ffi.TensorCorrelation()
    committed = record_of(record)
    with key_handle(key, "watermark") as handle:
        _ffi.call(
            _ffi.lib.wseal_correlate_tensor,
            handle,
            record_handle(committed),
            _ffi.text(name),
            array.dtype,
            array.address,
            array.size,
            _ffi.threads(threads),
            None,
            ctypes.byref(raw),
        )
    white, sign = Correlation(raw.white.s, raw.white.q), Correlation(raw.sign.s, raw.sign.q)
    return TensorCorrelation(white, sign, raw.nonfinite)
