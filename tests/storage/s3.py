"""Clients of an S3 server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config

if TYPE_CHECKING:
    from radosgw import Credentials


def client(endpoint: str, credentials: Credentials | None, authority: Path | None = None) -> Any:
    """boto3's, for this user, or for nobody in particular. It asks once, and takes nothing from the environment."""
    options = {
        # Checksums at the end of chunked bodies are newer than some servers.
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
        "retries": {"total_max_attempts": 1},
        "s3": {"addressing_style": "path"},
    }
    keys = {}
    if credentials:
        options["signature_version"] = "s3v4"
        keys = {"aws_access_key_id": credentials.access_key, "aws_secret_access_key": credentials.secret_key}
    else:
        options["signature_version"] = UNSIGNED
    return boto3.session.Session(region_name="us-east-1").client(
        "s3", endpoint_url=endpoint, verify=str(authority) if authority else None, config=Config(**options), **keys
    )
