"""Records: what a marking commits to, and what detecting needs beside the key."""

from __future__ import annotations

import ctypes
import os
import weakref
from datetime import datetime, timezone
from typing import Any, NamedTuple, Union

from . import _ffi
from ._memory import adopt
from ._statistics import Significance, significance_from


class TimeStamp(NamedTuple):
    """What a verified time-stamp says."""

    time: datetime  #: UTC
    authority: str  #: subject of the certificate that signed it


class MarkReport(NamedTuple):
    """What marking did."""

    marked_tensors: int
    tied_tensors: int  #: with the data of a marked one, which they share
    copied_tensors: int
    marked_elements: int
    zeros: int  #: elements that were left as they are, as the nonfinite ones
    nonfinite: int
    strength: float
    relative_change: float  #: of the marked tensors, by their norms
    expected_z: float  #: to expect at least of blind detection on an unchanged copy
    found: Significance  #: by detection on the output


class Record:
    """The record of a marking. Keep it with the key: without it there is no detection. It never changes.

    Attributes:
        owner: Who claims the model.
        model_id: Which model it is.
        root: 32 bytes that identify the unmarked original.
        scope: 32 bytes that identify what was marked of it: for `mark_tensor`.
        strength: Of the mark, relative to the deviation of a row of weights.
        tensors: Tensors of the original.
        marked_elements: Weights that were marked.
        signer: The public key whose signature it bears, as text; None if it is not signed.
        has_timestamp: Whether it holds a time-stamp, verified or not.
        report: What marking did; None unless `mark` returned this record.
    """

    def __init__(self, handle: ctypes.c_void_p, report: MarkReport | None = None) -> None:
        self._handle = handle
        weakref.finalize(self, _ffi.lib.wseal_record_free, handle).atexit = False
        raw = _ffi.RecordInfo()
        _ffi.call(_ffi.lib.wseal_record_get_info, handle, ctypes.byref(raw))
        self.owner: str = raw.owner.decode()
        self.model_id: str = raw.model_id.decode()
        self.root = bytes(raw.root)
        self.scope = bytes(raw.scope)
        self.strength: float = raw.strength
        self.tensors: int = raw.tensors
        self.marked_elements: int = raw.marked_elements
        self.signer: str | None = None if raw.signer is None else raw.signer.decode()
        self.has_timestamp = bool(raw.has_timestamp)
        self.report = report

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Record:
        """Reads a record file. Its digest, its root and its signature, if it has one, are checked.

        Raises:
            Error: "record_not_json", "record_malformed", "record_version", "record_altered", "record_signature",
                or a code of a file that cannot be read.
        """
        handle = ctypes.c_void_p()
        _ffi.call(_ffi.lib.wseal_record_load, _ffi.path(path), ctypes.byref(handle))
        return cls(handle)

    @classmethod
    def parse(cls, json: str | bytes) -> Record:
        """A record from its JSON text, checked as by `load`."""
        text = json.encode() if isinstance(json, str) else bytes(json)
        handle = ctypes.c_void_p()
        _ffi.call(_ffi.lib.wseal_record_parse, text, len(text), ctypes.byref(handle))
        return cls(handle)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Writes the JSON text, complete or not at all.

        Raises:
            Error: "file_exists" unless `overwrite`, or a code of a file that cannot be written.
        """
        _ffi.call(_ffi.lib.wseal_record_save, self._handle, _ffi.path(path), int(overwrite))

    def json(self) -> str:
        """The JSON text."""
        buffer = ctypes.c_void_p()
        _ffi.call(_ffi.lib.wseal_record_json, self._handle, ctypes.byref(buffer))
        return bytes(adopt(buffer)).decode()

    def require_signature(self, signer: str | None = None) -> None:
        """Raises Error "record_unsigned" or "record_signature" unless it is signed, by `signer` if one is given.

        Args:
            signer: A public key as text, "wseal_signer_...".
        """
        text = None if signer is None else _ffi.text(signer)
        _ffi.call(_ffi.lib.wseal_record_require_signature, self._handle, text)

    def verify_timestamp(self, authorities: str | os.PathLike[str]) -> TimeStamp:
        """Verifies its time-stamp (RFC 3161) up to one of the certificates in a PEM file.

        Raises:
            Error: "timestamp_malformed" (also when there is none), "timestamp_mismatch", "timestamp_untrusted".
        """
        seconds, authority = ctypes.c_int64(), ctypes.c_void_p()
        _ffi.call(
            _ffi.lib.wseal_record_verify_timestamp,
            self._handle,
            _ffi.path(authorities),
            ctypes.byref(seconds),
            ctypes.byref(authority),
        )
        time = datetime.fromtimestamp(seconds.value, timezone.utc)
        return TimeStamp(time, bytes(adopt(authority)).decode("utf-8", "replace"))

    def __repr__(self) -> str:
        return f"<weightseal.Record of {self.model_id!r} by {self.owner!r}>"


#: A record, or the path of one.
AnyRecord = Union[Record, str, "os.PathLike[str]"]


def record_of(record: AnyRecord) -> Record:
    return record if isinstance(record, Record) else Record.load(record)


def record_handle(record: Record) -> Any:
    return record._handle


def report_from(raw: _ffi.MarkReport) -> MarkReport:
    return MarkReport(
        marked_tensors=raw.marked_tensors,
        tied_tensors=raw.tied_tensors,
        copied_tensors=raw.copied_tensors,
        marked_elements=raw.marked_elements,
        zeros=raw.zeros,
        nonfinite=raw.nonfinite,
        strength=raw.strength,
        relative_change=raw.relative_change,
        expected_z=raw.expected_z,
        found=significance_from(raw.found),
    )
