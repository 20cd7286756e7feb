"""A bucket itself is audited and probed: radosgw decides for real, moto knows all settings."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from moto_server import Moto
from radosgw import Credentials, Radosgw
from s3 import client

Run = Callable[..., subprocess.CompletedProcess[str]]
EVERYONE_READS = {
    "Sid": "Everyone", "Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject"],
    "Resource": "arn:aws:s3:::open-weights/*",
}


def audit(run: Run, *arguments: str | Path) -> tuple[int, dict[str, Any]]:
    result = run("audit", *arguments, "--json")
    assert result.stderr == ""
    return result.returncode, json.loads(result.stdout)


def rules(report: dict[str, Any], document: str | None = None) -> set[str]:
    return {one["rule"] for one in report["findings"] if document in (None, one["document"])}


def attempts(report: dict[str, Any]) -> dict[str, str]:
    return {one["request"]: one["answer"] for one in report["attempts"]}


def test_what_a_server_does_not_tell_is_not_checked(radosgw: Radosgw, sign_in: Any, run: Run) -> None:
    owner = radosgw.user("audit-owner")
    client(radosgw.endpoint, owner).create_bucket(Bucket="quiet-weights")
    sign_in(radosgw.tls_endpoint, radosgw.authority, owner)
    _, report = audit(run, "s3://quiet-weights")
    assert report["subject"] == "bucket quiet-weights"
    assert "public-access" not in rules(report)  # there is no policy
    assert "public-access-block" in rules(report)  # under a root that it calls otherwise
    # It has no such setting, and lists the bucket instead.
    said = "is answered by what is no OwnershipControls"
    assert f"ownership and access control lists: s3:GetBucketOwnershipControls: {said}" in report["not_checked"]

    def refusal(bucket: str) -> str:
        result = run("audit", bucket)
        assert (result.returncode, result.stdout) == (5, "")
        return result.stderr

    assert "there is no such bucket" in refusal("s3://no-such-weights")
    sign_in(radosgw.tls_endpoint, radosgw.authority, radosgw.user("audit-stranger"))
    assert "nothing is told: s3:GetBucketPolicy is answered by 403 AccessDenied" in refusal("s3://quiet-weights")
    sign_in(radosgw.tls_endpoint, radosgw.authority, Credentials("nobody", owner.access_key, "wrong"))
    assert "403 SignatureDoesNotMatch" in refusal("s3://quiet-weights")


def test_a_policy_that_lets_everyone_in_is_found_and_felt(radosgw: Radosgw, sign_in: Any, run: Run) -> None:
    owner = radosgw.user("audit-owner")
    s3 = client(radosgw.endpoint, owner)
    s3.create_bucket(Bucket="open-weights")
    s3.put_bucket_policy(
        Bucket="open-weights", Policy=json.dumps({"Version": "2012-10-17", "Statement": [EVERYONE_READS]})
    )
    sign_in(radosgw.tls_endpoint, radosgw.authority, owner, other=radosgw.user("audit-stranger"))
    status, report = audit(run, "s3://open-weights", "--probe", "--as", "other")
    assert status == 1
    assert {"public-access", "tls-not-enforced"} <= rules(report, "bucket_policy")
    assert {"public-access", "unlisted-reader", "presigned-allowed"} <= rules(report, "probe")
    answers = attempts(report)
    assert answers["the writer: s3:PutObject of the canary"] == "200"
    assert answers["nobody, over HTTPS: s3:GetObject of the canary"] == "200"
    assert answers["nobody, over HTTPS: s3:PutObject of another"] == "403 AccessDenied"
    assert answers["profile other: s3:GetObject of the canary"] == "200"
    assert answers["the writer: s3:DeleteObject of a canary"] == "204"
    assert "Contents" not in s3.list_objects_v2(Bucket="open-weights")


def test_a_shut_bucket_answers_nobody(radosgw: Radosgw, sign_in: Any, run: Run) -> None:
    owner = radosgw.user("audit-owner")
    s3 = client(radosgw.endpoint, owner)
    s3.create_bucket(Bucket="shut-weights")
    sign_in(radosgw.tls_endpoint, radosgw.authority, owner, other=radosgw.user("audit-stranger"))
    _, report = audit(run, "s3://shut-weights/models", "--probe", "--as", "other")
    assert rules(report, "probe") == {"presigned-allowed"}  # nothing of radosgw forbids them
    answers = attempts(report)
    strangers = ("nobody, over HTTPS", "profile other")
    acts = ("GetObject of the canary", "PutObject of another", "GetObject of an object that is not there", "ListBucket")
    for request in (f"{who}: s3:{act}" for who in strangers for act in acts):
        assert answers[request] == "403 AccessDenied", request
    assert any(line.startswith("plain HTTP: ") for line in report["not_checked"])
    assert "Contents" not in s3.list_objects_v2(Bucket="shut-weights")

    sign_in(radosgw.endpoint, radosgw.authority, owner)
    _, report = audit(run, "s3://shut-weights", "--probe")
    assert rules(report, "probe") == {"presigned-allowed", "tls-not-enforced"}
    assert attempts(report)["the writer, over plain HTTP: s3:GetObject of the canary"] == "200"


def test_a_bucket_set_up_by_the_bundle_is_clean(moto: Moto, sign_in: Any, run: Run, tmp_path: Path) -> None:
    bundle = run(
        "policy", "aws", "--bucket", "moto-weights", "--region", "us-east-1",
        "--reader", "arn:aws:iam::123456789012:role/inference#AROAEXAMPLEREADER001",
        "--administrator", "arn:aws:iam::123456789012:role/platform#AROAEXAMPLEPLATFORM1",
        "--kms-key", "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    )
    assert bundle.returncode == 0, bundle.stderr
    (tmp_path / "bundle.json").write_text(bundle.stdout)
    documents = json.loads(bundle.stdout)["documents"]
    s3 = moto.client("s3")
    s3.create_bucket(Bucket="moto-weights", ObjectLockEnabledForBucket=True)
    sign_in(moto.tls_endpoint, moto.authority, Credentials("any", "any", "any"))

    _, report = audit(run, "s3://moto-weights", "--intent", tmp_path / "bundle.json", "--fail-on", "none")
    assert {"public-access-block", "no-object-lock", "unlisted-reader"} <= rules(report)

    name = {"Bucket": "moto-weights"}
    s3.put_bucket_policy(**name, Policy=json.dumps(documents["bucket_policy"]))
    s3.put_public_access_block(**name, PublicAccessBlockConfiguration=documents["public_access_block"])
    s3.put_bucket_ownership_controls(**name, OwnershipControls=documents["ownership_controls"])
    s3.put_bucket_versioning(**name, VersioningConfiguration=documents["versioning"])
    s3.put_bucket_encryption(**name, ServerSideEncryptionConfiguration=documents["encryption"])
    s3.put_object_lock_configuration(**name, ObjectLockConfiguration=documents["object_lock"])
    status, report = audit(run, "s3://moto-weights", "--intent", tmp_path / "bundle.json", "--fail-on", "low")
    assert (status, report["findings"]) == (0, [])
    assert [line for line in report["not_checked"] if "is answered by" in line] == []

    s3.put_bucket_acl(**name, ACL="public-read")
    s3.put_public_access_block(
        **name, PublicAccessBlockConfiguration={**documents["public_access_block"], "IgnorePublicAcls": False}
    )
    _, report = audit(run, "s3://moto-weights", "--intent", tmp_path / "bundle.json")
    assert rules(report) == {"public-acl", "public-access-block"}


def test_the_stack_is_one_table(radosgw: Radosgw, sign_in: Any, run: Run, marked: Path) -> None:
    owner = radosgw.user("audit-owner")
    s3 = client(radosgw.endpoint, owner)
    s3.create_bucket(Bucket="stack-weights")
    sign_in(radosgw.tls_endpoint, radosgw.authority, owner)
    stack = ["--container-key", "file:model.key", "--key", "file:watermark.key", "--record", "model.mark.json"]
    for name in ("model.wseal", "m.safetensors"):
        s3.upload_file(str(marked / name), "stack-weights", name)

    good = run("audit", "s3://stack-weights", "--stack", "s3://stack-weights/model.wseal", *stack, "--fail-on", "none")
    assert (good.returncode, good.stderr) == (0, "")
    assert [line.split()[:2] for line in good.stdout.splitlines()] == [
        ["PASS", "sealed"], ["PASS", "bucket"], ["PASS", "watermark"],
    ]
    bad = run("audit", "s3://stack-weights", "--stack", "m.safetensors", *stack)
    assert bad.returncode == 1, bad.stderr
    assert [line.split()[:2] for line in bad.stdout.splitlines()] == [
        ["FAIL", "sealed"], ["FAIL", "bucket"], ["FAIL", "watermark"],
    ]
    assert "tls-not-enforced" in bad.stdout
    status, report = audit(run, "s3://stack-weights", "--stack", "s3://stack-weights/model.wseal", *stack)
    assert status == 1
    assert [(check["check"], check["passed"]) for check in report["stack"]] == [
        ("sealed", True), ("bucket", False), ("watermark", True),
    ]
