"""weightseal's evaluator and radosgw decide the same, save for what radosgw is known to do otherwise than AWS."""

from __future__ import annotations

import collections
import contextlib
import http.client
import itertools
import json
import re
import ssl
import subprocess
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Keys
from botocore.exceptions import ClientError
from conftest import missing
from radosgw import Credentials, Radosgw
from s3 import client

from radosgw_cases import ARN, BUCKET, MEMBERS, OWNER, READ, Case, arn_of, cases, document
from radosgw_classes import CLASSES, worded

AGREEMENT = Path(__file__).resolve().parent.parent / "agreement"


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
        self.owner = client(radosgw.endpoint, self._users["owner"])
        self.owner.create_bucket(Bucket=BUCKET)
        for name in READ:
            self.owner.put_object(Bucket=BUCKET, Key=name, Body=b"content")
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


Evaluate = Callable[[list[dict[str, Any]]], list[str]]


@pytest.fixture(scope="module")
def evaluate(program: Path) -> Evaluate:
    """weightseal's answers to questions: "yes", "no" or "unknown"."""
    evaluator = program.parent.parent / "tests" / "evaluate_requests"
    if not evaluator.exists():
        missing(f"there is no {evaluator}")

    def call(questions: list[dict[str, Any]]) -> list[str]:
        lines = "".join(json.dumps(question) + "\n" for question in questions)
        answers = subprocess.run([evaluator], input=lines, check=True, capture_output=True, text=True).stdout
        return [json.loads(line)["allowed"] for line in answers.splitlines()]

    return call


def explanation(evaluate: Evaluate, question: dict[str, Any], answer: str) -> tuple[str, ...]:
    """The fewest classes by which weightseal's answer is radosgw's."""
    everything = worded(question, CLASSES)
    present = [name for name in CLASSES if worded(question, CLASSES.keys() - {name}) != everything]
    for count in range(len(present) + 1):
        every = list(itertools.combinations(present, count))
        said = evaluate([worded(question, names) for names in every])
        if found := [names for names, one in zip(every, said) if one == answer]:
            return found[0]
    raise AssertionError(f"radosgw says {answer}: {question}")


class Comparison(NamedTuple):
    cases: list[Case]
    ours: list[str]
    theirs: list[str]


@pytest.fixture(scope="module")
def server(radosgw: Radosgw) -> Server:
    return Server(radosgw)


@pytest.fixture(scope="module")
def compared(server: Server, evaluate: Evaluate) -> Comparison:
    every, theirs, policy = cases(), [], None
    for case in every:
        if case.policy is not policy:
            policy = case.policy
            server.put_policy(policy)
        theirs.append("yes" if server.allows(case) else "no")
    return Comparison(every, evaluate([case.question() for case in every]), theirs)


def test_cases_are_the_same_each_time() -> None:
    assert cases() == cases()
    assert len({json.dumps(case.policy) for case in cases()}) == 500
    assert len(cases()) == 1000


def test_both_answers_are_frequent(compared: Comparison) -> None:
    for said in (compared.ours, compared.theirs):
        assert min(said.count("yes"), said.count("no")) >= 250


def test_all_that_radosgw_says_is_explained(compared: Comparison, evaluate: Evaluate) -> None:
    as_read = evaluate([worded(case.question(), CLASSES) for case in compared.cases])
    for case, ours, theirs in zip(compared.cases, as_read, compared.theirs):
        assert ours == theirs, case


def test_disagreements_are_as_many_as_the_table_says(compared: Comparison, evaluate: Evaluate) -> None:
    found: collections.Counter[str] = collections.Counter()
    for case, ours, theirs in zip(*compared):
        if ours != theirs:
            found.update(explanation(evaluate, case.question(), theirs))
    text = (AGREEMENT / "DISAGREEMENTS.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| radosgw `([a-z-]+)` \|.*\| (\d+) \|$", text, re.MULTILINE)
    assert found == {name: int(count) for name, count in rows}
    total = sum(ours != theirs for _, ours, theirs in zip(*compared))
    assert f"\n{total} of the 1,000 requests" in text


@pytest.mark.parametrize("principal, ours, theirs", [
    ("*", True, True),
    ({"AWS": arn_of("carol")}, False, True),  # AWS: a fixed principal is not the public
])
def test_what_is_public(server: Server, evaluate: Evaluate, principal: Any, ours: bool, theirs: bool) -> None:
    policy = document([{"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": f"{ARN}/*"}])
    server.put_policy(policy)
    assert server.owner.get_bucket_policy_status(Bucket=BUCKET)["PolicyStatus"]["IsPublic"] == theirs

    # Of a public policy nothing is left for other accounts by this setting.
    question = Case(policy, "carol", "s3:GetObject", READ[0], True, {"User-Agent": ""}, {}).question()
    assert evaluate([question, question | {"restrict_public_buckets": True}]) == ["yes", "no" if ours else "yes"]

    block = {"BlockPublicPolicy": True, "BlockPublicAcls": False, "IgnorePublicAcls": False, "RestrictPublicBuckets": False}
    server.owner.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=block)
    try:
        with pytest.raises(ClientError, match="AccessDenied") if theirs else contextlib.nullcontext():
            server.owner.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    finally:
        server.owner.delete_public_access_block(Bucket=BUCKET)
