"""An open container."""

from __future__ import annotations

import ctypes
import json
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, NamedTuple

from . import _ffi
from ._errors import Error
from ._facts import Facts, facts_from
from ._frameworks import Framework, framework_of
from ._hooks import Progress, ProgressHooks
from ._keys import Key, key_handle
from ._memory import adopt
from ._slice import TensorSlice
from ._source import OpenSource, Source


class TensorInfo(NamedTuple):
    """What a tensor is."""

    name: str
    dtype: str  #: as safetensors names it, for example "BF16"
    shape: tuple[int, ...]  #: in elements, outermost first
    nbytes: int  #: of the contiguous row-major data


class Model:
    """An open container, of the same shape as `safetensors.safe_open`. Made by `weightseal.open`.

    Opening has authenticated the list of tensors and files; every read authenticates what it returns, and raises
    Error "corrupt_data" instead of returning anything that was altered. Arrays and tensors own their memory and
    outlive the model.

    All methods may be called from several threads at once; reads run in parallel, without the interpreter lock.
    `close` may be called at any time: reads in progress finish.
    """

    def __init__(self, source: OpenSource, framework: Framework | None, options: dict[str, int], device: Any) -> None:
        self._source = source
        self._handle = source.handle
        self._framework = framework
        self._device = device
        self._options = options

    # ---- Lifetime

    def __enter__(self) -> Model:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Wipes the keys and releases the file. Tensors stay valid."""
        self._handle.close()

    def drop_keys(self) -> None:
        """Wipes the keys: from now on the model only lists, and reads raise Error "keys_dropped"."""
        self._call(_ffi.lib.wseal_model_drop_keys)

    # ---- Listing

    def keys(self) -> list[str]:
        """The names of all tensors, sorted."""
        return sorted(self.offset_keys())

    def offset_keys(self) -> list[str]:
        """The names of all tensors in the order of the file: the fastest order to read them in."""
        names, size = ctypes.c_void_p(), ctypes.c_size_t()
        with self._handle as model:
            _ffi.call(_ffi.lib.wseal_tensor_names, model, ctypes.byref(names), ctypes.byref(size))
            block = ctypes.string_at(names, size.value) if size.value else b""
        return block.decode().split("\0")[:-1]

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        count = ctypes.c_size_t()
        self._call(_ffi.lib.wseal_tensor_count, ctypes.byref(count))
        return count.value

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str) or "\0" in name:
            return False
        try:
            self._find(name)
        except Error as error:
            if error.code != _ffi.NO_SUCH_TENSOR:
                raise
            return False
        return True

    def info(self, name: str) -> TensorInfo:
        """Dtype, shape and size of a tensor. Raises Error "no_such_tensor"."""
        return self._info_at(self._find(name))

    def metadata(self) -> dict[str, str] | None:
        """The `__metadata__` of the safetensors file, or None. Of several shards, the first to have a key sets it."""
        merged: dict[str, str] = {}
        found = False
        for name, is_head in self._files():
            if is_head:
                header = json.loads(self.read_file(name)[8:])
                found |= "__metadata__" in header
                merged = {**header.get("__metadata__", {}), **merged}
        return merged if found else None

    def files(self) -> list[str]:
        """The files sealed beside the tensors (config.json, tokenizer), as paths relative to the model folder."""
        return [name for name, is_head in self._files() if not is_head]

    @property
    def facts(self) -> Facts:
        """Suite, chunk size and sizes of the container."""
        raw = _ffi.Facts()
        self._call(_ffi.lib.wseal_model_facts, ctypes.byref(raw))
        return facts_from(raw)

    @property
    def damaged_slot_block(self) -> str | None:
        """ "A" or "B" when one copy of the key slots is damaged or stale, which `verify` refuses; else None."""
        block = ctypes.c_char()
        self._call(_ffi.lib.wseal_model_damaged_slot_block, ctypes.byref(block))
        return block.value.decode() if block.value != b"\0" else None

    # ---- Reading

    def get_tensor(self, name: str) -> Any:
        """A whole tensor, decrypted into memory of its own that is writable and aligned to 64 bytes.

        Raises:
            Error: "no_such_tensor", "corrupt_data", "keys_dropped", "io_failed", or "unsupported" for a dtype that
                the installed torch lacks.
        """
        position = self._find(name)
        info = self._info_at(position)
        return self._read_part(info, position, [], info.shape)

    def get_slice(self, name: str) -> TensorSlice:
        """A tensor to read parts of by indexing. Raises Error "no_such_tensor"."""
        position = self._find(name)
        return TensorSlice(self, self._info_at(position), position)

    def get_tensors(self, names: Iterable[str] | None = None, *, progress: Progress | None = None) -> dict[str, Any]:
        """Several tensors, or all, decrypted into one piece of memory: the fastest way to load a model.

        The tensors share that memory, which is released when the last of them dies. Aliases (tied tensors) are
        the same memory.

        Args:
            names: Which tensors; None is all of them, in the order of the file.
            progress: Called with bytes done and in all, from other threads, one at a time. Raise in it to cancel.

        Raises:
            Error: As `get_tensor`. Nothing is returned unless everything was authentic.
        """
        if names is None:
            positions: Sequence[int] = range(len(self))
            selections = None
        else:
            positions = [self._find(name) for name in names]
            selections = (_ffi.Selection * len(positions))(*[_ffi.Selection(position) for position in positions])
        if not positions:
            return {}
        framework = self._tensor_framework()
        infos = self._infos(positions)
        for dtype in {info.dtype for info in infos}:
            framework.element(dtype)  # before the work, not after
        offsets = (ctypes.c_uint64 * len(positions))()
        buffer = ctypes.c_void_p()
        with ProgressHooks(progress) as hooks:
            options = _ffi.ReadOptions(hooks=hooks, **self._options)
            self._call(
                _ffi.lib.wseal_load,
                selections,
                len(positions),
                ctypes.byref(options),
                ctypes.byref(buffer),
                offsets,
            )
        memory = adopt(buffer)
        return {
            info.name: framework.tensor(memory, offset, info.nbytes, info.dtype, info.shape)
            for info, offset in zip(infos, offsets)
        }

    def read_file(self, name: str) -> bytes:
        """The content of a file sealed beside the tensors. Raises Error "no_such_file_entry" or "corrupt_data".

        The name of a sealed .safetensors file gives its header: eight bytes of length, then JSON.
        """
        position = ctypes.c_size_t()
        self._call(_ffi.lib.wseal_file_find, _ffi.text(name), ctypes.byref(position))
        options = _ffi.ReadOptions(**self._options)
        buffer = ctypes.c_void_p()
        self._call(_ffi.lib.wseal_read_file, position.value, ctypes.byref(options), ctypes.byref(buffer))
        return bytes(adopt(buffer))

    # ---- Whole containers

    def verify(self, *, progress: Progress | None = None) -> None:
        """Authenticates every byte of the container; raises Error with the first damage found."""
        with ProgressHooks(progress) as hooks:
            options = _ffi.ReadOptions(hooks=hooks, **self._options)
            self._call(_ffi.lib.wseal_verify, ctypes.byref(options))

    def unseal(
        self, output: str | os.PathLike[str], *, overwrite: bool = False, progress: Progress | None = None
    ) -> None:
        """Writes the plaintext model to disk, as `weightseal.unseal` does."""
        with ProgressHooks(progress) as hooks:
            options = _ffi.UnsealOptions(threads=self._options["threads"], overwrite=bool(overwrite), hooks=hooks)
            self._call(_ffi.lib.wseal_unseal, _ffi.path(output), ctypes.byref(options))

    # ---- Inside

    def _call(self, function: Any, *arguments: Any) -> None:
        with self._handle as model:
            self._source.call(function, model, *arguments)

    def _find(self, name: str) -> int:
        position = ctypes.c_size_t()
        self._call(_ffi.lib.wseal_tensor_find, _ffi.text(name), ctypes.byref(position))
        return position.value

    def _info_at(self, position: int) -> TensorInfo:
        return self._infos((position,))[0]

    def _infos(self, positions: Iterable[int]) -> list[TensorInfo]:
        raw, text = _ffi.TensorInfo(), _ffi.ErrorText()
        out, error = ctypes.byref(raw), ctypes.byref(text)
        infos = []
        with self._handle as model:
            for position in positions:
                _ffi.check(_ffi.lib.wseal_tensor_at(model, position, out, error), text)
                name = ctypes.string_at(raw.name, raw.name_size).decode()
                infos.append(TensorInfo(name, _dtype_name(raw.dtype), tuple(raw.shape[: raw.rank]), raw.bytes))
        return infos

    def _files(self) -> list[tuple[str, bool]]:
        with self._handle as model:
            count = ctypes.c_size_t()
            _ffi.call(_ffi.lib.wseal_file_count, model, ctypes.byref(count))
            found = []
            for position in range(count.value):
                raw = _ffi.FileInfo()
                _ffi.call(_ffi.lib.wseal_file_at, model, position, ctypes.byref(raw))
                found.append((raw.name.decode(), bool(raw.is_safetensors_head)))
            return found

    def _tensor_framework(self) -> Framework:
        if self._framework is None:
            self._framework = framework_of(None, self._device)
        return self._framework

    def _read_part(
        self, info: TensorInfo, position: int, ranges: Sequence[tuple[int, int]], shape: Sequence[int]
    ) -> Any:
        framework = self._tensor_framework()
        framework.element(info.dtype)
        if math.prod(shape) == 0:
            return framework.tensor(None, 0, 0, info.dtype, shape)
        array = (_ffi.Range * len(ranges))(*[_ffi.Range(begin, end) for begin, end in ranges])
        selection = _ffi.Selection(position, array, len(ranges))
        options = _ffi.ReadOptions(**self._options)
        buffer = ctypes.c_void_p()
        self._call(_ffi.lib.wseal_read, ctypes.byref(selection), ctypes.byref(options), ctypes.byref(buffer))
        memory = adopt(buffer)
        return framework.tensor(memory, 0, len(memory), info.dtype, shape)


_dtype_names: dict[int, str] = {}


def _dtype_name(number: int) -> str:
    if number not in _dtype_names:
        _dtype_names[number] = _ffi.lib.wseal_dtype_name(number).decode()
    return _dtype_names[number]


def open_model(
    source: Source,
    framework: str | None = None,
    device: Any = "cpu",
    *,
    key: Key,
    threads: int = 0,
    wipe_on_free: bool = False,
) -> Model:
    """Opens a container. Use it as `with weightseal.open("model.wseal", key=key) as m:`.

    The file is never decrypted on disk, and a plaintext model is refused, never opened as if it were sealed.

    Args:
        source: A path; "s3://bucket/key" (region, endpoint and credentials from where AWS's tools find them) or
            "https://host/path", read by ranges and never stored; the bytes of a container in memory (bytes, mmap,
            any contiguous buffer), which must not be released while the model is open; or an object with `size` and
            `read_at(offset, size)`.
        framework: "np" or "pt": what `get_tensor` returns. None: NumPy if it is installed, else PyTorch.
        device: For "pt": where tensors go. Those on "cpu" are not copied after decryption.
        key: A text key, a key source ("file:PATH", "env:NAME", "fd:N", "cmd:COMMAND", "-") or 32 raw bytes.
        threads: Workers of each call at most; 0 is one for each processor.
        wipe_on_free: Overwrite decrypted memory with zeros when it is released.

    Raises:
        Error: "wrong_key", "key_kind", "key_checksum", "file_not_found", "not_sealed", "plaintext_model",
            "corrupt_index" or another code of the container.
        ImportError: The named framework is not installed.
        ValueError: `framework` or `device` is not supported.
    """
    adaptor = None if framework is None else framework_of(framework, device)
    options = {"threads": _ffi.threads(threads), "wipe_on_free": int(wipe_on_free)}
    with key_handle(key) as handle:
        return Model(OpenSource(source, handle), adaptor, options, device)
