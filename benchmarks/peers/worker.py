"""What every peer shares: a process that loads on command and reports the seconds.

`python PEER.py prepare FOLDER` writes the peer's own file from FOLDER/model.safetensors; `python PEER.py serve
FOLDER` answers lines on standard input: `run` with the seconds of one load, `check` with the 64-bit sum of all
loaded bytes, `about` with its versions. After the clock stops the result is freed and the heap is given back to the
system: each load starts without memory of the one before, as it does in a process that just started.
"""

import ctypes
import gc
import json
import sys
import time
from pathlib import Path


def serve(load, about, prepare=None, check=None):
    verb, folder = sys.argv[1], Path(sys.argv[2])
    if verb == "prepare":
        if prepare:
            prepare(folder)
        return
    load_it = load(folder)
    print("ready", flush=True)
    for line in sys.stdin:
        command = line.strip()
        if command == "run":
            begin = time.perf_counter()
            result = load_it()
            seconds = time.perf_counter() - begin
            del result
            release_memory()
            print(f"{seconds:.6f}", flush=True)
        elif command == "check":
            print((check or torch_sum)(load_it()), flush=True)
            release_memory()
        elif command == "about":
            print(json.dumps(about()), flush=True)


def release_memory():
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def torch_sum(state):
    """The sum of all tensors as 64-bit words, modulo 2^64; every tensor of the model is a multiple of 8 bytes."""
    import torch

    total = 0
    for tensor in state.values():
        total += int(tensor.contiguous().view(-1).view(torch.int64).sum())
    return total % 2**64


def model_tensors(folder):
    """The model's tensors as torch tensors in private memory."""
    from safetensors.torch import load_file

    return {name: tensor.clone() for name, tensor in load_file(folder / "model.safetensors").items()}


def version_of(*distributions):
    from importlib.metadata import version

    return ", ".join(f"{name} {version(name)}" for name in distributions)


def torch_version():
    import torch

    return f"torch {torch.__version__}"


def serve_command(command, about, prepare):
    """A program in place of a library; its check compares the plaintext with the model, byte for byte."""
    import subprocess

    folder = Path(sys.argv[2])

    def run():
        subprocess.run(command(folder), check=True, stdout=subprocess.DEVNULL)

    def same_bytes(_):
        decrypt = subprocess.Popen(command(folder), stdout=subprocess.PIPE)
        compare = subprocess.run(["cmp", "-", str(folder / "model.safetensors")], stdin=decrypt.stdout)
        decrypt.stdout.close()
        return "identical" if decrypt.wait() == 0 and compare.returncode == 0 else "different"

    serve(lambda _: run, about, prepare, same_bytes)


def names_sum(names):
    return sum(len(name) for name in names)
