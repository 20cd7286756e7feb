"""A record that an authority has time-stamped. The authority is the program openssl's."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
import weightseal as ws
from conftest import missing
from marks import KEY, Marking

HELPERS = Path(__file__).parents[3] / "tests" / "cli" / "helpers"


class Stamped(NamedTuple):
    record: ws.Record
    authorities: Path
    strangers: Path


@pytest.fixture(scope="module")
def stamped(marking: Marking, tmp_path_factory: pytest.TempPathFactory) -> Stamped:
    program = os.environ.get("WEIGHTSEAL_PROGRAM")
    if not program or not shutil.which("openssl"):
        missing("WEIGHTSEAL_PROGRAM names no program, or there is no openssl")
    folder = tmp_path_factory.mktemp("stamped")

    def run(*command: object) -> None:
        subprocess.run(list(map(str, command)), cwd=folder, check=True, stdout=subprocess.DEVNULL)

    marking.record.save(folder / "record.json")
    run(program, "timestamp", "record.json", "--request", "query")
    for name in ("alice", "mallory"):
        run(HELPERS / "make-authority", name)
    run(HELPERS / "stamp", "alice", "query", "reply")
    run(program, "timestamp", "record.json", "--response", "reply")
    return Stamped(ws.Record.load(folder / "record.json"), folder / "alice/root.pem", folder / "mallory/root.pem")


def test_a_time_stamp_is_verified(stamped: Stamped) -> None:
    assert stamped.record.has_timestamp
    stamp = stamped.record.verify_timestamp(stamped.authorities)
    assert stamp.authority == "O = Tests, CN = alice stamps"
    assert stamp.time.tzinfo is datetime.timezone.utc
    with pytest.raises(ws.Error) as caught:
        stamped.record.verify_timestamp(stamped.strangers)
    assert caught.value.name == "timestamp_untrusted"


def test_a_report_tells_whether_it_is_older_than_the_suspect(marking: Marking, stamped: Stamped) -> None:
    result = ws.detect(marking.marked, key=KEY, record=stamped.record)
    for seen, older in ((datetime.date(9999, 12, 31), True), (datetime.date(1999, 12, 31), False), (None, False)):
        answer = json.loads(result.json(authorities=stamped.authorities, suspect_seen=seen))
        assert answer["stamped_before_suspect"] is older
        assert answer["record"]["timestamp"]["authority"] == "O = Tests, CN = alice stamps"
    assert "alice stamps" in result.html(authorities=stamped.authorities)
    with pytest.raises(ws.Error) as caught:
        result.html(authorities=stamped.strangers)
    assert caught.value.name == "timestamp_untrusted"
