"""Marking and detecting whole models."""

from __future__ import annotations

import datetime
import hashlib
import json
import math
from pathlib import Path
from typing import Any

import pytest
import weightseal as ws
from conftest import text_key
from marks import KEY, OTHER_KEY, Marking, read_tensors
from models import Tensor, random_tensor, write_safetensors
from test_seal import content_of


def code_of(caught: pytest.ExceptionInfo[ws.Error]) -> str:
    return caught.value.name


def test_only_weights_change(marking: Marking) -> None:
    marked = read_tensors(marking.marked)
    changed = {name for name, tensor in marking.tensors.items() if marked[name] != tensor.data}
    assert changed == {"a.weight", "b.weight"}
    report = marking.record.report
    assert report is not None
    assert (report.marked_tensors, report.copied_tensors, report.tied_tensors) == (2, 2, 0)
    assert report.marked_elements == marking.record.marked_elements == 2 * 1024 * 384
    assert 0.01 < report.relative_change < 0.03
    assert report.expected_z == pytest.approx(0.6 * 0.02 * math.sqrt(report.marked_elements))
    assert report.found.z >= report.expected_z and report.found.log10_p < -9


def test_a_record_tells_what_it_commits_to(marking: Marking, tmp_path: Path) -> None:
    record = marking.record
    assert (record.owner, record.model_id, record.strength) == ("acme", "model", 0.02)
    assert (record.signer, record.has_timestamp, record.tensors) == (None, False, 4)
    assert len(record.root) == 32
    record.save(tmp_path / "record.json")
    text = (tmp_path / "record.json").read_text(encoding="utf-8")
    assert text == record.json()
    for again in (ws.Record.load(tmp_path / "record.json"), ws.Record.parse(text), ws.Record.parse(text.encode())):
        assert (again.owner, again.root, again.report) == ("acme", record.root, None)
        assert again.json() == text
    with pytest.raises(ws.Error) as caught:
        record.save(tmp_path / "record.json")
    assert code_of(caught) == "file_exists"
    record.save(tmp_path / "record.json", overwrite=True)


def test_the_mark_is_found(marking: Marking) -> None:
    result = ws.detect(marking.marked, key=KEY, record=marking.record)
    assert result.detected and result.verdict == "detected"
    assert marking.record.report is not None
    assert (result.z, result.log10_p, result.log10_p_2_64_keys) == marking.record.report.found
    assert set(result.statistics) == {"blind_white", "blind_sign"}
    assert result.z == max(correlation.t for correlation in result.statistics.values()) >= result.expected_z
    assert [(t.name, t.suspect_name, t.matched_by, t.elements) for t in result.tensors] == [
        (name, name, "name", 1024 * 384) for name in ("a.weight", "b.weight")
    ]
    assert (result.matched_elements, result.nonfinite, result.extra_tensors) == (2 * 1024 * 384, 0, 0)
    assert result.family == "none"
    total = result.tensors[0].statistics["blind_sign"] + result.tensors[1].statistics["blind_sign"]
    assert total == result.statistics["blind_sign"]


def test_the_original_is_not_marked(marking: Marking) -> None:
    result = ws.detect(marking.original, key=KEY, record=marking.record)
    assert not result.detected and result.verdict == "not detected"
    assert result.log10_p > -9 and abs(result.z) < 6


def test_with_the_original_much_more_is_found(marking: Marking) -> None:
    result = ws.detect(marking.marked, key=KEY, record=marking.record, original=marking.original, family="none")
    assert len(result.statistics) == 6
    assert result.statistics["informed_white"].t > 10 * result.statistics["blind_white"].t


def test_a_part_of_the_model_is_not_enough(marking: Marking, tmp_path: Path) -> None:
    part = read_tensors(marking.marked)["a.weight"][: 64 * 384 * 2]
    write_safetensors(tmp_path / "part.safetensors", {"a.weight": Tensor("BF16", (64, 384), part)})
    result = ws.detect(tmp_path / "part.safetensors", key=KEY, record=marking.record)
    assert (result.verdict, result.matched_elements) == ("not enough evidence", 64 * 384)
    missing = result.tensors[1]
    assert (missing.matched_by, missing.suspect_name, missing.statistics) == ("nothing", None, {})


def test_a_record_may_be_a_path(marking: Marking, tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    record = ws.mark(marking.original, tmp_path / "out", key=KEY, owner="acme", strength=0.02, record=path)
    assert path.read_text(encoding="utf-8") == record.json() == marking.record.json()
    assert ws.detect(tmp_path / "out", key=KEY, record=path).detected
    assert ws.detect(tmp_path / "out", key=KEY, record=str(path)).detected


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview])
def test_raw_bytes_are_a_watermark_key(marking: Marking, wrap: Any) -> None:
    assert ws.detect(marking.marked, key=wrap(bytes(range(32))), record=marking.record).detected


def test_tensors_by_name(marking: Marking, tmp_path: Path) -> None:
    for number, (globs, count) in enumerate([(["a.*"], 1), ("?.weight", 2), (["a.weight", "b*"], 2)]):
        record = ws.mark(marking.original, tmp_path / str(number), key=KEY, owner="acme", tensors=globs)
        assert record.report is not None and record.report.marked_tensors == count


def test_a_signed_record_names_its_signer(marking: Marking, tmp_path: Path) -> None:
    record = ws.mark(
        marking.original, tmp_path / "out", key=KEY, owner="acme", signing_key=bytes(range(32)), model_id="m"
    )
    assert record.model_id == "m"
    assert record.signer is not None and record.signer.startswith("wseal_signer_")
    record.require_signature()
    record.require_signature(record.signer)
    other = ws.mark(marking.original, tmp_path / "two", key=KEY, owner="acme", signing_key=ws.keygen("signing"))
    assert other.signer is not None
    with pytest.raises(ws.Error) as caught:
        record.require_signature(other.signer)
    assert code_of(caught) == "record_signature"
    with pytest.raises(ws.Error) as caught:
        marking.record.require_signature()
    assert code_of(caught) == "record_unsigned"


def test_a_folder_is_copied_but_for_its_weights(marking: Marking, tmp_path: Path) -> None:
    model = tmp_path / "model"
    (model / "sub").mkdir(parents=True)
    (model / "model.safetensors").write_bytes(marking.original.read_bytes())
    (model / "config.json").write_text("{}")
    (model / "sub" / "notes.txt").write_text("a note")
    record = ws.mark(model, tmp_path / "out", key=KEY, owner="acme", strength=0.02)
    before, after = content_of(model), content_of(tmp_path / "out")
    assert record.model_id == "model"
    assert after.pop("model.safetensors") != before.pop("model.safetensors")
    assert before == after
    assert ws.detect(tmp_path / "out", key=KEY, record=record).detected


def test_reports(marking: Marking, tmp_path: Path) -> None:
    result = ws.detect(marking.marked, key=KEY, record=marking.record)
    result.report(tmp_path / "report.html", command="the command")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page == result.html(command="the command")
    assert page.lower().startswith("<!doctype html>")
    with pytest.raises(FileExistsError):
        result.report(tmp_path / "report.html")
    result.report(tmp_path / "report.html", overwrite=True)
    answer = json.loads(result.json(suspect_seen=datetime.date(2026, 2, 3)))
    assert (answer["verdict"], answer["z"], answer["suspect"]) == ("detected", result.z, str(marking.marked))
    assert (answer["suspect_seen"], answer["stamped_before_suspect"]) == ("2026-02-03T00:00:00Z", False)
    when = datetime.datetime(2026, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)
    assert json.loads(result.json(suspect_seen=when))["suspect_seen"] == "2026-02-03T04:05:06Z"
    with pytest.raises(ws.Error) as caught:
        result.html(authorities=marking.original)
    assert code_of(caught).startswith("timestamp_")
    assert "suspect_root" not in answer
    original = ws.detect(marking.original, key=KEY, record=marking.record, identify_suspect=True)
    assert json.loads(original.json())["suspect_root"] == marking.record.root.hex()
    with pytest.raises(ws.Error) as caught:
        marking.record.verify_timestamp(marking.original)
    assert code_of(caught) == "timestamp_malformed"


def test_a_result_outlives_its_record(marking: Marking) -> None:
    result = ws.detect(marking.marked, key=KEY, record=ws.Record.parse(marking.record.json()))
    assert json.loads(result.json())["record"]["owner"] == "acme"


@pytest.mark.parametrize(
    "options, name",
    [
        ({"strength": 0.5}, "bad_strength"),
        ({"strength": -0.01}, "bad_strength"),
        ({"strength": math.nan}, "bad_strength"),
        ({"tensors": ["ids"]}, "unmarkable_dtype"),
        ({"tensors": ["no.*"]}, "nothing_to_mark"),
        ({"owner": ""}, "invalid_argument"),
        ({"owner": "a\nb"}, "invalid_argument"),
        ({"key": text_key("seal", bytes(32))}, "key_kind"),
        ({"signing_key": KEY}, "key_kind"),
    ],
)
def test_what_cannot_be_marked(marking: Marking, tmp_path: Path, options: dict[str, Any], name: str) -> None:
    with pytest.raises(ws.Error) as caught:
        ws.mark(marking.original, tmp_path / "out", **{"key": KEY, "owner": "acme", "strength": 0.02, **options})
    assert code_of(caught) == name
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [{"strength": "strong"}, {"strength": 0}, {"owner": "a\0b"}, {"threads": -1}])
def test_misuse_of_marking(marking: Marking, tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        ws.mark(marking.original, tmp_path / "out", **{"key": KEY, "owner": "acme", **options})
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_replaced_unasked(marking: Marking, tmp_path: Path) -> None:
    output, path = tmp_path / "out", tmp_path / "record.json"
    ws.mark(marking.original, output, key=KEY, owner="acme", strength=0.02, record=path)
    before = output.read_bytes()
    for other in ({"record": path}, {"record": tmp_path / "new.json"}):
        target = tmp_path / "second" if "record.json" in str(other["record"]) else output
        with pytest.raises(ws.Error) as caught:
            ws.mark(marking.original, target, key=OTHER_KEY, owner="acme", strength=0.02, **other)
        assert code_of(caught) == "file_exists"
    assert {entry.name for entry in tmp_path.iterdir()} == {"out", "record.json"} and output.read_bytes() == before
    with pytest.raises(ws.Error) as caught:
        ws.mark(output, tmp_path / "twice", key=KEY, owner="acme", strength=0.02, record=path, overwrite=True)
    assert (caught.value.code, caught.value.name) == (93, "already_marked")
    ws.mark(marking.original, output, key=OTHER_KEY, owner="acme", strength=0.02, record=path, overwrite=True)
    assert output.read_bytes() != before


def test_without_its_record_no_output_stays(marking: Marking, tmp_path: Path) -> None:
    with pytest.raises(ws.Error, match="/proc/"):
        ws.mark(marking.original, tmp_path / "out", key=KEY, owner="acme", strength=0.02, record="/proc/record.json")
    assert list(tmp_path.iterdir()) == []


def test_what_gives_no_answer(marking: Marking, tmp_path: Path) -> None:
    def refused(**options: Any) -> str:
        with pytest.raises(ws.Error) as caught:
            ws.detect(**{"suspect": marking.marked, "key": KEY, "record": marking.record, **options})
        return code_of(caught)

    assert refused(key=OTHER_KEY) == "key_mismatch"
    assert refused(key=text_key("seal", bytes(32))) == "key_kind"
    assert refused(original=marking.marked) == "original_mismatch"
    assert refused(suspect=tmp_path / "missing") == "file_not_found"
    assert refused(record=tmp_path / "missing") == "file_not_found"
    write_safetensors(tmp_path / "stranger", {"w": random_tensor("F32", (7, 9), 0)})
    assert refused(suspect=tmp_path / "stranger") == "no_common_tensor"


@pytest.mark.parametrize("options", [{"family": "gpt"}, {"max_p": 0}, {"max_p": 1}, {"max_p": 1e-40}, {"threads": -1}])
def test_misuse_of_detecting(marking: Marking, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        ws.detect(marking.marked, key=KEY, record=marking.record, **options)


def test_what_is_no_record(marking: Marking) -> None:
    text = marking.record.json()
    altered = text.replace("acme", "evil")
    for json_text, name in (("{", "record_not_json"), ("{}", "record_malformed"), (altered, "record_altered")):
        with pytest.raises(ws.Error) as caught:
            ws.Record.parse(json_text)
        assert code_of(caught) == name


@pytest.mark.parametrize("work", ["mark", "detect"])
def test_progress_reaches_the_end_and_may_cancel(marking: Marking, tmp_path: Path, work: str) -> None:
    def run(progress: Any) -> None:
        if work == "mark":
            ws.mark(marking.original, tmp_path / "out", key=KEY, owner="acme", progress=progress)
        else:
            ws.detect(marking.marked, key=KEY, record=marking.record, progress=progress)

    def stop(done: int, total: int) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run(stop)
    assert list(tmp_path.iterdir()) == []
    reports: list[tuple[int, int]] = []
    run(lambda done, total: reports.append((done, total)))
    assert reports == sorted(set(reports)) and reports[-1][0] == reports[-1][1] >= 2 * 1024 * 384 * 2


def test_a_root_is_that_of_the_specification(marking: Marking) -> None:
    """WATERMARK.md, section 2, with nothing but hashlib."""

    def le(value: int, size: int) -> bytes:
        return value.to_bytes(size, "little")

    def text(value: str) -> bytes:
        return le(len(value.encode()), 4) + value.encode()

    digest = hashlib.sha256(b"weightseal/watermark/v1/root" + le(len(marking.tensors), 8))
    for name, tensor in sorted(marking.tensors.items()):
        digest.update(text(name) + text(tensor.dtype) + le(len(tensor.shape), 4))
        digest.update(b"".join(le(extent, 8) for extent in tensor.shape) + hashlib.sha256(tensor.data).digest())
    assert marking.record.root == digest.digest()
