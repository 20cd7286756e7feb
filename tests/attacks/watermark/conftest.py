"""The marked model that all attacks start from."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent)]


@dataclass
class Victim:
    """A real model, marked at 0.5 %, and the program that marked it."""
    program: Path
    folder: Path
    original: Path

    def run(self, *arguments, status: tuple[int, ...] = (0,)) -> dict:
        done = subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True, timeout=300)
        assert done.returncode in status, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return json.loads(done.stdout) if "--json" in arguments else {}

    def mark(self, model: Path, name: str, strength: str = "0.005") -> dict:
        """Marks `model` into the folder `name` with a key of that name."""
        self.run("keygen", "--kind", "watermark", "-o", self.folder / f"{name}.key")
        return self.run("mark", model, "-o", self.folder / name, "--key", f"file:{self.folder / f'{name}.key'}", "--owner",
                        "acme", "--record", self.folder / f"{name}.json", "--strength", strength, "--json")

    def detect(self, suspect: Path, *options, name: str = "marked") -> dict:
        return self.run("detect", suspect, "--key", f"file:{self.folder / f'{name}.key'}", "--record",
                        self.folder / f"{name}.json", *options, "--json", status=(0, 1))

    @cached_property
    def report(self) -> dict:
        return self.mark(self.original, "marked")

    @cached_property
    def tensors(self):
        import attacks
        assert self.report
        return attacks.load(self.folder / "marked")


def from_environment(name: str) -> Path:
    if value := os.environ.get(name):
        return Path(value).resolve()
    if os.environ.get("CI") == "true":
        pytest.fail(f"{name} is not set")
    pytest.skip(f"skipped: {name} is not set")


@pytest.fixture(scope="session")
def victim(tmp_path_factory) -> Victim:
    model = from_environment("WEIGHTSEAL_MODEL")
    if not (model / "tokenizer.json").exists():
        pytest.skip("skipped: the real model cannot be downloaded here, and its stand-in was not trained")
    return Victim(from_environment("WEIGHTSEAL_PROGRAM"), tmp_path_factory.mktemp("victim"), model)
