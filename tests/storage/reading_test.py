"""Sealed models are read straight from a bucket: by the program and by Python, from radosgw and from moto, over TLS."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from conftest import Sealed
from moto_server import Moto
from radosgw import Credentials, Radosgw
from s3 import client

Run = Callable[..., subprocess.CompletedProcess[str]]
BUCKET = "reading-weights"
MODEL = f"s3://{BUCKET}/models/model.wseal"
ALL = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


class Bucket(NamedTuple):
    """One that holds the sealed model, and how its owner comes to it."""

    endpoint: str
    authority: Path
    owner: Credentials
    s3: Any  # boto3's client of the owner


    def copy(self, key: str) -> str:
        """Another copy of the model, and where it is."""
        self.s3.copy_object(Bucket=BUCKET, Key=key, CopySource={"Bucket": BUCKET, "Key": "models/model.wseal"})
        return f"s3://{BUCKET}/{key}"


def filled(server: Radosgw | Moto, owner: Credentials, sealed: Sealed) -> Bucket:
    bucket = Bucket(server.tls_endpoint, server.authority, owner, client(server.tls_endpoint, owner, server.authority))
    bucket.s3.create_bucket(Bucket=BUCKET)
    bucket.s3.put_object(Bucket=BUCKET, Key="models/model.wseal", Body=sealed.path.read_bytes())
    return bucket


@pytest.fixture(scope="module")
def on_radosgw(radosgw: Radosgw, sealed: Sealed) -> Bucket:
    return filled(radosgw, radosgw.user("reading-owner"), sealed)


@pytest.fixture(scope="module")
def moto_bucket(moto: Moto, sealed: Sealed) -> Bucket:
    iam = moto.client("iam")
    iam.create_user(UserName="owner")
    iam.put_user_policy(UserName="owner", PolicyName="all", PolicyDocument=policy(ALL))
    key = iam.create_access_key(UserName="owner")["AccessKey"]
    return filled(moto, Credentials("owner", key["AccessKeyId"], key["SecretAccessKey"]), sealed)


@pytest.fixture
def on_moto(moto: Moto, moto_bucket: Bucket) -> Iterator[Bucket]:
    """It checks signatures."""
    with moto.checking_signatures():
        yield moto_bucket


@pytest.fixture(params=["radosgw", "moto"])
def bucket(request: pytest.FixtureRequest) -> Bucket:
    return request.getfixturevalue(f"on_{request.param}")


@pytest.fixture
def enter(sign_in: Callable[..., None]) -> Callable[..., None]:
    """As its owner, or as somebody else."""

    def call(bucket: Bucket, credentials: Credentials | None = None) -> None:
        sign_in(bucket.endpoint, bucket.authority, credentials or bucket.owner)

    return call


class Refusal:
    """Expects an error of this name, whose message says this, of the program and of Python."""

    def __init__(self, run: Run, ws: ModuleType, sealed: Sealed) -> None:
        self._run, self._ws, self._sealed = run, ws, sealed

    def __call__(self, location: str, name: str, said: str, status: int) -> None:
        result = self._run("verify", location, "--key", self._sealed.key)
        assert (result.returncode, result.stdout) == (status, ""), result.stderr
        assert said in result.stderr
        with pytest.raises(self._ws.Error, match=re.escape(said)) as caught:
            self._ws.open(location, "np", key=self._sealed.key)
        assert caught.value.name == name


@pytest.fixture
def refusal(run: Run, ws: ModuleType, sealed: Sealed) -> Refusal:
    return Refusal(run, ws, sealed)


def test_the_program_reads(bucket: Bucket, enter: Any, sealed: Sealed, run: Run, tmp_path: Path) -> None:
    enter(bucket)
    verified = run("verify", MODEL, "--key", sealed.key)
    assert (verified.returncode, verified.stderr) == (0, "")
    assert verified.stdout.startswith(f"{MODEL}: verified\n")

    inspected = run("inspect", MODEL, "--key", sealed.key, "--json")
    assert (inspected.returncode, inspected.stderr) == (0, "")
    assert inspected.stdout == run("inspect", sealed.path, "--key", sealed.key, "--json").stdout

    unsealed = run("unseal", MODEL, "-o", "back.safetensors", "--key", sealed.key)
    assert unsealed.returncode == 0, unsealed.stderr
    assert (tmp_path / "back.safetensors").read_bytes() == sealed.plain.read_bytes()


def test_python_reads(bucket: Bucket, enter: Any, sealed: Sealed, ws: ModuleType) -> None:
    enter(bucket)
    with ws.open(MODEL, "np", key=sealed.key) as model:
        assert model.get_tensor("last").tobytes() == sealed.tensors["last"]
        assert model.get_slice("middle")[1000:2000].tobytes() == sealed.tensors["middle"][1000:2000]
    state = ws.load_file(MODEL, key=sealed.key, framework="np")
    assert {name: array.tobytes() for name, array in state.items()} == sealed.tensors


def test_a_presigned_url_is_a_place_on_a_web_server(
    on_radosgw: Bucket, sealed: Sealed, run: Run, ws: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"Bucket": BUCKET, "Key": "models/model.wseal"}
    url = on_radosgw.s3.generate_presigned_url("get_object", asked, ExpiresIn=600)
    monkeypatch.setenv("SSL_CERT_FILE", str(on_radosgw.authority))
    result = run("verify", url, "--key", sealed.key)
    assert (result.returncode, result.stderr) == (0, "")
    assert "Signature" not in result.stdout
    with ws.open(url, "np", key=sealed.key) as model:
        assert model.get_tensor("last").tobytes() == sealed.tensors["last"]
    altered = url.replace("/models/", "/others/")
    result = run("verify", altered, "--key", sealed.key)
    assert result.returncode == 5
    assert "(SignatureDoesNotMatch)" in result.stderr
    assert "X-Amz" not in result.stderr


def test_plain_http_is_for_those_who_ask_for_it(
    radosgw: Radosgw, on_radosgw: Bucket, enter: Any, sealed: Sealed, run: Run
) -> None:
    enter(on_radosgw._replace(endpoint=radosgw.endpoint))
    assert run("verify", MODEL, "--key", sealed.key).returncode == 0


@pytest.mark.parametrize("kind", ["keys", "credential_process"])
@pytest.mark.parametrize("profile", ["default", "serving"])
def test_a_profile_says_who_asks(
    on_radosgw: Bucket, sealed: Sealed, run: Run, home: Path, kind: str, profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", on_radosgw.endpoint)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(on_radosgw.authority))
    if profile != "default":
        monkeypatch.setenv("AWS_PROFILE", profile)
    section = profile if profile == "default" else f"profile {profile}"
    key, secret = on_radosgw.owner.access_key, on_radosgw.owner.secret_key
    (home / ".aws").mkdir()
    config = f"[{section}]\nregion = eu-central-1\n"
    if kind == "keys":
        text = f"[{profile}]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n[other]\naws_access_key_id = x\n"
        (home / ".aws" / "credentials").write_text(text)
    else:
        (home / "answer").write_text(json.dumps({"Version": 1, "AccessKeyId": key, "SecretAccessKey": secret}))
        config += f"credential_process = cat '{home}/answer'\n"
    (home / ".aws" / "config").write_text(config)
    result = run("verify", MODEL, "--key", sealed.key)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.fixture(scope="module")
def role(moto: Moto) -> str:
    """The ARN of one at moto that may read."""
    iam = moto.client("iam")
    made = iam.create_role(RoleName="inference", AssumeRolePolicyDocument=policy())["Role"]["Arn"]
    iam.put_role_policy(RoleName="inference", PolicyName="all", PolicyDocument=policy(ALL))
    return made


def test_a_session_shows_its_token(
    moto: Moto, moto_bucket: Bucket, role: str, enter: Any, sealed: Sealed, run: Run, refusal: Refusal, monkeypatch: Any
) -> None:
    session = moto.client("sts").assume_role(RoleArn=role, RoleSessionName="reading")["Credentials"]
    enter(moto_bucket, Credentials("session", session["AccessKeyId"], session["SecretAccessKey"]))
    with moto.checking_signatures():
        refusal(MODEL, "server_refused", "403 (InvalidAccessKeyId)", 5)
        monkeypatch.setenv("AWS_SESSION_TOKEN", session["SessionToken"])
        result = run("verify", MODEL, "--key", sealed.key)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_web_identity_gets_a_session(
    moto: Moto, moto_bucket: Bucket, role: str, sealed: Sealed, run: Run, tmp_path: Path, monkeypatch: Any
) -> None:
    (tmp_path / "token").write_text("of.an.identity")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", moto_bucket.endpoint)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto_bucket.endpoint)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(moto_bucket.authority))
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", role)
    with moto.checking_signatures(after=1):  # that of the token, which is not signed
        result = run("verify", MODEL, "--key", sealed.key)
    assert (result.returncode, result.stderr) == (0, "")


KEYS = [
    "models/a b.wseal",
    "models/a+b%20c%2Bd.wseal",
    "models/Modèle-模型-🔒.wseal",
    "models/!\"#$&'()*,:;<=>?@[]^`{|}~\\.wseal",
    "models//twice//.wseal",
    "models/./../.wseal",
    "a=b&c?d#e",
]


@pytest.mark.parametrize("key", KEYS)
def test_keys_of_any_characters_are_signed_rightly(
    bucket: Bucket, enter: Any, sealed: Sealed, run: Run, key: str
) -> None:
    location = bucket.copy(key)
    assert key in [entry["Key"] for entry in bucket.s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    enter(bucket)
    result = run("verify", location, "--key", sealed.key)
    assert (result.returncode, result.stderr) == (0, "")


def test_who_may_not_read_is_told_so(radosgw: Radosgw, on_radosgw: Bucket, enter: Any, refusal: Refusal) -> None:
    stranger = radosgw.user("reading-stranger")
    enter(on_radosgw, stranger)
    refusal(MODEL, "server_refused", "403 (AccessDenied)", 5)


def test_a_policy_lets_in_and_keeps_out(
    radosgw: Radosgw, on_radosgw: Bucket, enter: Any, sealed: Sealed, run: Run, refusal: Refusal
) -> None:
    reader = radosgw.user("reading-reader")
    enter(on_radosgw, reader)
    allow = {"Effect": "Allow", "Principal": {"AWS": reader.arn}, "Action": "s3:GetObject"}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*"}
    for statement in (allow, deny):
        statement["Resource"] = f"arn:aws:s3:::{BUCKET}/models/*"

    on_radosgw.s3.put_bucket_policy(Bucket=BUCKET, Policy=policy(allow))
    assert run("verify", MODEL, "--key", sealed.key).returncode == 0
    on_radosgw.s3.put_bucket_policy(Bucket=BUCKET, Policy=policy(allow, deny))
    try:
        refusal(MODEL, "server_refused", "403 (AccessDenied)", 5)
        enter(on_radosgw)
        refusal(MODEL, "server_refused", "403 (AccessDenied)", 5)
    finally:
        on_radosgw.s3.delete_bucket_policy(Bucket=BUCKET)


def test_a_wrong_secret_is_refused(bucket: Bucket, enter: Any, refusal: Refusal) -> None:
    enter(bucket, Credentials("owner", bucket.owner.access_key, "x" * 40))
    refusal(MODEL, "server_refused", "403 (SignatureDoesNotMatch)", 5)


def test_an_unknown_key_id_is_refused(bucket: Bucket, enter: Any, refusal: Refusal) -> None:
    enter(bucket, Credentials("nobody", "AKIANOBODYATALL00000", "x" * 40))
    refusal(MODEL, "server_refused", "403 (InvalidAccessKeyId)", 5)


def test_an_object_that_is_not_there(bucket: Bucket, enter: Any, refusal: Refusal) -> None:
    enter(bucket)
    refusal(f"s3://{BUCKET}/models/none.wseal", "file_not_found", "there is no such object", 5)


def test_a_server_that_nobody_vouches_for(bucket: Bucket, enter: Any, refusal: Refusal, monkeypatch: Any) -> None:
    enter(bucket)
    monkeypatch.delenv("AWS_CA_BUNDLE")
    refusal(MODEL, "server_unreachable", "certificate", 5)


def test_no_credentials(bucket: Bucket, enter: Any, refusal: Refusal, monkeypatch: Any) -> None:
    enter(bucket)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    refusal(MODEL, "key_source_failed", "credentials", 4)


def test_a_model_in_plain_text_is_refused(bucket: Bucket, enter: Any, sealed: Sealed, run: Run) -> None:
    bucket.s3.put_object(Bucket=BUCKET, Key="plain.safetensors", Body=sealed.plain.read_bytes())
    enter(bucket)
    result = run("verify", f"s3://{BUCKET}/plain.safetensors", "--key", sealed.key)
    assert result.returncode == 1
    assert "plaintext" in result.stderr


@pytest.mark.parametrize("change", ["other bytes", "shorter", "deleted"])
def test_an_object_that_changes_while_it_is_open(
    bucket: Bucket, enter: Any, sealed: Sealed, ws: ModuleType, change: str
) -> None:
    enter(bucket)
    with ws.open(bucket.copy("changing.wseal"), "np", key=sealed.key) as model:
        assert model.get_slice("first")[:100].tobytes() == sealed.tensors["first"][:100]
        content = bytearray(sealed.path.read_bytes())
        if change == "deleted":
            bucket.s3.delete_object(Bucket=BUCKET, Key="changing.wseal")
        else:
            content[-1] ^= 1
            if change == "shorter":
                content = content[: 1 << 20]
            bucket.s3.put_object(Bucket=BUCKET, Key="changing.wseal", Body=bytes(content))
        with pytest.raises(ws.Error) as caught:
            model.get_tensor("last")
        assert caught.value.name == ("file_not_found" if change == "deleted" else "source_changed")


def test_the_same_bytes_under_another_etag_are_another_object(
    bucket: Bucket, enter: Any, sealed: Sealed, ws: ModuleType
) -> None:
    enter(bucket)
    location = bucket.copy("again.wseal")
    with ws.open(location, "np", key=sealed.key) as model:
        upload = {"Bucket": BUCKET, "Key": "again.wseal"}
        upload["UploadId"] = bucket.s3.create_multipart_upload(**upload)["UploadId"]
        part = bucket.s3.upload_part(**upload, PartNumber=1, Body=sealed.path.read_bytes())
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        bucket.s3.complete_multipart_upload(**upload, MultipartUpload=parts)
        with pytest.raises(ws.Error) as caught:
            model.get_tensor("last")
        assert caught.value.name == "source_changed"
    with ws.open(location, "np", key=sealed.key) as model:
        assert model.get_tensor("last").tobytes() == sealed.tensors["last"]
