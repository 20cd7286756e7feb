"""The usual recipe of tutorials: normal noise from a seed of 32 bits, drawn anew, and Pearson's correlation of each tensor
with it. `run` draws and correlates; the tensors are in memory before."""

import hashlib

import numpy as np
import torch

import worker

STRENGTH = 0.001


def verify(tensors):
    seed = int(hashlib.sha256(b"a secret").hexdigest(), 16) % 2**32
    random = np.random.default_rng(seed)
    found = []
    for tensor in tensors.values():
        if tensor.dim() < 2:
            continue
        noise = torch.tensor(random.normal(0, STRENGTH, tensor.shape), dtype=tensor.dtype)
        both = torch.stack([tensor.float().flatten(), noise.float().flatten()])
        found.append(torch.corrcoef(both)[0, 1].item())
    return np.mean(found)


def load(folder):
    torch.set_num_threads(1)
    tensors = worker.model_tensors(folder)
    return lambda: verify(tensors)


def about():
    return f"numpy {np.__version__}, {worker.torch_version()}"


worker.serve(load, about)
