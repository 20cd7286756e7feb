"""The independent verifier of event logs: on a committed log, and beside the real program on logs that were changed.

    WEIGHTSEAL_PROGRAM   path of the `weightseal` program

Tests are skipped where it is not set, or fail where CI=true.
"""
from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from independent_guard_log import Refused, pseudonym, siphash_2_4, verify
from independent_program_test import program  # noqa: F401 (a fixture)

LOG = (Path(__file__).parent / "vectors" / "guard_log.jsonl").read_bytes()
SECRET = bytes([1] * 32)


def test_the_committed_log_holds():
    log = verify(LOG)
    assert len(log.records) == 11 and log.signed_through == 10 and len(log.signers) == 1
    titles = [event["finding_info"]["title"] for event in log.events]
    assert titles == ["limit_reached", "in_debt", "limit_reached", "limits_changed", "tickets_exhausted",
                      "limit_reached", "tickets_exhausted"]


def test_whose_the_pseudonyms_are():
    assert siphash_2_4(bytes(range(16)), bytes(range(15))) == 0xA129CA6149BE45E5  # of the paper, appendix A
    found = [event["actor"]["user"]["uid"] for event in verify(LOG).events if "actor" in event]
    names = [b"alice", b"alice", b"bob", b"\x1b[31mcarol\n\""]
    assert found == [pseudonym(SECRET, "client", name) for name in names]


def test_the_log_in_two_files_and_torn():
    lines = LOG.splitlines(keepends=True)
    assert verify(b"".join(lines[:4]), b"".join(lines[4:])).signed_through == 10
    assert verify(b"".join(lines[:4]) + lines[4][:-1], b"".join(lines[4:])).signed_through == 10
    assert verify(b"".join(lines[4:])).signed_through == 10
    with pytest.raises(Refused):
        verify(b"".join(lines[:4]), b"".join(lines[5:]))


def changed_logs() -> dict[str, bytes]:
    lines = LOG.splitlines(keepends=True)
    logs = {"whole": LOG, "empty": b"", "torn": LOG[:-1]}
    for i in range(len(lines)):
        logs[f"without line {i}"] = b"".join(lines[:i] + lines[i + 1 :])
        logs[f"line {i} twice"] = b"".join(lines[: i + 1] + lines[i:])
        logs[f"up to line {i}"] = b"".join(lines[:i])
        swapped = lines[:i] + lines[i : i + 2][::-1] + lines[i + 2 :]
        logs[f"lines {i} and {i + 1} swapped"] = b"".join(swapped)
    chance = random.Random(5)
    for i in range(60):
        at, bit = chance.randrange(len(LOG)), 1 << chance.randrange(8)
        logs[f"bit {bit} of byte {at} flipped"] = LOG[:at] + bytes([LOG[at] ^ bit]) + LOG[at + 1 :]
    return logs


def test_the_program_says_the_same(program, tmp_path):  # noqa: F811
    path = tmp_path / "log"
    verdicts = set()
    for what, data in changed_logs().items():
        path.write_bytes(data)
        done = program("guard", "verify-log", path, "--json", status=(0, 1, 3))
        answer = json.loads(done.stdout)
        try:
            log = verify(data)
        except Refused as refused:
            assert "error" in answer, f"{what}: {refused}"
            verdicts.add(answer["error"]["code"])
            continue
        if not log.records:
            assert answer["error"]["code"] == "not_a_guard_log", what
            continue
        assert "error" not in answer, what
        assert answer["verified"] == (log.signed_through is not None), what
        assert answer.get("signed_through") == log.signed_through, what
        assert (answer["events"], set(answer["signers"])) == (len(log.events), log.signers), what
        assert answer["last"] == log.records[-1]["metadata"]["sequence"], what
        verdicts.add("holds")
    assert verdicts == {"holds", "guard_log_changed", "not_a_guard_log"}
