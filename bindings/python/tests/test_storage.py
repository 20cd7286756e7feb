"""Storage: policies are written and audited."""

import json

import pytest

import weightseal as ws

READER = "arn:aws:iam::111122223333:role/inference"


def test_what_is_written_is_clean():
    bundle = ws.storage.policy("aws", bucket="b", readers=[READER])
    result = ws.storage.audit(bundle)
    assert result.subject == "bucket b"
    assert result.findings == ()
    assert result.cells["open"] > 0 and result.cells["undecided"] == 0
    assert {finding.rule for finding in result.accepted} >= {"no-vpc-endpoint", "principal-by-name"}
    assert ws.storage.audit(json.dumps(bundle)) == result == ws.storage.audit(json.dumps(bundle).encode())


def test_every_argument_is_heard():
    bundle = ws.storage.policy(
        "aws",
        bucket="acme-weights",
        prefix="models",
        region="eu-central-1",
        partition="aws",
        account="111122223333",
        readers=(READER + "#AROAEXAMPLEREADER001",),
        publishers=["arn:aws:iam::111122223333:role/publish"],
        break_glass=["arn:aws:iam::111122223333:user/emergency"],
        administrators=["arn:aws:iam::111122223333:role/platform"],
        vpc_endpoints=["vpce-0123456789abcdef0"],
        key="arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef",
    )
    text = json.dumps(bundle["documents"])
    for part in ("models/*", "AROAEXAMPLEREADER001:*", "role/publish", "user/emergency", "role/platform", "vpce-", "key/"):
        assert part in text
    assert ws.storage.audit(bundle).findings == ()


def test_a_stranger_is_found():
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}
    result = ws.storage.audit({"Version": "2012-10-17", "Statement": [statement]}, account="111122223333")
    finding = result.findings[0]
    assert (finding.rule, finding.severity, finding.certain) == ("public-access", "critical", True)
    assert finding.statement == "statement 1"
    assert finding.request.startswith("anybody without credentials: s3:GetObject of object")
    assert result.not_checked


def test_other_formats():
    assert "aws_s3_bucket_policy" in ws.storage.terraform("aws", bucket="b", readers=[READER])["resource"]
    script = ws.storage.commands("gcs", bucket="b", readers=["inference@acme.iam.gserviceaccount.com"])
    assert script.startswith("#!/bin/sh\n") and "--public-access-prevention" in script


def test_refusals():
    with pytest.raises(ws.Error, match="must be the ARN of a role or user"):
        ws.storage.policy("aws", bucket="b", readers=["everybody"])
    with pytest.raises(ws.Error, match="there are aws, gcs and azure"):
        ws.storage.policy("ibm", bucket="b", readers=[READER])
    with pytest.raises(ws.Error, match="is not valid JSON"):
        ws.storage.audit("{")
