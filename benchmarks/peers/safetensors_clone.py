"""safetensors, default backend "mmap", and a clone of every tensor: a mapping alone reads nothing and owns nothing."""

import worker


def load(folder):
    from safetensors.torch import load_file

    return lambda: {name: tensor.clone() for name, tensor in load_file(folder / "model.safetensors").items()}


worker.serve(load, lambda: f"{worker.version_of('safetensors')}, {worker.torch_version()}")
