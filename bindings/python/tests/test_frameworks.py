"""What works when numpy, torch or ml_dtypes is not installed. Each case is a process of its own."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from conftest import Sealed

PROLOGUE = """
import sys
blocked, path, key = sys.argv[1].split(","), sys.argv[2], sys.argv[3]
for name in blocked:
    sys.modules[name] = None    # from now on `import name` raises ImportError
import weightseal as ws
"""


def run(sealed: Sealed, blocked: str, code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROLOGUE + code, blocked, str(sealed.path), sealed.key],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_importing_imports_neither(sealed: Sealed) -> None:
    run(
        sealed,
        "nothing",
        """
ws.open(path, key=key).keys()
assert not {"numpy", "torch", "ml_dtypes"} & set(sys.modules)
""",
    )


def test_without_either_all_but_tensors_works(sealed: Sealed) -> None:
    run(
        sealed,
        "numpy,torch,ml_dtypes",
        """
ws.verify(path, key=key)
with ws.open(path, key=key) as m:
    assert m.info("large").shape == (96, 1024) and m.metadata()["format"] == "pt"
    for read in (lambda: m.get_tensor("large"), lambda: m.get_slice("large")[0], m.get_tensors):
        try:
            read()
        except ImportError as error:
            assert "numpy or torch" in str(error)
        else:
            sys.exit("read a tensor without a framework")
for framework in ("np", "pt"):
    try:
        ws.open(path, framework, key=key)
    except ImportError:
        pass
    else:
        sys.exit("opened for a framework that is not installed")
""",
    )


def test_numpy_alone(sealed: Sealed, np: Any) -> None:
    run(
        sealed,
        "torch",
        """
import numpy as np
state = ws.load_file(path, key=key)
assert all(isinstance(array, np.ndarray) for array in state.values())
""",
    )


def test_numpy_without_ml_dtypes_gets_unsigned_integers(sealed: Sealed, np: Any) -> None:
    run(
        sealed,
        "torch,ml_dtypes",
        """
state = ws.load_file(path, key=key)
assert state["cube"].dtype == "uint16" and state["cube"].shape == (5, 7, 64, 96)
for name in ("F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"):
    assert state["matrix." + name].dtype == "uint8" and state["matrix." + name].shape == (6, 8)
""",
    )


def test_torch_alone(sealed: Sealed, torch: Any) -> None:
    run(
        sealed,
        "numpy,ml_dtypes",
        """
import warnings
warnings.simplefilter("ignore")    # torch says that numpy is missing
import torch
with ws.open(path, key=key) as m:
    state = m.get_tensors(["cube", "large", "empty", "scalar", "matrix.BOOL"])
    assert all(isinstance(tensor, torch.Tensor) for tensor in state.values())
    assert torch.equal(m.get_slice("large")[3:5, 7], state["large"][3:5, 7])
""",
    )
