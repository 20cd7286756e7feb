"""The server itself: what the other tests of this folder take for granted."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from radosgw import Radosgw
from s3 import client

HERE = Path(__file__).resolve().parent


def test_policies_are_enforced(radosgw: Radosgw) -> None:
    owner = client(radosgw.tls_endpoint, radosgw.user("owner"), radosgw.authority)
    other = client(radosgw.tls_endpoint, radosgw.user("other"), radosgw.authority)
    owner.create_bucket(Bucket="server-test")
    owner.put_object(Bucket="server-test", Key="object", Body=b"content")
    with pytest.raises(ClientError, match="AccessDenied"):
        other.get_object(Bucket="server-test", Key="object")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": radosgw.user("other").arn},
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::server-test/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    owner.put_bucket_policy(Bucket="server-test", Policy=policy)
    assert other.get_object(Bucket="server-test", Key="object", Range="bytes=1-3")["Body"].read() == b"ont"
    with pytest.raises(ClientError, match="AccessDenied"):
        client(radosgw.endpoint, None).get_object(Bucket="server-test", Key="object")


def test_its_processes_end_with_the_one_that_started_it(tmp_path: Path) -> None:
    script = "import os, pathlib, radosgw, sys\n" \
        "with radosgw.running(pathlib.Path(sys.argv[1])): print('up', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script, tmp_path], cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(HERE)},
    ) as starter:
        assert starter.stdout.readline() == b"up\n"
        children = Path(f"/proc/{starter.pid}/task/{starter.pid}/children").read_text().split()
        ends = [os.pidfd_open(int(child)) for child in children]
        assert len(ends) == 3
        starter.send_signal(signal.SIGKILL)
    for end in ends:
        ready, _, _ = select.select([end], [], [], 60)
        assert ready
        os.close(end)
