"""The event log and metrics, as a server uses them."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import threading
from pathlib import Path

import pytest
import weightseal as ws

NOON = 1_790_000_000.0
LIMITS = {"capacity": 1000, "limits": [{"budget": "queries", "limit": 1, "window": 60}]}


@pytest.fixture
def guard() -> ws.Guard:
    return ws.Guard(limits=LIMITS, secret=bytes(32))


@pytest.fixture(scope="module")
def key() -> str:
    return ws.keygen(kind="signing")


def refuse(guard: ws.Guard, name: str, now: float = 0.0) -> None:
    guard.check(name, now=now)
    assert not guard.check(name, now=now).allowed


def chain(text: bytes) -> list[dict]:
    """The records, each of which holds the hash of the line before it."""
    previous = bytes(32)
    records = []
    for number, line in enumerate(text.splitlines()):
        record = json.loads(line)
        assert record["metadata"]["sequence"] == number and record["prev"] == previous.hex()
        previous = hashlib.sha256(line).digest()
        records.append(record)
    return records


def test_events_are_written_to_a_file(guard: ws.Guard, key: str, tmp_path: Path) -> None:
    path = tmp_path / "guard.jsonl"
    with ws.GuardLog(guard, path, signing_key=key, checkpoint_every=2, wall=NOON) as log:
        for name in "alice", "bob", "carol":
            refuse(guard, name, now=100.0)
        assert log.write(now=101.0, wall=NOON + 1) == 3
        assert log.counters == ws.GuardLogCounters(events=3, waiting=0, failures=0, last_errno=0)
    text = path.read_bytes()
    assert b"alice" not in text and path.stat().st_mode & 0o777 == 0o600
    records = chain(text)
    assert [record["class_uid"] for record in records] == [1008, 2004, 2004, 1008, 2004, 1008]
    assert [record.get("activity_name") for record in records if "signature" in record] == [
        "log_opened",
        "checkpoint",
        "log_closed",
    ]
    event = records[1]
    assert event["finding_info"]["title"] == "limit_reached" and event["time"] == NOON * 1000
    assert event["unmapped"] == {
        "dropped": 0,
        "tier": "client",
        "budget": "queries",
        "window": 60,
        "limit": 1,
        "used": 1,
    }
    assert event["actor"]["user"]["uid"] == guard.pseudonym("alice")


def test_pseudonyms(guard: ws.Guard) -> None:
    assert guard.pseudonym("alice") == ws.Guard(secret=bytes(32)).pseudonym(b"alice")
    assert guard.pseudonym("alice") != ws.Guard().pseudonym("alice")
    assert len({guard.pseudonym("a"), guard.pseudonym(pool="a"), guard.pseudonym(peer="192.0.2.1")}) == 3
    assert guard.pseudonym(peer="192.0.2.1:443") == guard.pseudonym(peer="::ffff:192.0.2.1")
    with pytest.raises(ws.Error, match="invalid_argument"):
        guard.pseudonym()


def test_the_next_process_goes_on(guard: ws.Guard, key: str, tmp_path: Path) -> None:
    path = tmp_path / "guard.jsonl"
    for name in "alice", "bob":
        with ws.GuardLog(guard, str(path), signing_key=key):
            refuse(guard, name)
    first, second = tmp_path / "guard.jsonl.000001", path
    assert len(chain(first.read_bytes() + second.read_bytes())) == 6
    with ws.GuardLog(guard, path, signing_key=key), pytest.raises(ws.Error, match="io_failed"):
        ws.GuardLog(guard, path, signing_key=key)


def test_a_function_may_refuse_lines(guard: ws.Guard, key: str) -> None:
    taken: list[bytes] = []
    answers: list[object] = [None, False, OSError("full"), True]

    def take(lines: bytes) -> object:
        answer = answers.pop(0) if answers else None
        if isinstance(answer, Exception):
            raise answer
        if answer is not False:
            taken.append(lines)
        return answer

    log = ws.GuardLog(guard, take, signing_key=key)
    refuse(guard, "alice")
    assert log.write() == 1 and log.counters.waiting > 0
    assert log.write() == 0 and log.counters.failures == 2
    assert log.write() == 0 and log.counters.waiting == 0
    assert log.close()
    assert [record["metadata"]["sequence"] for record in chain(b"".join(taken))] == [0, 1, 2]


def test_a_closed_pipe_is_counted(guard: ws.Guard, key: str) -> None:
    reading, writing = os.pipe()
    log = ws.GuardLog(guard, writing, signing_key=key)
    os.close(reading)
    refuse(guard, "alice")
    log.write()
    assert log.counters.last_errno == errno.EPIPE
    assert not log.close() and not log.close()
    os.close(writing)


def test_metrics(guard: ws.Guard, key: str) -> None:
    refuse(guard, "alice")
    lines = guard.metrics().splitlines()
    assert 'weightseal_guard_requests_total{decision="admitted"} 1' in lines
    assert 'weightseal_guard_requests_total{decision="refused"} 1' in lines
    assert not any("_log_" in line for line in lines)
    with ws.GuardLog(guard, lambda lines: True, signing_key=key) as log:
        log.write()
        assert "weightseal_guard_log_events_total 1" in guard.metrics(log).splitlines()


def test_misuse(guard: ws.Guard, key: str, tmp_path: Path) -> None:
    with pytest.raises(ws.Error, match="key_kind"):
        ws.GuardLog(guard, tmp_path / "log", signing_key=ws.keygen())
    (tmp_path / "notes").write_text("notes\n")
    with pytest.raises(ws.Error, match="not_a_guard_log"):
        ws.GuardLog(guard, tmp_path / "notes", signing_key=key)
    with pytest.raises(ValueError, match="must not be negative"):
        ws.GuardLog(guard, tmp_path / "log", signing_key=key, checkpoint_every=-1)
    with pytest.raises(ws.Error, match="invalid_argument"):
        ws.GuardLog(guard, -5, signing_key=key)
    log = ws.GuardLog(guard, tmp_path / "log", signing_key=key)
    guard.close()
    with pytest.raises(ValueError, match="the guard is closed"):
        log.write()
    with pytest.raises(ValueError, match="the guard is closed"):
        log.close()


def test_threads(key: str, tmp_path: Path) -> None:
    guard = ws.Guard(limits=LIMITS)
    lines: list[bytes] = []
    log = ws.GuardLog(guard, lines.append, signing_key=key)

    def work(first: int) -> None:
        for i in range(first, first + 100):
            refuse(guard, f"client-{i}")
            log.write(now=0.0)

    threads = [threading.Thread(target=work, args=(i * 100,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.counters.events == 400
    assert log.close(now=0.0)
    assert len(chain(b"".join(lines))) == 403
