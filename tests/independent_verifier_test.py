"""The independent verifier and marker against the real program, bit for bit, on a real model.

    WEIGHTSEAL_PROGRAM   path of the `weightseal` program
    WEIGHTSEAL_MODEL     path of a model folder with at least one .safetensors file

Tests are skipped where a variable is not set, or fail where CI=true.
"""
from __future__ import annotations

import json
import math
import shutil
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import pytest

import independent_marker as marker
import independent_verifier as verifier
from independent_program_test import model, program  # noqa: F401 (fixtures)
from independent_verifier import Refused, Tensor, read_model
from weights import Weights, write_safetensors

def cast(tensor: Tensor, dtype: str) -> tuple[str, tuple[int, ...], bytes]:
    """A tensor in another dtype; FP8 after scaling to the type's range."""
    values = verifier.to_floats(tensor.dtype, tensor.read())
    if dtype == "BF16":
        bits = values.view(np.uint32).astype(np.uint64)
        data = (bits + 0x7FFF + (bits >> 16 & 1) >> 16).astype("<u2")
    elif dtype in verifier.FP8:
        table = verifier.FP8[dtype].astype(np.float64)
        patterns = np.argsort(table)[: int(np.isfinite(table).sum())]  # infinities and NaN come last
        patterns = patterns[np.isfinite(table[patterns])]
        scaled = values * (table[patterns[-1]] / (np.abs(values).max() or 1))
        upper = np.clip(np.searchsorted(table[patterns], scaled), 1, len(patterns) - 1)
        nearer = scaled - table[patterns[upper - 1]] < table[patterns[upper]] - scaled
        data = patterns[upper - nearer].astype(np.uint8)
    else:
        data = values.astype({"F64": "<f8", "F32": "<f4", "F16": "<f2"}[dtype])
    return dtype, tensor.shape, data.tobytes()


@dataclass
class Marking:
    folder: Path
    original: Path
    key: bytes
    record: verifier.Record

    @property
    def tensors(self) -> dict[str, Tensor]:
        return read_model(self.folder / "marked")

    def options(self) -> list:
        return ["--key", f"file:{self.folder / 'key'}", "--record", self.folder / "record.json"]


@pytest.fixture(scope="module")
def marking(program, model, tmp_path_factory) -> Marking:
    folder = tmp_path_factory.mktemp("marking")
    program("keygen", "--kind", "watermark", "-o", folder / "key")
    program("mark", model, "-o", folder / "marked", "--key", f"file:{folder / 'key'}", "--owner", "größe AG",
            "--model-id", "model", "--record", folder / "record.json", "--strength", "0.005")
    key = verifier.parse_key_text((folder / "key").read_text())
    return Marking(folder, model, key, verifier.parse_record((folder / "record.json").read_text(encoding="utf-8")))


def check_agreement(program, marking: Marking, suspect: Path, with_original: bool = False) -> verifier.Result:
    """The program and the verifier find the same, to the last bit of S and Q."""
    arguments = ["--original", marking.original, "--family", "none"] if with_original else []
    done = program("detect", suspect, *marking.options(), *arguments, "--json", status=(0, 1))
    theirs = json.loads(done.stdout)
    ours = verifier.verify(read_model(suspect), marking.key, marking.record,
                           read_model(marking.original) if with_original else None)

    def sums(statistics: dict) -> dict:
        return {name: (found["s"], found["q"]) for name, found in statistics.items() if not name.startswith("aligned")}

    assert sums(theirs["statistics"]) == ours.correlations
    assert theirs["nonfinite"] == ours.nonfinite
    assert math.isclose(theirs["z"], ours.z, rel_tol=1e-14)
    assert math.isclose(theirs["log10_p"], ours.log10_p, rel_tol=1e-12, abs_tol=1e-12)
    assert len(theirs["tensors"]) == len(ours.tensors)
    for there, here in zip(theirs["tensors"], ours.tensors):
        assert (there["name"], there["matched_by"]) == (here.name, here.matched_by)
        if here.elements:
            assert (there["suspect_name"], there["elements"]) == (here.suspect_name, here.elements)
            assert sums(there["statistics"]) == here.correlations()
    assert (theirs["verdict"] == "detected") == (done.returncode == 0) == (ours.log10_p <= -9)
    return ours


def test_the_marked_model(program, marking):
    found = check_agreement(program, marking, marking.folder / "marked", with_original=True)
    assert found.log10_p == verifier.LOG10_FLOOR
    assert found.correlations["informed_sign"][0] > 0.99 * found.correlations["informed_sign"][1]


def test_the_unmarked_model(program, marking):
    assert check_agreement(program, marking, marking.original).log10_p > -9


@pytest.mark.parametrize("dtype", ["BF16", "F16"])
def test_a_cast_of_the_whole_model(program, marking, tmp_path, dtype):
    tensors = marking.tensors.values()
    write_safetensors(tmp_path / "suspect.safetensors",
                      {t.name: cast(t, dtype) if t.dtype == "F32" else (t.dtype, t.shape, t.read()) for t in tensors})
    assert check_agreement(program, marking, tmp_path / "suspect.safetensors").log10_p == verifier.LOG10_FLOOR


@pytest.mark.parametrize("dtype", ["F64", *verifier.FP8])
def test_a_cast_of_some_tensors(program, marking, tmp_path, dtype):
    some = [tensor for tensor in marking.tensors.values() if tensor.elements in range(1, 300_000)]
    write_safetensors(tmp_path / "suspect.safetensors",
                      {t.name: cast(t, dtype) if t.dtype == "F32" else (t.dtype, t.shape, t.read()) for t in some})
    check_agreement(program, marking, tmp_path / "suspect.safetensors")


def changed(name: str, dtype: str, shape: tuple[int, ...], data: bytes, number: int) -> tuple[str, str, tuple, bytes] | None:
    """What an odd suspect makes of tensor `number`: cut, grown, renamed, exchanged, damaged, reshaped or dropped."""
    row = len(data) // shape[0] if shape else 0
    match number % 9:
        case 0 if len(shape) == 2:  # leading rows only
            return name, dtype, (shape[0] // 3, *shape[1:]), data[: shape[0] // 3 * row]
        case 1 if len(shape) == 2:  # more rows
            return name, dtype, (shape[0] + 5, *shape[1:]), data + data[: 5 * row]
        case 2:  # a longer name
            return f"base_model.model.{name}", dtype, shape, data
        case 3:  # a shorter name
            return name.split(".", 2)[-1], dtype, shape, data
        case 4:  # another name and shape: found by content
            return f"tensor_{number}", dtype, (prod(shape),), data
        case 5 if dtype == "F32":  # numbers that are none
            values = np.frombuffer(data, "<f4").copy()
            values[::1000], values[1::1000], values[2::50] = np.nan, -np.inf, 0
            return name, dtype, shape, values.tobytes()
        case 6:
            return None
        case 7:  # content that is nothing like the original's
            return name, dtype, shape, np.random.default_rng(number).standard_normal(len(data) // 4).astype("<f4").tobytes()
    return name, dtype, shape, data


def test_an_odd_suspect_in_shards(program, marking, tmp_path):
    shards: list[Weights] = [{}, {}, {}]
    names = list(marking.tensors)
    for number, tensor in enumerate(marking.tensors.values()):
        if new := changed(tensor.name, tensor.dtype, tensor.shape, tensor.read(), number):
            name, dtype, shape, data = new
            if all(name not in shard for shard in shards):
                shards[number % 3][name] = (dtype, shape, data)
    shards[0]["new.weight"] = ("F32", (8, 8), bytes(256))
    folder = tmp_path / "suspect"
    for number, shard in enumerate(shards):
        write_safetensors(folder / f"part-{number}.safetensors", shard)
    index = {name: f"part-{number}.safetensors" for number, shard in enumerate(shards) for name in shard}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    found = check_agreement(program, marking, folder, with_original=True)
    ways = {tensor.matched_by for tensor in found.tensors}
    assert len(names) < 20 or {"name", "name part", "nothing"} <= ways


def test_exchanged_names(program, marking, tmp_path):
    tensors = marking.tensors
    by_shape: dict[tuple[int, ...], list[str]] = {}
    for tensor in tensors.values():
        by_shape.setdefault(tensor.shape, []).append(tensor.name)
    renamed = {name: alike[i - 1] for alike in by_shape.values() for i, name in enumerate(alike)}
    write_safetensors(tmp_path / "suspect.safetensors",
                      {renamed[t.name]: (t.dtype, t.shape, t.read()) for t in tensors.values()})
    check_agreement(program, marking, tmp_path / "suspect.safetensors")


def test_the_program_writes_what_the_marker_says(marking):
    keys = verifier.Keys(marking.key, marking.record.owner, marking.record.model_id, marking.record.scope)
    originals, tensors = read_model(marking.original), marking.tensors
    assert set(originals) == set(tensors)
    for recorded in marking.record.tensors:
        name = recorded.tied_to or recorded.name
        data = originals[recorded.name].read()
        assert verifier.sha256(data) == recorded.digest
        if recorded.mark or recorded.tied_to:
            shape = recorded.shape
            data = marker.mark(recorded.dtype, shape, data, marking.record.strength, keys.chip_key(name, shape),
                               keys.dither_key(name, shape))
        assert tensors[recorded.name].read() == data
        if recorded.mark:
            assert verifier.sha256(data) == recorded.mark.digest
            assert np.array_equal(verifier.sketch_of(originals[recorded.name]), recorded.mark.sketch)


@pytest.mark.parametrize("strength", ["0.0005", "0.02"])
def test_the_program_marks_every_dtype_as_the_marker_says(program, marking, tmp_path, strength):
    some = [t for t in marking.tensors.values() if len(t.shape) == 2 and 4096 <= t.elements < 1_000_000][:8]
    dtypes = ["F64", "F32", "F16", "BF16"]
    write_safetensors(tmp_path / "m.safetensors", {t.name: cast(t, dtypes[i % 4]) for i, t in enumerate(some)})
    program("mark", tmp_path / "m.safetensors", "-o", tmp_path / "out.safetensors", "--key", marking.options()[1],
            "--owner", "acme", "--model-id", "m", "--record", tmp_path / "record.json", "--strength", strength)
    record = verifier.parse_record((tmp_path / "record.json").read_text())
    assert record.strength == float(strength)
    keys = verifier.Keys(marking.key, "acme", "m", record.scope)
    originals, found = read_model(tmp_path / "m.safetensors"), read_model(tmp_path / "out.safetensors")
    for recorded in record.tensors:
        name, shape = recorded.tied_to or recorded.name, recorded.shape
        data = originals[recorded.name].read()
        if recorded.mark or recorded.tied_to:
            data = marker.mark(recorded.dtype, shape, data, record.strength, keys.chip_key(name, shape),
                               keys.dither_key(name, shape))
        assert found[recorded.name].read() == data


def test_both_refuse_what_does_not_belong_together(program, marking, tmp_path):
    def refused(key: Path, record: Path, original: Path, status: int, match: str) -> None:
        program("detect", marking.folder / "marked", "--key", f"file:{key}", "--record", record, "--original", original,
                "--family", "none", status=(status,))
        with pytest.raises(Refused, match=match):
            verifier.verify(marking.tensors, verifier.parse_key_text(key.read_text()),
                            verifier.parse_record(record.read_text(encoding="utf-8")), read_model(original))

    key, record = marking.folder / "key", marking.folder / "record.json"
    program("keygen", "--kind", "watermark", "-o", tmp_path / "other key")
    refused(tmp_path / "other key", record, marking.original, 4, "key")
    refused(key, record, marking.folder / "marked", 3, "original")
    content = record.read_text(encoding="utf-8")
    altered = tmp_path / "altered.json"
    altered.write_text(content.replace("größe AG", "grösse AG"), encoding="utf-8")
    refused(key, altered, marking.original, 3, "altered")
    parsed = json.loads(content)
    parsed["claim"]["root"] = "00" * 32
    claim = json.dumps(parsed["claim"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    parsed["evidence"] = {"digest": verifier.sha256(claim).hex()}
    altered.write_text(json.dumps(parsed), encoding="utf-8")
    refused(key, altered, marking.original, 3, "root")


def test_a_signed_record(program, marking, tmp_path):
    small = min((t for t in marking.tensors.values() if len(t.shape) == 2 and t.elements > 5000), key=lambda t: t.elements)
    write_safetensors(tmp_path / "m.safetensors", {small.name: (small.dtype, small.shape, small.read())})
    program("keygen", "--kind", "signing", "-o", tmp_path / "signing")
    program("mark", tmp_path / "m.safetensors", "-o", tmp_path / "out.safetensors", "--key", marking.options()[1],
            "--owner", "acme", "--record", tmp_path / "record.json", "--sign", f"file:{tmp_path / 'signing'}",
            "--tensors", small.name)
    content = (tmp_path / "record.json").read_text()
    record = verifier.parse_record(content)
    record.check_signature()
    with pytest.raises(Refused, match="another key"):
        record.check_signature("wseal_signer_x")
    record.claim += b" "
    with pytest.raises(Refused, match="wrong"):
        record.check_signature()
    with pytest.raises(Refused, match="not signed"):
        marking.record.check_signature()


def test_the_command(program, marking, tmp_path, capsys, monkeypatch):
    shutil.copy(marking.folder / "key", tmp_path / "key")
    monkeypatch.setattr("sys.argv", ["independent_verifier.py", str(marking.folder / "marked"), "--key-file",
                                     str(tmp_path / "key"), "--record", str(marking.folder / "record.json")])
    verifier.main()
    printed = json.loads(capsys.readouterr().out)
    assert printed["log10_p"] == verifier.LOG10_FLOOR
    assert [tensor["name"] for tensor in printed["tensors"]] == [t.name for t in marking.record.tensors if t.mark]
