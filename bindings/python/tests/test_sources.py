from __future__ import annotations

import mmap
import os
import threading
from pathlib import Path
from typing import Any

import pytest
import weightseal as ws
from conftest import Sealed, bytes_of


class Disk:
    """A container read by `read_at`, with notes of what was read."""

    def __init__(self, path: Path, wrap: Any = bytes) -> None:
        self.content = path.read_bytes()
        self.size = len(self.content)
        self.reads: list[tuple[int, int]] = []
        self.fail: BaseException | None = None
        self._wrap = wrap

    def read_at(self, offset: int, size: int) -> Any:
        if self.fail:
            raise self.fail
        self.reads.append((offset, size))
        return self._wrap(self.content[offset : offset + size])


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview])
def test_bytes_in_memory(sealed: Sealed, wrap: Any, np: Any) -> None:
    content = wrap(sealed.path.read_bytes())
    state = ws.load_file(content, key=sealed.key, framework="np")
    assert all(bytes_of(state[name]) == tensor.data for name, tensor in sealed.tensors.items())
    ws.verify(content, key=sealed.key)


def test_a_mapped_file(sealed: Sealed, np: Any) -> None:
    with sealed.path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    with ws.open(mapped, "np", key=sealed.key) as model:
        assert bytes_of(model.get_tensor("cube")) == sealed.tensors["cube"].data
    mapped.close()


def test_an_array(sealed: Sealed, np: Any) -> None:
    content = np.fromfile(sealed.path, np.uint8)
    with ws.open(content, "np", key=sealed.key) as model:
        assert bytes_of(model.get_tensor("cube")) == sealed.tensors["cube"].data


def test_memory_is_kept_while_the_model_is_open(sealed: Sealed, np: Any) -> None:
    content = bytearray(sealed.path.read_bytes())
    model = ws.open(content, "np", key=sealed.key)
    with pytest.raises(BufferError):
        content.clear()
    model.close()
    content.clear()

    with pytest.raises(ws.Error):
        ws.open(content := bytearray(100_000), key=sealed.key)
    content.clear()


def test_memory_lives_as_long_as_the_model(sealed: Sealed, np: Any) -> None:
    model = ws.open(sealed.path.read_bytes(), "np", key=sealed.key)
    assert bytes_of(model.get_tensor("large")) == sealed.tensors["large"].data


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview])
def test_an_object_that_reads(sealed: Sealed, wrap: Any, np: Any) -> None:
    disk = Disk(sealed.path, wrap)
    state = ws.load_file(disk, key=sealed.key, framework="np")
    assert all(bytes_of(state[name]) == tensor.data for name, tensor in sealed.tensors.items())
    ws.verify(disk, key=sealed.key)


def test_a_slice_reads_its_chunks_only(sealed: Sealed, np: Any) -> None:
    disk = Disk(sealed.path)
    with ws.open(disk, "np", key=sealed.key) as model:
        disk.reads.clear()
        part = model.get_slice("large")[40:42]
    assert bytes_of(part) == sealed.tensors["large"].data[40 * 4096 : 42 * 4096]
    assert sum(size for _, size in disk.reads) <= part.nbytes + 2 * 65536


def test_an_exception_of_read_at_leaves_the_call(sealed: Sealed, np: Any) -> None:
    class Gone(Exception):
        pass

    disk = Disk(sealed.path)
    with ws.open(disk, "np", key=sealed.key) as model:
        disk.fail = Gone("the bucket is gone")
        for call in (lambda: model.get_tensor("large"), model.get_tensors, model.verify):
            with pytest.raises(Gone, match="bucket"):
                call()
        disk.fail = None
        assert bytes_of(model.get_tensor("large")) == sealed.tensors["large"].data
    disk.fail = Gone("again")
    with pytest.raises(Gone, match="again"):
        ws.open(disk, key=sealed.key)


def test_a_short_read_is_refused(sealed: Sealed, np: Any) -> None:
    disk = Disk(sealed.path)
    with ws.open(disk, "np", key=sealed.key) as model:
        disk.content = disk.content[:20_000]
        with pytest.raises(OSError, match="returned"):
            model.get_tensor("large")


def test_altered_answers_are_refused(sealed: Sealed, np: Any) -> None:
    disk = Disk(sealed.path)
    with ws.open(disk, "np", key=sealed.key) as model:
        disk.content = bytes(len(disk.content))
        with pytest.raises(ws.Error) as caught:
            model.get_tensor("large")
        assert caught.value.name == "corrupt_data"


@pytest.mark.parametrize("source", [7, None, [1, 2], object()])
def test_other_sources_are_refused(sealed: Sealed, source: Any) -> None:
    with pytest.raises(TypeError):
        ws.open(source, key=sealed.key)


def test_many_threads_read_from_one_model(sealed: Sealed, np: Any) -> None:
    errors: list[BaseException] = []

    def work(model: ws.Model, start: int) -> None:
        names = list(sealed.tensors)
        try:
            for name in names[start:] + names[:start]:
                assert bytes_of(model.get_tensor(name)) == sealed.tensors[name].data
            assert bytes_of(model.get_slice("large")[start]) == sealed.tensors["large"].data[start * 4096 :][:4096]
        except BaseException as error:
            errors.append(error)

    for source in (sealed.path, Disk(sealed.path)):
        with ws.open(source, "np", key=sealed.key, threads=2) as model:
            threads = [threading.Thread(target=work, args=(model, start)) for start in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert errors == []


def test_closing_lets_a_read_in_progress_finish(sealed: Sealed, np: Any) -> None:
    disk, reading, closed = Disk(sealed.path), threading.Event(), threading.Event()
    model = ws.open(disk, "np", key=sealed.key, threads=1)
    plain = disk.read_at

    def wait(offset: int, size: int) -> Any:
        reading.set()
        assert closed.wait(60)
        return plain(offset, size)

    model._source._reader._read_at = wait
    found: list[bytes] = []
    thread = threading.Thread(target=lambda: found.append(bytes_of(model.get_tensor("large"))))
    thread.start()
    assert reading.wait(60)
    model.close()
    with pytest.raises(ValueError, match="closed"):
        model.keys()
    closed.set()
    thread.join()
    assert found == [sealed.tensors["large"].data]


def test_both_processes_read_after_a_fork(sealed: Sealed, np: Any) -> None:
    with ws.open(sealed.path, "np", key=sealed.key, threads=1) as model:
        child = os.fork()
        if child == 0:
            same = bytes_of(model.get_tensor("cube")) == sealed.tensors["cube"].data
            os._exit(0 if same else 1)
        assert bytes_of(model.get_tensor("cube")) == sealed.tensors["cube"].data
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
