from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest
import weightseal as ws
from models import random_tensor, write_safetensors


class Stop(BaseException):
    """Not an Exception, as KeyboardInterrupt is not."""


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """A model large enough that its work is reported more than once."""
    folder, key = tmp_path_factory.mktemp("callbacks"), ws.keygen()
    write_safetensors(folder / "m.safetensors", {f"w{i}": random_tensor("F32", (256, 4096), i) for i in range(4)})
    ws.seal(folder / "m.safetensors", folder / "m.wseal", key=key)
    return folder / "m.safetensors", folder / "m.wseal", key


def works(paths: tuple[Path, Path, str], output: Path) -> dict[str, Callable[[Any], Any]]:
    plain, sealed, key = paths
    return {
        "seal": lambda progress: ws.seal(plain, output, key=key, progress=progress),
        "load": lambda progress: ws.load_file(sealed, key=key, progress=progress),
        "verify": lambda progress: ws.verify(sealed, key=key, progress=progress),
        "unseal": lambda progress: ws.unseal(sealed, output, key=key, progress=progress),
    }


@pytest.mark.parametrize("work", ["seal", "load", "verify", "unseal"])
def test_progress_only_grows_and_reaches_the_end(
    paths: tuple[Path, Path, str], tmp_path: Path, work: str, np: Any
) -> None:
    reports: list[tuple[int, int]] = []
    works(paths, tmp_path / "out")[work](lambda done, total: reports.append((done, total)))
    assert len(reports) > 1
    assert reports == sorted(set(reports))
    assert reports[-1][0] == reports[-1][1] >= 16 << 20


@pytest.mark.parametrize("work", ["seal", "load", "verify", "unseal"])
@pytest.mark.parametrize("error", [KeyError("mine"), Stop("mine")])
def test_an_exception_in_progress_ends_the_work(
    paths: tuple[Path, Path, str], tmp_path: Path, work: str, error: BaseException, np: Any
) -> None:
    calls: list[int] = []

    def progress(done: int, total: int) -> None:
        calls.append(done)
        raise error

    with pytest.raises(type(error), match="mine") as caught:
        works(paths, tmp_path / "out")[work](progress)
    assert caught.value is error
    assert len(calls) == 1
    assert list(tmp_path.iterdir()) == []
