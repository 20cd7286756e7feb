"""safetensors, backend "pread": every tensor read into memory of its own."""

import worker


def load(folder):
    from safetensors.torch import load_file

    return lambda: load_file(folder / "model.safetensors", backend="pread")


worker.serve(load, lambda: f"{worker.version_of('safetensors')}, {worker.torch_version()}")
