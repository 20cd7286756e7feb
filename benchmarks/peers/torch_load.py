"""torch.load of the same tensors, without mmap: what a .pt or .bin user gets today."""

import inspect

import torch

import worker


def prepare(folder):
    torch.save(worker.model_tensors(folder), folder / "torch_load.pt")


def load(folder):
    options = {"map_location": "cpu"}
    known = inspect.signature(torch.load).parameters
    options |= {name: value for name, value in {"weights_only": True, "mmap": False}.items() if name in known}
    return lambda: torch.load(folder / "torch_load.pt", **options)


worker.serve(load, worker.torch_version, prepare)
