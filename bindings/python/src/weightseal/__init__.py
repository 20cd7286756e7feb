"""weightseal protects AI model weights: seal a model into one opaque file that is decrypted only in memory, hide a mark
in the weights that shows later whose they are, and limit what each client may ask of the model.

    import weightseal as ws

    key = ws.keygen()
    ws.seal("model/", "model.wseal", key=key)
    with ws.open("model.wseal", key=key) as m:
        m.keys(), m.get_tensor("w"), m.get_slice("w")[8:16, :64]
    state = ws.load_file("model.wseal", key=key, framework="pt")

    wm_key = ws.keygen(kind="watermark")
    record = ws.mark("model/", "marked/", key=wm_key, owner="acme")
    ws.detect("suspect/", key=wm_key, record=record).detected

    guard = ws.Guard(queries=500, window=3600)
    guard.check("client-7").allowed

    bundle = ws.storage.policy("aws", bucket="acme-weights", readers=["arn:aws:iam::111122223333:role/inference"])
    ws.storage.audit(bundle).findings

Every function may be called from several threads at once. All of them release the interpreter lock while they work.
"""

from . import storage
from ._detect import Detection, TensorCorrelation, TensorDetection, correlate_tensor, detect
from ._errors import Error
from ._facts import Facts, inspect
from ._ffi import lib as _lib
from ._guard import Decision, Guard, GuardCounters, GuardEvent
from ._guard_log import GuardLog, GuardLogCounters
from ._keys import Key, keygen
from ._mark import TensorMark, mark, mark_tensor, original_root
from ._model import Model, TensorInfo
from ._model import open_model as open
from ._record import MarkReport, Record, TimeStamp
from ._seal import seal
from ._shared_guard import SharedGuard
from ._slice import TensorSlice
from ._source import ReadAt
from ._statistics import Correlation, Significance, significance
from ._whole import load_file, unseal, verify

__version__: str = _lib.wseal_version().decode()

__all__ = [
    "Correlation",
    "Decision",
    "Detection",
    "Error",
    "Facts",
    "Guard",
    "GuardCounters",
    "GuardEvent",
    "GuardLog",
    "GuardLogCounters",
    "Key",
    "MarkReport",
    "Model",
    "ReadAt",
    "Record",
    "SharedGuard",
    "Significance",
    "TensorCorrelation",
    "TensorDetection",
    "TensorInfo",
    "TensorMark",
    "TensorSlice",
    "TimeStamp",
    "correlate_tensor",
    "detect",
    "inspect",
    "keygen",
    "load_file",
    "mark",
    "mark_tensor",
    "open",
    "original_root",
    "seal",
    "significance",
    "storage",
    "unseal",
    "verify",
]
