"""weightseal's evaluator and radosgw decide the same, save for what radosgw is known to do otherwise than AWS."""

from __future__ import annotations

import collections
import contextlib
import http.client
import json
import os
import ssl
import subprocess
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Keys
from conftest import missing
from radosgw import Credentials, Radosgw
from s3 import client

from radosgw_cases import ARN, BUCKET, MEMBERS, OWNER, READ, Case, arn_of, cases, document
from radosgw_classes import CLASSES, worded

# Of 1,000 cases, so many are decided otherwise by radosgw, for this reason alone.
DISAGREEMENTS: dict[str, int] = {}


class Server:
    """radosgw with the users and the bucket of the cases."""

    def __init__(self, radosgw: Radosgw) -> None:
        trust = ssl.create_default_context(cafile=radosgw.authority)
        self._plain = http.client.HTTPConnection(radosgw.endpoint.removeprefix("http://"))
        self._tls = http.client.HTTPSConnection(radosgw.tls_endpoint.removeprefix("https://"), context=trust)
        self._endpoints = {self._plain: radosgw.endpoint, self._tls: radosgw.tls_endpoint}
        # Whatever a policy denies, an administrator can replace it.
        self._administrator = radosgw.user("agreement-administrator", "--admin", "--caps=user-policy=*")
        self._users = {name: radosgw.user(name, f"--tenant={member.account}") for name, member in MEMBERS.items()}
        owner = client(radosgw.endpoint, self._users["owner"])
        owner.create_bucket(Bucket=BUCKET)
        for name in READ:
            owner.put_object(Bucket=BUCKET, Key=name, Body=b"content")
        iam = boto3.client(
            "iam", endpoint_url=radosgw.endpoint, region_name="us-east-1",
            aws_access_key_id=self._administrator.access_key, aws_secret_access_key=self._administrator.secret_key,
        )
        policy = json.dumps(document(MEMBERS["bob"].statements))
        iam.put_user_policy(UserName=f"{OWNER}$bob", PolicyName="bobs", PolicyDocument=policy)

    def put_policy(self, policy: dict[str, Any]) -> None:
        status, answer = self._ask(self._plain, self._administrator, "PUT", "", {"policy": ""}, {}, json.dumps(policy))
        assert status == 204, f"{answer}: {policy}"

    def allows(self, case: Case) -> bool:
        method, name, parameters = case.request()
        connection = self._tls if case.https else self._plain
        status, answer = self._ask(connection, self._users.get(case.caller), method, name, parameters, case.headers, "")
        if status == 403:
            assert "<Code>AccessDenied</Code>" in answer, answer
            return False
        assert status in (200, 204), answer
        return True

    def _ask(
        self, connection: http.client.HTTPConnection, user: Credentials | None, method: str, name: str,
        parameters: dict[str, str], headers: dict[str, str], body: str,
    ) -> tuple[int, str]:
        path = urllib.parse.quote(f"/{OWNER}:{BUCKET}/{name}".removesuffix("/"), safe="/-._~")
        if parameters:
            path += "?" + urllib.parse.urlencode(sorted(parameters.items()), quote_via=urllib.parse.quote, safe="-._~")
        request = AWSRequest(method, self._endpoints[connection] + path, headers, body)
        if user:
            S3SigV4Auth(Keys(user.access_key, user.secret_key), "s3", "us-east-1").add_auth(request)
        connection.request(method, path, body, dict(request.headers))
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


@pytest.fixture(scope="module")
def evaluate(program: Path) -> Callable[[list[dict[str, Any]]], list[bool]]:
    """weightseal's answers to questions."""
    evaluator = program.parent.parent / "tests" / "evaluate_requests"
    if not evaluator.exists():
        missing(f"there is no {evaluator}")

    def call(questions: list[dict[str, Any]]) -> list[bool]:
        lines = "".join(json.dumps(question) + "\n" for question in questions)
        answers = subprocess.run([evaluator], input=lines, check=True, capture_output=True, text=True).stdout
        return [{"yes": True, "no": False}[json.loads(line)["allowed"]] for line in answers.splitlines()]

    return call


def test_decisions_agree(radosgw: Radosgw, evaluate: Callable[[list[dict[str, Any]]], list[bool]]) -> None:
    every = cases()
    server, theirs, policy = Server(radosgw), [], None
    for case in every:
        if case.policy is not policy:
            policy = case.policy
            server.put_policy(policy)
        theirs.append(server.allows(case))
    questions = [case.question() for case in every]
    ours = evaluate(questions)
    as_read = evaluate([worded(question, CLASSES) for question in questions])
    alone = {name: evaluate([worded(question, [name]) for question in questions]) for name in CLASSES}

    assert min(ours.count(True), ours.count(False)) > len(ours) / 4
    assert min(theirs.count(True), theirs.count(False)) > len(theirs) / 4
    found: collections.Counter[str] = collections.Counter()
    unexplained = []
    for index, case in enumerate(every):
        if as_read[index] != theirs[index]:
            unexplained.append(f"radosgw says {theirs[index]}: {case}")
        elif ours[index] != theirs[index]:
            found["+".join(name for name in CLASSES if alone[name][index] == theirs[index]) or "several"] += 1
    assert unexplained == []
    assert found == DISAGREEMENTS
