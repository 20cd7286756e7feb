"""Storage: documents that shut a bucket for everyone but those who are named, and the proof that documents do."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import _ffi
from ._document import Document, document_text
from ._memory import adopt

__all__ = ["Audit", "Finding", "audit", "commands", "policy", "terraform"]

_BUNDLE, _TERRAFORM, _COMMANDS = range(3)


@dataclass(frozen=True)
class Finding:
    """Something that gets in, or keeps out by mistake."""

    rule: str  #: stable id: "public-access"
    severity: str  #: "low", "medium", "high" or "critical"
    title: str
    certain: bool  #: False: undecided, because something is not known that the request depends on
    document: str  #: "bucket_policy"
    statement: str  #: the one to change; empty: one is missing
    request: str  #: the request that gets in, or what is set
    cells: int  #: requests like it; 0: it is a setting
    remedy: str
    references: str  #: ids of CIS benchmarks, AWS FSBP, Prowler and Checkov for the same


@dataclass(frozen=True)
class Audit:
    """What an audit found, most severe first, and what it cannot tell."""

    subject: str
    findings: tuple[Finding, ...]
    accepted: tuple[Finding, ...]  #: what the intent of the bundle asks for
    not_checked: tuple[str, ...]  #: what the documents do not show
    not_considered: tuple[str, ...]  #: what can only narrow access further
    assumptions: tuple[str, ...]
    cells: dict[str, int]  #: requests examined: "closed", "undecided", "open"


def policy(
    provider: str,
    *,
    bucket: str,
    readers: Sequence[str],
    prefix: str = "",
    publishers: Sequence[str] = (),
    break_glass: Sequence[str] = (),
    administrators: Sequence[str] = (),
    vpc_endpoints: Sequence[str] = (),
    account: str | None = None,
    region: str | None = None,
    partition: str | None = None,
    key: str | None = None,
) -> dict[str, Any]:
    """Writes the documents that fulfil an intent: a bundle of intent, documents and explanations.

    Args:
        provider: "aws", "gcs" or "azure".
        bucket: Of Azure the container.
        readers: Who may read, and nothing else. AWS: ARNs of roles or users, better with their unique ids
            ("ARN#AROA…"). GCS: service accounts. Azure: object ids.
        prefix: Where in the bucket; "" is all of it.
        publishers: Who may upload, and nothing else.
        break_glass: Who may do everything, in an emergency.
        administrators: Who may change the configuration.
        vpc_endpoints: AWS: through which reading must come. Azure: subnets for private endpoints.
        account: AWS: the owner, by default the account of all named. GCS: the project. Azure: the resource id of the
            storage account, required.
        region: AWS: of the bucket.
        partition: AWS: by default that of the first reader.
        key: Of the provider's key service; by default one that is yet to be made.

    Raises:
        Error: A name that is none.
    """
    return dict(json.loads(_write(_BUNDLE, locals())))


def terraform(provider: str, **intent: Any) -> dict[str, Any]:
    """The same in Terraform's JSON syntax. Arguments are those of `policy`."""
    return dict(json.loads(_write(_TERRAFORM, {"provider": provider, **intent})))


def commands(provider: str, **intent: Any) -> str:
    """The same as a script of calls of aws, gcloud or az. Arguments are those of `policy`."""
    return _write(_COMMANDS, {"provider": provider, **intent})


def audit(document: Document, *, account: str | None = None) -> Audit:
    """Proves from documents that a bucket is shut, or shows the requests that get in.

    Args:
        document: A bundle of `policy`, a bucket or key policy of AWS, or the output of `terraform show -json`.
        account: The owner of the bucket, where the document does not tell.

    Raises:
        Error: What the document breaks.
    """
    text = document_text(document)
    options = _ffi.AuditOptions(account=None if account is None else _ffi.text(account))
    buffer = ctypes.c_void_p()
    _ffi.call(_ffi.lib.wseal_storage_audit, text, len(text), ctypes.byref(options), ctypes.byref(buffer))
    report = json.loads(bytes(adopt(buffer)))
    return Audit(
        subject=report["subject"],
        findings=_findings(report["findings"]),
        accepted=_findings(report["accepted"]),
        not_checked=tuple(report["not_checked"]),
        not_considered=tuple(report["not_considered"]),
        assumptions=tuple(report["assumptions"]),
        cells=report["cells"],
    )


def _write(format: int, intent: Mapping[str, Any]) -> str:
    text = json.dumps({name: value for name, value in intent.items() if value is not None}, default=list).encode()
    buffer = ctypes.c_void_p()
    _ffi.call(_ffi.lib.wseal_storage_policy, text, len(text), format, ctypes.byref(buffer))
    return bytes(adopt(buffer)).decode()


def _findings(found: Sequence[Mapping[str, Any]]) -> tuple[Finding, ...]:
    return tuple(Finding(**finding) for finding in found)
