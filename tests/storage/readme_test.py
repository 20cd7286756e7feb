"""The commands of the README's section "Storage" and of STORAGE.md, as they stand there, in a bucket of radosgw."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from radosgw import Radosgw
from s3 import client

SOURCE = Path(__file__).resolve().parent.parent.parent

# What a command ends with; others with 0. The bucket is a new one, where nothing of the documents is in force.
ENDINGS = {"weightseal audit s3://": 1}


def commands(text: str) -> list[str]:
    """Of all blocks of shell commands, and of transcripts without what they print."""
    found = []
    for language, block in re.findall(r"^```(sh|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        if language == "console":
            block = "".join(line[2:] for line in block.splitlines(keepends=True) if line.startswith("$ "))
        found += block.replace("\\\n", "").splitlines()
    return found


@pytest.fixture
def bucket(
    radosgw: Radosgw, program: Path, sign_in: Callable[..., None], marked: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], list[str]]:
    """A folder and a bucket as the reader has them. Answers what the bucket holds."""
    owner, colleague = radosgw.user("readme-owner"), radosgw.user("readme-colleague")
    s3 = client(radosgw.tls_endpoint, owner, radosgw.authority)
    s3.create_bucket(Bucket="acme-weights")
    (marked / "bin").mkdir()
    (marked / "bin" / "weightseal").symlink_to(program)
    path = [str(marked / "bin"), os.path.dirname(sys.executable), os.environ["PATH"]]
    monkeypatch.setenv("PATH", os.pathsep.join(path))
    sign_in(radosgw.tls_endpoint, radosgw.authority, owner, colleague=colleague)
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")  # others are newer than this radosgw
    monkeypatch.setenv("WEIGHTSEAL_KEY", (marked / "model.key").read_text().strip())

    def keys() -> list[str]:
        return [entry["Key"] for entry in s3.list_objects_v2(Bucket="acme-weights").get("Contents", [])]

    yield keys
    for key in keys():
        s3.delete_object(Bucket="acme-weights", Key=key)
    s3.delete_bucket(Bucket="acme-weights")


def type_in(command: str, folder: Path) -> str:
    result = subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, text=True, check=False)
    ending = next((status for start, status in ENDINGS.items() if command.startswith(start)), 0)
    assert result.returncode == ending, f"{command}\n{result.stdout}{result.stderr}"
    return result.stdout


def refused(who: str) -> list[str]:
    """How the probe tells that somebody is refused everything."""
    acts = ("GetObject of the canary", "PutObject of another", "GetObject of an object that is not there", "ListBucket")
    return [f"  - {who}: s3:{act}: 403 AccessDenied\n" for act in acts]


def test_the_section_of_the_readme(bucket: Callable[[], list[str]], tmp_path: Path) -> None:
    section = (SOURCE / "README.md").read_text(encoding="utf-8").split("\n## Storage\n")[1].split("\n## ")[0]
    *_, probe, _, verify = said = [type_in(command, tmp_path) for command in commands(section)]
    assert "no finding\n" in said
    for line in refused("nobody, over HTTPS"):
        assert line in probe
    assert bucket() == ["models/model.wseal"]
    assert verify.startswith("s3://acme-weights/models/model.wseal: verified\n")


def test_storage_md(bucket: Callable[[], list[str]], tmp_path: Path) -> None:
    text = (SOURCE / "STORAGE.md").read_text(encoding="utf-8")
    (upload,) = re.findall(r"`(aws s3 cp [^`]*)`", text)
    type_in(upload, tmp_path)
    assert bucket() == ["models/model.wseal"]
    _, documents, probe, stack, verify = [type_in(command, tmp_path) for command in commands(text)]
    assert documents.endswith("no finding\n")
    for line in refused("nobody, over HTTPS") + refused("profile colleague"):
        assert line in probe
    lines = [line.split()[:2] for line in stack.splitlines()]
    assert lines == [["PASS", "sealed"], ["PASS", "bucket"], ["PASS", "watermark"]]
    assert verify.startswith("s3://acme-weights/models/model.wseal: verified\n")
    assert bucket() == ["models/model.wseal"]
