"""The declarations of this package against the C header."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import missing
from weightseal import _ffi

INCLUDE = Path(__file__).parents[3] / "capi" / "include"
STRUCTS = {
    "wseal_error": _ffi.ErrorText,
    "wseal_hooks": _ffi.Hooks,
    "wseal_seal_options": _ffi.SealOptions,
    "wseal_facts": _ffi.Facts,
    "wseal_tensor_info": _ffi.TensorInfo,
    "wseal_file_info": _ffi.FileInfo,
    "wseal_range": _ffi.Range,
    "wseal_selection": _ffi.Selection,
    "wseal_read_options": _ffi.ReadOptions,
    "wseal_unseal_options": _ffi.UnsealOptions,
    "wseal_correlation": _ffi.Correlation,
    "wseal_significance": _ffi.Significance,
    "wseal_record_info": _ffi.RecordInfo,
    "wseal_mark_options": _ffi.MarkOptions,
    "wseal_mark_report": _ffi.MarkReport,
    "wseal_detect_options": _ffi.DetectOptions,
    "wseal_detection_result": _ffi.DetectionResult,
    "wseal_tensor_detection": _ffi.TensorDetection,
    "wseal_report_options": _ffi.ReportOptions,
    "wseal_tensor": _ffi.Tensor,
    "wseal_mark_identity": _ffi.MarkIdentity,
    "wseal_tensor_mark": _ffi.TensorMark,
    "wseal_tensor_correlation": _ffi.TensorCorrelation,
    "wseal_guard_options": _ffi.GuardOptions,
    "wseal_client": _ffi.GuardClient,
    "wseal_request": _ffi.GuardRequest,
    "wseal_decision": _ffi.GuardDecision,
    "wseal_usage": _ffi.GuardUsage,
    "wseal_observation": _ffi.GuardObservation,
    "wseal_shared_options": _ffi.SharedOptions,
    "wseal_audit_options": _ffi.AuditOptions,
    "wseal_http_fields": _ffi.HttpFields,
    "wseal_guard_event": _ffi.GuardEvent,
    "wseal_guard_counters": _ffi.GuardCounters,
    "wseal_guard_log_options": _ffi.GuardLogOptions,
    "wseal_guard_log_counters": _ffi.GuardLogCounters,
}


@pytest.fixture(scope="module")
def header() -> str:
    text = "".join(path.read_text() for path in sorted(INCLUDE.glob("*.h")))
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def parameters_in(header: str, name: str) -> int:
    match = re.search(rf"\b{name}\(([^;]*)\);", header)
    assert match, f"{name} is in no C header"
    return 0 if match[1].strip() == "void" else match[1].count(",") + 1


def test_functions_have_as_many_parameters(header: str) -> None:
    for name, (_, parameters) in _ffi.PLAIN.items():
        assert len(parameters) == parameters_in(header, name), name
    for name, parameters in _ffi.FALLIBLE.items():
        assert len(parameters) + 1 == parameters_in(header, name), name
        assert re.search(rf"wseal_status {name}\(", header), name


def test_no_struct_is_left_out() -> None:
    assert set(_ffi.Sized.__subclasses__()) <= set(STRUCTS.values())


def test_structs_have_the_layout_of_the_c_compiler(tmp_path: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        missing("there is no C compiler")
    wanted, lines = [], []
    for c_name, struct in STRUCTS.items():
        lines.append(f'printf("%zu\\n", sizeof({c_name}));')
        wanted.append(ctypes.sizeof(struct))
        for field, *_ in struct._fields_:
            lines.append(f'printf("%zu\\n", offsetof({c_name}, {field}));')
            wanted.append(getattr(struct, field).offset)
    numbers = {
        "WSEAL_ABI_VERSION": _ffi.ABI_VERSION,
        "WSEAL_KEY_BYTES": _ffi.KEY_BYTES,
        "WSEAL_KEY_TEXT_SIZE": _ffi.KEY_TEXT_SIZE,
        "WSEAL_DIGEST_BYTES": _ffi.DIGEST_BYTES,
        "WSEAL_STATISTIC_COUNT": _ffi.STATISTIC_COUNT,
        "WSEAL_BUDGET_COUNT": _ffi.BUDGET_COUNT,
        "WSEAL_PSEUDONYM_SIZE": _ffi.PSEUDONYM_SIZE,
        "WSEAL_DETECTED": _ffi.DETECTED,
        "WSEAL_NO_SUCH_TENSOR": _ffi.NO_SUCH_TENSOR,
        "WSEAL_UNSUPPORTED": _ffi.UNSUPPORTED,
        **{f"WSEAL_KEY_{name.upper()}": number for name, number in _ffi.KEY_KINDS.items()},
        **{f"WSEAL_{name.upper().replace('-', '_')}": number for name, number in _ffi.SUITES.items()},
        **{f"WSEAL_FAMILY_{name.upper().replace('-', '_')}": number for name, number in _ffi.FAMILIES.items()},
    }
    for name, number in numbers.items():
        lines.append(f'printf("%d\\n", (int){name});')
        wanted.append(number)
    source = tmp_path / "layout.c"
    body = "\n".join(lines)
    source.write_text(f"#include <stdio.h>\n#include <weightseal.h>\nint main(void) {{\n{body}\nreturn 0; }}\n")
    subprocess.run([compiler, "-std=c11", "-I", INCLUDE, source, "-o", tmp_path / "layout"], check=True)
    printed = subprocess.run([tmp_path / "layout"], check=True, capture_output=True, text=True).stdout
    assert [int(line) for line in printed.split()] == wanted
