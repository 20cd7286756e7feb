"""weightseal.h as ctypes sees it: every struct and function that this package uses, and how the library is found."""

from __future__ import annotations

import ctypes
import os
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char,
    c_char_p,
    c_double,
    c_int,
    c_int64,
    c_size_t,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
)
from pathlib import Path
from typing import Any

from ._errors import Error

ABI_VERSION = 1
KEY_BYTES = 32
KEY_TEXT_SIZE = 80
DIGEST_BYTES = 32
STATISTIC_COUNT = 6
BUDGET_COUNT = 5
PSEUDONYM_SIZE = 33

KEY_KINDS = {"seal": 1, "recipient": 2, "signing": 3, "watermark": 4}
SUITES = {"aes-256-gcm": 1, "chacha20-poly1305": 2}
FAMILIES = {"automatic": 0, "none": 1, "rmsnorm": 2, "post-layernorm": 3}
DETECTED = 1

UNSUPPORTED = 4
NO_SUCH_TENSOR = 47

AllocFn = CFUNCTYPE(c_void_p, c_void_p, c_size_t, c_size_t)
FreeFn = CFUNCTYPE(None, c_void_p, c_void_p, c_size_t)
ParallelForFn = CFUNCTYPE(None, c_void_p, c_size_t, c_void_p, c_void_p)
OnTensorFn = CFUNCTYPE(None, c_void_p, c_size_t, c_void_p, c_size_t)
ProgressFn = CFUNCTYPE(None, c_void_p, c_uint64, c_uint64)
CancelledFn = CFUNCTYPE(c_int, c_void_p)
LogFn = CFUNCTYPE(None, c_void_p, c_char_p)
ReadAtFn = CFUNCTYPE(c_int, c_void_p, c_uint64, c_void_p, c_size_t)
WriteFn = CFUNCTYPE(c_int, c_void_p, c_void_p, c_size_t)


class ErrorText(Structure):
    """wseal_error"""

    _fields_ = [("message", c_char * 512)]


class Sized(Structure):
    """A struct whose first member says how large the caller believes it to be."""

    def __init__(self, **members: Any) -> None:
        super().__init__(**members)
        self.struct_size = ctypes.sizeof(type(self))


class Hooks(Sized):
    """wseal_hooks"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("context", c_void_p),
        ("alloc", AllocFn),
        ("free", FreeFn),
        ("parallel_for", ParallelForFn),
        ("on_tensor", OnTensorFn),
        ("progress", ProgressFn),
        ("cancelled", CancelledFn),
        ("log", LogFn),
    ]


class SealOptions(Sized):
    """wseal_seal_options"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("suite", c_uint32),
        ("chunk_log2", c_uint32),
        ("threads", c_uint32),
        ("overwrite", c_int),
        ("hooks", POINTER(Hooks)),
    ]


class Facts(Sized):
    """wseal_facts"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("suite", c_uint32),
        ("is_signed", c_int),
        ("chunk_size", c_uint64),
        ("file_size", c_uint64),
        ("body_size", c_uint64),
        ("index_size", c_uint64),
        ("slot_count", c_uint32),
        ("generation", c_uint64),
        ("slot_block_a_intact", c_int),
        ("slot_block_b_intact", c_int),
    ]


class TensorInfo(Sized):
    """wseal_tensor_info"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_void_p),
        ("name_size", c_size_t),
        ("dtype", c_uint32),
        ("rank", c_uint32),
        ("shape", POINTER(c_uint64)),
        ("bytes", c_uint64),
        ("alias_of", c_size_t),
    ]


class FileInfo(Sized):
    """wseal_file_info"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_char_p),
        ("name_size", c_size_t),
        ("bytes", c_uint64),
        ("is_safetensors_head", c_uint32),
        ("reserved", c_uint32),
    ]


class Range(Structure):
    """wseal_range"""

    _fields_ = [("begin", c_uint64), ("end", c_uint64)]


class Selection(Structure):
    """wseal_selection"""

    _fields_ = [("tensor", c_size_t), ("ranges", POINTER(Range)), ("ranges_count", c_size_t)]


class ReadOptions(Sized):
    """wseal_read_options"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("threads", c_uint32),
        ("staged", c_int),
        ("alignment", c_size_t),
        ("no_huge_pages", c_int),
        ("wipe_on_free", c_int),
        ("hooks", POINTER(Hooks)),
    ]


class UnsealOptions(Sized):
    """wseal_unseal_options"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("threads", c_uint32),
        ("overwrite", c_int),
        ("hooks", POINTER(Hooks)),
    ]


class Correlation(Structure):
    """wseal_correlation"""

    _fields_ = [("s", c_int64), ("q", c_uint64)]


class Significance(Structure):
    """wseal_significance"""

    _fields_ = [("z", c_double), ("log10_p", c_double), ("log10_p_2_64_keys", c_double)]


class RecordInfo(Sized):
    """wseal_record_info"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("owner", c_char_p),
        ("model_id", c_char_p),
        ("root", c_uint8 * DIGEST_BYTES),
        ("scope", c_uint8 * DIGEST_BYTES),
        ("strength", c_double),
        ("tensors", c_uint64),
        ("marked_elements", c_uint64),
        ("signer", c_char_p),
        ("has_timestamp", c_int),
    ]


class MarkOptions(Sized):
    """wseal_mark_options"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("model_id", c_char_p),
        ("strength", c_double),
        ("tensors", POINTER(c_char_p)),
        ("tensors_count", c_size_t),
        ("signing_key", c_void_p),
        ("record", c_char_p),
        ("threads", c_uint32),
        ("overwrite", c_int),
        ("hooks", POINTER(Hooks)),
    ]


class MarkReport(Sized):
    """wseal_mark_report"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("marked_tensors", c_uint64),
        ("tied_tensors", c_uint64),
        ("copied_tensors", c_uint64),
        ("marked_elements", c_uint64),
        ("zeros", c_uint64),
        ("nonfinite", c_uint64),
        ("strength", c_double),
        ("relative_change", c_double),
        ("expected_z", c_double),
        ("found", Significance),
    ]


class DetectOptions(Sized):
    """wseal_detect_options"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("original", c_char_p),
        ("family", c_uint32),
        ("max_log10_p", c_double),
        ("threads", c_uint32),
        ("identify_suspect", c_int),
        ("hooks", POINTER(Hooks)),
    ]


class DetectionResult(Sized):
    """wseal_detection_result"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("verdict", c_uint32),
        ("family", c_uint32),
        ("significance", Significance),
        ("expected_z", c_double),
        ("matched_elements", c_uint64),
        ("nonfinite", c_uint64),
        ("tensors", c_size_t),
        ("extra_tensors", c_size_t),
        ("run", c_uint32),
        ("correlations", Correlation * STATISTIC_COUNT),
    ]


class TensorDetection(Sized):
    """wseal_tensor_detection"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_char_p),
        ("suspect_name", c_char_p),
        ("matched_by", c_uint32),
        ("elements", c_uint64),
        ("nonfinite", c_uint64),
        ("run", c_uint32),
        ("correlations", Correlation * STATISTIC_COUNT),
    ]


class ReportOptions(Sized):
    """wseal_report_options"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("command", c_char_p),
        ("authorities", c_char_p),
        ("suspect_seen", c_int64),
    ]


class Tensor(Structure):
    """wseal_tensor"""

    _fields_ = [
        ("name", c_char_p),
        ("dtype", c_uint32),
        ("rank", c_uint32),
        ("shape", POINTER(c_uint64)),
        ("digest", c_uint8 * DIGEST_BYTES),
    ]


class MarkIdentity(Structure):
    """wseal_mark_identity"""

    _fields_ = [("owner", c_char_p), ("model_id", c_char_p), ("scope", c_uint8 * DIGEST_BYTES)]


class TensorMark(Sized):
    """wseal_tensor_mark"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("elements", c_uint64),
        ("zeros", c_uint64),
        ("nonfinite", c_uint64),
        ("squared_change", c_double),
        ("squared_norm", c_double),
    ]


class TensorCorrelation(Sized):
    """wseal_tensor_correlation"""

    _fields_ = [("struct_size", c_size_t), ("white", Correlation), ("sign", Correlation), ("nonfinite", c_uint64)]


class GuardOptions(Sized):
    """wseal_guard_options"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("secret", c_char_p),
        ("trusted_proxies", POINTER(c_char_p)),
        ("trusted_proxies_count", c_size_t),
        ("forwarded_header", c_uint32),
        ("shared_memory", c_char_p),
    ]


class SharedOptions(Sized):
    """wseal_shared_options"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("url", c_char_p),
        ("password", c_char_p),
        ("authorities", c_char_p),
        ("prefix", c_char_p),
        ("mode", c_uint32),
        ("failure_policy", c_uint32),
        ("replicas", c_uint32),
        ("timeout_ms", c_uint32),
        ("leases", c_uint32),
        ("connections", c_uint32),
    ]


class GuardClient(Sized):
    """wseal_client"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_char_p),
        ("name_size", c_size_t),
        ("pool", c_char_p),
        ("pool_size", c_size_t),
        ("peer", c_char_p),
        ("peer_size", c_size_t),
        ("forwarded", c_char_p),
        ("forwarded_size", c_size_t),
    ]


class GuardRequest(Sized):
    """wseal_request"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("prompts", c_uint64),
        ("n", c_uint64),
        ("best_of", c_uint64),
        ("input_tokens", c_uint64),
        ("max_tokens", c_uint64),
        ("logit_bias_entries", c_uint64),
        ("logprobs", c_int),
    ]


class GuardDecision(Sized):
    """wseal_decision"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("allowed", c_int),
        ("reason", c_uint32),
        ("tier", c_uint32),
        ("budget", c_uint32),
        ("refused_by", c_uint32),
        ("window", c_uint32),
        ("limit", c_uint64),
        ("remaining", c_uint64),
        ("retry_after", c_int64),
        ("reset_after", c_int64),
        ("ticket", c_uint64),
        ("overflow", c_int),
    ]


class GuardUsage(Sized):
    """wseal_usage"""

    _fields_ = [("struct_size", c_size_t), ("tokens", c_uint64), ("logprob_tokens", c_uint64)]


class GuardObservation(Sized):
    """wseal_observation"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("prompt", c_char_p),
        ("prompt_size", c_size_t),
        ("prompt_hash", POINTER(c_uint64)),
        ("logit_bias_entries", c_uint64),
        ("logprobs", c_int),
    ]


class AuditOptions(Sized):
    """wseal_audit_options"""

    _fields_ = [("struct_size", c_size_t), ("account", c_char_p)]


class HttpFields(Sized):
    """wseal_http_fields"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("status", c_uint32),
        ("retry_after", c_char * 24),
        ("rate_limit", c_char * 96),
        ("rate_limit_policy", c_char * 96),
    ]


class GuardEvent(Sized):
    """wseal_guard_event"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("kind", c_uint32),
        ("tier", c_uint32),
        ("budget", c_uint32),
        ("window", c_uint32),
        ("limit", c_uint64),
        ("used", c_uint64),
        ("client", c_uint64),
        ("now", c_int64),
    ]


class GuardCounters(Sized):
    """wseal_guard_counters"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("admitted", c_uint64),
        ("refused", c_uint64),
        ("inserted", c_uint64),
        ("evicted", c_uint64),
        ("overflow", c_uint64),
        ("dropped_events", c_uint64),
        ("memory", c_uint64),
    ]


class GuardLogOptions(Sized):
    """wseal_guard_log_options"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("path", c_char_p),
        ("max_file_size", c_uint64),
        ("write", WriteFn),
        ("context", c_void_p),
        ("fd", c_int),
        ("checkpoint_every", c_uint32),
    ]


class GuardLogCounters(Sized):
    """wseal_guard_log_counters"""

    _fields_ = [
        ("struct_size", c_size_t),
        ("events", c_uint64),
        ("waiting", c_uint64),
        ("failures", c_uint64),
        ("last_errno", c_int),
    ]


_Handle = c_void_p
_HandleOut = POINTER(c_void_p)
_Error = POINTER(ErrorText)

#: Functions that cannot fail: (result, parameters).
PLAIN: dict[str, tuple[Any, list[Any]]] = {
    "wseal_abi_version": (c_uint32, []),
    "wseal_version": (c_char_p, []),
    "wseal_status_name": (c_char_p, [c_uint32]),
    "wseal_dtype_name": (c_char_p, [c_uint32]),
    "wseal_key_free": (None, [_Handle]),
    "wseal_model_free": (None, [_Handle]),
    "wseal_record_free": (None, [_Handle]),
    "wseal_detection_free": (None, [_Handle]),
    "wseal_statistic_name": (c_char_p, [c_uint32]),
    "wseal_verdict_name": (c_char_p, [c_uint32]),
    "wseal_matched_by_name": (c_char_p, [c_uint32]),
    "wseal_model_family_name": (c_char_p, [c_uint32]),
    "wseal_guard_free": (None, [_Handle]),
    "wseal_guard_log_free": (None, [_Handle]),
    "wseal_shared_guard_free": (None, [_Handle]),
    "wseal_tier_name": (c_char_p, [c_uint32]),
    "wseal_budget_name": (c_char_p, [c_uint32]),
    "wseal_reason_name": (c_char_p, [c_uint32]),
    "wseal_guard_event_name": (c_char_p, [c_uint32]),
    "wseal_buffer_data": (c_void_p, [_Handle]),
    "wseal_buffer_size": (c_size_t, [_Handle]),
    "wseal_buffer_free": (None, [_Handle]),
}

#: Functions that return a wseal_status and take a wseal_error after these parameters.
FALLIBLE: dict[str, list[Any]] = {
    "wseal_key_generate": [c_uint32, _HandleOut],
    "wseal_key_parse": [c_char_p, _HandleOut],
    "wseal_key_from_bytes": [c_uint32, c_void_p, _HandleOut],
    "wseal_key_from_source": [c_char_p, _HandleOut],
    "wseal_key_format": [_Handle, c_char_p, c_size_t],
    "wseal_seal": [c_char_p, c_char_p, _Handle, POINTER(SealOptions)],
    "wseal_inspect": [c_char_p, POINTER(Facts)],
    "wseal_open": [c_char_p, _Handle, POINTER(Hooks), _HandleOut],
    "wseal_open_memory": [c_void_p, c_size_t, _Handle, POINTER(Hooks), _HandleOut],
    "wseal_open_callback": [c_uint64, ReadAtFn, c_void_p, _Handle, POINTER(Hooks), _HandleOut],
    "wseal_model_drop_keys": [_Handle],
    "wseal_model_facts": [_Handle, POINTER(Facts)],
    "wseal_model_damaged_slot_block": [_Handle, POINTER(c_char)],
    "wseal_model_is_folder": [_Handle, POINTER(c_int)],
    "wseal_tensor_count": [_Handle, POINTER(c_size_t)],
    "wseal_tensor_at": [_Handle, c_size_t, POINTER(TensorInfo)],
    "wseal_tensor_find": [_Handle, c_char_p, POINTER(c_size_t)],
    "wseal_tensor_names": [_Handle, _HandleOut, POINTER(c_size_t)],
    "wseal_file_count": [_Handle, POINTER(c_size_t)],
    "wseal_file_at": [_Handle, c_size_t, POINTER(FileInfo)],
    "wseal_file_find": [_Handle, c_char_p, POINTER(c_size_t)],
    "wseal_read": [_Handle, POINTER(Selection), POINTER(ReadOptions), _HandleOut],
    "wseal_load": [_Handle, POINTER(Selection), c_size_t, POINTER(ReadOptions), _HandleOut, POINTER(c_uint64)],
    "wseal_read_file": [_Handle, c_size_t, POINTER(ReadOptions), _HandleOut],
    "wseal_verify": [_Handle, POINTER(ReadOptions)],
    "wseal_unseal": [_Handle, c_char_p, POINTER(UnsealOptions)],
    "wseal_record_load": [c_char_p, _HandleOut],
    "wseal_record_parse": [c_char_p, c_size_t, _HandleOut],
    "wseal_record_save": [_Handle, c_char_p, c_int],
    "wseal_record_json": [_Handle, _HandleOut],
    "wseal_record_get_info": [_Handle, POINTER(RecordInfo)],
    "wseal_record_require_signature": [_Handle, c_char_p],
    "wseal_record_verify_timestamp": [_Handle, c_char_p, POINTER(c_int64), _HandleOut],
    "wseal_mark": [c_char_p, c_char_p, _Handle, c_char_p, POINTER(MarkOptions), _HandleOut, POINTER(MarkReport)],
    "wseal_detect": [c_char_p, _Handle, _Handle, POINTER(DetectOptions), _HandleOut],
    "wseal_detection_get_result": [_Handle, POINTER(DetectionResult)],
    "wseal_detection_tensor_at": [_Handle, c_size_t, POINTER(TensorDetection)],
    "wseal_detection_html": [_Handle, POINTER(ReportOptions), _HandleOut],
    "wseal_detection_json": [_Handle, POINTER(ReportOptions), _HandleOut],
    "wseal_significance_of": [POINTER(Correlation), c_uint32, POINTER(Significance)],
    "wseal_guard_new": [c_char_p, c_size_t, POINTER(GuardOptions), _HandleOut],
    "wseal_guard_configure": [_Handle, c_char_p, c_size_t, c_int64],
    "wseal_guard_check": [_Handle, POINTER(GuardClient), POINTER(GuardRequest), c_int64, POINTER(GuardDecision)],
    "wseal_guard_settle": [_Handle, c_uint64, POINTER(GuardUsage), c_int64, POINTER(c_uint32)],
    "wseal_guard_observe": [_Handle, POINTER(GuardClient), POINTER(GuardObservation), c_int64],
    "wseal_guard_next_event": [_Handle, POINTER(GuardEvent), POINTER(c_int)],
    "wseal_guard_get_counters": [_Handle, POINTER(GuardCounters)],
    "wseal_guard_log_open": [_Handle, _Handle, POINTER(GuardLogOptions), c_int64, _HandleOut],
    "wseal_guard_log_write": [_Handle, c_int64, c_int64, POINTER(c_uint64)],
    "wseal_guard_log_close": [_Handle, c_int64, c_int64, POINTER(c_int)],
    "wseal_guard_log_get_counters": [_Handle, POINTER(GuardLogCounters)],
    "wseal_guard_pseudonym": [_Handle, POINTER(GuardClient), c_uint32, c_char_p],
    "wseal_guard_metrics": [_Handle, _Handle, _HandleOut],
    "wseal_shared_guard_new": [c_char_p, c_size_t, POINTER(GuardOptions), POINTER(SharedOptions), _HandleOut],
    "wseal_shared_guard_connect": [_Handle],
    "wseal_shared_guard_check": [_Handle, POINTER(GuardClient), POINTER(GuardRequest), c_int64, POINTER(GuardDecision)],
    "wseal_shared_guard_check_leases": [
        _Handle,
        POINTER(GuardClient),
        POINTER(GuardRequest),
        c_int64,
        POINTER(GuardDecision),
    ],
    "wseal_shared_guard_check_shared": [
        _Handle,
        POINTER(GuardClient),
        POINTER(GuardRequest),
        c_int64,
        POINTER(GuardDecision),
    ],
    "wseal_shared_guard_settle": [_Handle, c_uint64, POINTER(GuardUsage), c_int64, POINTER(c_uint32)],
    "wseal_shared_guard_is_degraded": [_Handle, POINTER(c_int)],
    "wseal_shared_guard_next_event": [_Handle, POINTER(GuardEvent), POINTER(c_int)],
    "wseal_shared_guard_get_counters": [_Handle, POINTER(GuardCounters)],
    "wseal_decision_http_fields": [POINTER(GuardDecision), POINTER(HttpFields)],
    "wseal_storage_policy": [c_char_p, c_size_t, c_uint32, _HandleOut],
    "wseal_storage_audit": [c_char_p, c_size_t, POINTER(AuditOptions), _HandleOut],
    "wseal_tensor_digest": [c_void_p, c_size_t, c_uint8 * DIGEST_BYTES],
    "wseal_original_root": [POINTER(Tensor), c_size_t, c_uint8 * DIGEST_BYTES],
    "wseal_mark_tensor": [
        _Handle,
        POINTER(MarkIdentity),
        POINTER(Tensor),
        c_double,
        c_void_p,
        c_size_t,
        c_uint32,
        POINTER(Hooks),
        POINTER(TensorMark),
    ],
    "wseal_correlate_tensor": [
        _Handle,
        _Handle,
        c_char_p,
        c_uint32,
        c_void_p,
        c_size_t,
        c_uint32,
        POINTER(Hooks),
        POINTER(TensorCorrelation),
    ],
}


def _load() -> ctypes.CDLL:
    path = os.environ.get("WEIGHTSEAL_LIBRARY") or str(Path(__file__).with_name("libweightseal.so"))
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(f"weightseal: cannot load its library: {error}", path=path) from error
    for name, (result, parameters) in PLAIN.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, parameters
    found = library.wseal_abi_version()
    if found != ABI_VERSION:
        raise ImportError(f"weightseal: {path} has ABI version {found}, this package needs {ABI_VERSION}", path=path)
    for name, parameters in FALLIBLE.items():
        function = getattr(library, name)
        function.restype, function.argtypes = c_int, [*parameters, _Error]
    return library


lib = _load()


def call(function: Any, *arguments: Any) -> None:
    """Calls one of FALLIBLE and raises Error unless it succeeds. The interpreter lock is released meanwhile."""
    text = ErrorText()
    check(function(*arguments, ctypes.byref(text)), text)


def check(status: int, text: ErrorText) -> None:
    """Raises Error unless a call that returned `status` and filled `text` succeeded."""
    if status:
        raise Error(status, status_name(status), text.message.decode("utf-8", "replace"))


def status_name(status: int) -> str:
    """The name of an error's code: "wrong_key"."""
    name: bytes = lib.wseal_status_name(status)
    return name.decode()


def text(value: str) -> bytes:
    """A string as C takes it. A NUL inside would cut it short, so it is refused."""
    encoded = value.encode()
    if b"\0" in encoded:
        raise ValueError("a NUL character is not allowed here")
    return encoded


def path(value: str | os.PathLike[str]) -> bytes:
    """A path as C takes it, whatever bytes it has."""
    encoded = os.fsencode(value)
    if b"\0" in encoded:
        raise ValueError("a NUL character is not allowed in a path")
    return encoded


def threads(value: int) -> int:
    """A number of workers as C takes it; ctypes would silently cut off what does not fit."""
    if not 0 <= value < 1 << 32:
        raise ValueError(f"threads must be 0 (one for each processor) or more, not {value}")
    return value
