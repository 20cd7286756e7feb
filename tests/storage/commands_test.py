"""The script of `weightseal policy aws --format commands` is run by AWS's own command line, against moto."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from moto_server import Moto

Run = Callable[..., subprocess.CompletedProcess[str]]
ACCOUNT = "123456789012"  # moto's
INTENT = [
    "--bucket", "script-weights", "--prefix", "models", "--region", "eu-central-1",
    "--reader", f"arn:aws:iam::{ACCOUNT}:role/inference#AROAEXAMPLEREADER001",
    "--publisher", f"arn:aws:iam::{ACCOUNT}:role/publish#AROAEXAMPLEPUBLISH01",
    "--administrator", f"arn:aws:iam::{ACCOUNT}:role/platform#AROAEXAMPLEPLATFORM1",
]


# The host of s3control is ACCOUNT.localhost, which need not have an address: there aws checks its arguments only.
CHECK_ONLY = """\
aws() {
    case $1 in
    s3control) command aws "$@" --generate-cli-skeleton output ;;
    *) command aws "$@" ;;
    esac
}
"""


@pytest.fixture
def at_moto(moto: Moto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto.tls_endpoint)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(moto.authority))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    monkeypatch.setenv("PATH", os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]))


@pytest.mark.usefixtures("at_moto")
def test_what_the_script_sets_up_is_what_the_bundle_says(moto: Moto, run: Run, tmp_path: Path) -> None:
    s3, trail = moto.client("s3", "eu-central-1"), moto.client("cloudtrail", "eu-central-1")
    location = {"LocationConstraint": "eu-central-1"}
    s3.create_bucket(Bucket="script-weights", CreateBucketConfiguration=location, ObjectLockEnabledForBucket=True)
    s3.create_bucket(Bucket="trail-logs", CreateBucketConfiguration=location)
    trail.create_trail(Name="main", S3BucketName="trail-logs")

    script = run("policy", "aws", *INTENT, "--format", "commands").stdout
    result = subprocess.run(
        ["sh"], input=CHECK_ONLY + script, env={**os.environ, "TRAIL": "main"}, cwd=tmp_path, capture_output=True,
        text=True, check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")

    documents = json.loads(run("policy", "aws", *INTENT).stdout)["documents"]
    name = {"Bucket": "script-weights"}
    assert json.loads(s3.get_bucket_policy(**name)["Policy"]) == documents["bucket_policy"]
    found = s3.get_public_access_block(**name)["PublicAccessBlockConfiguration"]
    assert found == documents["public_access_block"]
    assert s3.get_bucket_ownership_controls(**name)["OwnershipControls"] == documents["ownership_controls"]
    assert s3.get_bucket_versioning(**name)["Status"] == documents["versioning"]["Status"]
    assert s3.get_bucket_encryption(**name)["ServerSideEncryptionConfiguration"] == documents["encryption"]
    found = s3.get_object_lock_configuration(**name)["ObjectLockConfiguration"]
    del found["Rule"]["DefaultRetention"]["Years"]  # moto's: 0
    assert found == documents["object_lock"]

    kms = moto.client("kms", "eu-central-1")
    key = kms.describe_key(KeyId="alias/weights-script-weights")["KeyMetadata"]["KeyId"]
    assert json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]) == documents["key_policy"]
    found = trail.get_event_selectors(TrailName="main")["AdvancedEventSelectors"]
    assert found == documents["data_events"]
