"""weightseal protects AI model weights: seal a model into one opaque file, and decrypt it only in memory.

    import weightseal as ws

    key = ws.keygen()
    ws.seal("model/", "model.wseal", key=key)
    with ws.open("model.wseal", key=key) as m:
        m.keys(), m.get_tensor("w"), m.get_slice("w")[8:16, :64]
    state = ws.load_file("model.wseal", key=key, framework="pt")

Every function may be called from several threads at once. All of them release the interpreter lock while they work.
"""

from ._errors import Error
from ._facts import Facts, inspect
from ._ffi import lib as _lib
from ._keys import Key, keygen
from ._model import Model, TensorInfo
from ._model import open_model as open
from ._seal import seal
from ._slice import TensorSlice
from ._source import ReadAt
from ._whole import load_file, unseal, verify

__version__: str = _lib.wseal_version().decode()

__all__ = [
    "Error",
    "Facts",
    "Key",
    "Model",
    "ReadAt",
    "TensorInfo",
    "TensorSlice",
    "inspect",
    "keygen",
    "load_file",
    "open",
    "seal",
    "unseal",
    "verify",
]
