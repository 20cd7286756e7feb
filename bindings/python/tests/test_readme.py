from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import module
from marks import weights
from models import write_safetensors

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_python_block_runs(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in re.findall(r"^from (fastapi)", block, re.MULTILINE):
        module(name)
    module("torch" if '"pt"' in block else "numpy")
    (tmp_path / "model").mkdir()
    write_safetensors(tmp_path / "model" / "model.safetensors", {"w": weights(0)}, {"a": "b"})
    (tmp_path / "model" / "config.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    exec(compile(block, str(README), "exec"), {})


def test_there_are_blocks() -> None:
    assert len(BLOCKS) >= 3
